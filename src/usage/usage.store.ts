import type { Instant } from '../clock';
import type { Database, Session, Statement } from '../database/database';
import { firstSequenceAt } from '../ledger/sequence-at.store';
import { QUARTER_MS, type BucketRun, type TimeSpan } from './calendar';
import type { RecentUse, UsageCount, UsageScope, UsageStore } from './usage';
import type { FoldStore } from './usage-fold';

type Row = Record<string, unknown>;

/** Counts of one statement; the entries of a fold rarely make more than a few. */
const ROWS_PER_STATEMENT = 200;

/** How often each quarter, app and type was used, and how far the ledger is counted. */
export class SqlUsageStore implements UsageStore, FoldStore {
  constructor(private readonly database: Database) {}

  fold(ownerId: number, limit: number): Promise<boolean> {
    return this.database.write(async (session) => {
      const [marks] = await session.query<Row>(
        `SELECT o.usage_sequence, p.last_sequence FROM owners o JOIN pools p ON p.owner_id = o.id WHERE o.id = ?`,
        [ownerId],
      );
      const counted = Number(marks?.['usage_sequence'] ?? 0);
      const last = Number(marks?.['last_sequence'] ?? 0);
      const upTo = Math.min(counted + limit, last);
      if (upTo === counted) return false;
      // Guarded by what was read: whoever moved the mark meanwhile has counted these entries.
      const moved = await session.execute('UPDATE owners SET usage_sequence = ? WHERE id = ? AND usage_sequence = ?', [
        upTo,
        ownerId,
        counted,
      ]);
      if (moved === 0) return true;
      const changes = await readChanges(session, ownerId, { after: counted, upTo });
      await session.executeAll(this.additions(ownerId, changes));
      return upTo < last;
    });
  }

  async counted(scope: UsageScope, span: TimeSpan, runs: readonly BucketRun[]): Promise<UsageCount[]> {
    const { apart, where, parameters } = selection(scope);
    const used = await this.usedSpan(scope.ownerId);
    const statements = runs.flatMap((run): Statement[] => {
      const from = Math.max(run.from, span.from, used.from);
      const to = Math.min(run.to, span.to, used.to);
      if (to <= from) return [];
      return [
        {
          sql: `SELECT starts_at - (starts_at - ?) % ? AS bucket${apart},
              SUM(credits) AS credits, SUM(refunded) AS refunded
            FROM usage_counts WHERE owner_id = ? AND starts_at >= ? AND starts_at < ?${where} GROUP BY bucket${apart}`,
          parameters: [run.from, run.lengthMs, scope.ownerId, from, to, ...parameters],
        },
      ];
    });
    const pages = await this.database.reader.queryAll<Row>(statements);
    return pages.flat().map((row) => ({ ...countOf(row), start: Number(row['bucket']) }));
  }

  async listed(scope: UsageScope, { from, to }: TimeSpan): Promise<Omit<UsageCount, 'start'>[]> {
    const { reader } = this.database;
    const first = await firstSequenceAt(reader, scope.ownerId, from);
    const next = await firstSequenceAt(reader, scope.ownerId, to);
    if (next === first) return [];
    const { apart, where, parameters } = selection(scope);
    const rows = await reader.query<Row>(
      `SELECT COUNT(CASE WHEN status <> 'VOIDED' THEN 1 END) AS credits,
         COUNT(CASE WHEN status = 'REFUNDED' THEN 1 END) AS refunded${apart}
       FROM ledger_entries WHERE owner_id = ? AND sequence >= ? AND sequence < ? AND kind IN ('DEBIT', 'HOLD')${where}
       ${apart && `GROUP BY ${apart.slice(2)}`}`,
      [scope.ownerId, first, next, ...parameters],
    );
    return rows.map(countOf);
  }

  async hasEntriesFrom(ownerId: number, instant: Instant): Promise<boolean> {
    const [last] = await this.database.reader.query<Row>(
      'SELECT at FROM ledger_entries WHERE owner_id = ? ORDER BY sequence DESC LIMIT 1',
      [ownerId],
    );
    return Number(last?.['at'] ?? -Infinity) >= instant;
  }

  async usedSince(ownerId: number, quarter: Instant): Promise<RecentUse> {
    const { reader } = this.database;
    const [row] = await reader.query<Row>(
      `SELECT o.created_at, o.usage_sequence, p.last_sequence, p.period_start, p.used_this_period,
         (SELECT SUM(credits) - SUM(refunded) FROM usage_counts WHERE owner_id = o.id AND starts_at >= ?) AS credits
       FROM owners o JOIN pools p ON p.owner_id = o.id WHERE o.id = ?`,
      [quarter, ownerId],
    );
    const number = (column: string) => Number(row?.[column] ?? 0);
    // Debits go on: what this pool has, and its counts have not yet.
    const stretch = { after: number('usage_sequence'), upTo: number('last_sequence') };
    const changes = stretch.upTo > stretch.after ? await readChanges(reader, ownerId, stretch) : [];
    const uncounted = changes
      .filter((change) => Number(change['starts_at']) >= quarter)
      .reduce((sum, change) => sum + Number(change['credits']) - Number(change['refunded']), 0);
    return {
      credits: number('credits') + uncounted,
      createdAt: number('created_at'),
      periodStart: number('period_start'),
      usedThisPeriod: number('used_this_period'),
    };
  }

  /**
   * From the first quarter with usage to the end of the last: years of months may be asked for, each a run of its
   * own.
   */
  private async usedSpan(ownerId: number): Promise<TimeSpan> {
    const [row] = await this.database.reader.query<Row>(
      `SELECT (SELECT MIN(starts_at) FROM usage_counts WHERE owner_id = ?) AS earliest,
         (SELECT MAX(starts_at) FROM usage_counts WHERE owner_id = ?) AS latest`,
      [ownerId, ownerId],
    );
    return { from: Number(row?.['earliest'] ?? 0), to: Number(row?.['latest'] ?? -QUARTER_MS) + QUARTER_MS };
  }

  private additions(ownerId: number, changes: readonly Row[]): Statement[] {
    const increase =
      this.database.kind === 'mysql'
        ? 'ON DUPLICATE KEY UPDATE credits = credits + VALUES(credits), refunded = refunded + VALUES(refunded)'
        : `ON CONFLICT (owner_id, starts_at, app_id, action_type)
           DO UPDATE SET credits = credits + excluded.credits, refunded = refunded + excluded.refunded`;
    const statements: Statement[] = [];
    for (let start = 0; start < changes.length; start += ROWS_PER_STATEMENT) {
      const rows = changes.slice(start, start + ROWS_PER_STATEMENT);
      statements.push({
        sql: `INSERT INTO usage_counts (owner_id, starts_at, app_id, action_type, credits, refunded)
          VALUES ${rows.map(() => '(?, ?, ?, ?, ?, ?)').join(', ')} ${increase}`,
        parameters: rows.flatMap((row) => [
          ownerId,
          ...['starts_at', 'app_id'].map((column) => Number(row[column])),
          row['action_type'],
          ...['credits', 'refunded'].map((column) => Number(row[column])),
        ]),
      });
    }
    return statements;
  }
}

/**
 * What a stretch of entries adds to the counts of the quarters in which its actions were opened. It is made from the
 * entries alone, which never change: an action's status tells also what came after the stretch, and would be counted
 * again.
 */
function readChanges(session: Session, ownerId: number, stretch: { after: number; upTo: number }): Promise<Row[]> {
  return session.query<Row>(
    `SELECT a.at - a.at % ${QUARTER_MS} AS starts_at, a.app_id, a.action_type,
       SUM(CASE e.kind WHEN 'VOID' THEN -1 WHEN 'REFUND' THEN 0 ELSE 1 END) AS credits,
       SUM(CASE e.kind WHEN 'REFUND' THEN 1 ELSE 0 END) AS refunded
     FROM ledger_entries e JOIN ledger_entries a ON a.owner_id = e.owner_id AND a.sequence = e.action_sequence
     WHERE e.owner_id = ? AND e.sequence > ? AND e.sequence <= ? AND e.kind IN ('DEBIT', 'HOLD', 'VOID', 'REFUND')
     GROUP BY a.at - a.at % ${QUARTER_MS}, a.app_id, a.action_type`,
    [ownerId, stretch.after, stretch.upTo],
  );
}

/** The column that keeps counts apart, and the condition on the app. */
function selection({ appId, apart }: UsageScope) {
  return {
    apart: apart === 'APP' ? ', app_id' : apart === 'TYPE' ? ', action_type' : '',
    where: appId === null ? '' : ' AND app_id = ?',
    parameters: appId === null ? [] : [appId],
  };
}

function countOf(row: Row): Omit<UsageCount, 'start'> {
  return {
    appId: row['app_id'] === undefined ? null : Number(row['app_id']),
    type: row['action_type'] === undefined ? null : String(row['action_type']),
    credits: Number(row['credits']),
    refunded: Number(row['refunded']),
  };
}
