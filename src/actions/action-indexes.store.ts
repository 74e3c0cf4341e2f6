import type { DatabaseKind } from '../database/connection-options';
import type { Session } from '../database/database';
import type { Row } from '../ledger/ledger.rows';
import type { ActionStatus } from '../ledger/pool';
import { ACTION_CATALOGUE } from './action-catalogue';

/** From the number `from` up to, not including, `below`. */
export interface SequenceRange {
  readonly from: number;
  readonly below: number;
}

/** What the facet index tells of an action; null: whichever. */
export interface Facets {
  readonly ownerId: number;
  readonly type: string | null;
  readonly appId: number | null;
  readonly status: ActionStatus | null;
}

interface Facet {
  readonly type: string;
  readonly appId: number;
  readonly status: ActionStatus;
}

const STATUSES: readonly ActionStatus[] = ['HELD', 'CAPTURED', 'VOIDED', 'REFUNDED'];
const KNOWN_TYPES = ['', ...ACTION_CATALOGUE.map(({ type }) => type)];

/**
 * Scalar subqueries in one statement: below what SQLite takes as columns and what MySQL parses in a few milliseconds.
 */
const HEADS_PER_STATEMENT = 200;

const INDEXES = {
  primary: { mysql: 'PRIMARY', sqlite: 'sqlite_autoindex_ledger_entries_1' },
  facets: { mysql: 'ledger_entries_facets', sqlite: 'ledger_entries_facets' },
  visitors: { mysql: 'ledger_entries_visitors', sqlite: 'ledger_entries_visitors' },
} as const;

/** The table with the index to use: statistics, of a fresh table above all, choose scans of a million rows. */
export function entriesBy(kind: DatabaseKind, index: keyof typeof INDEXES): string {
  return kind === 'mysql'
    ? `ledger_entries FORCE INDEX (${INDEXES[index].mysql})`
    : `ledger_entries INDEXED BY ${INDEXES[index].sqlite}`;
}

/**
 * Reads the index (owner, type, app, status, sequence) as one list, whichever of its columns are given: each
 * combination of type, app and status is a run of that index, newest last, and the runs are merged. How many rows
 * that takes depends on how many runs there are and how many actions are wanted, not on how many actions there are.
 */
export class FacetIndex {
  private readonly entries: string;

  constructor(
    private readonly session: Session,
    kind: DatabaseKind,
  ) {
    this.entries = entriesBy(kind, 'facets');
  }

  /** The numbers of the newest actions in a range, newest first, at most `limit`. */
  async newest(facets: Facets, range: SequenceRange, limit: number): Promise<number[]> {
    const { ownerId } = facets;
    const runs = await this.runsOf(facets);
    const heads = (await this.headsOf(ownerId, runs, range)).sort((a, b) => b.head - a.head).slice(0, limit);
    if (heads.length === 0) return [];
    // That many newer ones there are already, so nothing below the last head is among the newest.
    const from = heads.length === limit ? (heads.at(-1)?.head as number) : range.from;
    const branches = heads.map(({ run }) => this.branch('sequence', ownerId, run, { from, below: range.below }));
    const rows = await this.session.query<Row>(
      branches.map(({ sql }, index) => `SELECT sequence FROM (${sql} LIMIT ?) r${index}`).join(' UNION ALL '),
      branches.flatMap(({ parameters }) => [...parameters, limit]),
    );
    return rows
      .map((row) => Number(row['sequence']))
      .sort((a, b) => b - a)
      .slice(0, limit);
  }

  /** The runs that may have actions; of an owner's many apps only those that have some. */
  private async runsOf({ ownerId, type, appId, status }: Facets): Promise<Facet[]> {
    const types = type === null ? await this.typesOf(ownerId) : [type];
    const statuses = status === null ? STATUSES : [status];
    const kinds = types.flatMap((type) => statuses.map((status) => ({ type, status })));
    if (kinds.length === 0 || appId !== null) return kinds.map((kind) => ({ ...kind, appId: appId as number }));
    // One look-up of the index for each app and kind, within one statement of a few subqueries.
    const marks = kinds.map(
      (_, index) => `(SELECT 1 FROM ${this.entries} WHERE owner_id = a.owner_id AND action_type = ? AND app_id = a.id
        AND status = ? LIMIT 1) AS k${index}`,
    );
    const rows = await this.session.query<Row>(`SELECT a.id, ${marks.join(', ')} FROM apps a WHERE a.owner_id = ?`, [
      ...kinds.flatMap(({ type, status }) => [type, status]),
      ownerId,
    ]);
    return rows.flatMap((row) =>
      kinds.filter((_, index) => row[`k${index}`] !== null).map((kind) => ({ ...kind, appId: Number(row['id']) })),
    );
  }

  /** The newest action of each run that has one in the range. */
  private async headsOf(
    ownerId: number,
    runs: readonly Facet[],
    range: SequenceRange,
  ): Promise<{ run: Facet; head: number }[]> {
    const heads = await this.scalars(runs.map((run) => this.branch('sequence', ownerId, run, range)));
    return runs.flatMap((run, index) => (heads[index] === null ? [] : [{ run, head: Number(heads[index]) }]));
  }

  private branch(column: string, ownerId: number, run: Facet, range: SequenceRange) {
    return {
      sql: `SELECT ${column} FROM ${this.entries} WHERE owner_id = ? AND action_type = ? AND app_id = ? AND status = ?
        AND sequence >= ? AND sequence < ? ORDER BY sequence DESC`,
      parameters: [ownerId, run.type, run.appId, run.status, range.from, range.below],
    };
  }

  /** The types that an owner's actions have: the one after each that is known, until no unknown one turns up. */
  private async typesOf(ownerId: number): Promise<string[]> {
    const found = new Set<string>();
    for (let known = KNOWN_TYPES; known.length > 0;) {
      const next = await this.scalars(
        known.map((type) => ({
          sql: `SELECT action_type FROM ${this.entries} WHERE owner_id = ? AND action_type > ? ORDER BY action_type`,
          parameters: [ownerId, type],
        })),
      );
      const unseen = new Set(next.filter((type) => type !== null && !found.has(type as string)) as string[]);
      for (const type of unseen) found.add(type);
      // A type that left the catalogue may be followed by another one.
      known = [...unseen].filter((type) => !KNOWN_TYPES.includes(type));
    }
    return [...found];
  }

  /** The first value of each SELECT, or null, in one round trip where they are not too many. */
  private async scalars(
    selects: readonly { readonly sql: string; readonly parameters: readonly unknown[] }[],
  ): Promise<unknown[]> {
    const values: unknown[] = [];
    for (let start = 0; start < selects.length; start += HEADS_PER_STATEMENT) {
      const chunk = selects.slice(start, start + HEADS_PER_STATEMENT);
      const [row] = await this.session.query<Row>(
        `SELECT ${chunk.map(({ sql }, index) => `(${sql} LIMIT 1) AS v${index}`).join(', ')}`,
        chunk.flatMap(({ parameters }) => parameters),
      );
      values.push(...chunk.map((_, index) => row?.[`v${index}`] ?? null));
    }
    return values;
  }
}
