// npm run simulate: plays random worlds on the real ledger and on a naive model, and compares the two step by step.
import { parseArgs } from 'node:util';
import { simulate, STORES, type Output, type Simulation, type StoreName } from './simulate';

const DEFAULT_SEEDS = 100;
const PROGRESS_LINES = 10;

const USAGE = `Usage: npm run simulate -- [options]

Plays random worlds (plans, grants, clocks that jump, holds, refunds, duplicate keys, many commands at once) on the real
ledger and on the model in test/support/naive-credits.ts, and compares the two after every step. In half of the worlds
statements fail, connections are lost and processes crash, at every step of a transaction (not on the memory store); in a
third two processes take turns. The same seed is always the same world. Ends with 1 when a world fails, after saying what
differed and how to play it again.

Options:
  --seeds <n>      how many seeds (${DEFAULT_SEEDS})
  --first <seed>   the first of them (1)
  --seed <seed>    this one only
  --store <name>   ${STORES.join(', ')} (${STORES[0]}); mysql starts a private MariaDB
  --calm           the same worlds without faults, and with one process each
  --verbose        print every step
  --help           this text
`;

// A ledger that answers nobody leaves nothing to wait for: then this ends here, and not as if all had been well.
process.exitCode = 2;
main().catch((error: unknown) => {
  console.error('Cannot simulate:', error);
});

async function main(): Promise<void> {
  let simulation: Simulation | null;
  try {
    simulation = readSimulation();
  } catch (error) {
    return console.error(`${(error as Error).message}\n\n${USAGE}`);
  }
  if (!simulation) {
    process.stdout.write(USAGE);
    process.exitCode = 0;
    return;
  }
  const failed = await simulate(simulation, terminal(simulation));
  process.exitCode = failed === 0 ? 0 : 1;
}

/** null: help was asked for. */
function readSimulation(): Simulation | null {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      seeds: text,
      first: text,
      seed: text,
      store: text,
      calm: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const store = values.store ?? STORES[0];
  if (!STORES.some((name) => name === store)) throw new Error(`--store is one of ${STORES.join(', ')}`);
  return {
    store: store as StoreName,
    firstSeed: wholeNumber('seed', values.seed ?? values.first ?? '1'),
    seeds: values.seed === undefined ? wholeNumber('seeds', values.seeds ?? String(DEFAULT_SEEDS)) : 1,
    calm: values.calm,
    verbose: values.verbose,
  };
}

function wholeNumber(name: string, given: string): number {
  if (!/^\d{1,10}$/.test(given) || Number(given) > 2 ** 32 - 1)
    throw new Error(`--${name} takes a whole number below 2^32`);
  return Number(given);
}

/** One line that is written anew on a terminal; elsewhere a line now and then. */
function terminal({ seeds }: Simulation): Output {
  let told = 0;
  let open = false;
  return {
    print: (line) => {
      if (open) process.stderr.write('\n');
      open = false;
      console.log(line);
    },
    progress: (line) => {
      told += 1;
      if (process.stderr.isTTY) {
        process.stderr.write(`\r${line}`);
        open = true;
      } else if (told % Math.ceil(seeds / PROGRESS_LINES) === 0) console.error(line);
    },
  };
}
