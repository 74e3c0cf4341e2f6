import { DomainError } from '../../src/errors';
import type { ActionOutcome, GrantOutcome, PoolOutcome } from '../../src/ledger/commands';
import type { ActionRecord, BalanceSnapshot, Grant, LedgerEntry } from '../../src/ledger/pool';
import { usedOf } from '../support/in-memory-ledger';
import type { NaiveAction, NaiveCredits, NaiveGrant, NaiveOutcome } from '../support/naive-credits';
import type { Books, Cast } from './stage';

/**
 * Plain data that the ledger and the model both can be turned into, so that the two can be compared member by member.
 */
export type View = unknown;

export interface Compared {
  readonly what: string;
  readonly said: View;
  readonly expected: View;
}

export function balanceOfLedger(balance: BalanceSnapshot): View {
  return { ...membersOf(balance, BALANCE_NUMBERS), grants: balance.grants.map(grantOfLedger) };
}

const BALANCE_NUMBERS = [
  'available',
  'held',
  'paused',
  'allowance',
  'usedThisPeriod',
  'periodStart',
  'resetsAt',
  'lastSequence',
  'topUpsAllowed',
] as const;

export function balanceOfModel(model: NaiveCredits): View {
  return {
    available: model.count('AVAILABLE'),
    held: model.count('HELD'),
    paused: model.count('PAUSED'),
    allowance: model.allowance,
    usedThisPeriod: model.usedThisPeriod(),
    periodStart: model.periodStart,
    resetsAt: model.resetsAt,
    lastSequence: model.entries.length,
    topUpsAllowed: model.terms.topUpsAllowed,
    grants: model.grantsInBurnOrder().map((grant) => grantOfModel(model, grant)),
  };
}

export type LedgerOutcome = ActionOutcome | GrantOutcome | PoolOutcome;

/** An error that is no refusal is a view too: no outcome of the model equals it. */
export function outcomeOfLedger(settled: PromiseSettledResult<LedgerOutcome>): View {
  if (settled.status === 'rejected') {
    const { reason } = settled as { reason: unknown };
    return reason instanceof DomainError ? { refused: reason.code } : { failed: String(reason) };
  }
  const outcome = settled.value;
  return {
    ...('replayed' in outcome && { replayed: outcome.replayed }),
    ...('action' in outcome && { action: actionOfLedger(outcome.action) }),
    ...('grant' in outcome && { grant: grantOfLedger(outcome.grant) }),
    balance: balanceOfLedger(outcome.balance),
  };
}

/** Taken at once: the model's objects go on changing. */
export function outcomeOfModel(model: NaiveCredits, outcome: NaiveOutcome): View {
  if ('refused' in outcome) return { refused: outcome.refused };
  const { replayed, action, grant } = outcome;
  return {
    ...((action || grant) && { replayed }),
    ...(action && { action: actionOfModel(action) }),
    ...(grant && { grant: grantOfModel(model, grant) }),
    balance: balanceOfModel(model),
  };
}

/** What is kept, but for the entries, which only grow: they are compared once each. */
export function keptByLedger({ pool, openGrants, apps }: Books, { plans }: Cast): View {
  return {
    ...membersOf(pool, BALANCE_NUMBERS),
    ...membersOf(pool, ['granted', 'spent', 'expired', 'revoked', 'monthlyCredits', 'rolloverLimit']),
    plan: plans.indexOf(pool.planId),
    nextPlan: pool.nextPlanId === null ? null : plans.indexOf(pool.nextPlanId),
    grants: openGrants.map(grantOfLedger),
    apps: apps.map((app) => ({
      id: app.appId,
      status: app.status,
      creditCap: app.creditCap,
      usedThisPeriod: usedOf(app, pool),
    })),
  };
}

export function keptByModel(model: NaiveCredits): View {
  return {
    ...(balanceOfModel(model) as object),
    granted: model.credits.length,
    spent: model.count('SPENT'),
    expired: model.count('EXPIRED'),
    revoked: model.count('REVOKED'),
    monthlyCredits: model.terms.monthlyCredits,
    rolloverLimit: model.terms.rolloverLimit,
    plan: model.plan,
    nextPlan: model.nextPlan,
    apps: model.apps.map((app) => ({ ...app, usedThisPeriod: model.usedThisPeriod(app.id) })),
  };
}

/** As the model has it. */
export function entryOfLedger(entry: LedgerEntry): View {
  const { grantSequence: grant, actionSequence: action } = entry;
  return { ...membersOf(entry, ['sequence', 'kind', 'credits', 'at', 'available', 'held', 'paused']), grant, action };
}

const ACTION_MEMBERS = [
  'sequence',
  'availableAfter',
  'heldAfter',
  'pausedAfter',
  'status',
  'createdAt',
  'holdExpiresAt',
  'resolvedAt',
] as const;

export function actionOfLedger(action: ActionRecord): View {
  const { appId: app, idempotencyKey: key, grantSequence: grant } = action;
  return { ...membersOf(action, ACTION_MEMBERS), app, key, grant };
}

export function actionOfModel(action: NaiveAction): View {
  const { app, key, credit } = action;
  return { ...membersOf(action, ACTION_MEMBERS), app, key, grant: credit.grant.sequence };
}

function grantOfLedger({ sequence, source, amount, remaining, expiresAt, revokedAt }: Grant): View {
  return { sequence, source, amount, remaining, expiresAt, revoked: revokedAt !== null };
}

function grantOfModel(model: NaiveCredits, grant: NaiveGrant): View {
  const { sequence, source, amount, expiresAt, revoked } = grant;
  return { sequence, source, amount, remaining: model.leftOf(grant).length, expiresAt, revoked };
}

/** Where what was said is not what was expected, one line for each member. */
export function differences({ what, said, expected }: Compared): string[] {
  if (Object.is(said, expected)) return [];
  if (!isObject(said) || !isObject(expected) || Array.isArray(said) !== Array.isArray(expected)) {
    return [`${what} is ${JSON.stringify(said)} and should be ${JSON.stringify(expected)}`];
  }
  const members = new Set([...Object.keys(said), ...Object.keys(expected)]);
  return [...members].flatMap((member) =>
    differences({ what: `${what} / ${member}`, said: said[member], expected: expected[member] }),
  );
}

function membersOf<T, K extends keyof T>(record: T, members: readonly K[]): Pick<T, K> {
  return Object.fromEntries(members.map((member) => [member, record[member]])) as Pick<T, K>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
