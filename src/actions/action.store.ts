import type { Database } from '../database/database';
import { actionsOf, readActions } from '../ledger/actions.store';
import { ACTION_COLUMNS, type Row } from '../ledger/ledger.rows';
import type { ActionRecord } from '../ledger/pool';
import { firstSequenceAt } from '../ledger/sequence-at.store';
import { entriesBy, FacetIndex, type SequenceRange } from './action-indexes.store';
import type { ActionFilter, ActionStore } from './list-actions';

/** How many rows one step examines at most; a frequent filter fills its page from the newest ones. */
const STEP_ROWS = 500;

/** Rows, newest first, and the number down to which everything has been looked at. */
interface Step {
  readonly rows: readonly Row[];
  readonly below: number;
}

/**
 * Lists actions without an index for each combination of filters (docs/adr/0010-indexes-of-lists.md): the newest rows
 * are looked through first, and what that does not fill is read from the index that gets furthest for the same number
 * of rows.
 */
export class SqlActionStore implements ActionStore {
  private readonly facetIndex: FacetIndex;

  constructor(private readonly database: Database) {
    this.facetIndex = new FacetIndex(database.reader, database.kind);
  }

  async page(filter: ActionFilter): Promise<ActionRecord[]> {
    const range = await this.rangeOf(filter);
    const rows: Row[] = [];
    let { below } = range;
    for (let first = true; rows.length < filter.limit && range.from < below; first = false) {
      const rest = { from: range.from, below };
      const missing = filter.limit - rows.length;
      const step = first ? await this.lookNearby(filter, rest, missing) : await this.step(filter, rest, missing);
      rows.push(...step.rows);
      below = step.below;
    }
    return actionsOf(this.database.reader, rows.slice(0, filter.limit));
  }

  async byId(ownerId: number, sequence: number): Promise<ActionRecord | null> {
    const [action] = await readActions(this.database.reader, [{ ownerId, sequences: [sequence] }]);
    return action ?? null;
  }

  /** An owner's actions never go back in time, so a span of time is a range of numbers. */
  private async rangeOf({ ownerId, from, to, beforeSequence }: ActionFilter): Promise<SequenceRange> {
    const { reader } = this.database;
    const [first, end, pools] = await Promise.all([
      from === null ? 1 : firstSequenceAt(reader, ownerId, from),
      to === null ? Infinity : firstSequenceAt(reader, ownerId, to),
      reader.query<Row>('SELECT last_sequence FROM pools WHERE owner_id = ?', [ownerId]),
    ]);
    const last = Number(pools[0]?.['last_sequence'] ?? 0);
    return { from: first, below: Math.min(end, beforeSequence ?? Infinity, last + 1) };
  }

  private async lookNearby(filter: ActionFilter, range: SequenceRange, limit: number): Promise<Step> {
    const from = Math.max(range.from, range.below - STEP_ROWS);
    return { rows: await this.select('primary', filter, { from, below: range.below }, limit), below: from };
  }

  private async step(filter: ActionFilter, range: SequenceRange, limit: number): Promise<Step> {
    const { visitor, type, appId, status } = filter;
    const faceted = type !== null || appId !== null || status !== null;
    if (visitor === null) {
      return faceted ? this.stepByFacets(filter, range, limit) : this.lookNearby(filter, range, limit);
    }
    const visitFloor = faceted ? await this.floorOfVisits(filter, range) : null;
    if (visitFloor === null) {
      return { rows: await this.select('visitors', filter, range, limit), below: range.from };
    }
    const sequences = await this.facetIndex.newest(filter, range, STEP_ROWS);
    const facetFloor = sequences.length < STEP_ROWS ? range.from : (sequences.at(-1) as number);
    if (facetFloor <= visitFloor) return { rows: await this.selectThese(filter, sequences), below: facetFloor };
    const visits = { from: visitFloor, below: range.below };
    return { rows: await this.select('visitors', filter, visits, limit), below: visitFloor };
  }

  private async stepByFacets(filter: ActionFilter, range: SequenceRange, limit: number): Promise<Step> {
    const sequences = await this.facetIndex.newest(filter, range, limit);
    const below = sequences.length < limit ? range.from : (sequences.at(-1) as number);
    return { rows: await this.selectThese(filter, sequences), below };
  }

  /** The number of a visitor's oldest action among the newest of one step; null where there are not so many. */
  private async floorOfVisits({ ownerId, visitor }: ActionFilter, range: SequenceRange): Promise<number | null> {
    const [row] = await this.database.reader.query<Row>(
      `SELECT sequence FROM ${entriesBy(this.database.kind, 'visitors')} WHERE owner_id = ? AND visitor = ?
       AND sequence >= ? AND sequence < ? ORDER BY sequence DESC LIMIT 1 OFFSET ${STEP_ROWS - 1}`,
      [ownerId, visitor, range.from, range.below],
    );
    return row ? Number(row['sequence']) : null;
  }

  private select(
    index: 'primary' | 'visitors',
    filter: ActionFilter,
    range: SequenceRange,
    limit: number,
  ): Promise<Row[]> {
    const conditions = conditionsOf(filter);
    return this.database.reader.query<Row>(
      `SELECT ${ACTION_COLUMNS} FROM ${entriesBy(this.database.kind, index)}
       WHERE ${conditions.sql} AND sequence >= ? AND sequence < ? ORDER BY sequence DESC LIMIT ?`,
      [...conditions.parameters, range.from, range.below, limit],
    );
  }

  /** Those of these actions that meet the whole filter, also now: a status may have changed since it was found. */
  private async selectThese(filter: ActionFilter, sequences: readonly number[]): Promise<Row[]> {
    if (sequences.length === 0) return [];
    const conditions = conditionsOf(filter);
    const rows = await this.database.reader.query<Row>(
      `SELECT ${ACTION_COLUMNS} FROM ${entriesBy(this.database.kind, 'primary')}
       WHERE ${conditions.sql} AND sequence IN (${sequences.map(() => '?').join(', ')})`,
      [...conditions.parameters, ...sequences],
    );
    return rows.sort((a, b) => Number(b['sequence']) - Number(a['sequence']));
  }
}

function conditionsOf({ ownerId, appId, type, status, visitor }: ActionFilter): {
  sql: string;
  parameters: unknown[];
} {
  const conditions: [string, unknown][] = [
    ['owner_id = ?', ownerId],
    ['app_id = ?', appId],
    ['action_type = ?', type],
    ['status = ?', status],
    // MySQL compares without regard to blanks at the end.
    ['visitor = ?', visitor],
    ['LENGTH(visitor) = LENGTH(?)', visitor],
  ];
  const given = conditions.filter(([, value]) => value !== null);
  return {
    sql: ["kind IN ('DEBIT', 'HOLD')", ...given.map(([sql]) => sql)].join(' AND '),
    parameters: given.map(([, value]) => value),
  };
}
