import 'reflect-metadata';
import * as fc from 'fast-check';
import { hashKey } from '../../src/idempotency';
import { Database, type Session } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { decide, decideOpening } from '../../src/ledger/decide';
import type { PoolState } from '../../src/ledger/draft';
import { ENTRY_READ_COLUMNS, entryOf, GRANT_COLUMNS, grantOf, type Row } from '../../src/ledger/ledger.rows';
import { SqlLedgerStore } from '../../src/ledger/ledger.store';
import { createTestDatabase, type TestDatabase } from '../support/database';
import {
  APPS,
  BEGINNING,
  histories,
  OWNER,
  Scene,
  type DrawnCommand,
  type Event,
  type History,
} from './ledger-histories';

/** As many as the store's own limit: no history of these has more expired holds. */
const DUE_HOLDS_PER_BATCH = 1_000;

let files: TestDatabase;
let database: Database;
let store: SqlLedgerStore;

beforeAll(async () => {
  files = await createTestDatabase('sqlite');
  database = await Database.open(files.url, entities);
  await database.migrate();
  store = new SqlLedgerStore(database);
});

afterAll(async () => {
  await database.close();
  await files.drop();
});

describe('the ledger in SQL', () => {
  it('loads what the ledger in memory loads, and keeps what it keeps, over random histories', async () => {
    await fc.assert(fc.asyncProperty(histories, playBeside), { numRuns: 40 });
  });

  it('closes a hold that is captured and refunded in one batch', async () => {
    const terms = { monthlyCredits: 5, topUpsAllowed: true, rolloverLimit: 0 };
    const key = { text: 'k', hash: hashKey('k'), fingerprint: '0'.repeat(64) };
    const batch = (...commands: readonly DrawnCommand[]): Event => ({ what: 'commands', clock: { by: 0 }, commands });
    const newest = { pick: 0, withinApp: null };
    await playBeside({
      firstTerms: [terms, terms, terms, terms],
      plan: 1,
      events: [
        batch({ kind: 'HOLD', app: 1, key, holdSeconds: 60 }),
        batch({ kind: 'CAPTURE', ...newest }, { kind: 'REFUND', ...newest }),
      ],
    });
    expect(await database.reader.query('SELECT * FROM holds')).toEqual([]);
    expect((await rows(ENTRY_READ_COLUMNS, 'ledger_entries')).map(({ kind }) => kind)).toEqual([
      'GRANT',
      'HOLD',
      'CAPTURE',
      'REFUND',
    ]);
  });
});

/** Plays a history against both ledgers and compares them after every batch. */
async function playBeside(history: History): Promise<void> {
  const scene = new Scene(history, DUE_HOLDS_PER_BATCH);
  await begin(history, scene);
  for (const event of history.events) {
    if (event.what !== 'commands') {
      scene.change(event);
      await change(event, scene);
      continue;
    }
    scene.move(event.clock);
    const commands = scene.commandsOf(event.commands);
    const { now } = scene;
    const expected = inOrder(scene.ledger.load(commands, now).get(OWNER) as PoolState);
    const [step] = scene.submit(commands);
    await store.transact(async (transaction) => {
      const state = (await transaction.load(commands, now)).get(OWNER) as PoolState;
      expect(inOrder(state)).toEqual(expected);
      await transaction.persist([decide(state, commands, now)]);
    });
    expect(await store.readBalance(OWNER)).toEqual(step?.decision.balance);
  }
  const { entries, grants } = scene.book;
  expect((await rows(ENTRY_READ_COLUMNS, 'ledger_entries')).map(entryOf)).toEqual(entries);
  expect((await rows(GRANT_COLUMNS, 'grants')).map(grantOf)).toEqual([...grants.values()]);
}

async function begin({ firstTerms, plan: planId }: History, scene: Scene): Promise<void> {
  await database.write(async (session) => {
    for (const table of ['ledger_entries', 'grants', 'holds', 'pools', 'apps', 'plan_terms']) {
      await session.execute(`DELETE FROM ${table}`, []);
    }
    for (const id of scene.ledger.plans.keys()) await insertTerms(session, scene, id);
    for (const appId of APPS) {
      await session.execute(
        `INSERT INTO apps (owner_id, id, name, status, credit_cap, used_this_period, counted_from, allowed_origins, created_at)
         VALUES (?, ?, 'an app', 'ACTIVE', NULL, 0, 0, '[]', 0)`,
        [OWNER, appId],
      );
    }
    const terms = firstTerms[planId - 1];
    if (!terms) throw new Error('The history has no terms for its plan.');
    await store.insertPool(session, decideOpening({ ownerId: OWNER, planId, terms, at: BEGINNING }));
  });
}

/** What other parts of the service write beside the ledger. */
async function change(event: Exclude<Event, { what: 'commands' }>, scene: Scene): Promise<void> {
  await database.write(async (session) => {
    if (event.what === 'app') {
      const values = [event.status, event.creditCap, OWNER, event.app];
      await session.execute('UPDATE apps SET status = ?, credit_cap = ? WHERE owner_id = ? AND id = ?', values);
      await session.execute('UPDATE pools SET version = version + 1, shape = shape + 1 WHERE owner_id = ?', [OWNER]);
    } else if (event.what === 'suspension') {
      const at = scene.book.pool.suspendedAt;
      await session.execute(
        'UPDATE pools SET suspended_at = ?, version = version + 1, shape = shape + 1 WHERE owner_id = ?',
        [at, OWNER],
      );
    } else await insertTerms(session, scene, event.plan);
  });
}

/** The latest terms of a plan, in place of others of the same instant. */
async function insertTerms(session: Session, { ledger }: Scene, planId: number): Promise<void> {
  const latest = ledger.plans.get(planId)?.at(-1);
  if (!latest) throw new Error('The plan has terms.');
  const { effectiveFrom, monthlyCredits, topUpsAllowed, rolloverLimit } = latest;
  await session.execute('DELETE FROM plan_terms WHERE plan_id = ? AND effective_from = ?', [planId, effectiveFrom]);
  await session.execute(
    `INSERT INTO plan_terms (plan_id, effective_from, monthly_credits, top_ups_allowed, rollover_limit)
     VALUES (?, ?, ?, ?, ?)`,
    [planId, effectiveFrom, monthlyCredits, topUpsAllowed ? 1 : 0, rolloverLimit],
  );
}

function rows(columns: string, table: string): Promise<Row[]> {
  return database.reader.query<Row>(`SELECT ${columns} FROM ${table} ORDER BY sequence`);
}

/** The same state with its rows by number: SQL gives them in any order. */
function inOrder(state: PoolState): PoolState {
  const bySequence = (a: { sequence: number }, b: { sequence: number }) => a.sequence - b.sequence;
  return {
    ...state,
    grants: [...state.grants].sort(bySequence),
    actions: [...state.actions].sort(bySequence),
    apps: [...state.apps].sort((a, b) => a.appId - b.appId),
  };
}
