// npm run bench: runs the measures, prints a table and writes bench/results/latest.json.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { measures } from './measures/all';
import type { Figure, Measure, RunOptions } from './measures/measure';
import { writePlot } from './plot/write';
import { latest, table, writeResults } from './report';
import { PROJECT } from './server';

const USAGE = `Usage: npm run bench -- [options] [measure ...]

Runs the measures of docs/performance.md (all of them, unless some are named), prints a table with each ratio against its bar and
aim, and writes bench/results/latest.json. Ends with 1 when a check fails, such as accepted = rows = debits; a missed
bar is said, but is not a failure.

Options:
  --short         shorter runs: all measures in about five minutes, the plot in four
  --plot          instead of the measures: throughput and latency against concurrency, into docs/performance.svg
  --rivals-only   leave our server out: figures of the rivals, no ratio, no latest.json
  --no-build      measure dist as it is; by default it is built first, so that no stale build is measured
  --help          this text

Measures:
${measures.map(({ id, name }) => `  ${id.padEnd(14)}  ${name}`).join('\n')}
`;

// An interrupt must still run the exit listeners, which stop the servers and databases.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

main().catch((error: unknown) => {
  console.error(`bench failed: ${reasonOf(error)}`);
  process.exit(1);
});

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      short: { type: 'boolean', default: false },
      plot: { type: 'boolean', default: false },
      'rivals-only': { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const rivalsOnly = values['rivals-only'];
  if (values.plot && (rivalsOnly || positionals.length > 0))
    throw new Error('--plot measures what it draws, and no more');
  const selected = select(positionals);
  if (!rivalsOnly && !values['no-build']) build();

  const options = { short: values.short, rivalsOnly, progress: (line: string) => console.error(`  ${line}`) };
  if (values.plot) return console.log(`Drawn into ${await writePlot(options)}`);
  const { figures, failures } = await measureAll(selected, options);
  console.log(`\n${table(figures)}`);
  if (!rivalsOnly) console.log(`\nWritten to ${writeResults('latest.json', latest(figures, values.short))}`);
  if (failures.length > 0) throw new Error(`${failures.length} of ${selected.length} measures\n${failures.join('\n')}`);
}

/** Runs the measures one after the other. One that fails does not cost the figures of the others. */
async function measureAll(
  selected: Measure[],
  options: RunOptions,
): Promise<{ figures: Figure[]; failures: string[] }> {
  const figures: Figure[] = [];
  const failures: string[] = [];
  const startedAt = performance.now();
  for (const [index, measure] of selected.entries()) {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.error(`[${index + 1}/${selected.length}, ${seconds} s] ${measure.id}: ${measure.name}`);
    try {
      figures.push(...(await measure.run(options)));
    } catch (error) {
      failures.push(`${measure.id}: ${reasonOf(error)}`);
      console.error(`  ${failures.at(-1)}`);
    }
  }
  return { figures, failures };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function select(ids: string[]): Measure[] {
  const makes = ({ id, also = [] }: Measure, wanted: string) => id === wanted || also.includes(wanted);
  const unknown = ids.filter((id) => !measures.some((measure) => makes(measure, id)));
  if (unknown.length > 0) throw new Error(`no measure is called ${unknown.join(', ')}; see --help`);
  return ids.length === 0 ? measures : measures.filter((measure) => ids.some((id) => makes(measure, id)));
}

function build(): void {
  console.error('building');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: PROJECT, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('npm run build failed');
}
