import { HOUR_MS, type Instant } from '../clock';
import { isPaused, type BalanceSnapshot } from '../ledger/pool';

/** How fast credits go, and how long they will last at that pace. */
export interface Runway {
  readonly creditsPerHour: number;
  /** When nothing is left; null: not before the reset. */
  readonly emptyAt: Instant | null;
  readonly lastsUntilReset: boolean;
}

/**
 * What becomes of a balance at a steady pace: its grants are used up in burn order, and what is left of one is lost
 * when it expires. What returns from holds and what is granted later is not foreseen. An empty pool is empty now, at
 * any pace.
 */
export function runwayOf(balance: BalanceSnapshot, creditsPerHour: number, now: Instant): Runway {
  let lastsUntil = now;
  for (const grant of balance.grants) {
    if (isPaused(grant, balance)) continue;
    const expiresAt = grant.expiresAt ?? Infinity;
    if (expiresAt <= lastsUntil) continue;
    lastsUntil = Math.min(expiresAt, lastsUntil + (grant.remaining / creditsPerHour) * HOUR_MS);
    if (lastsUntil >= balance.resetsAt) return { creditsPerHour, emptyAt: null, lastsUntilReset: true };
  }
  return { creditsPerHour, emptyAt: Math.round(lastsUntil), lastsUntilReset: false };
}
