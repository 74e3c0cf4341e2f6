import type { Instant } from '../clock';
import type { Database, Session } from '../database/database';
import { isAway, isLockWait, isTransient } from '../database/failure';
import type { Decision } from './decide';
import { groupBy } from './group-by';
import type { DebitedUnseen, LedgerStore, LedgerTransaction } from './ledger';
import { GRANT_COLUMNS, grantOf, POOL_COLUMNS, poolOf, type Row } from './ledger.rows';
import { loadStates } from './load.store';
import { KeyTaken, LostUpdate, persistDecisions, persistNewPool } from './persist.store';
import { snapshotOf, type BalanceSnapshot, type Grant, type Pool } from './pool';
import { persistUnseen } from './unseen.store';
import { currentGrants, openGrantsOf } from './written-behind';

/** The SQL of every movement of credits. It contains no rules: it loads what `decide` needs and persists what it returns. */
export class SqlLedgerStore implements LedgerStore {
  constructor(private readonly database: Database) {}

  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    const { kind } = this.database;
    return this.database.write(
      (session) =>
        work({
          load: (commands, now, alsoWritten) => loadStates(session, kind, { commands, now, alsoWritten }),
          persist: (decisions) => persistDecisions(session, kind, decisions),
        }),
      { beginWithFirstStatement: true, callerRetries: true },
    );
  }

  persistUnseen(decision: Decision): Promise<DebitedUnseen | null> {
    // SQLite's only other writers are a command line's, and reading costs it no round trip.
    if (this.database.kind === 'sqlite') return Promise.resolve(null);
    return this.database.write((session) => persistUnseen(session, decision), {
      beginWithFirstStatement: true,
      callerRetries: true,
    });
  }

  isTransient(error: unknown): boolean {
    return error instanceof LostUpdate || isTransient(error);
  }

  isStale(error: unknown): boolean {
    return error instanceof LostUpdate;
  }

  isReplay(error: unknown): boolean {
    return error instanceof KeyTaken;
  }

  isPartial(error: unknown): boolean {
    return isLockWait(error);
  }

  isAway(error: unknown): boolean {
    return isAway(error);
  }

  isOutOfReach(): boolean {
    return this.database.isAway;
  }

  async readBalance(ownerId: number): Promise<BalanceSnapshot | null> {
    const read = await readPool(this.database.reader, ownerId);
    return read && snapshotOf(read.pool, read.openGrants);
  }

  async readDueOwners(now: Instant, limit: number): Promise<number[]> {
    const rows = await this.database.reader.query<Row>(
      'SELECT owner_id FROM pools WHERE next_due_at <= ? ORDER BY next_due_at LIMIT ?',
      [now, limit],
    );
    return rows.map((row) => Number(row['owner_id']));
  }

  /** Persists a pool that did not exist before, inside the transaction that creates its owner. */
  insertPool(session: Session, decision: Decision): Promise<void> {
    return persistNewPool(session, this.database.kind, decision);
  }
}

const POOL_AND_GRANT = [
  ...Object.values(POOL_COLUMNS).map((column) => `p.${column}`),
  ...GRANT_COLUMNS.split(', ')
    .filter((column) => column !== 'owner_id')
    .map((column) => `g.${column}`),
].join(', ');

/** A pool with its open grants in burn order; null where there is no such owner. */
export async function readPool(session: Session, ownerId: number): Promise<{ pool: Pool; openGrants: Grant[] } | null> {
  const [read] = await readPools(session, [ownerId]);
  return read ?? null;
}

/** Pools with their open grants in burn order, in one statement, so that they are of one snapshot. Unknown owners are left out. */
export async function readPools(
  session: Session,
  ownerIds: readonly number[],
): Promise<{ pool: Pool; openGrants: Grant[] }[]> {
  const marks = ownerIds.map(() => '?').join(', ');
  const rows = await session.query<Row>(
    `SELECT ${POOL_AND_GRANT} FROM pools p LEFT JOIN grants g ON g.owner_id = p.owner_id AND g.remaining > 0
     WHERE p.owner_id IN (${marks})`,
    ownerIds,
  );
  return [...groupBy(rows, (row) => Number(row['owner_id'])).values()].map((own) => {
    const pool = poolOf(own[0] as Row);
    const written = own.filter((row) => row['sequence'] !== null).map(grantOf);
    return { pool, openGrants: openGrantsOf(pool, written) };
  });
}

/** One grant, open or not, with its pool; null where there is none. */
export async function readGrant(
  session: Session,
  ownerId: number,
  sequence: number,
): Promise<{ pool: Pool; grant: Grant } | null> {
  // With the open ones, since what it has left may follow from theirs.
  const rows = await session.query<Row>(
    `SELECT ${POOL_AND_GRANT} FROM pools p
     JOIN grants g ON g.owner_id = p.owner_id AND (g.remaining > 0 OR g.sequence = ?) WHERE p.owner_id = ?`,
    [sequence, ownerId],
  );
  if (!rows[0]) return null;
  const pool = poolOf(rows[0]);
  const grant = currentGrants(pool, rows.map(grantOf)).find((one) => one.sequence === sequence);
  return grant ? { pool, grant } : null;
}
