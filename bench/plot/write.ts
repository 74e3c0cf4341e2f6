import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunOptions } from '../measures/measure';
import { writeResults } from '../report';
import { PROJECT } from '../server';
import { measureCurves } from './curves';
import { drawPlot } from './draw';

const PLOT = join(PROJECT, 'docs', 'performance.svg');
const CAPTION =
  'Load, server and database share the machine. Every write is flushed to disk before it is answered. ' +
  'The limiter keeps a count only: no history, no idempotency.';

/** Measures the curves, draws them into docs/performance.svg, and returns its path. The points stay in bench/results. */
export async function writePlot(options: RunOptions): Promise<string> {
  const curves = await measureCurves(options);
  writeResults('plot.json', { short: options.short, curves });
  writeFileSync(PLOT, drawPlot(curves, CAPTION));
  return PLOT;
}
