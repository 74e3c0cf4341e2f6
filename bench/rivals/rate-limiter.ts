import { RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { STARTING_CREDITS } from '../contenders/contender';
import type { Debit } from './graphql-server';

const PERIOD_SECONDS = 30 * 24 * 60 * 60;

/** An owner's credits as a limit: so many points in a period. */
export const LIMITER_OPTIONS = { keyPrefix: 'credits', points: STARTING_CREDITS, duration: PERIOD_SECONDS };

/** A debit as the library sees it: one point consumed. No action is kept: its id is the key it came with. */
export function debitByLimiter(limiter: RateLimiterAbstract): Debit {
  return async (ownerId, { idempotencyKey }) => {
    try {
      const { remainingPoints } = await limiter.consume(ownerId);
      return { actionId: idempotencyKey, available: remainingPoints };
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return null;
      throw refusal;
    }
  };
}
