import type { Database } from '../database/database';
import { ACTION_COLUMNS, actionOf, type Row } from '../ledger/ledger.rows';
import { readPools } from '../ledger/ledger.store';
import { snapshotOf, type ActionRecord, type ActionStatus, type BalanceSnapshot } from '../ledger/pool';
import type { FeedReader, PoolMark, RecordedAction } from './balance-feed';

/** The columns of an action's opening entry, of the table under the name `a`. */
const OPENING_COLUMNS = ACTION_COLUMNS.split(/,\s+/)
  .map((column) => `a.${column}`)
  .join(', ');

/** What an entry of this kind made of its action. Entries of other kinds are about grants alone. */
const STATUS_AFTER: Readonly<Record<string, ActionStatus>> = {
  DEBIT: 'CAPTURED',
  HOLD: 'HELD',
  CAPTURE: 'CAPTURED',
  VOID: 'VOIDED',
  REFUND: 'REFUNDED',
};

export class SqlFeedReader implements FeedReader {
  constructor(private readonly database: Database) {}

  async marks(ownerIds: readonly number[]): Promise<PoolMark[]> {
    const rows = await this.database.reader.query<Row>(
      `SELECT owner_id, version, last_sequence FROM pools WHERE owner_id IN (${ownerIds.map(() => '?').join(', ')})`,
      ownerIds,
    );
    return rows.map((row) => ({
      ownerId: Number(row['owner_id']),
      version: Number(row['version']),
      lastSequence: Number(row['last_sequence']),
    }));
  }

  async balances(ownerIds: readonly number[]): Promise<BalanceSnapshot[]> {
    const read = await readPools(this.database.reader, ownerIds);
    return read.map(({ pool, openGrants }) => snapshotOf(pool, openGrants));
  }

  async recordedAfter(
    ownerId: number,
    afterSequence: number,
    limit: number,
  ): Promise<{ recorded: RecordedAction[]; lastSequence: number }> {
    // LEFT, so that the entries lead and those about grants alone are counted too.
    const rows = await this.database.reader.query<Row>(
      `SELECT e.sequence AS entry_sequence, e.kind AS entry_kind, e.at AS entry_at, e.reason AS entry_reason,
         ${OPENING_COLUMNS}
       FROM ledger_entries e
       LEFT JOIN ledger_entries a ON a.owner_id = e.owner_id AND a.sequence = e.action_sequence
       WHERE e.owner_id = ? AND e.sequence > ? ORDER BY e.sequence LIMIT ?`,
      [ownerId, afterSequence, limit],
    );
    return {
      recorded: rows.flatMap(recordedOf),
      lastSequence: Number(rows.at(-1)?.['entry_sequence'] ?? afterSequence),
    };
  }
}

/** The action as the entry left it, whatever has become of it since. */
function recordedOf(row: Row): RecordedAction[] {
  const kind = String(row['entry_kind']);
  const status = STATUS_AFTER[kind];
  if (!status) return [];
  const opened: ActionRecord = { ...actionOf(row), status };
  const sequence = Number(row['entry_sequence']);
  if (kind === 'DEBIT' || kind === 'HOLD') return [{ sequence, action: opened }];
  const reason = (row['entry_reason'] as string | null) ?? null;
  return [{ sequence, action: { ...opened, resolvedAt: Number(row['entry_at']), reason } }];
}
