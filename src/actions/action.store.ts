import type { Database } from '../database/database';
import { actionsOf, readActions } from '../ledger/actions.store';
import { ACTION_COLUMNS, type Row } from '../ledger/ledger.rows';
import type { ActionRecord } from '../ledger/pool';
import type { ActionFilter, ActionStore } from './list-actions';

export class SqlActionStore implements ActionStore {
  constructor(private readonly database: Database) {}

  async page(filter: ActionFilter): Promise<ActionRecord[]> {
    const { ownerId, appId, type, status, visitor, from, to, beforeSequence, limit } = filter;
    const conditions: [string, unknown][] = [
      ['app_id = ?', appId],
      ['action_type = ?', type],
      ['status = ?', status],
      // MySQL compares without regard to blanks at the end.
      ['visitor = ?', visitor],
      ['LENGTH(visitor) = LENGTH(?)', visitor],
      ['at >= ?', from],
      ['at < ?', to],
      ['sequence < ?', beforeSequence],
    ];
    const given = conditions.filter(([, value]) => value !== null && value !== undefined);
    const rows = await this.database.reader.query<Row>(
      `SELECT ${ACTION_COLUMNS} FROM ledger_entries
       WHERE ${['owner_id = ?', "kind IN ('DEBIT', 'HOLD')", ...given.map(([sql]) => sql)].join(' AND ')}
       ORDER BY sequence DESC LIMIT ?`,
      [ownerId, ...given.map(([, value]) => value), limit],
    );
    return actionsOf(this.database.reader, rows);
  }

  async byId(ownerId: number, sequence: number): Promise<ActionRecord | null> {
    const [action] = await readActions(this.database.reader, [{ ownerId, sequences: [sequence] }]);
    return action ?? null;
  }
}
