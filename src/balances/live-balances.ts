import { type Caller, ownerScope } from '../access/caller';
import { SECOND_MS, type Clock, type Instant } from '../clock';
import type { Ledger } from '../ledger/ledger';
import type { BalanceSnapshot } from '../ledger/pool';
import type { BalanceFeed } from './balance-feed';
import { LatestValue } from './stream';

/** A timer looks at the clock again at least this often: a machine that slept, or a clock that was set, moves the instant. */
const LONGEST_TIMER_MS = 10 * SECOND_MS;

interface WatchedPool {
  watchers: number;
  nextDueAt: Instant;
  timer: NodeJS.Timeout | null;
}

/** Live balances: the current one first, then newer ones; what falls due by itself reaches watchers on time too (rule 12). */
export class LiveBalances {
  private readonly watched = new Map<number, WatchedPool>();

  constructor(
    private readonly parts: {
      ledger: Pick<Ledger, 'balance' | 'submit'>;
      feed: Pick<BalanceFeed, 'watch' | 'tell'>;
      clock: Clock;
      onError(error: unknown): void;
    },
  ) {}

  /** NOT_FOUND where the owner is not the caller's. */
  async watch(caller: Caller, ownerId: string | null | undefined): Promise<AsyncIterableIterator<BalanceSnapshot>> {
    const owner = ownerScope(caller, ownerId);
    const { feed, ledger } = this.parts;
    const pool = this.enter(owner);
    const stopWatching = feed.watch(owner, (balance) => {
      slot.offer(balance);
      this.expect(owner, balance);
    });
    const slot = new LatestValue<BalanceSnapshot>(() => {
      stopWatching();
      this.leave(owner, pool);
    });
    try {
      // Attached first, so that nothing committed while the snapshot is read is missed; the slot drops what is older.
      const snapshot = await ledger.balance(owner);
      slot.offer(snapshot);
      this.expect(owner, snapshot);
      // Whoever else watches may not have heard of it yet, and nobody need read it again.
      feed.tell(snapshot);
    } catch (error) {
      await slot.return();
      throw error;
    }
    return slot;
  }

  private enter(ownerId: number): WatchedPool {
    const pool = this.watched.get(ownerId) ?? { watchers: 0, nextDueAt: Infinity, timer: null };
    pool.watchers += 1;
    this.watched.set(ownerId, pool);
    return pool;
  }

  private leave(ownerId: number, pool: WatchedPool): void {
    pool.watchers -= 1;
    if (pool.watchers > 0) return;
    if (pool.timer) clearTimeout(pool.timer);
    this.watched.delete(ownerId);
  }

  /** Sets the pool's timer to what falls due next. */
  private expect(ownerId: number, { nextDueAt }: BalanceSnapshot): void {
    const pool = this.watched.get(ownerId);
    if (!pool || (pool.timer && pool.nextDueAt === nextDueAt)) return;
    pool.nextDueAt = nextDueAt;
    this.arm(ownerId, pool);
  }

  private arm(ownerId: number, pool: WatchedPool): void {
    if (pool.timer) clearTimeout(pool.timer);
    const { clock, ledger, onError } = this.parts;
    const delayMs = Math.min(Math.max(pool.nextDueAt - clock.now(), 0), LONGEST_TIMER_MS);
    pool.timer = setTimeout(() => {
      pool.timer = null;
      if (this.watched.get(ownerId) !== pool) return;
      if (clock.now() < pool.nextDueAt) return this.arm(ownerId, pool);
      // The commit tells all watchers, and with them the next instant.
      ledger.submit({ kind: 'SETTLE', ownerId }).catch(onError);
    }, delayMs);
    pool.timer.unref();
  }
}
