// npm run bench: runs the measures, prints a table and writes bench/results/latest.json.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { measures } from './measures/all';
import type { Figure, Measure } from './measures/measure';
import { table, writeResults } from './report';
import { PROJECT } from './server';

const USAGE = `Usage: npm run bench -- [options] [measure ...]

Runs the measures of bars.md (all of them, unless some are named), prints a table with each ratio against its bar and
aim, and writes bench/results/latest.json. Ends with 1 when a check fails, such as accepted = rows = debits; a missed
bar is said, but is not a failure.

Options:
  --short         shorter runs
  --rivals-only   leave our server out: figures of the rivals, no ratio, no latest.json
  --no-build      measure dist as it is; by default it is built first, so that no stale build is measured
  --help          this text

Measures:
${measures.map(({ id, name }) => `  ${id.padEnd(14)}  ${name}`).join('\n')}
`;

// An interrupt must still run the exit listeners, which stop the servers and databases.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

main().catch((error: unknown) => {
  console.error(`bench failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      short: { type: 'boolean', default: false },
      'rivals-only': { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const rivalsOnly = values['rivals-only'];
  const selected = select(positionals);
  if (!rivalsOnly && !values['no-build']) build();

  const figures: Figure[] = [];
  for (const measure of selected) {
    console.error(`${measure.id}: ${measure.name}`);
    const progress = (line: string): void => console.error(`  ${line}`);
    figures.push(...(await measure.run({ short: values.short, rivalsOnly, progress })));
  }
  console.log(`\n${table(figures)}`);
  if (!rivalsOnly) console.log(`\nWritten to ${writeResults(figures, values.short)}`);
}

function select(ids: string[]): Measure[] {
  const unknown = ids.filter((id) => !measures.some((measure) => measure.id === id));
  if (unknown.length > 0) throw new Error(`no measure is called ${unknown.join(', ')}; see --help`);
  return ids.length === 0 ? measures : measures.filter((measure) => ids.includes(measure.id));
}

function build(): void {
  console.error('building');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: PROJECT, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('npm run build failed');
}
