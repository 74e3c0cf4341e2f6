import type { Database } from '../database/database';
import { notFound } from '../errors';
import { readActions } from '../ledger/actions.store';
import { readGrant, readPool } from '../ledger/ledger.store';
import { ENTRY_READ_COLUMNS, entryOf, type Row } from '../ledger/ledger.rows';
import type { ActionRecord, Grant, LedgerEntry, Pool } from '../ledger/pool';
import type { LedgerExportReader } from './ledger-export';
import type { ExportedEntry } from './ledger-export.format';
import type { LedgerReader } from './ledger-reader';

/** The columns of an entry, of the table under the name `e`. */
const EXPORTED_COLUMNS = ENTRY_READ_COLUMNS.split(', ')
  .map((column) => `e.${column}`)
  .join(', ');

export class SqlLedgerReader implements LedgerReader, LedgerExportReader {
  constructor(private readonly database: Database) {}

  async grant(ownerId: number, sequence: number): Promise<{ grant: Grant; terms: { topUpsAllowed: boolean } }> {
    const read = await readGrant(this.database.reader, ownerId, sequence);
    if (!read) throw notFound('grant');
    return { grant: read.grant, terms: read.pool };
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

  async exportedEntries(
    ownerId: number,
    range: { afterSequence: number; upToSequence: number; limit: number },
  ): Promise<ExportedEntry[]> {
    // LEFT, so that the entries lead: no plan begins with the grants and sorts, and no entry is left out.
    const rows = await this.database.reader.query<Row>(
      `SELECT ${EXPORTED_COLUMNS}, g.source, a.app_id, a.action_type, a.idempotency_key, a.visitor
       FROM ledger_entries e
       LEFT JOIN grants g ON g.owner_id = e.owner_id AND g.sequence = e.grant_sequence
       LEFT JOIN ledger_entries a ON a.owner_id = e.owner_id AND a.sequence = e.action_sequence
       WHERE e.owner_id = ? AND e.sequence > ? AND e.sequence <= ? ORDER BY e.sequence LIMIT ?`,
      [ownerId, range.afterSequence, range.upToSequence, range.limit],
    );
    return rows.map(exportedEntryOf);
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

function exportedEntryOf(row: Row): ExportedEntry {
  const entry = entryOf(row);
  const action = {
    appId: Number(row['app_id']),
    type: String(row['action_type']),
    idempotencyKey: String(row['idempotency_key']),
    visitor: (row['visitor'] as string | null) ?? null,
  };
  return {
    ...entry,
    grantSource: row['source'] as ExportedEntry['grantSource'],
    action: entry.actionSequence === null ? null : action,
  };
}
