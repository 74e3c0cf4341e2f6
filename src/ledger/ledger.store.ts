import type { Instant } from '../clock';
import type { Database, Session } from '../database/database';
import { isTransient } from '../database/failure';
import { assert } from '../errors';
import { groupBy } from './group-by';
import type { Decision } from './decide';
import type { LedgerStore, LedgerTransaction } from './ledger';
import { loadStates } from './load.store';
import { grantOf, POOL_COLUMNS, poolOf, resolutionKey, type Row } from './ledger.rows';
import { GRANTS_APP_ID } from './draft';
import { burnOrder, snapshotOf, type ActionRecord, type BalanceSnapshot, type LedgerEntry, type Pool } from './pool';

const ENTRY_COLUMNS = [
  'owner_id',
  'sequence',
  'kind',
  'credits',
  'available',
  'held',
  'paused',
  'grant_sequence',
  'at',
  'reason',
  'action_sequence',
  'app_id',
  'key_hash',
  'idempotency_key',
  'fingerprint',
  'action_type',
  'status',
  'visitor',
  'origin',
  'details',
  'metadata',
  'hold_expires_at',
] as const;

/** Keeps a statement below SQLite's 32,766 parameters and MySQL's packet. */
const ROWS_PER_INSERT = 1_000;

/** The SQL of every movement of credits. It contains no rules: it loads what `decide` needs and persists what it returns. */
export class SqlLedgerStore implements LedgerStore {
  constructor(private readonly database: Database) {}

  transact<T>(work: (transaction: LedgerTransaction) => Promise<T>): Promise<T> {
    return this.database.write((session) =>
      work({
        load: (commands, now) => loadStates(session, this.database.kind, commands, now),
        persist: (decisions) => persist(session, this.database.kind, decisions),
      }),
    );
  }

  isTransient(error: unknown): boolean {
    return error instanceof LostUpdate || isTransient(error);
  }

  async readBalance(ownerId: number): Promise<BalanceSnapshot | null> {
    // One statement, so that the pool and its grants are of one snapshot.
    const rows = await this.database.reader.query<Row>(
      `SELECT ${Object.values(POOL_COLUMNS)
        .map((column) => `p.${column}`)
        .join(', ')}, g.sequence, g.source, g.amount, g.remaining, g.effective_at, g.expires_at, g.revoked_at, g.reason
       FROM pools p LEFT JOIN grants g ON g.owner_id = p.owner_id AND g.remaining > 0 WHERE p.owner_id = ?`,
      [ownerId],
    );
    if (!rows[0]) return null;
    const grants = rows.filter((row) => row['sequence'] !== null).map(grantOf);
    return snapshotOf(poolOf(rows[0]), grants.sort(burnOrder));
  }

  async readDueOwners(now: Instant, limit: number): Promise<number[]> {
    const rows = await this.database.reader.query<Row>(
      'SELECT owner_id FROM pools WHERE next_due_at <= ? ORDER BY next_due_at LIMIT ?',
      [now, limit],
    );
    return rows.map((row) => Number(row['owner_id']));
  }

  /** Persists a pool that did not exist before, inside the transaction that creates its owner. */
  async insertPool(session: Session, decision: Decision): Promise<void> {
    await insert(session, 'pools', Object.values(POOL_COLUMNS), [poolValues(decision.pool)]);
    await persistMovements(session, this.database.kind, [decision]);
  }
}

async function persist(session: Session, kind: Database['kind'], decisions: readonly Decision[]): Promise<void> {
  const changed = decisions.filter((decision) => decision.changed);
  if (changed.length === 0) return;
  await persistMovements(session, kind, changed);
  const columns = Object.entries(POOL_COLUMNS).filter(([property]) => property !== 'ownerId');
  // Guarded by what was read: a pool that changed in between fails the whole transaction, which runs again (hazard 1).
  const updated = await update(session, kind, {
    table: 'pools',
    keys: ['owner_id', 'version'],
    columns: columns.map(([, column]) => column),
    rows: changed.map(({ ownerId, readVersion, pool }) => ({
      key: [ownerId, readVersion],
      values: columns.map(([property]) => stored(pool[property as keyof Pool])),
    })),
  });
  if (updated !== changed.length) throw new LostUpdate();
}

/** Another writer was faster, although the row was locked (possible across Galera nodes); the transaction runs again. */
class LostUpdate extends Error {}

async function persistMovements(
  session: Session,
  kind: Database['kind'],
  decisions: readonly Decision[],
): Promise<void> {
  await insert(session, 'ledger_entries', ENTRY_COLUMNS, decisions.flatMap(entryRows));
  for (const decision of decisions) await persistResolved(session, decision);
  await persistGrants(session, kind, decisions);
  const meters = decisions.flatMap((decision) => decision.meters);
  const updated = await update(session, kind, {
    table: 'apps',
    keys: ['owner_id', 'id'],
    columns: ['used_this_period', 'counted_from'],
    rows: meters.map((meter) => ({
      key: [meter.ownerId, meter.appId],
      values: [meter.usedThisPeriod, meter.countedFrom],
    })),
  });
  assert(updated === meters.length, 'every meter that was read is still there');
  const holds = decisions.flatMap(({ actions, pool, readVersion }) =>
    actions.filter((action) => action.status === 'HELD').map((action) => ({ action, pool, readVersion })),
  );
  await insert(
    session,
    'holds',
    ['owner_id', 'sequence', 'expires_at'],
    holds.map(({ action }) => [action.ownerId, action.sequence, action.holdExpiresAt]),
  );
}

/** Actions that existed before and were resolved now: their status changes, and their open hold ends. */
async function persistResolved(session: Session, decision: Decision): Promise<void> {
  const opened = new Set(decision.openedKeys.keys());
  const resolved = decision.actions.filter((action) => !opened.has(action.sequence));
  const byStatus = groupBy(resolved, (action) => action.status);
  for (const [status, actions] of byStatus) {
    const marks = actions.map(() => '?').join(', ');
    const sequences = actions.map((action) => action.sequence);
    const changed = await session.execute(
      `UPDATE ledger_entries SET status = ? WHERE owner_id = ? AND sequence IN (${marks})`,
      [status, decision.ownerId, ...sequences],
    );
    assert(changed === actions.length, 'every action that is resolved exists');
    await session.execute(`DELETE FROM holds WHERE owner_id = ? AND sequence IN (${marks})`, [
      decision.ownerId,
      ...sequences,
    ]);
  }
}

async function persistGrants(session: Session, kind: Database['kind'], decisions: readonly Decision[]): Promise<void> {
  const opened = decisions.flatMap((decision) => {
    const grantEntries = new Set(decision.entries.filter((e) => e.kind === 'GRANT').map((e) => e.sequence));
    return decision.grants.filter((grant) => grantEntries.has(grant.sequence));
  });
  await insert(
    session,
    'grants',
    ['owner_id', 'sequence', 'source', 'amount', 'remaining', 'effective_at', 'expires_at', 'revoked_at', 'reason'],
    opened.map((g) => [
      g.ownerId,
      g.sequence,
      g.source,
      g.amount,
      g.remaining,
      g.effectiveAt,
      g.expiresAt,
      g.revokedAt,
      g.reason,
    ]),
  );
  const openedGrants = new Set(opened);
  const changed = decisions.flatMap((decision) => decision.grants).filter((grant) => !openedGrants.has(grant));
  const updated = await update(session, kind, {
    table: 'grants',
    keys: ['owner_id', 'sequence'],
    columns: ['remaining', 'revoked_at'],
    rows: changed.map((grant) => ({
      key: [grant.ownerId, grant.sequence],
      values: [grant.remaining, grant.revokedAt],
    })),
  });
  assert(updated === changed.length, 'every grant that was read is still there');
}

function entryRows(decision: Decision): unknown[][] {
  const actions = new Map(decision.actions.map((action) => [action.sequence, action]));
  return decision.entries.map((entry) => [
    entry.ownerId,
    entry.sequence,
    entry.kind,
    entry.credits,
    entry.available,
    entry.held,
    entry.paused,
    entry.grantSequence,
    entry.at,
    entry.reason,
    entry.actionSequence,
    ...keyAndActionValues(decision, entry, actions.get(entry.actionSequence ?? -1)),
  ]);
}

/** The columns from app_id on: of an action where the entry opens one, of its resolution, of a grant's key, or empty. */
function keyAndActionValues(decision: Decision, entry: LedgerEntry, action: ActionRecord | undefined): unknown[] {
  const key = decision.openedKeys.get(entry.sequence);
  const keyValues = key
    ? [Buffer.from(key.hash, 'hex'), key.text, Buffer.from(key.fingerprint, 'hex')]
    : [action ? resolutionKey(entry.kind, action.sequence) : null, null, null];
  if (!action) return [GRANTS_APP_ID, ...keyValues, null, null, null, null, null, null, null];
  if (action.sequence !== entry.sequence) return [action.appId, ...keyValues, null, null, null, null, null, null, null];
  const { type, status, visitor, origin, details, metadata, holdExpiresAt } = action;
  return [action.appId, ...keyValues, type, status, visitor, origin, details, metadata, holdExpiresAt];
}

function poolValues(pool: Pool): unknown[] {
  return Object.keys(POOL_COLUMNS).map((property) => stored(pool[property as keyof Pool]));
}

function stored(value: number | boolean | null): number | null {
  return typeof value === 'boolean' ? Number(value) : value;
}

async function insert(
  session: Session,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const marks = `(${columns.map(() => '?').join(', ')})`;
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const chunk = rows.slice(start, start + ROWS_PER_INSERT);
    await session.execute(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${chunk.map(() => marks).join(', ')}`,
      chunk.flat(),
    );
  }
}

interface Update {
  table: string;
  keys: readonly string[];
  columns: readonly string[];
  rows: readonly { key: readonly unknown[]; values: readonly unknown[] }[];
}

/** Updates many rows, each by its key; returns how many were found. One statement on MySQL, where each costs a round trip. */
async function update(
  session: Session,
  kind: Database['kind'],
  { table, keys, columns, rows }: Update,
): Promise<number> {
  if (kind === 'mysql' && rows.length > 1) {
    // `k0`… are the keys that were read, so that a column that is a key and a value (version) has both.
    const first = [...keys.map((_, i) => `? AS k${i}`), ...columns.map((column) => `? AS ${column}`)].join(', ');
    const others = rows.slice(1).map(() => ` UNION ALL SELECT ${[...keys, ...columns].map(() => '?').join(', ')}`);
    const values = `(SELECT ${first}${others.join('')})`;
    const match = keys.map((key, i) => `t.${key} = v.k${i}`).join(' AND ');
    const set = columns.map((column) => `t.${column} = v.${column}`).join(', ');
    return session.execute(
      `UPDATE ${table} t JOIN ${values} v ON ${match} SET ${set}`,
      rows.flatMap(({ key, values: changed }) => [...key, ...changed]),
    );
  }
  const set = columns.map((column) => `${column} = ?`).join(', ');
  const match = keys.map((key) => `${key} = ?`).join(' AND ');
  let found = 0;
  for (const { key, values } of rows) {
    found += await session.execute(`UPDATE ${table} SET ${set} WHERE ${match}`, [...values, ...key]);
  }
  return found;
}
