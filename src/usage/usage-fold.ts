import { LRUCache } from 'lru-cache';

/** How many entries one transaction counts, and after how many new ones of an owner that happens by itself. */
const FOLD_ENTRIES = 2_000;

/** Of so many active owners it is known how far they have come since they were counted. */
const NOTED_OWNERS = 100_000;

export interface FoldStore {
  /**
   * Counts up to `limit` entries that are not counted yet, in one transaction that also moves the mark, so that none is
   * counted twice. Returns whether there may be more.
   */
  fold(ownerId: number, limit: number): Promise<boolean>;
}

/**
 * Counts usage behind the debits rather than with them: whoever asks counts what is left first, and an owner with
 * much to count is counted by itself. A debit pays nothing for it.
 */
export class UsageFold {
  private readonly queues = new Map<number, Promise<unknown>>();
  private readonly noted = new LRUCache<number, number>({ max: NOTED_OWNERS });

  constructor(
    private readonly store: FoldStore,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Called after each commit that changed a pool. */
  note({ ownerId, lastSequence }: { ownerId: number; lastSequence: number }): void {
    const since = this.noted.get(ownerId);
    if (since !== undefined && lastSequence - since < FOLD_ENTRIES) return;
    this.noted.set(ownerId, lastSequence);
    if (since !== undefined) this.upToDate(ownerId, () => Promise.resolve()).catch(this.onError);
  }

  /**
   * Counts all that is committed, then runs `work` while nothing more is counted by this process. One after the other
   * per owner.
   */
  upToDate<T>(ownerId: number, work: () => Promise<T>): Promise<T> {
    const turn = (this.queues.get(ownerId) ?? Promise.resolve()).then(async () => {
      while (await this.store.fold(ownerId, FOLD_ENTRIES));
      return work();
    });
    const settled = turn
      .catch(() => undefined)
      .then(() => {
        if (this.queues.get(ownerId) === settled) this.queues.delete(ownerId);
      });
    this.queues.set(ownerId, settled);
    return turn;
  }

  /** Resolves when nothing is being counted. */
  async idle(): Promise<void> {
    await Promise.all(this.queues.values());
  }
}
