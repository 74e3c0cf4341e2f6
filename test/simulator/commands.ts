import type { Instant } from '../../src/clock';
import { hashKey } from '../../src/idempotency';
import type { Command } from '../../src/ledger/commands';
import type { NaiveCommand, NaiveCredits } from '../support/naive-credits';
import type { Cast } from './stage';
import type { DrawnCommand, DrawnExpiry } from './world';

/** How many of the newest actions and grants are chosen among: the older ones are resolved, or empty. */
const NEWEST = 6;
const UNKNOWN_SEQUENCE = 999_999;
const UNKNOWN_ONE_IN = 31;
const FACTS = { type: 'CALL_API', visitor: null, origin: null, details: '{}', metadata: null };

/** What a drawn command means to an owner as it is now. */
export function meant(drawn: DrawnCommand, model: NaiveCredits, now: Instant): NaiveCommand {
  switch (drawn.kind) {
    case 'DEBIT':
    case 'HOLD': {
      const { kind, app, key, input, holdSeconds } = drawn;
      return { kind, app, key, input, holdSeconds };
    }
    case 'CAPTURE':
    case 'VOID':
    case 'REFUND':
      return { kind: drawn.kind, action: oneOfNewest(model.actions, drawn.pick), withinApp: drawn.withinApp };
    case 'GRANT': {
      const { kind, source, amount, key, input } = drawn;
      return { kind, source, amount, key, input, expiresAt: expiryOf(drawn.expiry, model, now) };
    }
    case 'REVOKE':
      return { kind: 'REVOKE', grant: oneOfNewest(model.grants, drawn.pick) };
    case 'CHANGE_PLAN':
      return { kind: 'CHANGE_PLAN', plan: drawn.plan };
    case 'READ':
      return { kind: 'READ' };
  }
}

/** The command as the ledger takes it. */
export function commandOf(naive: NaiveCommand, ownerId: number, { plans }: Cast): Command {
  switch (naive.kind) {
    case 'DEBIT':
    case 'HOLD': {
      const { kind, app: appId, holdSeconds } = naive;
      return { kind, ownerId, appId, key: keyOf(naive), facts: FACTS, holdSeconds };
    }
    case 'CAPTURE':
    case 'VOID':
    case 'REFUND': {
      const { kind, action: actionSequence, withinApp: withinAppId } = naive;
      return { kind, ownerId, actionSequence, withinAppId, reason: null };
    }
    case 'GRANT': {
      const { kind, source, amount, expiresAt } = naive;
      return { kind, ownerId, source, amount, expiresAt, reason: null, key: keyOf(naive) };
    }
    case 'REVOKE':
      return { kind: 'REVOKE', ownerId, grantSequence: naive.grant, reason: null };
    case 'CHANGE_PLAN':
      return { kind: 'CHANGE_PLAN', ownerId, planId: plans[naive.plan] as number };
    case 'READ':
      return { kind: 'SETTLE', ownerId };
  }
}

function keyOf({ key, input }: { key: string; input: number }) {
  return { text: key, hash: hashKey(key), fingerprint: String(input).repeat(64) };
}

/** One in some thirty times one that does not exist. */
function oneOfNewest(opened: readonly { sequence: number }[], pick: number): number {
  const newest = opened.slice(-NEWEST);
  const known = pick % UNKNOWN_ONE_IN === 0 ? undefined : newest[pick % newest.length];
  return known?.sequence ?? UNKNOWN_SEQUENCE;
}

function expiryOf(expiry: DrawnExpiry, model: NaiveCredits, now: Instant): Instant | null | undefined {
  if (expiry === 'default') return undefined;
  if (expiry === 'never') return null;
  return expiry === 'atReset' ? model.resetsAt : now + expiry.inMs;
}
