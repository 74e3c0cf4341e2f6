import type { Grant, LedgerEntry, LedgerEntryKind, Pool } from './pool';

/** How many problems of one owner are named; a broken ledger breaks at every entry after the first. */
const NAMED_PROBLEMS = 20;

/** A grant as the entries tell it: where its credits are now. */
interface GrantBooks {
  available: number;
  paused: number;
  held: number;
}

type Parts = Record<'available' | 'held' | 'paused' | 'granted' | 'spent' | 'expired' | 'revoked', number>;

/**
 * Recomputes one owner's books from its entries alone, one at a time and in order, and compares them with the entries' own
 * numbers and, at the end, with the pool and its grants (I1, I2, I4, I5). Keeps three numbers per grant, and nothing per entry.
 */
export class LedgerVerifier {
  readonly problems: string[] = [];
  private readonly parts: Parts = { available: 0, held: 0, paused: 0, granted: 0, spent: 0, expired: 0, revoked: 0 };
  private readonly grants = new Map<number, GrantBooks>();
  private sequence = 0;
  private at = -Infinity;

  constructor(private readonly name: string) {}

  accept(entry: LedgerEntry): void {
    if (entry.sequence !== this.sequence + 1) this.report(entry.sequence, `I4: follows entry ${this.sequence}`);
    if (entry.credits <= 0) this.report(entry.sequence, 'I4: moves no credits');
    if (entry.at < this.at) this.report(entry.sequence, 'I4: is earlier than the entry before it');
    this.sequence = entry.sequence;
    this.at = entry.at;
    this.move(entry);
    for (const part of ['available', 'held', 'paused'] as const) {
      if (entry[part] !== this.parts[part]) {
        this.report(entry.sequence, `I4: says ${part} ${entry[part]}, the entries make ${this.parts[part]}`);
        // Goes on from what the entry says, so that one fault is one problem.
        this.parts[part] = entry[part];
      }
      if (this.parts[part] < 0) this.report(entry.sequence, `I2: ${part} is negative`);
    }
  }

  /** Compares what the entries make with the pool and its open grants, read as of the last entry. */
  finish(pool: Pool, openGrants: readonly Grant[]): void {
    if (this.sequence !== pool.lastSequence) {
      this.report(null, `I4: the pool says ${pool.lastSequence} entries, there are ${this.sequence}`);
    }
    for (const part of Object.keys(this.parts) as (keyof Parts)[]) {
      if (pool[part] !== this.parts[part]) {
        this.report(null, `I1: the pool says ${part} ${pool[part]}, the entries make ${this.parts[part]}`);
      }
    }
    const open = new Map(openGrants.map((grant) => [grant.sequence, grant]));
    for (const [sequence, books] of this.grants) {
      const grant = open.get(sequence);
      const remaining = grant?.remaining ?? 0;
      const left = books.available + books.paused;
      if (remaining !== left) {
        this.report(sequence, `I5: the grant says ${remaining} left, the entries make ${left}`);
      }
      // All that is left of a grant is on one side: top-ups are paused while the terms do not allow them, nothing else is.
      const [side, other] =
        grant?.source === 'TOP_UP' && !pool.topUpsAllowed
          ? (['paused', 'available'] as const)
          : (['available', 'paused'] as const);
      if (books[other] !== 0) {
        this.report(sequence, `I5: what is left of the grant is ${side}, the entries make ${books[other]} ${other}`);
      }
      open.delete(sequence);
    }
    for (const sequence of open.keys()) this.report(sequence, 'I5: a grant that no entry opened');
  }

  /** Names an entry that is there although the pool, read after it, does not count it. */
  acceptBeyond(entry: LedgerEntry, pool: Pool): void {
    this.report(entry.sequence, `I4: the pool says ${pool.lastSequence} entries, this is beyond them`);
  }

  private move(entry: LedgerEntry): void {
    const { kind, credits } = entry;
    const grant = this.grantOf(entry);
    const from = kind === 'EXPIRE' || kind === 'REVOKE' ? this.sideOf(entry, grant) : 'available';
    for (const [part, sign] of movesOf(kind, from)) {
      this.parts[part] += sign * credits;
      if (part === 'available' || part === 'paused' || part === 'held') grant[part] += sign * credits;
    }
    if (grant.available < 0 || grant.paused < 0 || grant.held < 0) {
      this.report(entry.sequence, `I2: takes more from grant ${entry.grantSequence} than it has`);
    }
  }

  private grantOf(entry: LedgerEntry): GrantBooks {
    const known = this.grants.get(entry.grantSequence);
    if (known && entry.kind !== 'GRANT') return known;
    if (entry.kind !== 'GRANT' || known || entry.grantSequence !== entry.sequence) {
      this.report(entry.sequence, `I4: refers to grant ${entry.grantSequence}, which it cannot`);
    }
    const opened = { available: 0, paused: 0, held: 0 };
    this.grants.set(entry.grantSequence, opened);
    return opened;
  }

  /**
   * All credits of a grant that are not held are on one side: paused, or available. One that just came back to a paused grant
   * may leave before the rest does, so what leaves is not always the whole of its side.
   */
  private sideOf({ credits }: LedgerEntry, grant: GrantBooks): 'available' | 'paused' {
    return grant.available < credits && grant.paused >= credits ? 'paused' : 'available';
  }

  private report(sequence: number | null, problem: string): void {
    if (this.problems.length === NAMED_PROBLEMS) this.problems.push(`${this.name}: and more`);
    if (this.problems.length > NAMED_PROBLEMS) return;
    this.problems.push(sequence === null ? `${this.name}: ${problem}` : `${this.name}, entry ${sequence}: ${problem}`);
  }
}

/** The table of I4, written out once more: a verifier that shared the ledger's own table would share its faults. */
function movesOf(kind: LedgerEntryKind, from: 'available' | 'paused'): [keyof Parts, 1 | -1][] {
  switch (kind) {
    case 'GRANT':
      return [
        ['granted', 1],
        ['available', 1],
      ];
    case 'DEBIT':
      return [
        ['available', -1],
        ['spent', 1],
      ];
    case 'HOLD':
      return [
        ['available', -1],
        ['held', 1],
      ];
    case 'CAPTURE':
      return [
        ['held', -1],
        ['spent', 1],
      ];
    case 'VOID':
      return [
        ['held', -1],
        ['available', 1],
      ];
    case 'REFUND':
      return [
        ['spent', -1],
        ['available', 1],
      ];
    case 'PAUSE':
      return [
        ['available', -1],
        ['paused', 1],
      ];
    case 'RESUME':
      return [
        ['paused', -1],
        ['available', 1],
      ];
    case 'EXPIRE':
      return [
        [from, -1],
        ['expired', 1],
      ];
    case 'REVOKE':
      return [
        [from, -1],
        ['revoked', 1],
      ];
  }
}
