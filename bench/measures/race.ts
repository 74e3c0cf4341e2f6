import type { Contender, Scenario } from '../contenders/contender';
import type { LoadResult } from '../load/plan';
import { median, type Figure, type RunOptions } from './measure';
import { DebitRounds } from './round';

/** What each contender did, round by round. */
export type RaceResults = Map<Contender, LoadResult[]>;

export const CONNECTIONS = 64;
export const MANY_OWNERS = 1000;

/** One race of the contenders: who is debited, and by how many connections at a time. */
export interface RaceOptions {
  /** For the progress lines. */
  id: string;
  scenario?: Scenario;
  connections?: number;
}

/** Contenders that run in turn, in one race or several; every run is checked (DebitRounds). */
export class Races {
  private readonly roundCount: number;
  private readonly rounds: DebitRounds;
  private warmed = false;

  constructor(
    private readonly contenders: Contender[],
    private readonly options: Pick<RunOptions, 'short' | 'progress'>,
  ) {
    this.roundCount = options.short ? 3 : 5;
    const phases = options.short ? { warmUpSeconds: 0.5, seconds: 1.5 } : { warmUpSeconds: 1.5, seconds: 4 };
    this.rounds = new DebitRounds({ ...phases, connections: CONNECTIONS });
  }

  async run({ id, scenario = 'hot', connections = CONNECTIONS }: RaceOptions): Promise<RaceResults> {
    const { contenders, roundCount } = this;
    const results: RaceResults = new Map(contenders.map((contender) => [contender, []]));
    await this.warmUp(scenario);
    for (let round = 1; round <= roundCount; round += 1) {
      // Every other round goes the other way about, so that neither always follows the other's dirty pages.
      for (const contender of round % 2 === 1 ? contenders : [...contenders].reverse()) {
        const result = await this.rounds.run(contender, scenario, connections);
        results.get(contender)!.push(result);
        this.options.progress(`${id} ${round}/${roundCount} ${describe(contender.name, [result])}`);
      }
    }
    for (const contender of contenders) {
      this.options.progress(
        `${id} ${contender.name}: ${this.rounds.checked(contender).toLocaleString('en-US')} checked so far`,
      );
    }
    return results;
  }

  /** A run that is checked and not counted, as a server that was just started is still being compiled. */
  private async warmUp(scenario: Scenario): Promise<void> {
    if (this.warmed) return;
    this.warmed = true;
    for (const contender of this.contenders) await this.rounds.run(contender, scenario);
  }
}

/** Whose figure is divided by whose, and which figure it is: debits per second unless said otherwise. */
export interface Comparison {
  of: Contender | undefined;
  against: Contender | undefined;
  by?: (result: LoadResult) => number;
}

/**
 * The ratio is the median of each round's own ratio: the machine's speed drifts by a factor of two within minutes, but
 * the runs of one round are next to each other.
 */
export function ratio(
  results: RaceResults,
  { of, against, by = perSecond }: Comparison,
): Pick<Figure, 'value' | 'details'> {
  const details = [...results].map(([contender, runs]) => describe(contender.name, runs));
  if (of === undefined || against === undefined) return { value: undefined, details };
  const others = results.get(against)!;
  const ratios = results.get(of)!.map((result, round) => by(result) / by(others[round]!));
  details.push(`${of.name} to ${against.name} by round: ${ratios.map((one) => `${one.toPrecision(3)}×`).join(' ')}`);
  return { value: median(ratios), details };
}

/** The results without those of a contender that has no part in a figure. */
export function without(results: RaceResults, contender: Contender | undefined): RaceResults {
  return new Map([...results].filter(([one]) => one !== contender));
}

export function perSecond(result: LoadResult): number {
  return result.timed.perSecond;
}

/** One line about one or more runs of a contender: medians. */
function describe(name: string, results: LoadResult[]): string {
  const middle = (pick: (result: LoadResult) => number): number => median(results.map(pick));
  const speed = Math.round(middle(perSecond)).toLocaleString('en-US');
  const latencies = (['p50Ms', 'p95Ms', 'p99Ms'] as const).map(
    (quantile) => `${quantile.slice(0, 3)} ${middle((result) => result.timed[quantile]).toPrecision(3)} ms`,
  );
  const load = `load ${Math.round(middle((result) => result.cpuShare) * 100)} % of a core`;
  return `${name.padEnd(14)} ${speed.padStart(7)}/s  ${latencies.join('  ')}  ${load}`;
}
