import { setTimeout as pause } from 'node:timers/promises';
import { assert, notBegun, unavailable } from '../errors';
import { groupBy } from './group-by';

export interface GroupCommitOptions<C, R> {
  /**
   * Commits a batch in one transaction; returns one result for each command, in order, and then one for each that it
   * admitted of the late ones.
   */
  commit(batch: readonly C[], late: Latecomers<C>): Promise<readonly R[]>;
  /**
   * Whether a failed batch may simply run again: nothing of it took effect, or that is found out by looking up the
   * keys.
   */
  isTransient(error: unknown): boolean;
  /**
   * Whether only some commands of a batch are to blame for a transient failure: then it is taken apart, not repeated.
   */
  isPartial?(error: unknown): boolean;
  /** What a command is about, such as its owner: those of one group wait for the same rows. */
  groupOf?(command: C): unknown;
  /**
   * Whether a transient failure says that the store is out of reach: then nothing is tried again, and who waits need
   * not.
   */
  isAway?(error: unknown): boolean;
  /** Whether the store is known to be out of reach right now: then nothing is begun. */
  storeIsAway?(): boolean;
  /** Whether the last batch has written something: that a store can be read does not say that it can be written. */
  hasWritten?(): boolean;
  maxBatch?: number;
  maxQueued?: number;
  maxAttempts?: number;
  /** How long a command may wait and be retried before it is given up. */
  maxWaitMs?: number;
  /** From 0 to 1: spreads the retries of writers that collided. */
  random?(): number;
}

/**
 * What arrived since a batch was formed. For a commit that had to wait for a row inside its transaction: whoever came
 * meanwhile need not wait for another turn at it.
 */
export interface Latecomers<C> {
  /** Those that fit, in the order of their arrival, as far as the batch has room. */
  find(fits: (command: C) => boolean): readonly C[];
  /**
   * Puts some of them at the end of the batch, in this order. If it fails, they are retried, halved or refused with
   * it; and once it is taken apart, nobody is admitted any more.
   */
  admit(commands: readonly C[]): void;
}

interface Waiting<C, R> {
  command: C;
  since: number;
  resolve(result: R): void;
  reject(error: unknown): void;
}

const MAX_BATCH = 1_000;
const MAX_QUEUED = 50_000;
const MAX_ATTEMPTS = 8;
/** How many groups may be set aside at a time; each may take a connection of the writing pool. */
const MAX_ASIDE = 4;
const MAX_WAIT_MS = 10_000;
const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 500;
const NOBODY: Latecomers<never> = { find: () => [], admit: () => undefined };

/**
 * One lane of group commit: commands that arrive while a batch is in flight form the next one. No timers, so a lone
 * command waits for nothing, and a thousand concurrent ones share one commit. A batch that fails for a reason that
 * does not pass is halved until only the culprit fails.
 *
 * A group of commands that waits too long for a row is set aside: it gets a lane of its own until it is through, so
 * that nobody else waits with it. A group is never in two lanes.
 *
 * A batch that finds the store away closes the lane: whoever waits is refused, and whoever comes, at once, but for
 * one batch at a time that tries whether it is back. So nobody queues behind a store that does not answer. It is opened
 * by a batch that has written, or by any that succeeds when nothing has failed for as long as a command may wait.
 */
export class GroupCommit<C, R> {
  private waiting: Waiting<C, R>[] = [];
  private running: Promise<void> | null = null;
  private inFlight = false;
  /** When a batch last found the store away, by performance.now(); null: the lane is open. */
  private closedAt: number | null = null;
  private closings = 0;
  /** What those are told who have waited too long for their turn, or in vain. */
  private refusal: () => Error = notBegun;
  private readonly aside = new Map<unknown, GroupCommit<C, R>>();
  private onIdle: () => void = () => undefined;

  constructor(private readonly options: GroupCommitOptions<C, R>) {}

  /**
   * The command's result once it is committed. Rejects with UNAVAILABLE where the queue is full or the store out of
   * reach.
   */
  submit(command: C): Promise<R> {
    const aside = this.aside.size > 0 ? this.aside.get(this.options.groupOf?.(command)) : undefined;
    if (aside) return aside.submit(command);
    if (this.refuses()) return Promise.reject(notBegun());
    return new Promise<R>((resolve, reject) => {
      this.waiting.push({ command, since: performance.now(), resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Resolves when nothing is waiting or in flight. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
    await Promise.all([...this.aside.values()].map((lane) => lane.idle()));
  }

  private refuses(): boolean {
    if (this.waiting.length >= (this.options.maxQueued ?? MAX_QUEUED)) return true;
    return (this.closedAt !== null && this.inFlight) || (this.options.storeIsAway?.() ?? false);
  }

  private get maxWaitMs(): number {
    return this.options.maxWaitMs ?? MAX_WAIT_MS;
  }

  private async run(): Promise<void> {
    // What has arrived at the sockets by now joins the first batch: otherwise a store that answers without waiting,
    // such as SQLite, would commit each command alone before the next socket is read.
    await new Promise((resume) => setImmediate(resume));
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.options.maxBatch ?? MAX_BATCH);
      await this.settle(this.patientOf(batch, this.refusal));
    }
    this.running = null;
    this.onIdle();
  }

  private async settle(batch: Waiting<C, R>[], late: Latecomers<C> = this.latecomersFor(batch)): Promise<void> {
    if (batch.length === 0) return;
    try {
      const results = await this.commitWithRetries(batch, late);
      if (this.isStoreBack()) this.closedAt = null;
      batch.forEach(({ resolve }, index) => resolve(results[index] as R));
    } catch (error) {
      if (this.options.isAway?.(error)) this.close();
      const isTransient = this.options.isTransient(error);
      const isPartial = isTransient && this.options.isPartial?.(error);
      const parts = isPartial ? this.groupsOf(batch) : isTransient ? [batch] : halvesOf(batch);
      if (parts.length > 1) await this.settleApart(parts);
      else if (!isTransient) batch[0]?.reject(error);
      else if (!isPartial || !this.setAside(batch)) for (const { reject } of batch) reject(unavailable());
    }
  }

  private async settleApart(parts: readonly Waiting<C, R>[][]): Promise<void> {
    const { closings } = this;
    for (const part of parts) {
      // Earlier attempts, of all of them, may have been committed without an answer.
      if (this.closings > closings) for (const { reject } of part) reject(unavailable());
      // Whoever joined the culprit now would have to be told apart from it again, for as long as somebody comes.
      else await this.settle(this.patientOf(this.leaveAside(part), unavailable), NOBODY);
    }
  }

  private groupsOf(batch: Waiting<C, R>[]): Waiting<C, R>[][] {
    const { groupOf } = this.options;
    return groupOf ? [...groupBy(batch, ({ command }) => groupOf(command)).values()] : halvesOf(batch);
  }

  /**
   * Gives the one group that this batch is of a lane of its own, with those of it that wait. False where there is no
   * room.
   */
  private setAside(batch: Waiting<C, R>[]): boolean {
    const { groupOf, ...options } = this.options;
    if (!groupOf || !batch[0] || this.aside.size >= MAX_ASIDE) return false;
    const group = groupOf(batch[0].command);
    const isOfGroup = ({ command }: Waiting<C, R>) => groupOf(command) === group;
    // There, a row that is waited for too long is waited for again.
    const lane = new GroupCommit<C, R>({ ...options, isPartial: () => false });
    lane.onIdle = () => this.aside.delete(group);
    this.aside.set(group, lane);
    lane.waiting = [...batch, ...this.waiting.filter(isOfGroup)];
    this.waiting = this.waiting.filter((one) => !isOfGroup(one));
    lane.refusal = unavailable;
    lane.running = lane.run();
    return true;
  }

  /** Hands those whose group has a lane of its own to that lane; returns the others. */
  private leaveAside(batch: Waiting<C, R>[]): Waiting<C, R>[] {
    if (this.aside.size === 0) return batch;
    return batch.filter((one) => {
      const lane = this.aside.get(this.options.groupOf?.(one.command));
      lane?.waiting.push(one);
      return lane === undefined;
    });
  }

  /** Whoever waited too long, behind others that were not answered or that wait for a row, is told so and left out. */
  private patientOf(batch: readonly Waiting<C, R>[], refusal: () => Error): Waiting<C, R>[] {
    const now = performance.now();
    return batch.filter(({ since, reject }) => {
      const isPatient = now - since < this.maxWaitMs;
      if (!isPatient) reject(refusal());
      return isPatient;
    });
  }

  private close(): void {
    this.closedAt = performance.now();
    this.closings += 1;
    for (const { reject } of this.waiting) reject(this.refusal());
    this.waiting = [];
  }

  /** After a success. Callers may have nothing to write for ever: then that nothing fails any more has to do. */
  private isStoreBack(): boolean {
    if (this.closedAt === null || (this.options.hasWritten?.() ?? true)) return true;
    return performance.now() - this.closedAt >= this.maxWaitMs;
  }

  private async commitWithRetries(batch: Waiting<C, R>[], late: Latecomers<C>): Promise<readonly R[]> {
    this.inFlight = true;
    try {
      return await this.tryToCommit(batch, late);
    } finally {
      // Before anybody is answered: who asks again at once has not come too early.
      this.inFlight = false;
    }
  }

  private async tryToCommit(batch: Waiting<C, R>[], late: Latecomers<C>): Promise<readonly R[]> {
    const { commit, isTransient, isPartial, isAway, maxAttempts = MAX_ATTEMPTS, random = Math.random } = this.options;
    const start = batch[0]?.since ?? performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        return await commit(
          batch.map(({ command }) => command),
          late,
        );
      } catch (error) {
        if (attempt >= maxAttempts || !isTransient(error)) throw error;
        if (isAway?.(error) || isPartial?.(error) || performance.now() - start >= this.maxWaitMs) throw error;
        await pause(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + random()));
      }
    }
  }

  private latecomersFor(batch: Waiting<C, R>[]): Latecomers<C> {
    return {
      find: (fits) => {
        const room = (this.options.maxBatch ?? MAX_BATCH) - batch.length;
        const fitting = this.waiting.filter(({ command }) => fits(command));
        return fitting.slice(0, room).map(({ command }) => command);
      },
      admit: (commands) => {
        // One object may have been submitted twice.
        const waiting = groupBy(this.waiting, ({ command }) => command);
        for (const command of commands) {
          const admitted = waiting.get(command)?.shift();
          assert(admitted !== undefined, 'only who waits is admitted');
          batch.push(admitted);
        }
        this.waiting = [...waiting.values()].flat();
      },
    };
  }
}

function halvesOf<T>(batch: T[]): T[][] {
  const half = batch.length >> 1;
  return half === 0 ? [batch] : [batch.slice(0, half), batch.slice(half)];
}
