import { LessThan } from 'typeorm';
import type { Instant } from '../clock';
import type { Database } from '../database/database';
import { DomainError } from '../errors';
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
    const row = await this.database.reader.manager.findOneBy(AppRow, { ownerId, id });
    return row && appOf(row);
  }

  async page(ownerId: number, options: { beforeId: number; limit: number }): Promise<App[]> {
    const rows = await this.database.reader.manager.find(AppRow, {
      where: { ownerId, id: LessThan(options.beforeId) },
      order: { id: 'DESC' },
      take: options.limit,
    });
    return rows.map(appOf);
  }

  async update(ownerId: number, id: number, { allowedOrigins, ...changes }: AppChanges): Promise<App | null> {
    const columns = { ...changes, ...(allowedOrigins && { allowedOrigins: JSON.stringify(allowedOrigins) }) };
    if (Object.keys(columns).length > 0) {
      await this.database.write(async (session) => {
        // The pool's lock puts the change between two debits: it holds from the next one on, everywhere.
        if (this.database.kind === 'mysql') {
          await session.query('SELECT owner_id FROM pools WHERE owner_id = ? FOR UPDATE', [ownerId]);
        }
        await session.manager.update(AppRow, { ownerId, id }, columns);
      });
    }
    return this.byId(ownerId, id);
  }
}

function appOf(row: AppRow): App {
  return { ...row, allowedOrigins: JSON.parse(row.allowedOrigins) as string[] };
}
