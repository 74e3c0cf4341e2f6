import type { Contender, Scenario } from '../contenders/contender';
import { startOurs } from '../contenders/ours';
import { startRateLimiterOnMysql, startRateLimiterOnRedis } from '../contenders/rate-limiter';
import { startRawSql } from '../contenders/raw-sql';
import { Stage } from '../contenders/stage';
import type { Figure, Measure, RunOptions } from './measure';
import { MANY_OWNERS, Races, ratio } from './race';

const figures: Record<Scenario, Omit<Figure, 'value' | 'details'>> = {
  hot: { id: 'S2', name: 'debits/s against rate-limiter-flexible on Redis, hot owner', bar: 0.9, aim: 1.2 },
  many: { id: 'S2-many', name: 'debits/s against rate-limiter-flexible on Redis, 1,000 owners', bar: 0.9, aim: 1.2 },
};

/**
 * S2: durable debits per second against a limiter that only counts, in Redis with every write flushed. In a full run,
 * what else a team might have chosen behind the same server stands beside it.
 */
export const limiterRatio: Measure = {
  id: 'S2',
  name: 'the same against rate-limiter-flexible on Redis (fsync always), behind the same server',
  run: (options) =>
    Stage.use(async (stage) => {
      const { ours, limiter, others } = await startContenders(stage, options);
      const contenders = [limiter, ours, ...others].filter((contender) => contender !== undefined);
      const races = new Races(contenders, options);
      const results: Figure[] = [];
      for (const scenario of ['hot', 'many'] as const) {
        const figure = figures[scenario];
        const raced = await races.run({ id: figure.id, scenario });
        results.push({ ...figure, ...ratio(raced, { of: ours, against: limiter }) });
      }
      return results;
    }),
};

async function startContenders(
  stage: Stage,
  { short, rivalsOnly, progress }: RunOptions,
): Promise<{ ours?: Contender; limiter?: Contender; others: Contender[] }> {
  const mariadbUrl = await stage.mariadbUrl();
  const redisUrl = await stage.redisUrl();
  if (redisUrl === null) progress('S2: redis-server is not installed: no limiter on Redis, so no ratio');
  const limiter = redisUrl === null ? undefined : await stage.add(startRateLimiterOnRedis(redisUrl, MANY_OWNERS));
  const ours = rivalsOnly ? undefined : await stage.add(startOurs(mariadbUrl, MANY_OWNERS));
  const others: Contender[] = [];
  if (!short) {
    others.push(await stage.add(startRateLimiterOnMysql(mariadbUrl, MANY_OWNERS)));
    others.push(await stage.add(startRawSql(mariadbUrl, MANY_OWNERS)));
  }
  return { ...(limiter && { limiter }), ...(ours && { ours }), others };
}
