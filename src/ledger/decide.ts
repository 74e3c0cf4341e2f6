import type { Instant } from '../clock';
import { assert, DomainError, notFound } from '../errors';
import { captureAction, openAction, refundAction, voidAction } from './decide.actions';
import { changePlan, grantCredits, revokeGrant } from './decide.grants';
import type { Command, Decided, OutcomeOf } from './commands';
import { PoolDraft, type PoolState } from './draft';
import type {
  ActionRecord,
  AppMeter,
  BalanceSnapshot,
  Grant,
  IdempotencyKey,
  LedgerEntry,
  PlanTerms,
  Pool,
} from './pool';
import { isPaused } from './pool';
import { grantPlanCredits, settle } from './settle';
import { renewalAfter } from './period';
import { grantsToWrite, hasAnotherShape, metersToWrite } from './written-behind';

/** What a batch of commands comes to for one pool: what to persist, what to answer, what to publish once it is committed. */
export interface Decision {
  readonly ownerId: number;
  /** The pool as it was read; the write is guarded by its version. */
  readonly before: Pool;
  readonly changed: boolean;
  readonly pool: Pool;
  readonly balance: BalanceSnapshot;
  readonly entries: readonly LedgerEntry[];
  /** Grants that were opened or changed, but for what follows from the pool (written-behind.ts). */
  readonly grants: readonly Grant[];
  /** Actions that were opened or resolved, each in its final state. */
  readonly actions: readonly ActionRecord[];
  /** The same, one for each time, in order. */
  readonly recorded: readonly ActionRecord[];
  /** Counters of apps that were changed, with the same exception. */
  readonly meters: readonly AppMeter[];
  /** All counters that were read, as they are written once this is. */
  readonly apps: readonly AppMeter[];
  /** The keys of the entries that opened an action or a grant, by sequence. */
  readonly openedKeys: ReadonlyMap<number, IdempotencyKey>;
  /** One for each command, in order. */
  readonly decided: readonly Decided[];
}

/**
 * Decides the commands of one pool, in order, after settling what has fallen due. Pure: the same state, commands and instant
 * give the same decision. `now` is raised to the pool's last movement, so that a skewed clock never turns its time back.
 * A refusal changes nothing but what had fallen due; its neighbours are decided as if it had not been there.
 */
export function decide(state: PoolState, commands: readonly Command[], now: Instant): Decision {
  const draft = new PoolDraft(state);
  const at = Math.max(now, state.pool.lastAt);
  const settled = settle(draft, state, at);
  const decided = commands.map((command): Decided => {
    if (!settled) return { status: 'DEFERRED' };
    return decideOne(draft, state, command, at);
  });
  return conclude(draft, state, decided);
}

/** A new pool, with the first period's credits granted. Its owner and its row are created in the same transaction. */
export function decideOpening(opening: { ownerId: number; planId: number; terms: PlanTerms; at: Instant }): Decision {
  const { ownerId, planId, terms, at } = opening;
  const pool: Pool = {
    ownerId,
    planId,
    ...terms,
    version: 0,
    lastSequence: 0,
    lastAt: at,
    available: 0,
    held: 0,
    paused: 0,
    granted: 0,
    spent: 0,
    expired: 0,
    revoked: 0,
    nextPlanId: null,
    anchorAt: at,
    periodStart: at,
    resetsAt: renewalAfter(at, at),
    allowance: terms.monthlyCredits,
    usedThisPeriod: 0,
    suspendedAt: null,
    nextHoldExpiresAt: null,
    nextDueAt: renewalAfter(at, at),
    uncountedAppId: null,
    uncountedActions: 0,
    shape: 0,
  };
  const state: PoolState = {
    pool,
    grants: [],
    apps: [],
    actions: [],
    seenKeys: new Map(),
    dueHolds: [],
    moreDueHolds: false,
    nextHoldExpiresAt: null,
    planTerms: new Map(),
  };
  const draft = new PoolDraft(state);
  grantPlanCredits(draft, { credits: terms.monthlyCredits, reason: 'The plan began.', at });
  return conclude(draft, state, []);
}

function decideOne(draft: PoolDraft, state: PoolState, command: Command, at: Instant): Decided {
  try {
    return { status: 'ACCEPTED', outcome: apply(draft, state, command, at) };
  } catch (error) {
    // Every rule refuses before it moves anything, so a refusal leaves the draft as it was.
    if (error instanceof DomainError) return { status: 'REFUSED', error };
    throw error;
  }
}

function apply(draft: PoolDraft, state: PoolState, command: Command, at: Instant): OutcomeOf<Command> {
  switch (command.kind) {
    case 'DEBIT':
    case 'HOLD':
      return openAction(draft, command, at);
    case 'CAPTURE':
      return captureAction(draft, command, at);
    case 'VOID':
      return voidAction(draft, command, at);
    case 'REFUND':
      return refundAction(draft, command, at);
    case 'GRANT':
      return grantCredits(draft, command, at);
    case 'REVOKE':
      return revokeGrant(draft, command, at);
    case 'CHANGE_PLAN':
      return changePlan(draft, state, command, at);
    case 'SETTLE':
      return { balance: draft.snapshot() };
  }
}

/** Every command to an owner that does not exist comes to this. */
export function refuseUnknownOwner(): Decided {
  return { status: 'REFUSED', error: notFound('owner') };
}

function conclude(draft: PoolDraft, state: PoolState, decided: readonly Decided[]): Decision {
  const { pool } = draft;
  const balance = draft.snapshot();
  assertGrantsAddUp(draft);
  const meters = metersToWrite(draft);
  const grants = grantsToWrite(draft);
  // Two changes of one batch may cancel each other out: then only the version tells that it was not debits that raised it.
  const onlyMoved = pool.version - state.pool.version === draft.entries.length;
  if (grants.length + meters.length > 0 || !onlyMoved || hasAnotherShape(draft)) pool.shape += 1;
  return {
    ownerId: pool.ownerId,
    before: state.pool,
    // Every change of the pool raises its version, also one that moved nothing.
    changed: pool.version !== state.pool.version,
    pool,
    balance,
    entries: draft.entries,
    grants,
    actions: [...draft.touchedActions.values()],
    recorded: draft.recorded,
    meters,
    apps: state.apps.map((app) => meters.find(({ appId }) => appId === app.appId) ?? app),
    openedKeys: draft.openedKeys,
    decided,
  };
}

function assertGrantsAddUp(draft: PoolDraft): void {
  let available = 0;
  let paused = 0;
  for (const grant of draft.grants) {
    if (isPaused(grant, draft.pool)) paused += grant.remaining;
    else available += grant.remaining;
  }
  assert(available === draft.pool.available, 'I5: the remainders of usable grants add up to available');
  assert(paused === draft.pool.paused, 'I5: the remainders of paused grants add up to paused');
}
