import type { Database } from '../database/database';
import { notFound } from '../errors';
import { readActions } from '../ledger/actions.store';
import { ENTRY_READ_COLUMNS, entryOf, grantOf, type Row } from '../ledger/ledger.rows';
import type { ActionRecord, Grant, LedgerEntry } from '../ledger/pool';
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
}
