import 'reflect-metadata';
import type { Connection } from 'mysql2/promise';
import { SqlApiKeyStore } from '../../src/access/api-key.store';
import { SqlActionStore } from '../../src/actions/action.store';
import type { ActionFilter } from '../../src/actions/list-actions';
import { SqlAppStore } from '../../src/apps/app.store';
import { SqlLedgerReader } from '../../src/balances/ledger-reader.store';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { SqlLedgerStore } from '../../src/ledger/ledger.store';
import { SqlOwnerStore } from '../../src/owners/owner.store';
import { type HistorySummary, writeHistory } from '../../src/sample/history';
import { createSampleWorld } from '../../src/sample/sample-world';
import { startMariadb } from '../../test/support/mariadb';
import { createDatabase } from '../contenders/contender';
import { Histogram } from '../load/histogram';
import type { Figure, Measure, RunOptions } from './measure';

const BAR_MS = 20;
const AIM_MS = 5;
const PAGE_ROWS = 21;
const DAY_MS = 86_400_000;
const ENDS_AT = Date.UTC(2026, 0, 1);
const DAYS = 30;
const OWNERS_AT_ONCE = 16;
const SLOWEST_TOLD = 6;

interface Sizes {
  actions: number;
  owners: number;
  runs: number;
}

type Shape = readonly [name: string, run: (round: number) => Promise<unknown>];

/**
 * Every list query at a million actions on MariaDB: of one owner that has them all, and of one of a thousand owners.
 */
export const listQueries: Measure = {
  id: 'L1',
  name: 'list queries at a million actions, MariaDB, p95 of the slowest',
  run: async (options) => {
    if (options.rivalsOnly) return [];
    const sizes = options.short
      ? { actions: 40_000, owners: 2_000, runs: 10 }
      : { actions: 1_000_000, owners: 100_000, runs: 100 };
    const mariadb = await startMariadb({ durable: true });
    const killWithUs = (): void => mariadb.kill();
    process.once('exit', killWithUs);
    try {
      return [
        await measureOne(mariadb.url, { id: 'L1', owners: 1 }, sizes, options),
        await measureOne(mariadb.url, { id: 'L1-many', owners: 1_000 }, sizes, options),
      ];
    } finally {
      process.off('exit', killWithUs);
      await mariadb.stop();
    }
  },
};

async function measureOne(
  mariadbUrl: string,
  { id, owners }: { id: string; owners: number },
  sizes: Sizes,
  { progress }: RunOptions,
): Promise<Figure> {
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, `lists_${owners}`);
  const database = await Database.open(databaseUrl, entities);
  try {
    await database.migrate();
    const history = await relaxed(connection, async () => {
      if (owners > 1) await fillOwners(database, sizes.owners);
      return writeHistory(database, {
        seed: 1,
        owners,
        days: DAYS,
        actions: sizes.actions,
        endsAt: ENDS_AT,
        habits: { refunded: 3 / sizes.actions, held: 0.01 },
        onProgress: ({ actions, perSecond }) =>
          progress(`${id} ${actions.toLocaleString('en-US')} actions, ${Math.round(perSecond)}/s`),
      });
    });
    const shapes = [...actionShapes(database, history), ...otherShapes(database, history)];
    const timed = await timeAll(shapes, sizes.runs);
    const actions = sizes.actions.toLocaleString('en-US');
    return {
      id,
      name: `slowest p95 of ${shapes.length} list queries, ${actions} actions, owners: ${owners}`,
      value: timed[0]?.p95Ms,
      bar: BAR_MS,
      aim: AIM_MS,
      unit: 'ms',
      lowerIsBetter: true,
      details: [
        `written through the ledger at ${Math.round(history.perSecond).toLocaleString('en-US')} actions/s`,
        ...timed.slice(0, SLOWEST_TOLD).map(({ name, p50Ms, p95Ms }) => {
          return `${name}: p95 ${p95Ms.toFixed(1)} ms, p50 ${p50Ms.toFixed(1)} ms`;
        }),
      ],
    };
  } finally {
    await database.close();
    await connection.end();
  }
}

/** While it is seeded only: every commit is flushed again afterwards. */
async function relaxed<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 0');
  try {
    return await work();
  } finally {
    await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 1');
  }
}

/** Owners to search among. */
async function fillOwners(database: Database, count: number): Promise<void> {
  const { owners, plans, clock } = createSampleWorld(database, ENDS_AT - 2 * DAYS * DAY_MS);
  await plans.createFirst();
  for (let first = 0; first < count; first += OWNERS_AT_ONCE) {
    clock.moveTo(clock.now() + 1);
    await Promise.all(
      Array.from({ length: OWNERS_AT_ONCE }, (_, index) => {
        const number = (first + index).toString(36);
        return owners.create({ name: `Company ${number}`, email: `${number}@mail.example`, planCode: 'free' });
      }),
    );
  }
}

function actionShapes(database: Database, { owners }: HistorySummary): Shape[] {
  const store = new SqlActionStore(database);
  const [owner] = owners;
  if (!owner) throw new Error('the history has no owner');
  const [assistant = 0, newsletter = 0, , , alerts = 0] = owner.appIds;
  const everything: ActionFilter = {
    ownerId: owner.ownerId,
    appId: null,
    type: null,
    status: null,
    visitor: null,
    from: null,
    to: null,
    beforeSequence: null,
    limit: PAGE_ROWS,
  };
  const filters: Record<string, Partial<ActionFilter>> = {
    'no filter': {},
    'frequent app': { appId: assistant },
    'small app': { appId: alerts },
    'frequent type': { type: 'INVOKE_LLM' },
    'rare type': { type: 'SEND_SMS' },
    'type and app that never meet': { type: 'SEND_EMAIL', appId: assistant },
    HELD: { status: 'HELD' },
    CAPTURED: { status: 'CAPTURED' },
    VOIDED: { status: 'VOIDED' },
    'REFUNDED, three of them': { status: 'REFUNDED' },
    'REFUNDED of an app': { status: 'REFUNDED', appId: newsletter },
    'VOIDED of a rare type': { status: 'VOIDED', type: 'SEND_SMS' },
    'type, app and status': { status: 'VOIDED', type: 'INVOKE_LLM', appId: assistant },
    'frequent visitor': { visitor: 'visitor-0' },
    'rare visitor': { visitor: 'visitor-3uf' },
    'unknown visitor': { visitor: 'nobody' },
    'frequent visitor, frequent type': { visitor: 'visitor-0', type: 'INVOKE_LLM' },
    'frequent visitor, rare type': { visitor: 'visitor-0', type: 'SEND_SMS' },
    'frequent visitor, REFUNDED': { visitor: 'visitor-0', status: 'REFUNDED' },
    'frequent visitor, type and app that never meet': { visitor: 'visitor-0', type: 'SEND_EMAIL', appId: assistant },
    'rare visitor of a small app': { visitor: 'visitor-3uf', appId: alerts },
  };
  const spans: Record<string, Partial<ActionFilter>> = {
    '': {},
    ', one day': { from: ENDS_AT - 15 * DAY_MS, to: ENDS_AT - 14 * DAY_MS },
    ', a page of a hundred': { limit: 101 },
  };
  return Object.entries(filters).flatMap(([name, filter]) =>
    Object.entries(spans).map(([span, limits]): Shape => {
      return [`actions: ${name}${span}`, () => store.page({ ...everything, ...filter, ...limits })];
    }),
  );
}

function otherShapes(database: Database, { owners: made }: HistorySummary): Shape[] {
  const ledgerStore = new SqlLedgerStore(database);
  const owners = new SqlOwnerStore(database, ledgerStore);
  const reader = new SqlLedgerReader(database);
  const ownerAt = (round: number): number => made[round % made.length]?.ownerId ?? 0;
  const search = (text: string | null) => () =>
    owners.page({ search: text, beforeId: Number.MAX_SAFE_INTEGER, limit: PAGE_ROWS });
  return [
    ['ledger', (round) => reader.entriesAfter(ownerAt(round), round * 100, PAGE_ROWS)],
    ['owners', search(null)],
    ['owners: a text that all have', search('example')],
    ['owners: a text that the oldest have', search('mail.ex')],
    ['owners: a text that a hundred have', search('company 1f')],
    ['owners: a text that nobody has', search('nobody@nowhere')],
    ['apps', (round) => new SqlAppStore(database).page(ownerAt(round), { beforeId: 1_000, limit: PAGE_ROWS })],
    ['apiKeys', (round) => new SqlApiKeyStore(database).list(ownerAt(round), null)],
    ['open grants', (round) => ledgerStore.readBalance(ownerAt(round))],
    ['due pools', () => ledgerStore.readDueOwners(ENDS_AT + DAY_MS, 200)],
  ];
}

/** In turn, so that a disturbance of the machine hits all of them alike. Slowest first. */
async function timeAll(
  shapes: readonly Shape[],
  runs: number,
): Promise<{ name: string; p50Ms: number; p95Ms: number }[]> {
  const histograms = shapes.map(() => new Histogram());
  for (let round = 0; round < runs; round += 1) {
    for (const [index, [, run]] of shapes.entries()) {
      const startedAt = performance.now();
      await run(round);
      // The first round opens connections and compiles.
      if (round > 0) histograms[index]?.record(performance.now() - startedAt);
    }
  }
  return shapes
    .map(([name], index) => ({
      name,
      p50Ms: histograms[index]?.quantile(0.5) ?? 0,
      p95Ms: histograms[index]?.quantile(0.95) ?? 0,
    }))
    .sort((a, b) => b.p95Ms - a.p95Ms);
}
