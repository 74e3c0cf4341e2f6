import * as fc from 'fast-check';
import { LEDGER_ENTRY_KINDS, type Grant, type LedgerEntry, type Pool } from '../../src/ledger/pool';
import { LedgerVerifier } from '../../src/ledger/verify';
import { grantsOf, type Book } from '../support/in-memory-ledger';
import { histories, play, type History } from './ledger-histories';

const RUNS = 300;
/** Ends the search for the smallest history that fails, which may take minutes. */
const IN_TIME = { interruptAfterTimeLimit: 10_000 };

/** What the verifier is given: the entries, and the pool with its open grants as of the last one. */
interface Books {
  readonly entries: readonly LedgerEntry[];
  readonly pool: Pool;
  readonly openGrants: readonly Grant[];
}

function booksOf(book: Book): Books {
  const { entries, pool } = book;
  return { entries, pool, openGrants: grantsOf(book).filter(({ remaining }) => remaining > 0) };
}

function problemsOf({ entries, pool, openGrants }: Books): readonly string[] {
  const verifier = new LedgerVerifier('the owner');
  for (const entry of entries) verifier.accept(entry);
  verifier.finish(pool, openGrants);
  return verifier.problems;
}

/** The books at the end of a history. */
function lastBooksOf(history: History): Books | null {
  const last = [...play(history)].at(-1);
  return last ? booksOf(last.book) : null;
}

/** Draws histories and, for each, what is done to one of its numbers: all of it must be found out. */
function foundOut(tamper: (books: Books, draw: Draw) => Books | null): void {
  fc.assert(
    fc.property(histories, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 5 }), fc.boolean(), (...drawn) => {
      const [history, entry, choice, size, up] = drawn;
      const books = lastBooksOf(history);
      const tampered = books && tamper(books, { entry, choice, change: up ? size : -size });
      fc.pre(tampered !== null);
      expect(problemsOf(tampered)).not.toEqual([]);
    }),
    { numRuns: RUNS, ...IN_TIME },
  );
}

interface Draw {
  readonly entry: number;
  readonly choice: number;
  /** -5 to 5, never 0. */
  readonly change: number;
}

/** The books with one entry changed; null where `change` says that this entry cannot be changed so. */
function withEntry(
  books: Books,
  { entry: pick }: Draw,
  change: (entry: LedgerEntry) => Partial<LedgerEntry> | null,
): Books | null {
  const index = pick % books.entries.length;
  const entry = books.entries[index];
  const changed = entry && change(entry);
  if (!changed) return null;
  return { ...books, entries: books.entries.with(index, { ...entry, ...changed }) };
}

describe('the verifier', () => {
  it('I1, I2, I4, I5: accepts every history that decide makes, after each of its transactions', () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { book } of play(history)) expect(problemsOf(booksOf(book))).toEqual([]);
      }),
      { numRuns: RUNS, ...IN_TIME },
    );
  });

  it.each(['sequence', 'credits', 'available', 'held', 'paused'] as const)(
    'I4: finds out any one entry whose %s is another number',
    (field) => {
      foundOut((books, draw) => withEntry(books, draw, (entry) => ({ [field]: entry[field] + draw.change })));
    },
  );

  it('I1, I4: finds out any one entry of another kind', () => {
    foundOut((books, draw) =>
      withEntry(books, draw, ({ kind }) => {
        const others = LEDGER_ENTRY_KINDS.filter((other) => other !== kind);
        return { kind: others[draw.choice % others.length] as LedgerEntry['kind'] };
      }),
    );
  });

  it('I5: finds out any one entry of another grant', () => {
    foundOut((books, draw) =>
      withEntry(books, draw, ({ kind, grantSequence }) => {
        // A captured credit left its grant when it was held: of which grant it was changes no number of the books.
        if (kind === 'CAPTURE') return null;
        const others = books.entries.filter((entry) => entry.kind === 'GRANT' && entry.sequence !== grantSequence);
        const other = others[draw.choice % (others.length + 1)]?.sequence ?? grantSequence + draw.change;
        return { grantSequence: other };
      }),
    );
  });

  it('I4: finds out any one entry that is missing, or that is there twice', () => {
    const indexOf = ({ entries }: Books, { entry }: Draw) => entry % entries.length;
    foundOut((books, draw) => {
      if (books.entries.length === 0) return null;
      return { ...books, entries: books.entries.toSpliced(indexOf(books, draw), 1) };
    });
    foundOut((books, draw) => {
      const twice = books.entries[indexOf(books, draw)];
      return twice ? { ...books, entries: books.entries.toSpliced(indexOf(books, draw), 0, twice) } : null;
    });
  });

  it('I4: finds out any one entry that is earlier than the one before it', () => {
    foundOut((books, draw) => {
      const index = draw.entry % books.entries.length;
      const [before, entry] = [books.entries[index - 1], books.entries[index]];
      if (!before || !entry) return null;
      return { ...books, entries: books.entries.with(index, { ...entry, at: before.at - Math.abs(draw.change) }) };
    });
  });

  it.each(['lastSequence', 'available', 'held', 'paused', 'granted', 'spent', 'expired', 'revoked'] as const)(
    'I1, I4: finds out a pool whose %s is another number',
    (total) => {
      foundOut((books, { change }) => ({ ...books, pool: { ...books.pool, [total]: books.pool[total] + change } }));
    },
  );

  it('I5: finds out a pool whose terms say that what is usable is paused, or the other way round', () => {
    foundOut((books) => {
      if (books.openGrants.every(({ source }) => source !== 'TOP_UP')) return null;
      return { ...books, pool: { ...books.pool, topUpsAllowed: !books.pool.topUpsAllowed } };
    });
  });

  it('I5: finds out any one grant with another remainder, that is missing, or that no entry opened', () => {
    foundOut((books, { entry, change }) => {
      const index = entry % books.openGrants.length;
      const grant = books.openGrants[index];
      if (!grant) return null;
      return { ...books, openGrants: books.openGrants.with(index, { ...grant, remaining: grant.remaining + change }) };
    });
    foundOut((books, { entry }) => {
      if (books.openGrants.length === 0) return null;
      return { ...books, openGrants: books.openGrants.toSpliced(entry % books.openGrants.length, 1) };
    });
    foundOut((books, { entry }) => {
      const [grant] = books.openGrants;
      if (!grant) return null;
      const forged = { ...grant, sequence: books.entries.length + 1 + (entry % 10) };
      return { ...books, openGrants: [...books.openGrants, forged] };
    });
  });
});

describe('a grant that is paused', () => {
  it('I4: may lose a credit that came back and then the rest, when a hold on it expires with it', () => {
    const verifier = new LedgerVerifier('the owner');
    const entries: Pick<LedgerEntry, 'kind' | 'credits' | 'available' | 'held' | 'paused'>[] = [
      { kind: 'GRANT', credits: 5, available: 5, held: 0, paused: 0 },
      { kind: 'HOLD', credits: 1, available: 4, held: 1, paused: 0 },
      { kind: 'PAUSE', credits: 4, available: 0, held: 1, paused: 4 },
      { kind: 'VOID', credits: 1, available: 1, held: 0, paused: 4 },
      { kind: 'PAUSE', credits: 1, available: 0, held: 0, paused: 5 },
      { kind: 'EXPIRE', credits: 1, available: 0, held: 0, paused: 4 },
      { kind: 'EXPIRE', credits: 4, available: 0, held: 0, paused: 0 },
    ];
    entries.forEach((entry, index) =>
      verifier.accept({
        ...entry,
        ownerId: 7,
        sequence: index + 1,
        grantSequence: 1,
        actionSequence: null,
        at: 0,
        reason: null,
      }),
    );
    expect(verifier.problems).toEqual([]);
  });
});

describe('the problems that the verifier names', () => {
  const entry: LedgerEntry = {
    ownerId: 7,
    sequence: 1,
    kind: 'GRANT',
    credits: 5,
    available: 5,
    held: 0,
    paused: 0,
    grantSequence: 1,
    actionSequence: null,
    at: 0,
    reason: null,
  };

  it('are one for one wrong number: it goes on from what the entry says', () => {
    const verifier = new LedgerVerifier('own_7');
    verifier.accept(entry);
    verifier.accept({ ...entry, sequence: 2, kind: 'DEBIT', credits: 1, available: 3 });
    verifier.accept({ ...entry, sequence: 3, kind: 'DEBIT', credits: 1, available: 2 });
    expect(verifier.problems).toEqual(['own_7, entry 2: I4: says available 3, the entries make 4']);
  });

  it('are at most 20 of one owner, and a word that there are more', () => {
    const verifier = new LedgerVerifier('own_7');
    for (let i = 0; i < 100; i += 1) verifier.accept({ ...entry, sequence: 1, credits: 0 });
    expect(verifier.problems).toHaveLength(21);
    expect(verifier.problems.at(-1)).toBe('own_7: and more');
  });
});
