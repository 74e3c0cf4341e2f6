import 'reflect-metadata';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
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
import type { Books, Cast, Stage } from './stage';
import type { World } from './world';

const MOST_ENTRIES = 1_000_000;

/** The real ledger over its real store; plans, owners and apps are changed by the stores that the API uses. */
export class SqlStage implements Stage {
  readonly store: SqlLedgerStore;
  private readonly reader: SqlLedgerReader;
  private readonly plans: SqlPlanStore;
  private readonly owners: SqlOwnerStore;
  private readonly apps: SqlAppStore;
  private lastPlanCode = 0;
  private lastOwnerId = 0;

  private constructor(
    private readonly database: Database,
    private readonly drop: () => Promise<void>,
  ) {
    this.store = new SqlLedgerStore(database);
    this.reader = new SqlLedgerReader(database);
    this.plans = new SqlPlanStore(database);
    this.owners = new SqlOwnerStore(database, this.store);
    this.apps = new SqlAppStore(database);
  }

  /** Opens an empty database and makes its tables. `drop` removes it when the stage is closed. */
  static async open(databaseUrl: string, drop: () => Promise<void>): Promise<SqlStage> {
    const database = await Database.open(databaseUrl, entities);
    await database.migrate();
    return new SqlStage(database, drop);
  }

  async begin({ plans, owners, beginning: at }: World): Promise<Cast> {
    const named = plans.map((terms) => {
      this.lastPlanCode += 1;
      return { ...terms, code: `plan-${this.lastPlanCode}`, name: 'a plan', maxApps: null };
    });
    const created = await this.plans.create(named, 0);
    const planIds = created.map(({ id }) => id);
    // Not by the owner store: its ids are random, and what they decide must be the same when a world is played again.
    const ownerIds = owners.map(() => (this.lastOwnerId += 1));
    await this.database.write(async (session) => {
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
    await this.apps.update(ownerId, appId, change);
  }

  async setSuspended(ownerId: number, suspendedAt: number | null): Promise<void> {
    await this.owners.update(ownerId, { suspendedAt });
  }

  async editPlan(planId: number, terms: NaiveTerms, at: number): Promise<void> {
    await this.plans.update(planId, terms, at);
  }

  async books(ownerId: number, afterSequence: number): Promise<Books> {
    const read = await this.reader.pool(ownerId);
    if (!read) throw new Error('The owner of a world has a pool.');
    const sql = `SELECT ${METER_COLUMNS} FROM apps WHERE owner_id = ? ORDER BY id`;
    const meters = await this.database.reader.query<Row>(sql, [ownerId]);
    const entries = await this.reader.entriesAfter(ownerId, afterSequence, MOST_ENTRIES);
    return { ...read, apps: meters.map(meterOf), entries };
  }

  async actions(ownerId: number): Promise<ActionRecord[]> {
    const { reader } = this.database;
    const rows = await reader.query<Row>(
      "SELECT sequence FROM ledger_entries WHERE owner_id = ? AND kind IN ('DEBIT', 'HOLD')",
      [ownerId],
    );
    const sequences = rows.map((row) => Number(row['sequence']));
    const actions = await readActions(reader, [{ ownerId, sequences }]);
    return actions.sort((a, b) => a.sequence - b.sequence);
  }

  async end({ plans, owners }: Cast): Promise<void> {
    await this.database.write(async (session) => {
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

  async close(): Promise<void> {
    await this.database.close();
    await this.drop();
  }
}
