import { setImmediate as nextRound } from 'node:timers/promises';
import { type Caller, ownerScope } from '../access/caller';
import { SECOND_MS } from '../clock';
import { assert, badUserInput, DomainError } from '../errors';
import type { Ledger } from '../ledger/ledger';
import type { ExportedEntry, ExportFormat } from './ledger-export.format';

const PAGE_ENTRIES = 1_000;
const EXPORTS_PER_PROCESS = 20;
/** So that one owner’s stalled clients do not take every place. */
const EXPORTS_PER_OWNER = 4;
const RETRY_AFTER_MS = 5 * SECOND_MS;
/** Rounds of the event loop between two pages: more than a debit needs from its request to its answer. */
const ROUNDS_BETWEEN_PAGES = 8;

export interface LedgerExportReader {
  /** Entries of one owner after one sequence number, up to and including another, ascending, at most `limit`. */
  exportedEntries(
    ownerId: number,
    range: { readonly afterSequence: number; readonly upToSequence: number; readonly limit: number },
  ): Promise<ExportedEntry[]>;
}

/** Ledgers as files: what was committed when the export began, read page by page as the client takes it. */
export class LedgerExports {
  private readonly running = new Set<LedgerExport>();
  private lastTurn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly reader: LedgerExportReader,
    private readonly ledger: Pick<Ledger, 'balance'>,
  ) {}

  /**
   * Settles what is due and begins an export, which takes a place until `end` is called. BAD_USER_INPUT; NOT_FOUND where the
   * owner is not the caller's; RATE_LIMITED where every place is taken.
   */
  async begin(
    caller: Caller,
    asked: { readonly ownerId: string | null; readonly afterSequence: number },
  ): Promise<LedgerExport> {
    const ownerId = ownerScope(caller, asked.ownerId);
    if (asked.afterSequence < 0) throw badUserInput([{ path: 'afterSequence', message: 'must not be negative' }]);
    const { lastSequence } = await this.ledger.balance(ownerId);
    this.assertRoom(ownerId);
    const begun: LedgerExport = new LedgerExport(ownerId, { after: asked.afterSequence, upTo: lastSequence }, (range) =>
      this.inTurn(() => (begun.signal.aborted ? Promise.resolve([]) : this.reader.exportedEntries(ownerId, range))),
    );
    this.running.add(begun);
    begun.signal.addEventListener('abort', () => this.running.delete(begun), { once: true });
    return begun;
  }

  /** Ends every export, finished or not. */
  endAll(): void {
    for (const one of this.running) one.end();
  }

  private assertRoom(ownerId: number): void {
    const own = [...this.running].filter((one) => one.ownerId === ownerId).length;
    if (own < EXPORTS_PER_OWNER && this.running.size < EXPORTS_PER_PROCESS) return;
    throw new DomainError('RATE_LIMITED', 'Too many exports are under way: try again when one has ended.', {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  /** One page at a time in the whole process, with a pause before each, so that a debit seldom waits for more than one. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.lastTurn.then(async () => {
      // SQLite answers on microtasks alone: without this pause, exports would starve sockets and timers.
      for (let round = 0; round < ROUNDS_BETWEEN_PAGES; round += 1) await nextRound();
      return work();
    });
    this.lastTurn = turn.catch(() => undefined);
    return turn;
  }
}

type Range = Parameters<LedgerExportReader['exportedEntries']>[1];

/** One export. It reads nothing by itself, and nothing any more when it has ended. */
export class LedgerExport {
  private readonly ending = new AbortController();

  constructor(
    readonly ownerId: number,
    private readonly bounds: { readonly after: number; readonly upTo: number },
    private readonly read: (range: Range) => Promise<ExportedEntry[]>,
  ) {}

  /** Aborted when the export has ended, for whatever reason. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /** Gives its place back. May be called twice. */
  end(): void {
    this.ending.abort();
  }

  /**
   * The text of the file in pieces of up to 1,000 entries, each read when it is asked for. Between two pieces it keeps nothing of
   * the database. Fails rather than leave out an entry (I4).
   */
  async *pieces(format: ExportFormat): AsyncGenerator<string, void, undefined> {
    const { after, upTo } = this.bounds;
    yield format.head;
    for (let sequence = after; sequence < upTo;) {
      const entries = await this.read({ afterSequence: sequence, upToSequence: upTo, limit: PAGE_ENTRIES });
      if (this.signal.aborted) return;
      const expected = Math.min(PAGE_ENTRIES, upTo - sequence);
      assert(
        entries.length === expected && entries.every((entry, index) => entry.sequence === sequence + 1 + index),
        'I4: a pool’s entries are numbered without a gap',
      );
      yield entries.map((entry) => format.line(entry)).join('');
      sequence += expected;
    }
  }
}
