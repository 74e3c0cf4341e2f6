/** How a measure is to run. */
export interface RunOptions {
  /** Shorter phases, for a first impression and for CI. */
  short: boolean;
  /** Leave our server out: figures of the rivals alone, without a ratio. */
  rivalsOnly: boolean;
  progress(line: string): void;
}

/** One comparison of docs/performance.md. A new one is a file next to this, listed in measures/all.ts. */
export interface Measure {
  id: string;
  /** Figures of docs/performance.md that it makes too, by which it can be asked for. */
  also?: readonly string[];
  name: string;
  run(options: RunOptions): Promise<Figure[]>;
}

/** One line of the table and of latest.json. */
export interface Figure {
  id: string;
  name: string;
  /** Undefined when rivals ran alone. */
  value: number | undefined;
  bar: number;
  aim: number;
  /** What the value is counted in, bar and aim too: × for ratios, unless something else is said, such as s or ms. */
  unit?: string;
  /** A time or a cost: at most the bar passes. Elsewhere at least the bar does. */
  lowerIsBetter?: boolean;
  /** What the value was made of, one line per contender. */
  details: string[];
}

/** Whether a value is at least as good as a limit of its figure. */
export function reaches({ lowerIsBetter }: Pick<Figure, 'lowerIsBetter'>, value: number, limit: number): boolean {
  return lowerIsBetter === true ? value <= limit : value >= limit;
}

/** The middle one of an odd number of values; of an even number, the lower of the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('no median without values');
  return middle;
}
