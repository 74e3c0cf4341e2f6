import { endOfDay } from '../design/day';
import { wholeNumberOf } from '../design/whole-number';
import type { GrantCreditsInput } from './grant-credits.generated';

const MOST_CREDITS = 2_000_000_000;

/** When what is left of a grant expires: as its source has it, never, or at the end of a day. */
export type GrantExpiry = 'USUAL' | 'NEVER' | 'DAY';

/** What somebody has typed into the form of a grant. */
export interface GrantDraft {
  readonly source: GrantCreditsInput['source'];
  readonly amount: string;
  readonly expiry: GrantExpiry;
  /** A day of the viewer's calendar, as date inputs have it: 2026-12-03. */
  readonly day: string;
  readonly reason: string;
}

export type GrantProblems = Readonly<Partial<Record<'amount' | 'expiresAt', string>>>;

/**
 * The input that a form's draft means, or what is wrong with it. It does not depend on when it is asked, so that a second
 * press with the same key is the same grant.
 */
export function grantInputOf(draft: GrantDraft): {
  readonly input: Omit<GrantCreditsInput, 'ownerId' | 'idempotencyKey'> | null;
  readonly problems: GrantProblems;
} {
  const { source, expiry, day } = draft;
  const amount = wholeNumberOf(draft.amount);
  const reason = draft.reason.trim();
  const problems: Partial<Record<keyof GrantProblems, string>> = {};
  if (amount === null || amount < 1 || amount > MOST_CREDITS) {
    problems.amount = 'A whole number of credits, from 1 to 2,000,000,000.';
  }
  const end = expiry === 'DAY' ? endOfDay(day) : null;
  if (expiry === 'DAY' && end === null) problems.expiresAt = 'The day on which what is left expires.';
  if (amount === null || Object.keys(problems).length > 0) return { input: null, problems };
  const input = {
    source,
    amount,
    ...(expiry !== 'USUAL' && { expiresAt: end }),
    ...(reason !== '' && { reason }),
  };
  return { input, problems };
}
