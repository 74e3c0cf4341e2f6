import 'reflect-metadata';
import { systemClock } from '../clock';
import { readConfig } from '../config';
import { Database } from '../database/database';
import { entities } from '../database/entities';
import { sampleCast } from '../sample/sample-cast';
import { hasOwners, SampleKeys, seedSample, type SeededOwner, type SeedSummary } from '../sample/seed';
import { readArguments } from './arguments';
import { PROGRESS_INTERVAL_MS, ProgressBar } from './progress-bar';

const HELP = `Fills the database that DATABASE_URL names with sample owners and a believable past up to this minute, through the
ledger's own commands, and prints keys to look at it with. Stop the service first where the database is SQLite.

Usage: npm run seed -- [--owners 20] [--days 60] [--actions N] [--seed 1] [--add] [--json]

  --owners   how many owners, 1 to 10000 (20)
  --days     how far back, 1 to 730 (60)
  --actions  how many actions in all, up to 100000000 (as many as go with the owners' plans)
  --seed     the same number gives the same owners and actions, but for ids (1)
  --add      also where there are owners already; those of this seed that exist are left as they are
  --json     prints what was done as JSON, and no progress`;

/** How many owners get a key: those that the cast begins with, whose stories differ most. */
const OWNER_KEYS = 3;

interface Arguments {
  readonly owners: number;
  readonly days: number;
  readonly actions: number | undefined;
  readonly seed: number;
  readonly add: boolean;
  readonly json: boolean;
}

interface Keys {
  readonly admin: string | null;
  readonly owners: readonly (SeededOwner & { readonly secret: string })[];
}

class NotEmpty extends Error {}

async function main(): Promise<void> {
  const asked = readAsked();
  const config = readConfig();
  const database = await Database.open(config.databaseUrl, entities);
  try {
    await database.migrate();
    if (!asked.add && (await hasOwners(database))) {
      throw new NotEmpty('the database has owners already: say --add to add sample owners beside them.');
    }
    const summary = await seed(database, asked);
    const keys = await createKeys(database, summary, config.adminKey);
    console.log(asked.json ? JSON.stringify({ ...summary, keys }) : describe(summary, keys));
  } finally {
    await database.close();
  }
}

function readAsked(): Arguments {
  const given = readArguments(HELP, ['owners', 'days', 'actions', 'seed'], ['add', 'json']);
  const number = (name: 'owners' | 'days' | 'actions' | 'seed', max: number, min = 1) => {
    const text = given[name];
    const value = Number(text);
    if (text === undefined || (/^\d+$/.test(text) && value >= min && value <= max)) return text && value;
    console.error(`--${name} must be a whole number from ${min} to ${max}.\n\n${HELP}`);
    return process.exit(2);
  };
  return {
    owners: number('owners', 10_000) || 20,
    days: number('days', 730) || 60,
    actions: number('actions', 100_000_000) || undefined,
    seed: Number(number('seed', 2 ** 31 - 1, 0) ?? 1),
    add: given.add === true,
    json: given.json === true,
  };
}

async function seed(database: Database, asked: Arguments): Promise<SeedSummary> {
  const options = { ...asked, endsAt: systemClock.now() };
  const bar = new ProgressBar(process.stderr, 'actions');
  const total = sampleCast(options).actions;
  const summary = await seedSample(database, {
    ...options,
    progressIntervalMs: PROGRESS_INTERVAL_MS,
    onProgress: ({ actions, perSecond }) => void (asked.json || bar.show({ done: actions, total, perSecond })),
  });
  if (!asked.json) bar.end();
  return summary;
}

/** None where nothing was added: a second run changes nothing. */
async function createKeys(database: Database, { added }: SeedSummary, adminKey: string | null): Promise<Keys> {
  if (added.length === 0) return { admin: null, owners: [] };
  const keys = new SampleKeys(database);
  const secret = await keys.admin(adminKey);
  const owners = [];
  for (const owner of added.slice(0, OWNER_KEYS)) owners.push({ ...owner, secret: await keys.owner(owner.ownerId) });
  // A key that the operator has chosen is never printed.
  return { admin: secret === adminKey ? null : secret, owners };
}

function describe({ added, skipped, actions, refused, perSecond }: SeedSummary, keys: Keys): string {
  const number = (value: number) => Math.round(value).toLocaleString('en-US');
  const there = skipped.length > 0 ? `; ${skipped.length} of this seed were there already and are as they were` : '';
  if (added.length === 0) return `Nothing was added${there}.`;
  const lines = [
    `${number(added.length)} owners and ${number(actions)} actions were added, ${number(perSecond)} actions/s` +
      ` (${number(refused)} more were refused, as empty pools do)${there}.`,
    '',
    'Keys to sign in with, shown this once:',
  ];
  if (keys.admin) lines.push(`  ${keys.admin}   ADMIN`);
  for (const { secret, name } of keys.owners) lines.push(`  ${secret}   OWNER of ${name}`);
  return [...lines, '', 'npm start serves them; the dashboard is at /dashboard.'].join('\n');
}

main().catch((error: unknown) => {
  console.error(`Nothing more is added: ${(error as Error).message}`);
  process.exitCode = error instanceof NotEmpty ? 2 : 1;
});
