import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { start, type Service } from '../compose';
import { readConfig } from '../config';
import { ACTION_CATALOGUE, type ActionDefinition } from '../actions/action-catalogue';
import { Live } from './live';

/** Actions during the restart, and after which of them the server is told to stop. */
const RESTART_ACTIONS = 20;
const STOP_AFTER = 5;
/** Of the sample owner's 100 credits, after one action of each type, and after those during the restart. */
const LEFT = 100 - ACTION_CATALOGUE.length;
const LEFT_AT_LAST = LEFT - RESTART_ACTIONS;

const HELP = `Shows what the service does, on a temporary database: a real client watches a balance fall while actions are
recorded, replayed, held, voided and refused, also while the server restarts. Ends with exit code 1 when anything is off.

Usage: npm run demo`;

const PATIENCE_MS = 10_000;
const RETRY_MS = 50;

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
  private readonly sequences: number[] = [];
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
    const live = new Live({
      url: this.url,
      key: this.key,
      firstWaitMs: 2 * RETRY_MS,
      onLost: (reason) => console.log(`    live  disconnected (${reason})`),
      onBack: () => console.log('    live  connected again'),
    });
    const query = 'subscription { balanceChanged { available held version } }';
    void tellFailure(async () => {
      for await (const { balanceChanged } of live.follow<{ balanceChanged: Balance }>(query, {})) {
        this.receive(balanceChanged);
      }
    });
    return () => live.stop();
  }

  /** Follows the owner's ledger from its first entry, as books kept elsewhere would; returns how to stop. */
  followLedger(key: string, ownerId: string): () => Promise<void> {
    const live = new Live({ url: this.url, key, firstWaitMs: 2 * RETRY_MS });
    const query = `subscription($ownerId: ID, $afterSequence: SafeInt!) {
      ledgerAppended(ownerId: $ownerId, afterSequence: $afterSequence) { sequence }
    }`;
    const variables = { ownerId, afterSequence: 0 };
    void tellFailure(async () => {
      for await (const { ledgerAppended } of live.follow<{ ledgerAppended: { sequence: number } }>(query, variables)) {
        if (ledgerAppended.sequence <= variables.afterSequence) continue;
        variables.afterSequence = ledgerAppended.sequence;
        this.sequences.push(ledgerAppended.sequence);
        this.wake();
      }
    });
    return () => live.stop();
  }

  /** Waits until the watcher has seen this balance live. */
  async expectLive(wanted: { available: number; held: number }): Promise<void> {
    await this.until(
      () => {
        const last = this.seen.at(-1);
        return last?.available === wanted.available && last.held === wanted.held;
      },
      `a balance of ${JSON.stringify(wanted)}`,
    );
  }

  /** Waits until the ledger was followed up to this entry, from the first one on. */
  async expectWholeLedger(lastSequence: number): Promise<void> {
    await this.until(() => this.sequences.at(-1) === lastSequence, `ledger entry ${lastSequence}`);
    assert.deepEqual(
      this.sequences,
      Array.from({ length: lastSequence }, (_, index) => index + 1),
      'the ledger is followed without gap or repeat',
    );
  }

  private async until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!isSo()) {
      assert(Date.now() < deadline, `the watcher did not see ${what}; last ${JSON.stringify(this.seen.at(-1))}`);
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

  /** The same, sent again with the same key while the server is away; returns how often it was sent. */
  async insist(mutation: string, input: Record<string, unknown>): Promise<number> {
    const deadline = Date.now() + PATIENCE_MS;
    for (let attempts = 1; ; attempts += 1) {
      try {
        await this.do(mutation, input);
        return attempts;
      } catch (error) {
        // What fetch throws where nobody answered.
        if (!(error instanceof TypeError) || Date.now() > deadline) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  private receive(balance: Balance): void {
    const last = this.seen.at(-1);
    // Whoever comes back is told the current balance first.
    if (last?.version === balance.version) return;
    assert(!last || balance.version > last.version, 'the version of a live balance only rises');
    this.seen.push(balance);
    if (!this.quiet) {
      console.log(`    live  ${balance.available} available, ${balance.held} held (version ${balance.version})`);
    }
    this.wake();
  }
}

/** A watcher runs beside the demo: what goes wrong there fails the demo too. */
async function tellFailure(watch: () => Promise<void>): Promise<void> {
  await watch().catch((error: unknown) => {
    console.error('The subscription failed:', error);
    process.exitCode = 1;
  });
}

async function run(service: Service, restart: () => Promise<void>): Promise<void> {
  const { adminSecret, sample } = service.firstRun ?? {};
  assert(adminSecret && sample, 'an empty database has a sample owner');
  const key = sample.appSecret;
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

  const stopFollowing = demo.followLedger(adminSecret, sample.ownerId);
  await actThroughRestart(demo, restart);
  await stopFollowing();

  console.log(
    `\n120 actions at once with ${LEFT_AT_LAST} credits left: as many are accepted, the others are refused and debit nothing:`,
  );
  const updatesBefore = demo.updates;
  demo.quiet = true;
  await overSpend(demo);
  await demo.expectLive({ available: 0, held: 0 });
  console.log(`    live  down to 0 available, in ${demo.updates - updatesBefore} updates`);
  await tryCurl(service.url, key);
  await stopWatching();
}

async function actThroughRestart(demo: Demo, restart: () => Promise<void>): Promise<void> {
  console.log(
    `\n${RESTART_ACTIONS} more actions while the server is stopped and started again: callers retry with the same key, watchers resume:`,
  );
  demo.quiet = true;
  let restarted: Promise<void> | null = null;
  let sent = 0;
  for (let action = 1; action <= RESTART_ACTIONS; action += 1) {
    sent += await demo.insist('sendEmail', { idempotencyKey: `restart ${action}`, recipients: 1 });
    if (action === STOP_AFTER) restarted = restart();
    // The last one is for the new server, however fast the others were.
    if (action === RESTART_ACTIONS - 1) await restarted;
  }
  const { balance } = await demo.do('sendEmail', { idempotencyKey: 'restart 1', recipients: 1 });
  assert.equal(balance.available, LEFT_AT_LAST);
  await demo.expectLive({ available: LEFT_AT_LAST, held: 0 });
  // The first grant, an action of each type, a hold and its void, and these.
  const entries = 1 + ACTION_CATALOGUE.length + 2 + RESTART_ACTIONS;
  await demo.expectWholeLedger(entries);
  demo.quiet = false;
  console.log(`  ${RESTART_ACTIONS} accepted, each debited once, sent ${sent} times → ${LEFT_AT_LAST} left`);
  console.log(`  ledgerAppended: entries 1 to ${entries}, without gap or repeat`);
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
  assert.equal(accepted.length, LEFT_AT_LAST);
  assert.equal(refused.length, 120 - LEFT_AT_LAST);
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
  const config = {
    ...readConfig({}),
    port: 0,
    databaseUrl: `sqlite:${path.join(folder, 'demo.sqlite')}`,
    explorer: false,
    dashboard: false,
    widget: false,
    shutdownGraceSeconds: 2,
  };
  let service = await start(config);
  const port = Number(new URL(service.url).port);
  const restart = async () => {
    await service.stop();
    service = await start({ ...config, port });
  };
  try {
    await run(service, restart);
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
