import { type Caller, ownerScope } from '../access/caller';
import { badUserInput, DomainError, notFound } from '../errors';
import type { Ledger } from '../ledger/ledger';
import type { LedgerEntry } from '../ledger/pool';
import { LedgerVerifier } from '../ledger/verify';
import { publicId } from '../public-id';
import type { BalanceFeed, BalanceListener } from './balance-feed';
import type { LedgerReader } from './ledger-reader';

const PAGE = 1_000;
/** How far a live reader may fall behind before it is ended: it can come back with afterSequence. */
const BEHIND_LIMIT = 100_000;
const NAMED_PROBLEMS = 100;

export interface Verification {
  readonly ok: boolean;
  readonly owners: number;
  readonly entries: number;
  readonly problems: readonly string[];
}

/** The ledger as a history: pages, a live stream, and whether it adds up. */
export class LedgerHistory {
  constructor(
    private readonly reader: LedgerReader,
    private readonly ledger: Pick<Ledger, 'balance'>,
    private readonly feed: Pick<BalanceFeed, 'watch' | 'tell'>,
  ) {}

  /** Entries ascending, after a sequence number. NOT_FOUND where the owner is not the caller's. */
  async page(caller: Caller, asked: { ownerId: string | null; after: number; limit: number }): Promise<LedgerEntry[]> {
    const ownerId = ownerScope(caller, asked.ownerId);
    if (asked.after < 0) throw badUserInput([{ path: 'afterSequence', message: 'must not be negative' }]);
    await this.ledger.balance(ownerId);
    return this.reader.entriesAfter(ownerId, asked.after, asked.limit);
  }

  /**
   * Every entry after a sequence number: first from the database, then as they are committed, without gap or repeat, since
   * each is read from the ledger by its number. A reader that falls too far behind is ended with LIMIT_REACHED.
   */
  async watch(
    caller: Caller,
    asked: { ownerId: string | null; afterSequence: number },
  ): Promise<AsyncIterableIterator<LedgerEntry>> {
    const ownerId = ownerScope(caller, asked.ownerId);
    if (asked.afterSequence < 0) throw badUserInput([{ path: 'afterSequence', message: 'must not be negative' }]);
    const balance = await this.ledger.balance(ownerId);
    const stream = new LedgerStream(asked.afterSequence, {
      read: (after) => this.reader.entriesAfter(ownerId, after, PAGE),
      watch: (listener) => this.feed.watch(ownerId, listener),
    });
    this.feed.tell(balance);
    return stream;
  }

  /** Recomputes I1, I2, I4 and I5 from the entries alone, of one owner or, without one, of all: in bounded memory. */
  async verify(caller: Caller, ownerId: string | null | undefined): Promise<Verification> {
    const only = typeof ownerId === 'string' || caller.ownerId !== null ? ownerScope(caller, ownerId) : null;
    return this.verifyAll(only);
  }

  /** The same for an operator at the machine itself. */
  async verifyAll(only: number | null = null): Promise<Verification> {
    const total = { owners: 0, entries: 0, problems: [] as string[] };
    const verifyOne = async (id: number) => {
      const { entries, problems } = await this.verifyOwner(id);
      total.owners += 1;
      total.entries += entries;
      total.problems.push(...problems.slice(0, Math.max(0, NAMED_PROBLEMS - total.problems.length)));
    };
    if (only !== null) await verifyOne(only);
    else {
      for (let last = -1; ;) {
        const owners = await this.reader.ownersAfter(last, PAGE);
        for (const id of owners) await verifyOne(id);
        if (owners.length < PAGE) break;
        last = owners.at(-1) as number;
      }
    }
    return { ok: total.problems.length === 0, ...total };
  }

  /** The pool is read first: entries up to its last sequence are all committed then, and never change. */
  private async verifyOwner(ownerId: number): Promise<{ entries: number; problems: readonly string[] }> {
    const books = await this.reader.pool(ownerId);
    if (!books) throw notFound('owner');
    const verifier = new LedgerVerifier(publicId('owner', ownerId));
    let after = 0;
    while (after < books.pool.lastSequence) {
      const entries = await this.reader.entriesAfter(ownerId, after, PAGE);
      if (entries.length === 0) break;
      for (const entry of entries) if (entry.sequence <= books.pool.lastSequence) verifier.accept(entry);
      after = (entries.at(-1) as LedgerEntry).sequence;
    }
    verifier.finish(books.pool, books.openGrants);
    // One entry more may have been committed since; the pool, read after it, then counts it too.
    const [beyond] = await this.reader.entriesAfter(ownerId, books.pool.lastSequence, 1);
    const now = beyond && (await this.reader.pool(ownerId));
    if (beyond && now && now.pool.lastSequence < beyond.sequence) verifier.acceptBeyond(beyond, now.pool);
    return { entries: books.pool.lastSequence, problems: verifier.problems };
  }
}

/** Pulls pages from the ledger; a commit, by whichever process, only wakes it. What it sends next depends on nothing but what it sent last. */
class LedgerStream implements AsyncIterableIterator<LedgerEntry> {
  private page: LedgerEntry[] = [];
  private live = false;
  private committed = 0;
  private closed = false;
  private wake: (() => void) | null = null;
  private readonly stopWatching: () => void;

  constructor(
    private sent: number,
    private readonly source: {
      read(after: number): Promise<LedgerEntry[]>;
      watch(listener: BalanceListener): () => void;
    },
  ) {
    this.stopWatching = source.watch(({ lastSequence }) => {
      this.committed = lastSequence;
      this.wake?.();
    });
  }

  async next(): Promise<IteratorResult<LedgerEntry>> {
    while (!this.closed) {
      const entry = this.page.shift();
      if (entry) {
        this.sent = entry.sequence;
        return { done: false, value: entry };
      }
      if (this.live && this.committed - this.sent > BEHIND_LIMIT) {
        this.close();
        throw new DomainError('LIMIT_REACHED', 'The subscriber is too slow: subscribe again with afterSequence.');
      }
      // Listens before it reads: a commit during the read has woken it already, one after it will.
      const woken = new Promise<void>((resolve) => (this.wake = resolve));
      this.page = await this.read();
      if (this.page.length > 0) continue;
      this.live = true;
      await woken;
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<LedgerEntry>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Nobody returns a stream that has failed, so it ends itself. */
  private async read(): Promise<LedgerEntry[]> {
    try {
      return await this.source.read(this.sent);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopWatching();
    this.wake?.();
  }
}
