import type { Instant } from '../../src/clock';
import type { NaiveCommand } from '../support/naive-credits';
import type { Struck } from './faults';
import type { Happening, World } from './world';

/** An instant as people read it; the years to which a broken clock may lead are no dates. */
export function instant(at: Instant): string {
  return Number.isFinite(at) ? new Date(at).toISOString() : String(at);
}

export function openingInWords({ seed, beginning, plans, owners, processes }: World): string[] {
  return [
    `seed ${seed}, which begins at ${instant(beginning)}`,
    ...plans.map((terms, plan) => `plan ${plan}: ${termsInWords(terms)}`),
    ...owners.map(({ plan, apps }, owner) => `owner ${owner}: plan ${plan}, apps ${apps.join(', ')}`),
    ...(processes > 1 ? [`${processes} processes take turns`] : []),
  ];
}

export function faultInWords({ kind, operation, side, skip, tookEffect }: Struck): string {
  const after = skip > 0 ? ` (after ${skip} others)` : '';
  return `fault: ${kind}, ${side} ${operation}${after}${tookEffect ? '; it is committed' : ''}`;
}

/** What is done in a step that is no batch of commands. */
export function stepInWords(step: Exclude<Happening, { what: 'commands' }>): string {
  switch (step.what) {
    case 'read':
      return `owner ${step.owner}: reads the balance`;
    case 'sweep':
      return 'the sweep settles whoever is due';
    case 'app': {
      const cap = step.creditCap === null ? 'no cap' : `cap ${step.creditCap}`;
      return `owner ${step.owner}: app ${step.app} is ${step.status}, ${cap}`;
    }
    case 'suspension':
      return `owner ${step.owner}: ${step.suspended ? 'is suspended' : 'is not suspended'}`;
    case 'plan edit':
      return `plan ${step.plan} becomes ${termsInWords(step.terms)}`;
  }
}

export function commandInWords(command: NaiveCommand): string {
  switch (command.kind) {
    case 'DEBIT':
      return `DEBIT by app ${command.app}, ${keyInWords(command)}`;
    case 'HOLD':
      return `HOLD of ${command.holdSeconds} s by app ${command.app}, ${keyInWords(command)}`;
    case 'CAPTURE':
    case 'VOID':
    case 'REFUND': {
      const by = command.withinApp === null ? '' : ` by app ${command.withinApp}`;
      return `${command.kind} of action ${command.action}${by}`;
    }
    case 'GRANT':
      return `GRANT ${command.amount} ${command.source} ${expiryInWords(command.expiresAt)}, ${keyInWords(command)}`;
    case 'REVOKE':
      return `REVOKE of grant ${command.grant}`;
    case 'CHANGE_PLAN':
      return `CHANGE_PLAN to plan ${command.plan}`;
    case 'READ':
      return 'SETTLE';
  }
}

function expiryInWords(expiresAt: Instant | null | undefined): string {
  if (expiresAt === undefined) return 'as usual';
  return expiresAt === null ? 'for ever' : `until ${instant(expiresAt)}`;
}

/** Outcomes, balances and the like: short, and nothing left out that a reader would look for first. */
export function outcomeInWords(view: unknown): string {
  const { refused, failed, replayed, action, grant, balance } = view as Record<
    string,
    Record<string, unknown> | undefined
  >;
  if (refused !== undefined) return `refused: ${String(refused)}`;
  if (failed !== undefined) return `FAILED: ${String(failed)}`;
  const about = action
    ? `action ${action['sequence']} ${action['status']}`
    : grant
      ? `grant ${grant['sequence']}`
      : 'done';
  return `${about}${replayed ? ' (replayed)' : ''}; ${balanceInWords(balance ?? {})}`;
}

function balanceInWords(balance: Record<string, unknown>): string {
  const { available, held, paused, usedThisPeriod, lastSequence } = balance;
  return `available ${available}, held ${held}, paused ${paused}, used ${usedThisPeriod}, entry ${lastSequence}`;
}

function keyInWords({ key, input }: { key: string; input: number }): string {
  return input === 0 ? key : `${key} with another input`;
}

function termsInWords(terms: World['plans'][number]): string {
  const { monthlyCredits, topUpsAllowed, rolloverLimit } = terms;
  return `${monthlyCredits} a month, top-ups ${topUpsAllowed ? 'allowed' : 'paused'}, rollover up to ${rolloverLimit}`;
}
