import { quoted, RowsMismatch, type Database, type GuardedStatement, type Session } from '../database/database';
import { isDuplicate } from '../database/failure';
import { assert } from '../errors';
import type { Decision } from './decide';
import { GRANTS_APP_ID } from './draft';
import { groupBy } from './group-by';
import { POOL_COLUMNS, resolutionKey } from './ledger.rows';
import type { ActionRecord, LedgerEntry, Pool } from './pool';
import { MOVED_BY_DEBITS } from './written-behind';

export const ENTRY_COLUMNS = [
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
const GRANT_COLUMNS = [
  'owner_id',
  'sequence',
  'source',
  'amount',
  'remaining',
  'effective_at',
  'expires_at',
  'revoked_at',
  'reason',
] as const;

/** A batch has about as many entries as commands; a statement of more is for pools that settle much at once. */
const ROWS_PER_STATEMENT = 1_000;

/** What a batch adds to or takes from; the other columns of a pool are set. */
const COUNTERS: ReadonlySet<keyof Pool> = new Set<keyof Pool>([
  'version',
  'lastSequence',
  'available',
  'held',
  'paused',
  'granted',
  'spent',
  'expired',
  'revoked',
  'usedThisPeriod',
  'uncountedActions',
  'shape',
]);
const MOVED: readonly (keyof Pool)[] = [...MOVED_BY_DEBITS, 'lastAt'];
/** How many pools of a statement may change otherwise than the others in any one column. */
const MOST_UNLIKE = 12;
/** MariaDB makes a subquery of an IN with a thousand values. */
const MOST_ALIKE = 400;

/** Another writer was faster: what was read is not what is there any more. The transaction runs again. */
export class LostUpdate extends Error {}

/** A key is taken although the pool is the one that was read: a replay that was decided without looking for its key. */
export class KeyTaken extends LostUpdate {}

/** Writes what changed, one INSERT of entries and one UPDATE per table, and commits, all in one round trip. */
export async function persistDecisions(
  session: Session,
  kind: Database['kind'],
  decisions: readonly Decision[],
): Promise<void> {
  const changed = decisions.filter((decision) => decision.changed);
  if (changed.length === 0) return;
  try {
    await session.finish([...poolUpdates(kind, changed), ...movements(kind, changed)]);
  } catch (error) {
    throw staleOf(error) ?? error;
  }
}

/** SQL in place of a value, on MySQL. */
export class Expression {
  constructor(readonly sql: string) {}
}

/** What a failed write says of what it was decided by; null where it says nothing of that. */
export function staleOf(error: unknown): LostUpdate | null {
  // The next sequence is taken: another writer was faster, and its entry is met before the version is looked at.
  // The pool's version was guarded before, so it is a key and not the next number that is taken.
  if (isDuplicate(error)) return new KeyTaken();
  return error instanceof RowsMismatch && error.meaning === 'LOST_UPDATE' ? new LostUpdate() : null;
}

/** Writes a pool that did not exist before. */
export async function persistNewPool(session: Session, kind: Database['kind'], decision: Decision): Promise<void> {
  const values = Object.keys(POOL_COLUMNS).map((property) => stored(decision.pool[property as keyof Pool]));
  const writes = [...insert(kind, 'pools', Object.values(POOL_COLUMNS), [values]), ...movements(kind, [decision])];
  const matched = await session.executeAll(writes);
  assert(
    writes.every(({ rows }, index) => matched[index] === rows),
    'a new pool is written whole',
  );
}

/** Guarded by what was read: a pool that changed in between fails the whole transaction, which runs again (hazard 1). */
function poolUpdates(kind: Database['kind'], decisions: readonly Decision[]): GuardedStatement[] {
  const properties = decisions.every(followsFromPool)
    ? MOVED
    : (Object.keys(POOL_COLUMNS) as (keyof Pool)[]).filter((property) =>
        decisions.some(({ before, pool }) => before[property] !== pool[property]),
      );
  const together = kind === 'mysql' && decisions.length > 1 && decisions.length <= MOST_ALIKE;
  const alike = together ? updateAlike(decisions, properties) : null;
  if (alike) return [alike];
  return update(kind, {
    table: 'pools',
    keys: ['owner_id', 'version'],
    columns: properties.map((property) => POOL_COLUMNS[property]),
    rows: decisions.map(({ ownerId, before, pool }) => ({
      key: [ownerId, before.version],
      values: properties.map((property) => stored(pool[property])),
    })),
    onMismatch: 'LOST_UPDATE',
  });
}

/**
 * One UPDATE for pools that change alike, as those of plain debits do, but for a few: cheaper than a join with a row for each.
 * Null where too many change otherwise. By the key and in its order, so that two writers lock pools in the same order (hazard 3).
 */
function updateAlike(decisions: readonly Decision[], properties: readonly (keyof Pool)[]): GuardedStatement | null {
  const assignments: string[] = [];
  for (const property of properties) {
    const column = POOL_COLUMNS[property];
    const from = COUNTERS.has(property) ? `${column} + ` : '';
    const changes = decisions.map(({ before, pool }) => {
      const after = stored(pool[property]);
      return from === '' ? after : Number(after) - Number(before[property]);
    });
    const usual = mostFrequent(changes);
    const others = decisions.flatMap(({ ownerId }, i) =>
      changes[i] === usual ? [] : [`WHEN ${ownerId} THEN ${changes[i]}`],
    );
    if (others.length > MOST_UNLIKE) return null;
    const value = others.length === 0 ? String(usual) : `CASE owner_id ${others.join(' ')} ELSE ${usual} END`;
    assignments.push(`${column} = ${from}${value}`);
  }
  const owners = decisions.map(({ ownerId }) => ownerId).join(', ');
  const versions = decisions.map(({ ownerId, before }) => `(${ownerId}, ${before.version})`).join(', ');
  return {
    sql: `UPDATE pools FORCE INDEX (PRIMARY) SET ${assignments.join(', ')} WHERE owner_id IN (${owners}) AND (owner_id, version) IN (${versions})`,
    parameters: [],
    rows: decisions.length,
    onMismatch: 'LOST_UPDATE',
  };
}

/** The value that more than half of them have, where there is one. */
function mostFrequent<T>(values: readonly T[]): T | undefined {
  let candidate: T | undefined;
  let lead = 0;
  for (const value of values) {
    if (lead === 0) candidate = value;
    lead += value === candidate ? 1 : -1;
  }
  return candidate;
}

/** Whether it is nothing but debits that follow from their pool: then their entries are all else that is written. */
function followsFromPool({ before, pool }: Decision): boolean {
  return pool.shape === before.shape;
}

function movements(kind: Database['kind'], decisions: readonly Decision[]): GuardedStatement[] {
  return [
    ...insert(kind, 'ledger_entries', ENTRY_COLUMNS, decisions.flatMap(entryRows)),
    ...otherWrites(
      kind,
      decisions.filter((decision) => !followsFromPool(decision)),
    ),
  ];
}

function otherWrites(kind: Database['kind'], decisions: readonly Decision[]): GuardedStatement[] {
  if (decisions.length === 0) return [];
  const holds = decisions.flatMap(({ actions }) => actions.filter((action) => action.status === 'HELD'));
  const meters = decisions.flatMap((decision) => decision.meters);
  return [
    ...decisions.flatMap(resolutions),
    ...grantWrites(kind, decisions),
    ...update(kind, {
      table: 'apps',
      // Its status and cap are what a debit was decided by: to change them raises the pool's version.
      keys: ['owner_id', 'id'],
      columns: ['used_this_period', 'counted_from'],
      rows: meters.map((meter) => ({
        key: [meter.ownerId, meter.appId],
        values: [meter.usedThisPeriod, meter.countedFrom],
      })),
      onMismatch: 'BUG',
    }),
    ...insert(
      kind,
      'holds',
      ['owner_id', 'sequence', 'expires_at'],
      holds.map((action) => [action.ownerId, action.sequence, action.holdExpiresAt]),
    ),
  ];
}

/** Actions that existed before and were resolved now: their status changes, and their open hold ends. */
function resolutions(decision: Decision): GuardedStatement[] {
  const { ownerId, openedKeys, recorded } = decision;
  const resolved = decision.actions.filter((action) => !openedKeys.has(action.sequence));
  // What is refunded was captured before, unless both came in one batch: then its hold was still open.
  const captured = new Set(recorded.filter(({ status }) => status === 'CAPTURED').map(({ sequence }) => sequence));
  return [...groupBy(resolved, (action) => action.status)].flatMap(([status, actions]): GuardedStatement[] => {
    const marks = actions.map(() => '?').join(', ');
    const sequences = actions.map((action) => action.sequence);
    const held = actions.filter(
      ({ holdExpiresAt, sequence }) => holdExpiresAt !== null && (status !== 'REFUNDED' || captured.has(sequence)),
    ).length;
    return [
      {
        sql: `UPDATE ledger_entries SET status = ? WHERE owner_id = ? AND sequence IN (${marks})`,
        parameters: [status, ownerId, ...sequences],
        rows: actions.length,
        onMismatch: 'BUG',
      },
      {
        sql: `DELETE FROM holds WHERE owner_id = ? AND sequence IN (${marks})`,
        parameters: [ownerId, ...sequences],
        rows: held,
        onMismatch: 'BUG',
      },
    ];
  });
}

function grantWrites(kind: Database['kind'], decisions: readonly Decision[]): GuardedStatement[] {
  const grants = decisions.flatMap(({ before, grants }) =>
    grants.map((grant) => ({ grant, opened: grant.sequence > before.lastSequence })),
  );
  const opened = grants.filter((grant) => grant.opened).map(({ grant }) => grant);
  const changed = grants.filter((grant) => !grant.opened).map(({ grant }) => grant);
  return [
    ...insert(
      kind,
      'grants',
      GRANT_COLUMNS,
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
    ),
    ...update(kind, {
      table: 'grants',
      keys: ['owner_id', 'sequence'],
      columns: ['remaining', 'revoked_at'],
      rows: changed.map((grant) => ({
        key: [grant.ownerId, grant.sequence],
        values: [grant.remaining, grant.revokedAt],
      })),
      onMismatch: 'BUG',
    }),
  ];
}

/** Rows of ENTRY_COLUMNS. */
export function entryRows(decision: Decision): unknown[][] {
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

function stored(value: number | boolean | null): number | null {
  return typeof value === 'boolean' ? Number(value) : value;
}

/** One statement for many rows on MySQL; on SQLite one prepared statement, run for each row: it is never parsed again. */
export function insert(
  kind: Database['kind'],
  table: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): GuardedStatement[] {
  if (kind === 'sqlite') {
    const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
    return rows.map((parameters) => ({ sql, parameters, rows: 1, onMismatch: null }));
  }
  const writes: GuardedStatement[] = [];
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const chunk = rows.slice(start, start + ROWS_PER_STATEMENT);
    // What is null in all rows is null anyway; each value that is not said need not be parsed.
    const said = columns.map((_, i) => i).filter((i) => chunk.some((row) => row[i] !== null));
    const values = chunk.map((row) => `(${said.map((i) => literal(row[i])).join(', ')})`);
    const sql = `INSERT INTO ${table} (${said.map((i) => columns[i]).join(', ')}) VALUES ${values.join(', ')}`;
    writes.push({ sql, parameters: [], rows: chunk.length, onMismatch: null });
  }
  return writes;
}

/** A value as SQL, for MySQL: which is cheaper than to have the driver look for its place. */
function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (Buffer.isBuffer(value)) return `x'${value.toString('hex')}'`;
  if (value instanceof Expression) return value.sql;
  return quoted(String(value));
}

interface Update {
  table: string;
  keys: readonly string[];
  columns: readonly string[];
  rows: readonly { key: readonly unknown[]; values: readonly unknown[] }[];
  onMismatch: GuardedStatement['onMismatch'];
}

/** Updates many rows, each by its key: in one statement on MySQL, in a prepared one for each row on SQLite. */
function update(kind: Database['kind'], { table, keys, columns, rows, onMismatch }: Update): GuardedStatement[] {
  if (kind === 'mysql' && rows.length > 1) {
    // `k0`… are the keys that were read, so that a column that is a key and a value (version) has both.
    const names = [...keys.map((_, i) => `k${i}`), ...columns];
    const selects = rows.map(({ key, values }, row) => {
      const selected = [...key, ...values].map(literal);
      // The first one names the columns.
      return `SELECT ${(row === 0 ? selected.map((sql, i) => `${sql} AS ${names[i]}`) : selected).join(', ')}`;
    });
    const match = keys.map((key, i) => `t.${key} = v.k${i}`).join(' AND ');
    const set = columns.map((column) => `t.${column} = v.${column}`).join(', ');
    return [
      {
        // In this order and by the key: a small table would be scanned, which locks rows of owners that are not of this batch.
        sql: `UPDATE (${selects.join(' UNION ALL ')}) v STRAIGHT_JOIN ${table} t FORCE INDEX (PRIMARY) ON ${match} SET ${set}`,
        parameters: [],
        rows: rows.length,
        onMismatch,
      },
    ];
  }
  if (kind === 'mysql') {
    return rows.map(({ key, values }) => ({
      sql: `UPDATE ${table} SET ${equal(columns, values).join(', ')} WHERE ${equal(keys, key).join(' AND ')}`,
      parameters: [],
      rows: 1,
      onMismatch,
    }));
  }
  const set = columns.map((column) => `${column} = ?`).join(', ');
  const match = keys.map((key) => `${key} = ?`).join(' AND ');
  const sql = `UPDATE ${table} SET ${set} WHERE ${match}`;
  return rows.map(({ key, values }) => ({ sql, parameters: [...values, ...key], rows: 1, onMismatch }));
}

function equal(columns: readonly string[], values: readonly unknown[]): string[] {
  return columns.map((column, i) => `${column} = ${literal(values[i])}`);
}
