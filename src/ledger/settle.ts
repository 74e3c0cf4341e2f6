import type { Instant } from '../clock';
import { assert } from '../errors';
import { returnCredit } from './returned-credit';
import type { PoolDraft, PoolState } from './draft';
import type { ActionRecord, DatedPlanTerms, PlanTerms } from './pool';
import { renewalAfter } from './period';
import { leaveNothingUncounted } from './written-behind';

export const HOLD_EXPIRED_REASON = 'The hold expired.';

/**
 * Applies everything that has fallen due up to `until`, in the order of the due instants, whether or not any background
 * job ran (rules 4 and 8). At one instant holds expire before grants, so that a credit that comes back expires with its grant.
 * Returns false when more holds are due than were read: then only a part is settled, and commands must wait.
 */
export function settle(draft: PoolDraft, state: PoolState, until: Instant): boolean {
  const holds = [...state.dueHolds];
  const lastHold = holds.at(-1);
  // Beyond the last hold that was read, something may be due that is not known here.
  const horizon = state.moreDueHolds && lastHold ? expiryOf(lastHold) : until;
  for (;;) {
    const holdDue = holds[0] ? expiryOf(holds[0]) : Infinity;
    const grantDue = earliestGrantExpiry(draft);
    const due = Math.min(holdDue, grantDue, draft.pool.resetsAt);
    if (due > horizon || (state.moreDueHolds && holds.length === 0)) break;
    if (holdDue === due) expireHold(draft, holds.shift() as ActionRecord);
    else if (draft.pool.resetsAt === due) renew(draft, state, due);
    else expireGrants(draft, due);
  }
  expectHold(draft, state.moreDueHolds ? horizon : state.nextHoldExpiresAt);
  return !state.moreDueHolds;
}

/** Also where no hold was due after all, because the one that was expected is resolved: or the pool would stay due for ever. */
function expectHold({ pool }: PoolDraft, expiresAt: Instant | null): void {
  if (pool.nextHoldExpiresAt === expiresAt) return;
  pool.nextHoldExpiresAt = expiresAt;
  pool.version += 1;
}

function expiryOf(hold: ActionRecord): Instant {
  assert(hold.holdExpiresAt !== null, 'a held action has an expiry');
  return hold.holdExpiresAt;
}

function earliestGrantExpiry(draft: PoolDraft): Instant {
  let earliest = Infinity;
  for (const { expiresAt } of draft.grants) if (expiresAt !== null && expiresAt < earliest) earliest = expiresAt;
  return earliest;
}

function expireHold(draft: PoolDraft, hold: ActionRecord): void {
  returnCredit(draft, 'VOID', hold, { at: expiryOf(hold), reason: HOLD_EXPIRED_REASON });
}

function expireGrants(draft: PoolDraft, at: Instant): void {
  for (const grant of draft.grants) {
    if (grant.expiresAt !== null && grant.expiresAt <= at) draft.move('EXPIRE', grant, grant.remaining, { at });
  }
}

/** Rule 4: what is left of the old PLAN grants expires, the new period's credits and the rollover are granted. */
function renew(draft: PoolDraft, state: PoolState, at: Instant): void {
  const { pool } = draft;
  let leftCredits = 0;
  for (const grant of draft.grants) {
    if (grant.source !== 'PLAN') continue;
    leftCredits += grant.remaining;
    draft.move('EXPIRE', grant, grant.remaining, { at });
  }
  const rolloverCredits = Math.min(leftCredits, pool.rolloverLimit);
  const planId = pool.nextPlanId ?? pool.planId;
  const terms = termsAt(state.planTerms.get(planId), at);
  pool.planId = planId;
  pool.nextPlanId = null;
  pool.periodStart = at;
  // A renewal may move nothing, and a clock that goes back must not open an action before its period.
  pool.lastAt = Math.max(pool.lastAt, at);
  pool.resetsAt = renewalAfter(pool.anchorAt, at);
  pool.usedThisPeriod = 0;
  leaveNothingUncounted(pool);
  pool.allowance = terms.monthlyCredits;
  pool.version += 1;
  grantPlanCredits(draft, { credits: terms.monthlyCredits, reason: 'The plan renewed.', at });
  grantPlanCredits(draft, { credits: rolloverCredits, reason: 'Rolled over from the last period.', at });
  adoptTerms(draft, terms, at);
}

/**
 * Grants PLAN credits until the end of the period, as far as the pool has room (I2): a renewal cannot be refused. The
 * allowance stays what the plan gives.
 */
export function grantPlanCredits(draft: PoolDraft, plan: { credits: number; reason: string; at: Instant }): void {
  const amount = Math.min(plan.credits, draft.room);
  if (amount <= 0) return;
  draft.open({ source: 'PLAN', amount, expiresAt: draft.pool.resetsAt, reason: plan.reason }, plan.at);
}

/** Copies a plan's terms into the pool, and pauses or resumes its top-ups as they say (rules 5 and 6). */
export function adoptTerms(draft: PoolDraft, terms: PlanTerms, at: Instant): void {
  const { pool } = draft;
  pool.monthlyCredits = terms.monthlyCredits;
  pool.rolloverLimit = terms.rolloverLimit;
  if (pool.topUpsAllowed === terms.topUpsAllowed) return;
  pool.topUpsAllowed = terms.topUpsAllowed;
  const kind = terms.topUpsAllowed ? 'RESUME' : 'PAUSE';
  for (const grant of draft.grants) {
    if (grant.source === 'TOP_UP') draft.move(kind, grant, grant.remaining, { at });
  }
}

/** The terms in force at an instant: an edit of the plan never reaches back before it was made. */
export function termsAt(dated: readonly DatedPlanTerms[] | undefined, at: Instant): PlanTerms {
  const first = dated?.[0];
  assert(dated !== undefined && first !== undefined, 'the terms of a plan in use are loaded');
  return dated.findLast((terms) => terms.effectiveFrom <= at) ?? first;
}
