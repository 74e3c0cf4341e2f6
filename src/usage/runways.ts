import { LRUCache } from 'lru-cache';
import { MINUTE_MS, type Clock, type Instant } from '../clock';
import type { BalanceSnapshot } from '../ledger/pool';
import { quarterOf } from './calendar';
import { runwayOf, type Runway } from './runway';

const HOUR_MS = 60 * MINUTE_MS;

/** The pace is that of the last day: long enough for a night's rest to count, short enough for a launch to show. */
export const PACE_WINDOW_HOURS = 24;

/** How long a pace that was read is carried on with what the pool itself counts, instead of being read again. */
const CARRIED_MS = MINUTE_MS;
const CARRIED_OWNERS = 10_000;

interface Pace {
  readonly readAt: Instant;
  /** Of the pool when the pace was read. */
  readonly periodStart: Instant;
  readonly usedThisPeriod: number;
  /** Credits used and not refunded in the window. */
  readonly credits: number;
  readonly hours: number;
}

/** How long each owner's credits will last, cheap enough to be told with every change of a balance. */
export class Runways {
  private readonly paces = new LRUCache<number, Promise<Pace>>({ max: CARRIED_OWNERS });

  constructor(
    private readonly usage: {
      usedSince(ownerId: number, quarter: Instant): Promise<{ credits: number; createdAt: Instant }>;
    },
    private readonly clock: Clock,
  ) {}

  async of(balance: BalanceSnapshot): Promise<Runway> {
    const pace = await this.paceOf(balance);
    // What was used since the pace was read is known from the pool: a live balance needs no look at the database.
    const since = pace.periodStart === balance.periodStart ? balance.usedThisPeriod - pace.usedThisPeriod : 0;
    const creditsPerHour = Math.max(0, pace.credits + since) / pace.hours;
    return runwayOf(balance, creditsPerHour, this.clock.now());
  }

  private async paceOf(balance: BalanceSnapshot): Promise<Pace> {
    const known = await this.paces.get(balance.ownerId);
    const now = this.clock.now();
    const fresh = known && now >= known.readAt && now - known.readAt < CARRIED_MS;
    if (fresh && known.periodStart === balance.periodStart) return known;
    const reading = this.read(balance, now);
    this.paces.set(balance.ownerId, reading);
    reading.catch(() => this.paces.delete(balance.ownerId));
    return reading;
  }

  private async read({ ownerId, periodStart, usedThisPeriod }: BalanceSnapshot, now: Instant): Promise<Pace> {
    const start = quarterOf(now - PACE_WINDOW_HOURS * HOUR_MS);
    const { credits, createdAt } = await this.usage.usedSince(ownerId, start);
    // A new owner's pace is that of its own time, but not of its first minutes.
    const hours = Math.max(1, (now - Math.max(start, createdAt)) / HOUR_MS);
    return { readAt: now, periodStart, usedThisPeriod, credits, hours };
  }
}
