import 'reflect-metadata';
import { createConnection, type Connection } from 'mysql2/promise';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { parsePublicId, publicId } from '../../src/public-id';
import { writeHistory } from '../../src/sample/history';
import { UsageFold } from '../../src/usage/usage-fold';
import { SqlUsageStore } from '../../src/usage/usage.store';
import { startOurs, startOursGrown, type GrownContender, type History } from '../contenders/ours';
import { Stage } from '../contenders/stage';
import { median, type Figure, type Measure, type RunOptions } from './measure';
import { Races, ratio } from './race';

const DAYS = 30;
/** A month that is over when the measure runs: debits of the race are not in it. */
const ENDS_AT = Date.UTC(2026, 0, 31);
const BEGINS_AT = ENDS_AT - DAYS * 86_400_000;
const USAGE_RUNS = 20;
const GROUP_BY_RUNS = 3;

/**
 * S6: debits of an owner with millions of actions against debits in an empty database. S7: that owner's month by day and type,
 * asked of the API, against the GROUP BY over its ledger entries.
 */
export const growth: Measure = {
  id: 'S6',
  also: ['S7'],
  name: 'and S7: debits, and a month of usage, with 5 million actions of one owner',
  run: (options) =>
    Stage.use(async (stage) => {
      if (options.rivalsOnly) return [];
      const actions = options.short ? 100_000 : 5_000_000;
      const mariadbUrl = await stage.mariadbUrl();
      const empty = await stage.add(startOurs(mariadbUrl, 0, { name: 'ours, empty' }));
      let written = 0;
      const starting = startOursGrown(mariadbUrl, async (databaseUrl, connection) => {
        const { history, perSecond } = await relaxed(connection, () => write(databaseUrl, actions, options));
        written = perSecond;
        return history;
      });
      await stage.add(starting);
      const grown = await starting;
      const usage = await compareUsage(grown, actions);
      const raced = await new Races([grown, empty], options).run({ id: 'S6' });
      const count = actions.toLocaleString('en-US');
      const debits = {
        id: 'S6',
        name: `debits/s with ${count} actions against an empty database`,
        bar: 0.85,
        aim: 0.95,
      };
      const speed = `written through the ledger at ${Math.round(written).toLocaleString('en-US')} actions/s`;
      const compared = ratio(raced, { of: grown, against: empty });
      return [{ ...debits, ...compared, details: [speed, ...compared.details] }, usage];
    }),
};

/** While it is written only: every commit is flushed again afterwards. */
async function relaxed<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 0');
  try {
    return await work();
  } finally {
    await connection.query('SET GLOBAL innodb_flush_log_at_trx_commit = 1');
  }
}

async function write(
  databaseUrl: string,
  actions: number,
  { progress }: RunOptions,
): Promise<{ history: History; perSecond: number }> {
  const database = await Database.open(databaseUrl, entities);
  try {
    await database.migrate();
    const { owners, perSecond } = await writeHistory(database, {
      seed: 1,
      owners: 1,
      days: DAYS,
      actions,
      endsAt: ENDS_AT,
      onProgress: ({ actions: done, perSecond: speed }) =>
        progress(`S6 ${done.toLocaleString('en-US')} actions, ${Math.round(speed)}/s`),
    });
    const [owner] = owners;
    if (!owner) throw new Error('the history has no owner');
    progress('S6 counting their usage');
    // As the service does while it runs.
    const fold = new UsageFold(new SqlUsageStore(database), () => undefined);
    await fold.upToDate(owner.ownerId, () => Promise.resolve());
    const appId = publicId('app', owner.ownerId, owner.appIds[0]);
    return { history: { ownerId: publicId('owner', owner.ownerId), appId }, perSecond };
  } finally {
    await database.close();
  }
}

async function compareUsage({ ask, databaseUrl, history }: GrownContender, actions: number): Promise<Figure> {
  const query = `query ($ownerId: ID!, $from: DateTime!, $to: DateTime!) {
    usage(ownerId: $ownerId, from: $from, to: $to, interval: DAY, groupBy: TYPE) { start group credits refunded }
  }`;
  const variables = { ownerId: history.ownerId, from: new Date(BEGINS_AT), to: new Date(ENDS_AT) };
  const ours = await timed(USAGE_RUNS, () => ask<{ usage: { credits: number }[] }>(query, variables));
  const connection = await createConnection(databaseUrl);
  const raw = await timed(GROUP_BY_RUNS, async () => {
    const [rows] = await connection.query(
      `SELECT at - at % 86400000 AS day, action_type, COUNT(*) AS credits, SUM(status = 'REFUNDED') AS refunded
       FROM ledger_entries WHERE owner_id = ? AND at >= ? AND at < ? AND kind IN ('DEBIT', 'HOLD') AND status <> 'VOIDED'
       GROUP BY day, action_type`,
      [parsePublicId(history.ownerId)?.ownerId, BEGINS_AT, ENDS_AT],
    );
    return rows as { credits: number }[];
  });
  await connection.end();
  const counted = sumOf(ours.result.usage);
  if (counted === 0 || counted !== sumOf(raw.result)) throw new Error(`usage ${counted}, rows ${sumOf(raw.result)}`);
  return {
    id: 'S7',
    name: `a month of usage by day and type, ${actions.toLocaleString('en-US')} actions, against the raw GROUP BY: times faster`,
    value: raw.ms / ours.ms,
    bar: 50,
    aim: 500,
    details: [
      `usage over HTTP ${ours.ms.toPrecision(3)} ms, GROUP BY ${raw.ms.toPrecision(3)} ms (medians), ${counted.toLocaleString('en-US')} credits by both`,
    ],
  };
}

function sumOf(rows: readonly { credits: number }[]): number {
  return rows.reduce((sum, { credits }) => sum + Number(credits), 0);
}

async function timed<T>(runs: number, work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const times: number[] = [];
  let result = await work();
  for (let run = 0; run < runs; run += 1) {
    const startedAt = performance.now();
    result = await work();
    times.push(performance.now() - startedAt);
  }
  return { ms: median(times), result };
}
