import { startMariadb } from '../../test/support/mariadb';
import type { Contender, Scenario } from '../contenders/contender';
import { startOurs } from '../contenders/ours';
import { startTextbook } from '../contenders/textbook';
import type { LoadResult } from '../load/plan';
import { median, type Figure, type Measure, type RunOptions } from './measure';
import { DebitRounds } from './round';

const CONNECTIONS = 64;
const MANY_OWNERS = 1000;

const figures: Record<Scenario, Omit<Figure, 'value' | 'details'>> = {
  hot: { id: 'S1', name: 'debits/s against the textbook service, hot owner', bar: 20, aim: 60, finalBar: 30 },
  many: { id: 'S1-many', name: 'debits/s against the textbook service, 1,000 owners', bar: 12, aim: 25 },
};

/** S1: durable debits per second over HTTP on MariaDB, against the textbook service. */
export const textbookRatio: Measure = {
  id: 'S1',
  name: 'durable debits/s over HTTP, MySQL, 64 connections, against the textbook service',
  run: async (options) => {
    const mariadb = await startMariadb({ durable: true });
    const killWithUs = (): void => mariadb.kill();
    process.once('exit', killWithUs);
    const contenders: Contender[] = [];
    try {
      contenders.push(await startTextbook(mariadb.url, MANY_OWNERS));
      if (!options.rivalsOnly) contenders.push(await startOurs(mariadb.url, MANY_OWNERS));
      return await compare(contenders, options);
    } finally {
      for (const contender of contenders) await contender.stop();
      process.off('exit', killWithUs);
      await mariadb.stop();
    }
  },
};

async function compare(contenders: Contender[], { short, progress }: RunOptions): Promise<Figure[]> {
  const roundCount = short ? 3 : 5;
  const phases = short ? { warmUpSeconds: 1, seconds: 2 } : { warmUpSeconds: 2, seconds: 5 };
  const rounds = new DebitRounds({ ...phases, connections: CONNECTIONS });
  const results: Figure[] = [];
  for (const scenario of ['hot', 'many'] as const) {
    const runs = new Map<Contender, LoadResult[]>(contenders.map((contender) => [contender, []]));
    for (let round = 1; round <= roundCount; round += 1) {
      // Every other round goes the other way about, so that neither always follows the other's dirty pages.
      for (const contender of round % 2 === 1 ? contenders : [...contenders].reverse()) {
        const result = await rounds.run(contender, scenario);
        runs.get(contender)!.push(result);
        progress(`S1 ${scenario} ${round}/${roundCount} ${describe(contender.name, [result])}`);
      }
    }
    results.push(figureOf(scenario, runs));
  }
  for (const contender of contenders) {
    progress(`S1 ${contender.name}: accepted = rows = debits = ${rounds.checked(contender)}`);
  }
  return results;
}

/**
 * The ratio is the median of each round's own ratio: the machine's speed drifts by a factor of two within minutes, but
 * the two runs of one round are next to each other.
 */
function figureOf(scenario: Scenario, runs: Map<Contender, LoadResult[]>): Figure {
  const perSecond = new Map<string, number[]>();
  const details: string[] = [];
  for (const [contender, results] of runs) {
    perSecond.set(
      contender.name,
      results.map((result) => result.timed.perSecond),
    );
    details.push(describe(contender.name, results));
  }
  const textbook = perSecond.get('textbook')!;
  const ratios = perSecond.get('ours')?.map((speed, round) => speed / textbook[round]!);
  if (ratios === undefined) return { ...figures[scenario], value: undefined, details };
  details.push(`ratio by round: ${ratios.map((ratio) => `${ratio.toFixed(1)}×`).join(' ')}`);
  return { ...figures[scenario], value: median(ratios), details };
}

/** One line about one or more runs of a contender: medians. */
function describe(name: string, results: LoadResult[]): string {
  const middle = (pick: (result: LoadResult) => number): number => median(results.map(pick));
  const perSecond = Math.round(middle((result) => result.timed.perSecond)).toLocaleString('en-US');
  const latencies = (['p50Ms', 'p95Ms', 'p99Ms'] as const).map(
    (quantile) => `${quantile.slice(0, 3)} ${middle((result) => result.timed[quantile]).toFixed(1)} ms`,
  );
  const load = `load ${Math.round(middle((result) => result.cpuShare) * 100)} % of a core`;
  return `${name.padEnd(8)} ${perSecond.padStart(7)} debits/s  ${latencies.join('  ')}  ${load}`;
}
