import 'reflect-metadata';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from '@photostructure/sqlite';
import { LRUCache } from 'lru-cache';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { SqliteDatabase } from '../../src/database/sqlite-driver';
import { SqliteSession } from '../../src/database/sqlite-session';
import { publicId } from '../../src/public-id';
import { createSampleWorld, type SampleWorld } from '../../src/sample/sample-world';
import { createTestDatabase, type TestDatabase } from '../support/database';

const BEGINNING = Date.parse('2026-01-31T12:00:00.000Z');
const CREDITS = 100;
/** Less than SQLite would block this process for by its own way of waiting. */
const UNNOTICED_MS = 1_000;
const ADMIN = { role: 'ADMIN', keyOwnerId: 0, keyNumber: 0, ownerId: null, appId: null, expiresAt: null } as const;
const UNAVAILABLE = { code: 'UNAVAILABLE', message: expect.stringContaining('retry with the same key') };

let files: TestDatabase;
let database: Database;
let world: SampleWorld;
let ownerId: number;
let appId: string;

beforeEach(async () => {
  files = await createTestDatabase('sqlite');
  await open();
  await world.plans.createFirst();
  ownerId = (await world.owners.create({ name: 'An owner', planCode: 'free' })).id;
  const app = await world.apps.create(ADMIN, {
    ownerId: publicId('owner', ownerId),
    name: 'An app',
    allowedOrigins: [],
  });
  appId = publicId('app', ownerId, app.id);
  await debit('the first, so that the pool is known');
});

async function open(): Promise<void> {
  database = await Database.open(files.url, entities);
  await database.migrate();
  world = createSampleWorld(database, BEGINNING);
}

afterEach(async () => {
  await database.close();
  await files.drop();
});

function debit(idempotencyKey: string) {
  const perform = world.perform.get('SEND_SMS');
  if (!perform) throw new Error('The catalogue has the type.');
  // Long enough that a few of them need a page more.
  const metadata = { text: 'x'.repeat(3_000) };
  return perform(ADMIN, { appId, idempotencyKey, hold: false, holdSeconds: 900, metadata });
}

const available = async () => (await world.ledger.balance(ownerId)).available;
const entries = async () =>
  Number((await database.reader.query<{ n: number }>('SELECT COUNT(*) AS n FROM ledger_entries'))[0]?.n);
const pragma = (text: string) => database.write((session) => session.query<Record<string, number>>(`PRAGMA ${text}`));

describe('an SQLite file that cannot be written', () => {
  it('because another process holds its lock: UNAVAILABLE, without holding up this process', async () => {
    const other = new DatabaseSync(files.url.slice('sqlite:'.length));
    other.exec('BEGIN IMMEDIATE');
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    const results = await Promise.allSettled([debit('held up'), world.plans.create(PLAN)]);
    delay.disable();
    expect(results).toMatchObject([
      { status: 'rejected', reason: UNAVAILABLE },
      { status: 'rejected', reason: UNAVAILABLE },
    ]);
    expect(delay.max / 1e6).toBeLessThan(UNNOTICED_MS);
    expect(await available()).toBe(CREDITS - 1);
    other.exec('ROLLBACK');
    other.close();
    expect(await debit('held up')).toMatchObject({ replayed: false, balance: { available: CREDITS - 2 } });
    await expect(world.plans.create(PLAN)).resolves.toMatchObject({ code: PLAN.code });
  });

  it('because the disk is full: nothing of a batch is there, and with room the keys converge', async () => {
    const [pages] = await pragma('page_count');
    await pragma(`max_page_count = ${Number(pages?.['page_count']) + 1}`);
    const wanted = Array.from({ length: 20 }, (_, number) => `full ${number}`);
    const results = await Promise.allSettled(wanted.map(debit));
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    expect([await available(), await entries()]).toEqual([CREDITS - 1, 2]);
    await pragma('max_page_count = 100000');
    const again = await Promise.all(wanted.map(debit));
    expect(again.map(({ replayed }) => replayed)).toEqual(wanted.map(() => false));
    expect([await available(), await entries()]).toEqual([CREDITS - 21, 22]);
  });

  it('because it is read-only: the same, for debits and for management', async () => {
    await database.write((session) => session.query('PRAGMA query_only = ON'));
    await expect(debit('read-only')).rejects.toMatchObject(UNAVAILABLE);
    await expect(world.plans.create(PLAN)).rejects.toMatchObject(UNAVAILABLE);
    expect(await available()).toBe(CREDITS - 1);
    await database.close();
    await open();
    expect(await debit('read-only')).toMatchObject({ balance: { available: CREDITS - 2 } });
  });
});

const PLAN = { code: 'new', name: 'New', monthlyCredits: 1, maxApps: null, topUpsAllowed: true, rolloverLimit: 0 };

describe('a transaction on SQLite', () => {
  const sessionOn = (connection: SqliteDatabase) =>
    new SqliteSession(connection, {} as never, new LRUCache({ max: 10 }));
  let connection: SqliteDatabase;

  beforeEach(() => {
    connection = new SqliteDatabase(':memory:');
    connection.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)');
  });

  afterEach(() => connection.close());

  it('never commits what another has left behind whose rollback failed', async () => {
    await sessionOn(connection).execute('INSERT INTO t VALUES (1)');
    const next = sessionOn(connection);
    await next.execute('INSERT INTO t VALUES (2)');
    await next.commit();
    expect(connection.prepare('SELECT n FROM t').all()).toEqual([{ n: 2 }]);
  });

  it('that SQLite has rolled back by itself neither goes on nor claims to be committed', async () => {
    const session = sessionOn(connection);
    await session.execute('INSERT INTO t VALUES (1)');
    await expect(session.execute('INSERT OR ROLLBACK INTO t VALUES (1)')).rejects.toThrow(/UNIQUE/);
    await expect(session.execute('INSERT INTO t VALUES (2)')).rejects.toThrow(/rolled the transaction back/);
    await expect(session.commit()).rejects.toThrow(/rolled the transaction back/);
    await session.rollback();
    expect(connection.prepare('SELECT n FROM t').all()).toEqual([]);
  });
});
