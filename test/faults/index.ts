// npm run test:faults: breaks real processes and servers under load, and checks that nothing was lost, doubled or made up.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runFaultTests, type Selection } from './runner';
import { faultTests } from './tests/all';

const USAGE = `Usage: npm run test:faults -- [options]

Kills, stops and cuts off real processes of the API, a real MariaDB, a real three-node Galera cluster and a real Redis while
callers debit, and then compares what the callers were told with the books. It starts and stops all of them itself. The last line
counts; ends with 1 when a test fails, and with 2 when it cannot run. The short form takes two to four minutes.

Options:
  --full            the numbers of the bars: 100 kills, 100,000 debits, a minute without Redis; takes about half an hour
  --only <ids>      only these, such as R4 or R4,R5
  --seed <n>        draws the same moments and actions again, as far as processes can be told
  --build <folder>  test this folder's dist as it is; by default this checkout is built and a copy of it is tested
  --help            this text

Tests:
${faultTests.map(({ id, title }) => `  ${id}  ${title}`).join('\n')}
`;

// An interrupt must still run the exit listeners; what was started is then ended by its watchdogs.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

main().catch((error: unknown) => {
  console.error('Cannot run the fault tests:', error);
  process.exit(2);
});

async function main(): Promise<void> {
  let selection: Selection | null;
  try {
    selection = readSelection();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
  if (!selection) return void process.stdout.write(USAGE);
  const failed = await runFaultTests(selection, (line) => console.log(line));
  // Not process.exitCode: a socket that a killed server left half open must not keep a finished run from ending.
  process.exit(failed === 0 ? 0 : 1);
}

/** null: help was asked for. */
function readSelection(): Selection | null {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string' },
      seed: { type: 'string' },
      build: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const ids = values.only?.toUpperCase().split(',') ?? faultTests.map(({ id }) => id);
  const unknown = ids.filter((id) => !faultTests.some((test) => test.id === id));
  if (unknown.length > 0) throw new Error(`no fault test is called ${unknown.join(', ')}`);
  if (values.seed !== undefined && !/^\d{1,9}$/.test(values.seed)) throw new Error('--seed takes a whole number');
  return {
    tests: faultTests.filter(({ id }) => ids.includes(id)),
    full: values.full,
    seed: Number(values.seed ?? randomInt(1_000_000_000)),
    build: values.build ?? null,
  };
}
