import 'reflect-metadata';
import { copyFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { databaseKind } from '../../src/database/connection-options';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import type { SqliteDatabase } from '../../src/database/sqlite-driver';
import { SqlLedgerReader } from '../../src/balances/ledger-reader.store';
import { decideOpening } from '../../src/ledger/decide';
import { METER_COLUMNS, meterOf, type Row } from '../../src/ledger/ledger.rows';
import { SqlLedgerStore } from '../../src/ledger/ledger.store';
import type { ActionRecord, AppMeter } from '../../src/ledger/pool';
import { readActions } from '../../src/ledger/actions.store';
import { SqlAppStore } from '../../src/apps/app.store';
import { SqlOwnerStore } from '../../src/owners/owner.store';
import { SqlPlanStore } from '../../src/plans/plan.store';
import type { NaiveTerms } from '../support/naive-plans';
import { FaultPoints } from './faults';
import { makeMysqlFaulty, type MysqlPool } from './faulty-mysql';
import { makeSqliteFaulty } from './faulty-sqlite';
import type { Books, Cast, Stage } from './stage';
import type { World } from './world';

const MOST_ENTRIES = 1_000_000;
const LEFT = '.left';

/** A database that is open, and the stores of it that a stage uses. */
interface Opened {
  readonly url: string;
  readonly database: Database;
  readonly store: SqlLedgerStore;
  readonly reader: SqlLedgerReader;
  readonly plans: SqlPlanStore;
  readonly owners: SqlOwnerStore;
  readonly apps: SqlAppStore;
}

/** The real ledger over its real store; plans, owners and apps are changed by the stores that the API uses. */
export class SqlStage implements Stage {
  private lastPlanCode = 0;
  private lastOwnerId = 0;
  /** The URL of what was left by a process that was killed. */
  private left: string | null = null;

  private constructor(
    private opened: Opened,
    readonly faults: FaultPoints,
    private readonly drop: () => Promise<void>,
  ) {
    this.makeFaulty();
  }

  /** Opens an empty database and makes its tables. `drop` removes it when the stage is closed. */
  static async open(databaseUrl: string, drop: () => Promise<void>): Promise<SqlStage> {
    const stage = new SqlStage(await openAt(databaseUrl), new FaultPoints(databaseKind(databaseUrl)), drop);
    await stage.opened.database.migrate();
    return stage;
  }

  get store(): SqlLedgerStore {
    return this.opened.store;
  }

  async begin({ plans, owners, beginning: at }: World): Promise<Cast> {
    const named = plans.map((terms) => {
      this.lastPlanCode += 1;
      return { ...terms, code: `plan-${this.lastPlanCode}`, name: 'a plan', maxApps: null };
    });
    const created = await this.opened.plans.create(named, 0);
    const planIds = created.map(({ id }) => id);
    // Not by the owner store: its ids are random, and what they decide must be the same when a world is played again.
    const ownerIds = owners.map(() => (this.lastOwnerId += 1));
    await this.opened.database.write(async (session) => {
      for (const [number, { plan, apps }] of owners.entries()) {
        const ownerId = ownerIds[number] as number;
        for (const appId of apps) {
          await session.execute(
            `INSERT INTO apps (owner_id, id, name, status, credit_cap, used_this_period, counted_from, allowed_origins,
               created_at) VALUES (?, ?, 'an app', 'ACTIVE', NULL, 0, 0, '[]', 0)`,
            [ownerId, appId],
          );
        }
        const terms = plans[plan] as NaiveTerms;
        const opening = decideOpening({ ownerId, planId: planIds[plan] as number, terms, at });
        await this.store.insertPool(session, opening);
      }
    });
    return { plans: planIds, owners: ownerIds };
  }

  async setApp(ownerId: number, appId: number, change: Pick<AppMeter, 'status' | 'creditCap'>): Promise<void> {
    await this.opened.apps.update(ownerId, appId, change);
  }

  async setSuspended(ownerId: number, suspendedAt: number | null): Promise<void> {
    await this.opened.owners.update(ownerId, { suspendedAt });
  }

  async editPlan(planId: number, terms: NaiveTerms, at: number): Promise<void> {
    await this.opened.plans.update(planId, terms, at);
  }

  async books(ownerId: number, afterSequence: number): Promise<Books> {
    const { reader, database } = this.opened;
    const read = await reader.pool(ownerId);
    if (!read) throw new Error('The owner of a world has a pool.');
    const sql = `SELECT ${METER_COLUMNS} FROM apps WHERE owner_id = ? ORDER BY id`;
    const meters = await database.reader.query<Row>(sql, [ownerId]);
    const entries = await reader.entriesAfter(ownerId, afterSequence, MOST_ENTRIES);
    return { ...read, apps: meters.map(meterOf), entries };
  }

  async actions(ownerId: number): Promise<ActionRecord[]> {
    const { reader } = this.opened.database;
    const rows = await reader.query<Row>(
      "SELECT sequence FROM ledger_entries WHERE owner_id = ? AND kind IN ('DEBIT', 'HOLD')",
      [ownerId],
    );
    const sequences = rows.map((row) => Number(row['sequence']));
    const actions = await readActions(reader, [{ ownerId, sequences }]);
    return actions.sort((a, b) => a.sequence - b.sequence);
  }

  async end({ plans, owners }: Cast): Promise<void> {
    await this.opened.database.write(async (session) => {
      for (const ownerId of owners) {
        for (const table of ['ledger_entries', 'grants', 'holds', 'pools', 'apps']) {
          await session.execute(`DELETE FROM ${table} WHERE owner_id = ?`, [ownerId]);
        }
      }
      for (const planId of plans) {
        await session.execute('DELETE FROM plan_terms WHERE plan_id = ?', [planId]);
        await session.execute('DELETE FROM plans WHERE id = ?', [planId]);
      }
    });
  }

  /** On MySQL the server ends what a lost connection had left open; on SQLite whoever opens the file finds it undone. */
  async restart(): Promise<void> {
    const { database, url } = this.opened;
    if (database.kind === 'mysql') return;
    const connection = sqliteConnectionOf(database);
    if (connection.inTransaction) connection.exec('ROLLBACK');
    if (this.left === null) return;
    await database.close();
    this.opened = await openAt(this.left);
    this.left = null;
    this.makeFaulty();
    await rm(pathOf(url));
  }

  async close(): Promise<void> {
    await this.opened.database.close();
    await this.drop();
  }

  private makeFaulty(): void {
    const { database, url } = this.opened;
    if (database.kind === 'sqlite') {
      makeSqliteFaulty(sqliteConnectionOf(database), this.faults, () => (this.left = copyOf(url)));
    } else makeMysqlFaulty((database['writing'].driver as unknown as { pool: MysqlPool }).pool, this.faults);
  }
}

async function openAt(url: string): Promise<Opened> {
  const database = await Database.open(url, entities);
  const store = new SqlLedgerStore(database);
  return {
    url,
    database,
    store,
    reader: new SqlLedgerReader(database),
    plans: new SqlPlanStore(database),
    owners: new SqlOwnerStore(database, store),
    apps: new SqlAppStore(database),
  };
}

function sqliteConnectionOf(database: Database): SqliteDatabase {
  return (database['writing'].driver as unknown as { databaseConnection: SqliteDatabase }).databaseConnection;
}

/** The files of a database as they are at this instant, as a kill leaves them: what is in no file yet is lost. */
function copyOf(url: string): string {
  const file = pathOf(url);
  const copy = file.endsWith(LEFT) ? file.slice(0, -LEFT.length) : file + LEFT;
  copyFileSync(file, copy);
  copyFileSync(`${file}-wal`, `${copy}-wal`);
  return `sqlite:${copy}`;
}

function pathOf(url: string): string {
  return url.slice('sqlite:'.length);
}
