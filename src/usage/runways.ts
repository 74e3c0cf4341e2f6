import { LRUCache } from 'lru-cache';
import { HOUR_MS, MINUTE_MS, type Clock, type Instant } from '../clock';
import type { BalanceSnapshot } from '../ledger/pool';
import { quarterOf } from './calendar';
import { runwayOf, type Runway } from './runway';
import type { RecentUse } from './usage';

/** The pace is that of the last day: long enough for a night's rest to count, short enough for a launch to show. */
export const PACE_WINDOW_HOURS = 24;

/** How long a pace that was read is carried on with what the pool itself counts, instead of being read again. */
const CARRIED_MS = MINUTE_MS;
const CARRIED_OWNERS = 10_000;

interface Pace extends RecentUse {
  readonly hours: number;
}

interface Reading {
  readonly readAt: Instant;
  /** Of the balance that it was read for. */
  readonly periodStart: Instant;
  readonly pace: Promise<Pace>;
}

/** How long each owner's credits will last, cheap enough to be told with every change of a balance. */
export class Runways {
  private readonly readings = new LRUCache<number, Reading>({ max: CARRIED_OWNERS });

  constructor(
    private readonly usage: { usedSince(ownerId: number, quarter: Instant): Promise<RecentUse> },
    private readonly clock: Clock,
  ) {}

  /**
   * The runway of a balance, which need not be the newest. The pace is read once a minute and period, however many
   * ask.
   */
  async of(balance: BalanceSnapshot): Promise<Runway> {
    const pace = await this.paceOf(balance);
    // What was used since the pace was read is known from the pool: a live balance needs no look at the database.
    const since = pace.periodStart === balance.periodStart ? balance.usedThisPeriod - pace.usedThisPeriod : 0;
    const creditsPerHour = Math.max(0, pace.credits + since) / pace.hours;
    return runwayOf(balance, creditsPerHour, this.clock.now());
  }

  // Nothing is awaited before the reading is kept: all who watch an owner ask at once.
  private paceOf({ ownerId, periodStart }: BalanceSnapshot): Promise<Pace> {
    const known = this.readings.get(ownerId);
    const now = this.clock.now();
    const fresh = known && now >= known.readAt && now - known.readAt < CARRIED_MS;
    if (fresh && known.periodStart >= periodStart) return known.pace;
    const reading: Reading = { readAt: now, periodStart, pace: this.read(ownerId, now) };
    this.readings.set(ownerId, reading);
    reading.pace.catch(() => {
      if (this.readings.get(ownerId) === reading) this.readings.delete(ownerId);
    });
    return reading.pace;
  }

  private async read(ownerId: number, now: Instant): Promise<Pace> {
    const start = quarterOf(now - PACE_WINDOW_HOURS * HOUR_MS);
    const use = await this.usage.usedSince(ownerId, start);
    // A new owner's pace is that of its own time, but not of its first minutes.
    return { ...use, hours: Math.max(1, (now - Math.max(start, use.createdAt)) / HOUR_MS) };
  }
}
