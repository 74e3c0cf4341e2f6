import type { Instant } from '../clock';
import type { Database } from '../database/database';
import { DomainError } from '../errors';
import { meterOf } from '../ledger/ledger.rows';
import { currentMeter } from '../ledger/written-behind';
import { AppRow } from './app.entity';
import type { App, AppChanges, AppStore, NewApp } from './apps';

export class SqlAppStore implements AppStore {
  constructor(private readonly database: Database) {}

  /** The pool's lock makes one app of an owner come after the other, so that none exceeds maxApps and numbers never meet. */
  async create(app: NewApp, now: Instant): Promise<App | null> {
    return this.database.write(async (session) => {
      const lock = this.database.kind === 'mysql' ? ' FOR UPDATE' : '';
      const [pool] = await session.query<{ plan_id: number }>(`SELECT plan_id FROM pools WHERE owner_id = ?${lock}`, [
        app.ownerId,
      ]);
      if (!pool) return null;
      const [plan] = await session.query<{ max_apps: number | null }>('SELECT max_apps FROM plans WHERE id = ?', [
        pool.plan_id,
      ]);
      const [apps] = await session.query<{ number: unknown; last: unknown }>(
        'SELECT COUNT(*) AS number, MAX(id) AS last FROM apps WHERE owner_id = ?',
        [app.ownerId],
      );
      const maxApps = plan?.max_apps ?? null;
      if (maxApps !== null && Number(apps?.number ?? 0) >= maxApps) {
        throw new DomainError('LIMIT_REACHED', `The plan allows at most ${maxApps} apps.`, { maxApps });
      }
      const created: App = {
        ...app,
        id: Number(apps?.last ?? 0) + 1,
        status: 'ACTIVE',
        usedThisPeriod: 0,
        countedFrom: 0,
        createdAt: now,
      };
      await session.manager.insert(AppRow, { ...created, allowedOrigins: JSON.stringify(created.allowedOrigins) });
      return created;
    });
  }

  async byId(ownerId: number, id: number): Promise<App | null> {
    const sql = `SELECT ${COLUMNS} WHERE a.owner_id = ? AND a.id = ?`;
    const [row] = await this.database.reader.query<Row>(sql, [ownerId, id]);
    return row ? appOf(row) : null;
  }

  async page(ownerId: number, options: { beforeId: number; limit: number }): Promise<App[]> {
    const sql = `SELECT ${COLUMNS} WHERE a.owner_id = ? AND a.id < ? ORDER BY a.id DESC LIMIT ?`;
    const rows = await this.database.reader.query<Row>(sql, [ownerId, options.beforeId, options.limit]);
    return rows.map(appOf);
  }

  async update(ownerId: number, id: number, { allowedOrigins, ...changes }: AppChanges): Promise<App | null> {
    const columns = { ...changes, ...(allowedOrigins && { allowedOrigins: JSON.stringify(allowedOrigins) }) };
    if (Object.keys(columns).length > 0) {
      await this.database.write(async (session) => {
        // What debits are decided by is another pool from now on: the change comes between two of them, everywhere.
        await session.execute('UPDATE pools SET version = version + 1, shape = shape + 1 WHERE owner_id = ?', [
          ownerId,
        ]);
        await session.manager.update(AppRow, { ownerId, id }, columns);
      });
    }
    return this.byId(ownerId, id);
  }
}

type Row = Record<string, unknown>;

const COLUMNS = `a.owner_id, a.id, a.name, a.status, a.credit_cap, a.used_this_period, a.counted_from, a.allowed_origins,
  a.created_at, p.period_start, p.uncounted_app_id, p.uncounted_actions
  FROM apps a JOIN pools p ON p.owner_id = a.owner_id`;

/** An app whose counter includes what the pool has counted for it. */
function appOf(row: Row): App {
  const pool = {
    periodStart: Number(row['period_start']),
    uncountedAppId: row['uncounted_app_id'] === null ? null : Number(row['uncounted_app_id']),
    uncountedActions: Number(row['uncounted_actions']),
  };
  const { appId: id, ...meter } = currentMeter(pool, meterOf(row));
  return {
    ...meter,
    id,
    name: String(row['name']),
    allowedOrigins: JSON.parse(String(row['allowed_origins'])) as string[],
    createdAt: Number(row['created_at']),
  };
}
