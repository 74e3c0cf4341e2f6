import type { Instant } from '../clock';
import { assert, badUserInput, notFound } from '../errors';
import type { ChangePlan, GrantCredits, GrantOutcome, PoolOutcome, RevokeGrant } from './commands';
import { assertSameInput } from './decide.actions';
import { GRANTS_APP_ID, type PoolDraft, type PoolState } from './draft';
import { renewal } from './period';
import { isPaused } from './pool';
import { adoptTerms, grantPlanCredits, termsAt } from './settle';

/** Top-ups are valid for one year where nothing else is said (rule 6). */
const TOP_UP_MONTHS = 12;

/**
 * Adds a lot of credits, or replays the grant that the key opened. Refuses with IDEMPOTENCY_KEY_REUSED, LIMIT_REACHED, or
 * BAD_USER_INPUT where it would expire at once. A top-up that the terms do not allow is granted, then paused.
 */
export function grantCredits(draft: PoolDraft, command: GrantCredits, at: Instant): GrantOutcome {
  const seen = draft.seenKey(GRANTS_APP_ID, command.key.hash);
  if (seen) {
    assertSameInput(command.key, seen);
    return { grant: draft.grantAt(seen.sequence), balance: draft.snapshot(), replayed: true };
  }
  const { source, amount, reason } = command;
  const expiresAt = command.expiresAt === undefined ? defaultExpiry(source, at) : command.expiresAt;
  if (expiresAt !== null && expiresAt <= at) {
    throw badUserInput([{ path: 'input.expiresAt', message: 'must be in the future' }]);
  }
  draft.assertRoom(amount);
  const opened = draft.open({ source, amount, expiresAt, reason }, at);
  draft.rememberKey(GRANTS_APP_ID, opened.sequence, command.key);
  if (isPaused(opened, draft.pool)) draft.move('PAUSE', opened, amount, { at });
  return { grant: draft.grantAt(opened.sequence), balance: draft.snapshot(), replayed: false };
}

function defaultExpiry(source: GrantCredits['source'], at: Instant): Instant | null {
  return source === 'TOP_UP' ? renewal(at, TOP_UP_MONTHS) : null;
}

/**
 * Takes what remains of a grant; credits that come back to it later are revoked too (rule 9). Revoking it again changes
 * nothing. NOT_FOUND where there is no such grant.
 */
export function revokeGrant(draft: PoolDraft, command: RevokeGrant, at: Instant): GrantOutcome {
  const grant = draft.grant(command.grantSequence);
  if (!grant) throw notFound('grant');
  if (grant.revokedAt !== null) return { grant, balance: draft.snapshot(), replayed: true };
  if (grant.remaining > 0) {
    draft.move('REVOKE', grant, grant.remaining, { at, reason: command.reason });
  } else {
    draft.pool.version += 1;
  }
  draft.setGrant({ ...draft.grantAt(grant.sequence), revokedAt: at });
  return { grant: draft.grantAt(grant.sequence), balance: draft.snapshot(), replayed: false };
}

/**
 * Rule 5: more monthly credits than this period's allowance take effect at once, the difference being granted; anything else
 * takes effect at the end of the period; the current plan cancels what was pending. LIMIT_REACHED where the pool is full.
 */
export function changePlan(draft: PoolDraft, state: PoolState, command: ChangePlan, at: Instant): PoolOutcome {
  const { pool } = draft;
  const { planId } = command;
  if (planId === pool.planId) {
    if (pool.nextPlanId !== null) schedule(draft, null);
    return { balance: draft.snapshot() };
  }
  const terms = termsAt(state.planTerms.get(planId), at);
  const credits = terms.monthlyCredits - pool.allowance;
  if (credits <= 0) {
    if (pool.nextPlanId !== planId) schedule(draft, planId);
    return { balance: draft.snapshot() };
  }
  draft.assertRoom(credits);
  pool.planId = planId;
  schedule(draft, null);
  pool.allowance = terms.monthlyCredits;
  grantPlanCredits(draft, { credits, reason: 'The plan was upgraded.', at });
  adoptTerms(draft, terms, at);
  return { balance: draft.snapshot() };
}

function schedule(draft: PoolDraft, nextPlanId: number | null): void {
  assert(nextPlanId !== draft.pool.planId, 'a plan is not its own successor');
  draft.pool.nextPlanId = nextPlanId;
  draft.pool.version += 1;
}
