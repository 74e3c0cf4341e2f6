import type { Database } from '../database/database';
import { notFound } from '../errors';
import { readActions } from '../ledger/actions.store';
import { readPool } from '../ledger/ledger.store';
import { ENTRY_READ_COLUMNS, entryOf, grantOf, type Row } from '../ledger/ledger.rows';
import type { ActionRecord, Grant, LedgerEntry, Pool } from '../ledger/pool';
import type { LedgerReader } from './ledger-reader';

export class SqlLedgerReader implements LedgerReader {
  constructor(private readonly database: Database) {}

  async grant(ownerId: number, sequence: number): Promise<{ grant: Grant; terms: { topUpsAllowed: boolean } }> {
    const [row] = await this.database.reader.query<Row>(
      `SELECT g.owner_id, g.sequence, g.source, g.amount, g.remaining, g.effective_at, g.expires_at, g.revoked_at,
         g.reason, p.top_ups_allowed
       FROM grants g JOIN pools p ON p.owner_id = g.owner_id WHERE g.owner_id = ? AND g.sequence = ?`,
      [ownerId, sequence],
    );
    if (!row) throw notFound('grant');
    return { grant: grantOf(row), terms: { topUpsAllowed: Number(row['top_ups_allowed']) === 1 } };
  }

  async action(ownerId: number, sequence: number): Promise<ActionRecord> {
    const [action] = await readActions(this.database.reader, [{ ownerId, sequences: [sequence] }]);
    if (!action) throw notFound('action');
    return action;
  }

  async entry(ownerId: number, sequence: number): Promise<LedgerEntry> {
    const [row] = await this.database.reader.query<Row>(
      `SELECT ${ENTRY_READ_COLUMNS} FROM ledger_entries WHERE owner_id = ? AND sequence = ?`,
      [ownerId, sequence],
    );
    if (!row) throw notFound('ledger entry');
    return entryOf(row);
  }

  async entriesAfter(ownerId: number, afterSequence: number, limit: number): Promise<LedgerEntry[]> {
    const rows = await this.database.reader.query<Row>(
      `SELECT ${ENTRY_READ_COLUMNS} FROM ledger_entries WHERE owner_id = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
      [ownerId, afterSequence, limit],
    );
    return rows.map(entryOf);
  }

  pool(ownerId: number): Promise<{ pool: Pool; openGrants: Grant[] } | null> {
    return readPool(this.database.reader, ownerId);
  }

  async ownersAfter(ownerId: number, limit: number): Promise<number[]> {
    const rows = await this.database.reader.query<Row>(
      'SELECT owner_id FROM pools WHERE owner_id > ? ORDER BY owner_id LIMIT ?',
      [ownerId, limit],
    );
    return rows.map((row) => Number(row['owner_id']));
  }
}
