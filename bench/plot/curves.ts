import type { Contender } from '../contenders/contender';
import { startOurs, startOursOnSqlite } from '../contenders/ours';
import { startRateLimiterOnRedis } from '../contenders/rate-limiter';
import { startRawSql } from '../contenders/raw-sql';
import { Stage } from '../contenders/stage';
import { startTextbook } from '../contenders/textbook';
import type { LoadResult } from '../load/plan';
import { median, type RunOptions } from '../measures/measure';
import { perSecond, Races } from '../measures/race';
import type { Curve } from './draw';

const CONCURRENCIES = [1, 4, 16, 64, 256];

/** What each contender does on one hot owner, from one connection to many: medians of rounds, run in turn. */
export function measureCurves(options: RunOptions): Promise<Curve[]> {
  return Stage.use(async (stage) => {
    const mariadbUrl = await stage.mariadbUrl();
    const redisUrl = await stage.redisUrl();
    if (redisUrl === null) options.progress('redis-server is not installed: no curve of the limiter on Redis');
    const starts = [
      { name: 'ours on MySQL', start: () => startOurs(mariadbUrl, 0) },
      { name: 'ours on SQLite', start: async () => startOursOnSqlite(await stage.folder(), 0) },
      ...(redisUrl === null
        ? []
        : [{ name: 'rate-limiter-flexible on Redis', start: () => startRateLimiterOnRedis(redisUrl, 0) }]),
      { name: 'raw SQL per request', start: () => startRawSql(mariadbUrl, 0) },
      { name: 'textbook service', start: () => startTextbook(mariadbUrl, 0) },
    ];
    const contenders: Contender[] = [];
    for (const { start } of starts) contenders.push(await stage.add(start()));
    const curves: Curve[] = starts.map(({ name }) => ({ name, points: [] }));
    const races = new Races(contenders, options);
    for (const connections of CONCURRENCIES) {
      const results = await races.run({ id: `plot, ${connections} at once,`, connections });
      curves.forEach(({ points }, index) => points.push(pointOf(connections, results.get(contenders[index]!)!)));
    }
    return curves;
  });
}

function pointOf(connections: number, results: LoadResult[]): Curve['points'][number] {
  const middle = (pick: (result: LoadResult) => number): number => median(results.map(pick));
  return {
    connections,
    perSecond: middle(perSecond),
    p50Ms: middle(({ timed }) => timed.p50Ms),
    p99Ms: middle(({ timed }) => timed.p99Ms),
  };
}
