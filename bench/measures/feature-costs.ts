import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Caller } from '../../src/access/caller';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { publicId } from '../../src/public-id';
import { SqlUsageStore } from '../../src/usage/usage.store';
import { UsageFold } from '../../src/usage/usage-fold';
import { createSampleWorld, type SampleWorld } from '../../src/sample/sample-world';
import { createDatabase, selectNumber, STARTING_CREDITS } from '../contenders/contender';
import { Stage } from '../contenders/stage';
import { median, type Figure, type Measure, type RunOptions } from './measure';

const BAR = 0.85;
const AIM = 0.95;
const OWNERS = 1_000;
const OWNERS_AT_ONCE = 16;
const APPS = 3;
const VISITORS = 5_000;
/** Of four debits, one of each: different enough that the indexes grow in several places. */
const ACTIONS: readonly (readonly [type: string, facts: object])[] = [
  ['INVOKE_LLM', { model: 'gpt-4o' }],
  ['SEND_EMAIL', { recipients: 1 }],
  ['CALL_API', { method: 'POST', host: 'api.example' }],
  ['QUERY_DATABASE', { engine: 'postgresql', operation: 'select' }],
];

/** Something that every debit pays for, and the statements that take it away again. */
interface Feature {
  readonly id: string;
  readonly name: string;
  readonly without: readonly string[];
  /** What the service does besides, after each commit. */
  readonly listen?: (database: Database, world: SampleWorld) => void;
}

const FEATURES: readonly Feature[] = [
  {
    id: 'lists',
    name: 'the indexes of the lists',
    without: [
      'DROP INDEX ledger_entries_facets ON ledger_entries',
      'DROP INDEX ledger_entries_visitors ON ledger_entries',
    ],
  },
  {
    id: 'usage',
    name: 'usage folded behind the debits',
    without: [],
    listen: (database, { ledger }) => {
      const fold = new UsageFold(new SqlUsageStore(database), (error) => {
        throw error;
      });
      ledger.onCommitted(({ balance }) => fold.note(balance));
    },
  },
];

/** The ledger in this process, on a database with or without the feature. */
interface Side {
  readonly world: SampleWorld;
  /** One APP caller of each app, by owner. */
  readonly callers: readonly (readonly Caller[])[];
  readonly connection: Connection;
  /** Of the database, as a process. */
  readonly mariadbPid: number;
  accepted: number;
}

/** What each feature costs the hot path: durable debits/s of the ledger with it, against without it. */
export const featureCosts: Measure = {
  id: 'C1',
  name: 'debits/s of the ledger in process, MariaDB, with a feature against without it',
  run: async (options) => {
    if (options.rivalsOnly) return [];
    const figures: Figure[] = [];
    for (const feature of FEATURES) figures.push(...(await Stage.use((stage) => costOf(feature, stage, options))));
    return figures;
  },
};

async function costOf(feature: Feature, stage: Stage, options: RunOptions): Promise<Figure[]> {
  const url = await stage.mariadbUrl();
  const sides = {
    with: await prepare(url, `with_${feature.id}`, []),
    without: await prepare(url, `without_${feature.id}`, feature.without),
  };
  feature.listen?.(sides.with.database, sides.with.world);
  try {
    const figures: Figure[] = [];
    for (const owners of [1, OWNERS]) {
      const details: string[] = [];
      const ratios: number[] = [];
      for (const inFlight of options.short ? [64] : [64, 256])
        ratios.push(await compare(sides, { owners, inFlight, details }, options));
      const scenario = owners === 1 ? 'hot owner' : '1,000 owners';
      const concurrency = options.short ? '64 in flight' : 'the worse of 64 and 256 in flight';
      figures.push({
        id: `C1-${feature.id}${owners === 1 ? '' : '-many'}`,
        name: `debits/s with ${feature.name} against without, ${scenario}, ${concurrency}`,
        value: Math.min(...ratios),
        bar: BAR,
        aim: AIM,
        details,
      });
    }
    for (const side of [sides.with, sides.without]) await assertBooks(side);
    return figures;
  } finally {
    for (const { database, connection } of [sides.with, sides.without]) {
      await database.close();
      await connection.end();
    }
  }
}

async function prepare(
  mariadbUrl: string,
  name: string,
  without: readonly string[],
): Promise<Side & { database: Database }> {
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, name);
  const database = await Database.open(databaseUrl, entities);
  await database.migrate();
  for (const statement of without) await connection.query(statement);
  const world = createSampleWorld(database, Date.now());
  const terms = { monthlyCredits: STARTING_CREDITS, topUpsAllowed: true, rolloverLimit: 0, maxApps: null };
  await world.plans.create({ code: 'bench', name: 'Bench', ...terms });
  const callers: Caller[][] = [];
  while (callers.length < OWNERS) {
    // Ids are made of the instant and a little chance.
    world.clock.moveTo(world.clock.now() + 1);
    callers.push(...(await Promise.all(Array.from({ length: OWNERS_AT_ONCE }, () => createOwner(world)))));
  }
  const [rows] = await connection.query<RowDataPacket[]>('SELECT @@pid_file AS path');
  const mariadbPid = Number(readFileSync(String(rows[0]?.['path']), 'utf8'));
  return { world, callers, connection, database, mariadbPid, accepted: 0 };
}

async function createOwner({ owners, apps }: SampleWorld): Promise<Caller[]> {
  const { id } = await owners.create({ name: 'An owner', planCode: 'bench' });
  const owner = { keyOwnerId: id, keyNumber: 0, ownerId: id, appId: null, expiresAt: null, role: 'OWNER' } as const;
  const callers: Caller[] = [];
  for (let number = 0; number < APPS; number += 1) {
    const app = await apps.create(owner, { ownerId: publicId('owner', id), name: 'An app', allowedOrigins: [] });
    callers.push({ ...owner, role: 'APP', appId: app.id });
  }
  return callers;
}

/** The median of the ratios of pairs of runs, which are next to each other because the machine's speed drifts. */
async function compare(
  sides: { with: Side; without: Side },
  { owners, inFlight, details }: { owners: number; inFlight: number; details: string[] },
  { short, progress }: RunOptions,
): Promise<number> {
  const rounds = short ? 2 : 9;
  const seconds = short ? 1 : 3;
  const ratios: number[] = [];
  const cpuRatios: number[] = [];
  const speeds: number[] = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const);
    const runs = { with: NOTHING, without: NOTHING };
    for (const side of order) runs[side] = await debit(sides[side], { owners, inFlight, seconds });
    if (round === 0) continue;
    ratios.push(runs.with.perSecond / runs.without.perSecond);
    cpuRatios.push(runs.without.cpuMicroseconds / runs.with.cpuMicroseconds);
    speeds.push(runs.with.perSecond);
  }
  const spread = ratios.map((ratio) => ratio.toFixed(2)).join(' ');
  const cpuSpread = cpuRatios.map((ratio) => ratio.toFixed(2)).join(' ');
  const speed = Math.round(median(speeds)).toLocaleString('en-US');
  details.push(
    `${inFlight} in flight: ${speed} debits/s with it, ratio by round: ${spread}`,
    `  debits per processor time, ledger and database, median ${median(cpuRatios).toFixed(3)}, by round: ${cpuSpread}`,
  );
  progress(`C1 ${owners} owners, ${details.slice(-2).join('; ')}`);
  return median(ratios);
}

interface Run {
  perSecond: number;
  /** Of one debit, in this process and in the database: other work on the machine changes it less than the time. */
  cpuMicroseconds: number;
}

const NOTHING: Run = { perSecond: NaN, cpuMicroseconds: NaN };

async function debit(
  side: Side,
  { owners, inFlight, seconds }: { owners: number; inFlight: number; seconds: number },
): Promise<Run> {
  const before = side.accepted;
  const cpuBefore = cpuMicrosecondsOf(side.mariadbPid);
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1_000) {
      const callers = side.callers[Math.floor(Math.random() * owners)] ?? [];
      const [type, facts] = oneOf(ACTIONS);
      const visitor = Math.random() < 0.5 ? null : `visitor-${Math.floor(VISITORS * Math.random() ** 3)}`;
      const input = { ...facts, idempotencyKey: randomUUID(), hold: false, holdSeconds: 900, visitor };
      await side.world.perform.get(type)?.(oneOf(callers), input);
      side.accepted += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const debits = side.accepted - before;
  return {
    perSecond: (debits * 1_000) / (performance.now() - startedAt),
    cpuMicroseconds: (cpuMicrosecondsOf(side.mariadbPid) - cpuBefore) / debits,
  };
}

/** What this process and the database have used so far: of Linux's process table, in hundredths of a second. */
function cpuMicrosecondsOf(mariadbPid: number): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync(`/proc/${mariadbPid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return user + system + (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Accepted = rows = debits, or the figures are worth nothing. */
async function assertBooks({ accepted, connection }: Side): Promise<void> {
  const rows = await selectNumber(connection, "SELECT COUNT(*) FROM ledger_entries WHERE kind = 'DEBIT'");
  const debits = await selectNumber(connection, 'SELECT SUM(spent) FROM pools');
  if (accepted === 0 || accepted !== rows || rows !== debits) {
    throw new Error(`accepted ${accepted}, rows ${rows}, debits ${debits}`);
  }
}

function oneOf<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T;
}
