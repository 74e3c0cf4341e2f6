import type { Clock, Instant } from '../clock';
import { assert, notFound } from '../errors';
import type { Command, Decided, OutcomeOf } from './commands';
import { decide, refuseUnknownOwner, type Decision } from './decide';
import { decideAll, decideWithLate, isPlain } from './decide-batch';
import type { PoolState } from './draft';
import { GroupCommit, type Latecomers } from './group-commit';
import { KnownPools } from './known-pools';
import type { ActionRecord, BalanceSnapshot } from './pool';
import { afterDebits } from './written-behind';

/** One database transaction, seen from the ledger. */
export interface LedgerTransaction {
  /**
   * Locks the pools that the commands are about and reads what deciding needs; unknown owners are left out. Those of
   * `alsoWritten` are locked with them and not read: all in id order, so that two writers never wait for one another (hazard 3).
   */
  load(
    commands: readonly Command[],
    now: Instant,
    alsoWritten?: readonly number[],
  ): Promise<ReadonlyMap<number, PoolState>>;
  /** Writes the decisions. Fails with a transient error where a pool changed since it was read. */
  persist(decisions: readonly Decision[]): Promise<void>;
}

/** What debits that were written unseen came after. */
export interface DebitedUnseen {
  /** The number of the last entry before theirs. */
  readonly afterSequence: number;
  /** The later one of the instant that they were decided for and that of the last entry before theirs. */
  readonly at: Instant;
}

export interface LedgerStore {
  /** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T>;
  /**
   * Writes, in a transaction of its own, debits that keep the shape of their pool (written-behind.ts) and were decided by other numbers
   * of it than it may have by now. Null where the store has no way to do that. Fails as stale where the pool has another shape,
   * or not enough left.
   */
  persistUnseen(decision: Decision): Promise<DebitedUnseen | null>;
  /** Whether a failed transaction may run again as a whole. */
  isTransient(error: unknown): boolean;
  /** Whether it failed because something that it was decided by is out of date. */
  isStale(error: unknown): boolean;
  /** Whether that is only that a key was not looked for which is known: nobody else has written to the pool. */
  isReplay(error: unknown): boolean;
  /** Whether only some of a transaction's commands are to blame: it waited too long for a row. */
  isPartial(error: unknown): boolean;
  /** Whether it failed because the store is out of reach, so that to run it again at once is of no use. */
  isAway?(error: unknown): boolean;
  /** Whether the store is known to be out of reach now. A store that is always within reach leaves both out. */
  isOutOfReach?(): boolean;
  /** One owner's balance as committed, without settling what is due; null where there is no such owner. */
  readBalance(ownerId: number): Promise<BalanceSnapshot | null>;
  /** Owners of pools that have something due at `now`, longest due first, at most `limit`. */
  readDueOwners(now: Instant, limit: number): Promise<number[]>;
}

/** What a transaction did to one pool, told after it is committed and never before (I6). */
export interface Committed {
  readonly balance: BalanceSnapshot;
  /**
   * The number of the last entry before this transaction's: entries between it and what was told before are another
   * process's, or of a transaction whose outcome was unknown.
   */
  readonly afterSequence: number;
  /** Actions as this transaction opened or resolved them, in order. */
  readonly recorded: readonly ActionRecord[];
}

export type CommitListener = (committed: Committed) => void;

const NO_STATES: ReadonlyMap<number, PoolState> = new Map();
/** How many due pools one round of the sweep settles before it looks again. */
const SWEEP_BATCH = 200;

/**
 * The one way to move a credit, whoever causes it: `submit` a command. Commands of all owners share one lane of group commit;
 * each gets its own outcome, and a refusal never fails its neighbours.
 */
export class Ledger {
  private readonly lane: GroupCommit<Command, Decided>;
  private readonly listeners = new Set<CommitListener>();
  private readonly known = new KnownPools();
  /** Owners of transactions whose outcome is unknown: something may be committed that was not published. */
  private readonly uncertain = new Set<number>();
  private wroteLast = false;

  constructor(
    private readonly store: LedgerStore,
    private readonly clock: Clock,
    private readonly onError: (error: unknown) => void = () => undefined,
  ) {
    this.lane = new GroupCommit<Command, Decided>({
      commit: (batch, late) => this.commit(batch, late),
      isTransient: (error) => this.store.isTransient(error),
      isPartial: (error) => this.store.isPartial(error),
      groupOf: ({ ownerId }) => ownerId,
      isAway: (error) => this.store.isAway?.(error) ?? false,
      storeIsAway: () => this.store.isOutOfReach?.() ?? false,
      hasWritten: () => this.wroteLast,
    });
  }

  /**
   * Decides and commits one command. Rejects with a DomainError where it is refused (the codes stand with each command's
   * function in decide.*.ts), or with UNAVAILABLE where the database is out of reach: then what happened is unknown.
   */
  async submit<C extends Command>(command: C): Promise<OutcomeOf<C>> {
    for (;;) {
      const decided = await this.lane.submit(command);
      if (decided.status === 'REFUSED') throw decided.error;
      if (decided.status === 'ACCEPTED') return decided.outcome as OutcomeOf<C>;
      // DEFERRED: each pass settles a thousand expired holds, so this ends.
    }
  }

  /** The owner's balance now: what has fallen due is settled before it is read (rule 4). NOT_FOUND where there is none. */
  async balance(ownerId: number): Promise<BalanceSnapshot> {
    const balance = await this.store.readBalance(ownerId);
    if (!balance) throw notFound('owner');
    if (balance.nextDueAt > this.clock.now()) return balance;
    return (await this.submit({ kind: 'SETTLE', ownerId })).balance;
  }

  /** Settles every pool that has something due, so that their entries do not wait for the next read or movement. */
  async sweep(): Promise<void> {
    for (;;) {
      const due = await this.store.readDueOwners(this.clock.now(), SWEEP_BATCH);
      const owners = new Set([...this.uncertain, ...due]);
      const results = await Promise.allSettled([...owners].map((ownerId) => this.submit({ kind: 'SETTLE', ownerId })));
      const failed = results.find((result) => result.status === 'rejected');
      // The others are settled all the same; this one is tried again in the next round.
      if (failed) throw failed.reason;
      if (due.length < SWEEP_BATCH) return;
    }
  }

  /** Calls `listener` after each commit that changed a pool, in the order of the commits. Returns how to stop that. */
  onCommitted(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Takes note that another process has brought a pool to this version. A hint: everything holds without it, too. */
  hear(mark: { ownerId: number; version: number }): void {
    this.known.hear(mark, this.clock.now());
  }

  /** Resolves when no command is waiting or in flight. */
  idle(): Promise<void> {
    return this.lane.idle();
  }

  private async commit(batch: readonly Command[], late: Latecomers<Command>): Promise<Decided[]> {
    const now = this.clock.now();
    // Grows by those that come late and are admitted.
    const commands = [...batch];
    const decisions = await this.transact(commands, now, late).catch((error: unknown) => {
      const owners = commands.map(({ ownerId }) => ownerId);
      this.known.forget(owners);
      // What was out of date was certainly not committed.
      const unknown = this.store.isTransient(error) && !this.store.isStale(error);
      if (unknown) for (const ownerId of owners) this.uncertain.add(ownerId);
      throw error;
    });
    this.wroteLast = decisions.some(({ changed }) => changed);
    this.known.learn(decisions, now);
    for (const decision of decisions) {
      // After an unknown outcome an earlier attempt may have committed: whoever watches finds its entries missing, and
      // reads them.
      if (decision.changed || this.uncertain.has(decision.ownerId)) this.publish(decision);
    }
    // Of all that were asked about, also those that do not exist: or the sweep would ask for them for ever.
    for (const { ownerId } of commands) this.uncertain.delete(ownerId);
    return inCommandOrder(commands, decisions);
  }

  /**
   * Plain debits on pools that are known are decided without reading; whatever turns out to be out of date is read. Commands
   * that are admitted late are appended to `commands`.
   */
  private async transact(commands: Command[], now: Instant, late: Latecomers<Command> | null): Promise<Decision[]> {
    const unseen = late && (await this.debitUnseen(commands, now));
    if (unseen) return [unseen];
    const plain = this.decidePlain(commands, now);
    const decided = new Set(plain.map(({ ownerId }) => ownerId));
    const others = commands.filter(({ ownerId }) => !decided.has(ownerId));
    // Whether something was decided without looking up its key or its pool.
    let shortened = plain.length > 0;
    try {
      return await this.store.transact(async (transaction) => {
        const states = others.length > 0 ? await transaction.load(others, now, [...decided]) : NO_STATES;
        // Another process may have held a pool for a while: what came meanwhile needs no turn of its own.
        const later = Math.max(now, this.clock.now());
        const { decisions: read, admitted } = decideWithLate(states, { commands: others, late, now, later });
        commands.push(...admitted);
        shortened ||= admitted.length > 0;
        // In id order, so that two writers never wait for one another (hazard 3): where nothing is read, writing locks.
        const decisions = [...plain, ...read].sort((a, b) => a.ownerId - b.ownerId);
        await transaction.persist(decisions);
        return decisions;
      });
    } catch (error) {
      if (!shortened || !this.store.isStale(error)) throw error;
      if (this.store.isReplay(error)) this.known.forget(decided);
      else this.known.distrust(decided, now);
      return this.transact(commands, now, null);
    }
  }

  /**
   * Debits of one pool that other processes write to as well: its numbers are left to the database, so that it is not held while
   * they travel. Null where that is not possible: then it must be read.
   */
  private async debitUnseen(commands: readonly Command[], now: Instant): Promise<Decision | null> {
    const known = this.known.contendedFor(commands, now);
    const expected = known && decide(known, commands, now);
    if (!expected || !isPlain(expected) || expected.pool.shape !== known.pool.shape) return null;
    try {
      const written = await this.store.persistUnseen(expected);
      if (!written) return null;
      this.known.noteUnseen(known.pool.ownerId, true);
      const actual = decide(afterDebits(known, written.afterSequence - known.pool.lastSequence), commands, written.at);
      const { shape, lastSequence } = actual.pool;
      const asWritten = lastSequence - written.afterSequence === expected.entries.length && shape === known.pool.shape;
      assert(asWritten && isPlain(actual), 'what was written unseen is what is decided by what is there');
      return actual;
    } catch (error) {
      if (!this.store.isStale(error)) throw error;
      if (this.store.isReplay(error)) this.known.forget([known.pool.ownerId]);
      else this.known.noteUnseen(known.pool.ownerId, false);
      return null;
    }
  }

  /** Decides by what is known, of those owners of whom everything is accepted: a refusal must be decided by what is there. */
  private decidePlain(commands: readonly Command[], now: Instant): Decision[] {
    const states = this.known.statesFor(commands, now);
    const own = commands.filter(({ ownerId }) => states.has(ownerId));
    const decisions = decideAll(states, own, now);
    this.known.forget(decisions.filter((decision) => !isPlain(decision)).map(({ ownerId }) => ownerId));
    return decisions.filter(isPlain);
  }

  private publish({ before, balance, recorded }: Decision): void {
    const committed = { balance, afterSequence: before.lastSequence, recorded };
    for (const listener of this.listeners) {
      try {
        listener(committed);
      } catch (error) {
        // It is committed: whoever fails to listen must not make it run again.
        this.onError(error);
      }
    }
  }
}

function inCommandOrder(commands: readonly Command[], decisions: readonly Decision[]): Decided[] {
  const remaining = new Map(decisions.map(({ ownerId, decided }) => [ownerId, decided.values()]));
  return commands.map((command) => {
    const next = remaining.get(command.ownerId)?.next();
    return next?.done === false ? next.value : refuseUnknownOwner();
  });
}
