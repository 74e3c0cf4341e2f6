import { setTimeout as pause } from 'node:timers/promises';
import { assert, unavailable } from '../errors';

export interface GroupCommitOptions<C, R> {
  /**
   * Commits a batch in one transaction; returns one result for each command, in order, and then one for each that it
   * admitted of the late ones.
   */
  commit(batch: readonly C[], late: Latecomers<C>): Promise<readonly R[]>;
  /** Whether a failed batch may simply run again: nothing of it took effect, or that is found out by looking up the keys. */
  isTransient(error: unknown): boolean;
  /** Whether only some commands of a batch are to blame for a transient failure: then it is halved, not repeated. */
  isPartial?(error: unknown): boolean;
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
  /** Puts some of them at the end of the batch, in this order. If it fails, they are retried, halved or refused with it. */
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
const MAX_WAIT_MS = 10_000;
const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 500;

/**
 * One lane of group commit: commands that arrive while a batch is in flight form the next one. No timers, so a lone command
 * waits for nothing, and a thousand concurrent ones share one commit. A batch that fails for a reason that does not pass is
 * halved until only the culprit fails.
 */
export class GroupCommit<C, R> {
  private waiting: Waiting<C, R>[] = [];
  private running: Promise<void> | null = null;

  constructor(private readonly options: GroupCommitOptions<C, R>) {}

  /** The command's result once it is committed. Rejects with UNAVAILABLE where the queue is full or the store out of reach. */
  submit(command: C): Promise<R> {
    if (this.waiting.length >= (this.options.maxQueued ?? MAX_QUEUED)) return Promise.reject(unavailable());
    return new Promise<R>((resolve, reject) => {
      this.waiting.push({ command, since: performance.now(), resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Resolves when nothing is waiting or in flight. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private get maxWaitMs(): number {
    return this.options.maxWaitMs ?? MAX_WAIT_MS;
  }

  private async run(): Promise<void> {
    // What has arrived at the sockets by now joins the first batch: otherwise a store that answers without waiting, such as
    // SQLite, would commit each command alone before the next socket is read.
    await new Promise((resume) => setImmediate(resume));
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.options.maxBatch ?? MAX_BATCH);
      const patient = batch.filter(({ since }) => performance.now() - since < this.maxWaitMs);
      // Whoever waited so long behind a store that does not answer is told so; its command was not begun.
      for (const { since, reject } of batch) if (performance.now() - since >= this.maxWaitMs) reject(unavailable());
      if (patient.length > 0) await this.settle(patient);
    }
    this.running = null;
  }

  private async settle(batch: Waiting<C, R>[]): Promise<void> {
    try {
      const results = await this.commitWithRetries(batch);
      batch.forEach(({ resolve }, index) => resolve(results[index] as R));
    } catch (error) {
      const halve = batch.length > 1 && (!this.options.isTransient(error) || this.options.isPartial?.(error));
      if (!halve && this.options.isTransient(error)) for (const { reject } of batch) reject(unavailable());
      else if (!halve) batch[0]?.reject(error);
      else {
        const half = batch.length >> 1;
        await this.settle(batch.slice(0, half));
        await this.settle(batch.slice(half));
      }
    }
  }

  private async commitWithRetries(batch: Waiting<C, R>[]): Promise<readonly R[]> {
    const { commit, isTransient, isPartial, maxAttempts = MAX_ATTEMPTS, random = Math.random } = this.options;
    const start = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        return await commit(
          batch.map(({ command }) => command),
          this.latecomersFor(batch),
        );
      } catch (error) {
        if (attempt >= maxAttempts || !isTransient(error)) throw error;
        if (isPartial?.(error) || performance.now() - start >= this.maxWaitMs) throw error;
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
        const waiting = new Map(this.waiting.map((one) => [one.command, one]));
        for (const command of commands) {
          const admitted = waiting.get(command);
          assert(admitted !== undefined, 'only who waits is admitted');
          batch.push(admitted);
          waiting.delete(command);
        }
        this.waiting = [...waiting.values()];
      },
    };
  }
}
