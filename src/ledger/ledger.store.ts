import type { Instant } from '../clock';
import type { Database, Session } from '../database/database';
import { isAway, isLockWait, isTransient } from '../database/failure';
import type { Decision } from './decide';
import { groupBy } from './group-by';
import type { LedgerStore, LedgerTransaction } from './ledger';
import { grantOf, POOL_COLUMNS, poolOf, type Row } from './ledger.rows';
import { loadStates } from './load.store';
import { KeyTaken, LostUpdate, persistDecisions, persistNewPool } from './persist.store';
import { burnOrder, snapshotOf, type BalanceSnapshot, type Grant, type Pool } from './pool';

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
  const rows = await session.query<Row>(
    `SELECT ${Object.values(POOL_COLUMNS)
      .map((column) => `p.${column}`)
      .join(', ')}, g.sequence, g.source, g.amount, g.remaining, g.effective_at, g.expires_at, g.revoked_at, g.reason
     FROM pools p LEFT JOIN grants g ON g.owner_id = p.owner_id AND g.remaining > 0
     WHERE p.owner_id IN (${ownerIds.map(() => '?').join(', ')})`,
    ownerIds,
  );
  return [...groupBy(rows, (row) => Number(row['owner_id'])).values()].map((own) => ({
    pool: poolOf(own[0] as Row),
    openGrants: own
      .filter((row) => row['sequence'] !== null)
      .map(grantOf)
      .sort(burnOrder),
  }));
}
