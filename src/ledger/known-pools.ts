import { LRUCache } from 'lru-cache';
import type { Instant } from '../clock';
import type { Command } from './commands';
import type { Decision } from './decide';
import type { PoolState } from './draft';
import { groupBy } from './group-by';
import type { AppMeter, Grant, Pool } from './pool';
import { MOST_AHEAD_MS } from './written-behind';

const KNOWN_POOLS = 10_000;
/** After a pool turned out to be another than was known, its numbers are not trusted for so long: somebody else writes to it too. */
const DISTRUST_MS = 1_000;
/** The longest, where that happens again and again: twice as long each time. */
const LONGEST_DISTRUST_MS = 64_000;

/** By batches and not by time: among thousands of debits a second one refund spoils one of them. */
const MOST_SKIPPED = 64;

interface Distrust {
  readonly until: Instant;
  readonly forMs: number;
}

/** How many batches are not tried unseen after one that was in vain, and how many of them have passed. */
interface InVain {
  readonly skip: number;
  skipped: number;
}

interface KnownPool {
  readonly pool: Pool;
  readonly grants: readonly Grant[];
  readonly meters: Map<number, AppMeter>;
  /** Whether nobody else is thought to write to it: else its numbers may be others by now. */
  readonly exact: boolean;
}

/**
 * Pools as this process's last commit left them, so that a plain debit need not read what it wrote itself a moment ago. What is
 * known may be out of date: every write is guarded by it (the pool's version, which an app's pause and cap raise too, and the key's
 * uniqueness), so a decision by old knowledge cannot be committed. A refusal writes nothing, so it is never decided by what is known.
 */
export class KnownPools {
  private readonly pools = new LRUCache<number, KnownPool>({ max: KNOWN_POOLS });
  private readonly distrusted = new LRUCache<number, Distrust>({ max: KNOWN_POOLS });
  /** Of pools that were debited unseen in vain: somebody else changes more of them than their numbers. */
  private readonly inVain = new LRUCache<number, InVain>({ max: KNOWN_POOLS });

  /** The states of those owners whose commands are plain debits, on pools that are known and have nothing due. */
  statesFor(commands: readonly Command[], now: Instant): Map<number, PoolState> {
    const states = new Map<number, PoolState>();
    for (const [ownerId, own] of groupBy(commands, (command) => command.ownerId)) {
      const known = this.pools.get(ownerId);
      if (!known?.exact || known.pool.nextDueAt <= Math.max(now, known.pool.lastAt)) continue;
      const meters = metersFor(own, known);
      if (meters) states.set(ownerId, stateOf(known, meters));
    }
    return states;
  }

  /**
   * The state of a pool that somebody else writes to as well, for debits of one app of it: by numbers that may be others by now.
   * Null for any other commands.
   */
  contendedFor(commands: readonly Command[], now: Instant): PoolState | null {
    const [first] = commands;
    if (first?.kind !== 'DEBIT') return null;
    const known = this.pools.get(first.ownerId);
    if (!known || known.exact || known.pool.uncountedAppId !== first.appId) return null;
    // By a clock that is too far ahead of this one.
    if (known.pool.lastAt > now + MOST_AHEAD_MS) return null;
    // Whatever another process's clock says, nothing is due by it.
    if (known.pool.nextDueAt <= now + MOST_AHEAD_MS) return null;
    const alike = commands.every(
      (command) => command.kind === 'DEBIT' && command.ownerId === first.ownerId && command.appId === first.appId,
    );
    const meters = alike ? metersFor(commands, known) : null;
    const inVain = meters && this.inVain.get(first.ownerId);
    if (inVain && inVain.skipped < inVain.skip) {
      inVain.skipped += 1;
      return null;
    }
    return meters && stateOf({ ...known, pool: { ...known.pool, lastAt: Math.min(known.pool.lastAt, now) } }, meters);
  }

  /** Remembers what is committed. */
  learn(decisions: readonly Decision[], now: Instant): void {
    for (const { ownerId, changed, before, pool, balance, apps } of decisions) {
      if (!changed) continue;
      const exact = (this.distrusted.get(ownerId)?.until ?? -Infinity) <= now;
      const known = this.pools.get(ownerId);
      // What was known of other apps holds only if this commit built upon it.
      const others = known?.pool.version === before.version ? known.meters : new Map<number, AppMeter>();
      for (const meter of apps) others.set(meter.appId, meter);
      this.pools.set(ownerId, { pool, grants: balance.grants, meters: others, exact });
    }
  }

  /** Forgets pools of which a decision was not plain, or of which it is unknown what is committed. */
  forget(ownerIds: Iterable<number>): void {
    for (const ownerId of ownerIds) this.pools.delete(ownerId);
  }

  /** Does not trust the numbers of pools for a while. */
  distrust(ownerIds: Iterable<number>, now: Instant): void {
    for (const ownerId of ownerIds) {
      const known = this.pools.peek(ownerId);
      if (known) this.pools.set(ownerId, { ...known, exact: false });
      this.distrusted.set(ownerId, distrustAfter(this.distrusted.peek(ownerId), now));
    }
  }

  /** Takes note of how debits unseen of a pool ended: after some in vain, as many batches and more do without. */
  noteUnseen(ownerId: number, succeeded: boolean): void {
    if (succeeded) return void this.inVain.delete(ownerId);
    this.pools.delete(ownerId);
    const skip = Math.min(2 * (this.inVain.peek(ownerId)?.skip ?? 1), MOST_SKIPPED);
    this.inVain.set(ownerId, { skip, skipped: 0 });
  }

  /** Another process has brought a pool to this version: a decision by what is known of an older one would be in vain. */
  hear({ ownerId, version }: { ownerId: number; version: number }, now: Instant): void {
    const known = this.pools.peek(ownerId);
    if (known && known.pool.version < version) this.distrust([ownerId], now);
  }
}

/** The next one after another, which is longer where that one has ended a short while ago. */
function distrustAfter(before: Distrust | undefined, now: Instant): Distrust {
  if (before && now < before.until) return before;
  const again = before !== undefined && now < before.until + 2 * before.forMs;
  const forMs = again ? Math.min(2 * before.forMs, LONGEST_DISTRUST_MS) : DISTRUST_MS;
  return { until: now + forMs, forMs };
}

/** The meters of the apps that are debited, and of one whose actions theirs may displace; null where one is not known, or a command is no plain debit. */
function metersFor(commands: readonly Command[], known: KnownPool): AppMeter[] | null {
  const meters = new Set<AppMeter>();
  for (const command of commands) {
    const plain = command.kind === 'DEBIT' || command.kind === 'HOLD';
    const meter = plain ? known.meters.get(command.appId) : undefined;
    if (!meter) return null;
    meters.add(meter);
  }
  const displaced = known.meters.get(known.pool.uncountedAppId ?? -1);
  if (displaced) meters.add(displaced);
  return [...meters];
}

function stateOf({ pool, grants }: KnownPool, apps: readonly AppMeter[]): PoolState {
  return {
    pool,
    grants,
    apps,
    actions: [],
    seenKeys: new Map(),
    dueHolds: [],
    moreDueHolds: false,
    nextHoldExpiresAt: pool.nextHoldExpiresAt,
    planTerms: new Map(),
  };
}
