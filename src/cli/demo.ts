import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { start, type Service } from '../compose';
import { ACTION_CATALOGUE, type ActionDefinition } from '../actions/action-catalogue';

/** Of the sample owner's 100 credits, after one action of each type. */
const LEFT = 100 - ACTION_CATALOGUE.length;

const HELP = `Shows what the service does, on a temporary database: a real client watches a balance fall while actions are
recorded, replayed, held, voided and refused. Ends with exit code 1 when anything is off.

Usage: npm run demo`;

const PATIENCE_MS = 10_000;

interface Balance {
  available: number;
  held: number;
  version: number;
}

interface Answer {
  data: Record<string, { action: { id: string; status: string }; balance: Balance; replayed: boolean }> | null;
  errors?: { message: string; extensions: { code: string; available?: number } }[];
}

/** Example facts for each type of input field, good enough for every row of the catalogue. */
function exampleInput({ facts }: ActionDefinition): Record<string, unknown> {
  const examples: Record<string, unknown> = { mimeType: 'image/png', method: 'POST', host: 'api.example.com' };
  const required = Object.entries(facts).filter(([, fact]) => fact.required);
  return Object.fromEntries(
    required.map(([name, { scalar }]) => [name, examples[name] ?? (scalar === 'String' ? 'example' : 1)]),
  );
}

class Demo {
  private readonly seen: Balance[] = [];
  private wake: () => void = () => undefined;
  /** While many actions run at once, only the number of live updates is told. */
  quiet = false;

  constructor(
    private readonly url: string,
    private readonly key: string,
  ) {}

  get updates(): number {
    return this.seen.length;
  }

  /** Watches the balance as a dashboard would; returns how to stop. */
  watch(): () => Promise<void> {
    const client = createClient({
      url: `${this.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${this.key}` },
    });
    client.subscribe<{ balanceChanged: Balance }>(
      { query: 'subscription { balanceChanged { available held version } }' },
      {
        next: ({ data }) => data && this.receive(data.balanceChanged),
        error: (error) => {
          console.error('The subscription failed:', error);
          process.exitCode = 1;
        },
        complete: () => undefined,
      },
    );
    return async () => client.dispose();
  }

  /** Waits until the watcher has seen this balance live. */
  async expectLive(wanted: { available: number; held: number }): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const last = this.seen.at(-1);
      if (last?.available === wanted.available && last.held === wanted.held) return;
      assert(Date.now() < deadline, `the watcher did not see ${JSON.stringify(wanted)}: ${JSON.stringify(last)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async send(mutation: string, input: Record<string, unknown>): Promise<Answer> {
    const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.key}` },
      body: JSON.stringify({
        query: `mutation($input: ${type}) { ${mutation}(input: $input) { action { id status } balance { available held version } replayed } }`,
        variables: { input },
      }),
    });
    return (await response.json()) as Answer;
  }

  /** The same, of which the demo knows that it succeeds. */
  async do(mutation: string, input: Record<string, unknown>) {
    const { data, errors } = await this.send(mutation, input);
    const payload = data?.[mutation];
    assert(payload, `${mutation} failed: ${JSON.stringify(errors)}`);
    return payload;
  }

  private receive(balance: Balance): void {
    const last = this.seen.at(-1);
    assert(!last || balance.version > last.version, 'the version of a live balance only rises');
    this.seen.push(balance);
    if (!this.quiet) {
      console.log(`    live  ${balance.available} available, ${balance.held} held (version ${balance.version})`);
    }
    this.wake();
  }
}

async function run(service: Service): Promise<void> {
  const key = service.firstRun?.sample?.appSecret;
  assert(key, 'an empty database has a sample owner');
  console.log(`A server at ${service.url}, and a watcher of a sample owner's balance:`);
  const demo = new Demo(service.url, key);
  const stopWatching = demo.watch();
  await demo.expectLive({ available: 100, held: 0 });

  console.log('\nOne action of each type costs one credit each:');
  for (const definition of ACTION_CATALOGUE) {
    const { balance } = await demo.do(definition.mutation, {
      idempotencyKey: `demo ${definition.type}`,
      ...exampleInput(definition),
    });
    console.log(`  ${definition.mutation} → ${balance.available} left`);
    await demo.expectLive(balance);
  }

  console.log('\nThe same key again debits nothing and returns the first receipt:');
  const replay = await demo.do('callApi', { idempotencyKey: 'demo CALL_API', method: 'POST', host: 'api.example.com' });
  assert(replay.replayed && replay.balance.available === LEFT, 'a replay debits nothing');
  console.log(`  callApi → replayed, still ${replay.balance.available} left`);

  console.log('\nA held action takes its credit at once, and gives it back when it is voided:');
  const held = await demo.do('generateImage', { idempotencyKey: 'demo hold', model: 'example', hold: true });
  await demo.expectLive({ available: LEFT - 1, held: 1 });
  const voided = await demo.do('voidAction', { actionId: held.action.id, reason: 'The provider failed.' });
  assert(voided.action.status === 'VOIDED', 'the action is voided');
  await demo.expectLive({ available: LEFT, held: 0 });

  console.log(
    `\n120 actions at once with ${LEFT} credits left: as many are accepted, the others are refused and debit nothing:`,
  );
  const updatesBefore = demo.updates;
  demo.quiet = true;
  await overSpend(demo);
  await demo.expectLive({ available: 0, held: 0 });
  console.log(`    live  down to 0 available, in ${demo.updates - updatesBefore} updates`);
  await tryCurl(service.url, key);
  await stopWatching();
}

async function overSpend(demo: Demo): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: 120 }, (_, i) =>
      demo.send('queryDatabase', { idempotencyKey: `over ${i}`, engine: 'postgresql', operation: 'select' }),
    ),
  );
  const refused = answers.filter(({ errors }) => errors?.[0]?.extensions.code === 'INSUFFICIENT_CREDITS');
  const accepted = answers.filter(({ data, errors }) => !errors && data);
  console.log(`  ${accepted.length} accepted, ${refused.length} refused with INSUFFICIENT_CREDITS`);
  assert.equal(accepted.length, LEFT);
  assert.equal(refused.length, 120 - LEFT);
}

/** What `npm start` tells newcomers to do works with curl as it is. */
async function tryCurl(url: string, key: string): Promise<void> {
  const body = JSON.stringify({ query: '{ balance { available usedThisPeriod } }' });
  const headers = ['-H', 'content-type: application/json', '-H', `authorization: Bearer ${key}`];
  const { stdout } = await promisify(execFile)('curl', ['-sS', `${url}/graphql`, ...headers, '-d', body], {
    timeout: PATIENCE_MS,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return { stdout: null };
    throw error;
  });
  if (stdout === null) return console.log('\n(curl is not installed: its check is left out.)');
  assert.deepEqual(JSON.parse(stdout), { data: { balance: { available: 0, usedThisPeriod: 100 } } });
  console.log(`\ncurl agrees: ${stdout.trim()}`);
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) return console.log(HELP);
  const folder = await mkdtemp(path.join(tmpdir(), 'integration-credits-demo-'));
  const service = await start({
    port: 0,
    host: '127.0.0.1',
    databaseUrl: `sqlite:${path.join(folder, 'demo.sqlite')}`,
    adminKey: null,
    introspection: true,
    explorer: false,
    shutdownGraceSeconds: 2,
  });
  try {
    await run(service);
  } finally {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
  console.log(process.exitCode ? '\nThe demo failed.' : '\nAll as it should be.');
}

main().catch((error: unknown) => {
  console.error('\nThe demo failed:', error);
  process.exit(1);
});
