import { setTimeout as pause } from 'node:timers/promises';
import { startRedis, type TestRedis } from '../../support/redis';
import type { ApiProcess } from '../api-process';
import type { FaultTest } from '../fault-test';
import type { Stage } from '../stage';
import { Trial } from '../trial';

const CALLERS = 12;
/** The bar: as late as this, and not later, may a watcher of one process be told what another one committed. */
const TOLD_WITHIN_MS = 5_000;

/** R9: Redis only tells processes that there is something to read; without it they look for themselves. */
export const loseRedis: FaultTest = {
  id: 'R9',
  title: 'Redis gone, and silent, under two processes',
  faults: 'outages',
  needs: ['mariadbd', 'redis-server'],
  async run(stage) {
    const { databaseUrl } = await stage.mariadb();
    const redis = await startRedis();
    stage.defer(() => redis.stop());
    const [first, second] = await stage.apiProcesses(2, databaseUrl, { REDIS_URL: redis.url });
    const apis = [first as ApiProcess, second as ApiProcess] as const;
    const outageMs = stage.scale({ short: 4_000, full: 60_000 });
    const outages: readonly (readonly [string, Outage])[] = [
      ['killed', { begin: () => redis.kill(), end: () => redis.restart() }],
      ['silent', { begin: () => redis.freeze(), end: () => redis.thaw() }],
    ];
    for (const [name, outage] of outages) {
      await loseOnce(stage, { apis, databaseUrl, outage, outageMs });
      stage.progress(`${name} for ${outageMs / 1_000} s: ${stage.report.acknowledged} debits so far`);
    }
    stage.assertSound();
  },
};

interface Outage {
  readonly begin: () => ReturnType<TestRedis['kill']> | void;
  readonly end: () => ReturnType<TestRedis['restart']> | void;
}

async function loseOnce(
  stage: Stage,
  given: { apis: readonly [ApiProcess, ApiProcess]; databaseUrl: string; outage: Outage; outageMs: number },
): Promise<void> {
  const { apis, databaseUrl, outage, outageMs } = given;
  // What one process commits, watchers of the other one are told: they get nothing from commits of their own process.
  const [calledOn, watchedAt] = stage.dice.chance(50) ? apis : [apis[1], apis[0]];
  const trial = await Trial.begin(stage, {
    apis: [calledOn],
    watchedAt: [watchedAt],
    callers: CALLERS,
    pools: 4,
    toldWithinMs: TOLD_WITHIN_MS,
  });
  const { load } = trial;
  await trial.followersOpen();
  await load.afterAcknowledged(200);
  await trial.fault(outage.begin);
  const acknowledgedBefore = load.acknowledged;
  // How long Redis is away is what is tested.
  await pause(outageMs);
  if (load.acknowledged - acknowledgedBefore < outageMs / 100) {
    throw new Error(`${load.acknowledged - acknowledgedBefore} debits while Redis was away`);
  }
  await trial.assertTold(databaseUrl);
  await outage.end();
  await load.afterAcknowledged(200);
  await trial.end([databaseUrl]);
  if (load.unknown > 0) throw new Error(`${load.unknown} debits failed although only Redis was away`);
  stage.report.verify(
    `watchers of one process had what the other one committed within ${TOLD_WITHIN_MS} ms, while it was away and after`,
  );
}
