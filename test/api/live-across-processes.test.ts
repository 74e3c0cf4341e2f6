import { Redis } from 'ioredis';
import type { Client } from 'graphql-ws';
import { SECOND_MS, systemClock } from '../../src/clock';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { hashKey } from '../../src/idempotency';
import { Ledger } from '../../src/ledger/ledger';
import { SqlLedgerStore } from '../../src/ledger/ledger.store';
import { parsePublicId } from '../../src/public-id';
import { balanceOf, changeApp, performed, resolved } from '../support/actions';
import { stopSound } from '../support/books';
import { createTestDatabase, databaseKindOf, type TestDatabase } from '../support/database';
import { connectSocket } from '../support/raw-socket';
import { redisIsAvailable, startRedis, type TestRedis } from '../support/redis';
import { startTestService, type Tenant, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

/** Two services on one database: what one of them commits, the other one's watchers see. SQLite has one process. */
const onMysql = databaseKindOf() === 'mysql' ? describe : describe.skip;
const withRedis = databaseKindOf() === 'mysql' && redisIsAvailable() ? describe : describe.skip;

const BALANCE = 'subscription { balanceChanged { available version } }';
const ACTIONS = `subscription { actionRecorded {
  id type status visitor idempotencyKey holdExpiresAt createdAt resolvedAt reason sequence availableAfter heldAfter
  details metadata app { id }
} }`;
const ENTRIES = 'subscription($after: SafeInt!) { ledgerAppended(afterSequence: $after) { sequence kind available } }';

const CREATE_KEY = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id } secret } }';
const REVOKE_KEY = 'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }';

/** What is promised: over Redis within a moment, and without it within five seconds. */
const WITHOUT_REDIS_MS = 5 * SECOND_MS;
/** Less than the two seconds after which each process looks by itself. */
const OVER_REDIS_MS = 1 * SECOND_MS;
/** As long as a silent Redis is waited for: a debit that took so long would have waited for it. */
const WAITED_FOR_REDIS_MS = 3 * SECOND_MS;

class Pair {
  private readonly clients: Client[] = [];

  private constructor(
    private readonly database: TestDatabase,
    readonly here: TestService,
    readonly there: TestService,
  ) {}

  static async start(redisUrl: string | null): Promise<Pair> {
    const database = await createTestDatabase('mysql');
    const options = { databaseUrl: database.url, config: { redisUrl } };
    const here = await startTestService('mysql', options);
    const config = { ...options.config, adminKey: here.adminKey };
    return new Pair(database, here, await startTestService('mysql', { ...options, config }));
  }

  /** Subscribes at one of them. */
  watch(service: TestService, key: string, query: string, variables: Record<string, unknown> = {}) {
    const client = socketClient(service.url, key);
    this.clients.push(client);
    return watch(client, query, variables);
  }

  /** A debit there, until its balance is here: in milliseconds. */
  async delay(watcher: ReturnType<typeof watch>, appKey: string, idempotencyKey: string): Promise<number> {
    const startedAt = performance.now();
    const { balance } = await performed(this.there, appKey, { idempotencyKey });
    await watcher.until(({ balanceChanged }) => balanceChanged.version >= balance.version);
    return performance.now() - startedAt;
  }

  async disconnectClients(): Promise<void> {
    for (const client of this.clients.splice(0)) await client.dispose();
  }

  async stop(): Promise<void> {
    await this.disconnectClients();
    expect([this.here.failures, this.there.failures]).toEqual([[], []]);
    await this.there.stop();
    await stopSound(this.here);
    await this.database.drop();
  }
}

function describeBothWays(pair: () => Pair, limitMs: number): void {
  it('show a balance that the other one has changed', async () => {
    const { here } = pair();
    const { appKey } = await here.tenant(100);
    const watcher = pair().watch(here, appKey, BALANCE);
    expect((await watcher.next()).data.balanceChanged.available).toBe(100);
    expect(await pair().delay(watcher, appKey, 'k')).toBeLessThan(limitMs);
  });

  it('tell of actions as the ledger has them, each once and in its order, whichever of them it was that acted', async () => {
    const { here, there } = pair();
    const tenant = await here.tenant(1_000);
    const { appKey } = tenant;
    const followers = await followActions(pair(), tenant);
    for (let i = 0; i < 12; i += 1) {
      const [one, other] = i % 2 ? [here, there] : [there, here];
      const held = await performed(one, appKey, { idempotencyKey: `held ${i}`, hold: true, visitor: `visitor ${i}` });
      await performed(other, appKey, { idempotencyKey: `debited ${i}`, metadata: { turn: i } });
      const actionId = held.action.id;
      if (i % 3 === 0) await resolved(other, appKey, 'voidAction', { actionId, reason: 'no need' });
      else await resolved(other, appKey, 'captureAction', { actionId });
      if (i % 3 === 1) await resolved(one, appKey, 'refundAction', { actionId, reason: 'sorry' });
    }
    await performed(here, appKey, { idempotencyKey: 'the last one' });
    await Promise.all(followers.map(({ until }) => until('the last one')));
    const [seenHere, seenThere] = followers.map(({ seen }) => seen.filter((one) => !/^begin/.test(one.idempotencyKey)));
    expect(seenHere).toEqual(seenThere);
    expect(seenHere).toHaveLength(12 + 12 + 12 + 4 + 1);
    const story = seenHere?.filter(({ idempotencyKey }) => /^(held|debited) [01]$/.test(idempotencyKey));
    expect(story?.map(({ idempotencyKey, status, reason }) => [idempotencyKey, status, reason])).toEqual([
      ['held 0', 'HELD', null],
      ['debited 0', 'CAPTURED', null],
      ['held 0', 'VOIDED', 'no need'],
      ['held 1', 'HELD', null],
      ['debited 1', 'CAPTURED', null],
      ['held 1', 'CAPTURED', null],
      ['held 1', 'REFUNDED', 'sorry'],
    ]);
  });

  it('append every entry once to a ledger that is watched while both debit it', async () => {
    const { here, there } = pair();
    const { appKey, ownerKey } = await here.tenant(1_000);
    const watchers = [here, there].map((service) => pair().watch(service, ownerKey, ENTRIES, { after: 0 }));
    const reading = watchers.map((watcher) => sequencesUntil(watcher, 401));
    await Promise.all(
      Array.from({ length: 400 }, (_, i) => performed(i % 2 ? here : there, appKey, { idempotencyKey: `${i}` })),
    );
    const expected = Array.from({ length: 401 }, (_, i) => i + 1);
    for (const sequences of await Promise.all(reading)) expect(sequences).toEqual(expected);
  });

  it('close the sockets of a key that was revoked at the other one with 4403, and refuse it', async () => {
    const { here, there } = pair();
    const { appId } = await here.tenant(100);
    const { createApiKey } = await here.ask(CREATE_KEY, { input: { name: 'a key', role: 'APP', appId } });
    const { apiKey, secret } = createApiKey;
    const socket = await connectSocket(here.url, secret);
    const startedAt = performance.now();
    await there.ask(REVOKE_KEY, { id: apiKey.id });
    expect(await socket.closed).toEqual({ code: 4403, reason: 'Forbidden' });
    expect(performance.now() - startedAt).toBeLessThan(limitMs);
    expect((await here.send('{ balance { held } }', {}, secret)).code).toBe('UNAUTHENTICATED');
  });

  it('close the sockets of a page from which the other one takes the leave to look', async () => {
    const { here, there } = pair();
    const { appId } = await here.tenant(100);
    await changeApp(here, appId, { allowedOrigins: ['https://page.example'] });
    const { createApiKey } = await here.ask(CREATE_KEY, { input: { name: 'a page', role: 'PUBLISHABLE', appId } });
    const socket = await connectSocket(here.url, createApiKey.secret, { origin: 'https://page.example' });
    const startedAt = performance.now();
    await changeApp(there, appId, { allowedOrigins: ['https://another.example'] });
    expect(await socket.closed).toEqual({ code: 4403, reason: 'Forbidden' });
    expect(performance.now() - startedAt).toBeLessThan(limitMs);
  });

  it('show what was committed although no process knows, as after a COMMIT that was given up and arrived', async () => {
    const { here, there } = pair();
    const tenant = await here.tenant(1_000);
    const watchers = [here, there].map((service) => pair().watch(service, tenant.ownerKey, BALANCE));
    await Promise.all(watchers.map((watcher) => watcher.next()));
    const followers = await followActions(pair(), tenant);
    await debitUnseen(here.databaseUrl, tenant);
    const { version } = await balanceOf(here, tenant.ownerId);
    const startedAt = performance.now();
    await Promise.all(watchers.map((watcher) => watcher.until((data) => data.balanceChanged.version === version)));
    await Promise.all(followers.map(({ until }) => until('unseen')));
    expect(performance.now() - startedAt).toBeLessThan(WITHOUT_REDIS_MS);
  });
}

onMysql('two services without Redis', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await Pair.start(null);
  });
  afterEach(() => pair.disconnectClients());
  afterAll(() => pair.stop());

  describeBothWays(() => pair, WITHOUT_REDIS_MS);
});

withRedis('two services over Redis', () => {
  let redis: TestRedis;
  let pair: Pair;
  beforeAll(async () => {
    redis = await startRedis();
    pair = await Pair.start(redis.url);
  });
  afterEach(() => pair.disconnectClients());
  afterAll(async () => {
    await pair.stop();
    await redis.stop();
  });

  describeBothWays(() => pair, OVER_REDIS_MS);

  it('are not disturbed by whatever else is said on their channel, and say nothing of what is in a pool', async () => {
    const { here } = pair;
    const { appKey } = await here.tenant(100);
    const watcher = pair.watch(here, appKey, BALANCE);
    await watcher.next();
    const channel = `integration-credits:${new URL(here.databaseUrl).pathname.slice(1)}`;
    const stranger = new Redis(redis.url);
    const ears = stranger.duplicate();
    try {
      const heard: string[] = [];
      await ears.subscribe(channel);
      ears.on('message', (_channel: string, text: string) => heard.push(text));
      for (const text of [
        '',
        '{',
        'null',
        '[]',
        '{"from":1}',
        '{"from":"x","committed":[[1,1e99,1]],"curtailed":true}',
      ]) {
        await stranger.publish(channel, text);
      }
      expect(await pair.delay(watcher, appKey, 'a secret of the caller')).toBeLessThan(OVER_REDIS_MS);
      const ours = heard.map((text) => JSON.stringify(text)).filter((text) => /committed\\":\[\[\d/.test(text));
      expect(ours.length).toBeGreaterThan(0);
      expect(ours.join()).not.toContain('secret');
    } finally {
      stranger.disconnect();
      ears.disconnect();
    }
  });

  // R9 in short.
  it('debit on while Redis is gone, show balances all the same, and at once again when it is back', async () => {
    const { here, there } = pair;
    const { appKey, ownerId } = await here.tenant(100_000);
    const watcher = pair.watch(here, appKey, BALANCE);
    await watcher.next();
    const quiet = await here.tenant(10_000);
    const quietWatcher = pair.watch(here, quiet.appKey, BALANCE);
    await quietWatcher.next();
    const lines = here.lines.length;
    const load = debitUntilStopped(pair, appKey);
    await redis.kill();
    for (let i = 0; i < 3; i += 1) {
      expect(await pair.delay(watcher, appKey, `while it is gone ${i}`)).toBeLessThan(WITHOUT_REDIS_MS);
      expect(await pair.delay(quietWatcher, quiet.appKey, `while it is gone ${i}`)).toBeLessThan(WITHOUT_REDIS_MS);
    }
    await redis.restart();
    await untilTold(pair, /is back/, { watcher: quietWatcher, appKey: quiet.appKey });
    expect(await pair.delay(quietWatcher, quiet.appKey, 'it is back')).toBeLessThan(OVER_REDIS_MS);
    const { debits, slowestMs } = await load.stop();
    expect(await balanceOf(there, ownerId)).toMatchObject({ usedThisPeriod: debits + 3 });
    expect(slowestMs).toBeLessThan(WAITED_FOR_REDIS_MS);
    expect(here.lines.slice(lines)).toEqual([expect.stringMatching(/^Redis is out of reach \(.+\)/), 'Redis is back.']);
  });

  it('notice a Redis that has gone silent, and debit on', async () => {
    const { here } = pair;
    const { appKey } = await here.tenant(100_000);
    const quiet = await here.tenant(10_000);
    const watcher = pair.watch(here, quiet.appKey, BALANCE);
    await watcher.next();
    const lines = here.lines.length;
    const load = debitUntilStopped(pair, appKey);
    redis.freeze();
    expect(await pair.delay(watcher, quiet.appKey, 'while it is silent')).toBeLessThan(WITHOUT_REDIS_MS);
    await untilTold(pair, /is out of reach/, { watcher, appKey: quiet.appKey });
    redis.thaw();
    await untilTold(pair, /is back/, { watcher, appKey: quiet.appKey });
    expect(await pair.delay(watcher, quiet.appKey, 'it speaks again')).toBeLessThan(OVER_REDIS_MS);
    expect((await load.stop()).slowestMs).toBeLessThan(WAITED_FOR_REDIS_MS);
    expect(here.lines.slice(lines)).toEqual([expect.stringMatching(/^Redis is out of reach \(.+\)/), 'Redis is back.']);
  });
});

withRedis('a Redis that is absent', () => {
  it('does not keep a service from starting, and is used once it is there', async () => {
    const redis = await startRedis({ absent: true });
    const pair = await Pair.start(redis.url);
    const { here } = pair;
    const { appKey } = await here.tenant(2_000);
    const watcher = pair.watch(here, appKey, BALANCE);
    await watcher.next();
    expect(await pair.delay(watcher, appKey, 'without')).toBeLessThan(WITHOUT_REDIS_MS);
    await redis.restart();
    await untilTold(pair, /is back/, { watcher, appKey });
    expect(await pair.delay(watcher, appKey, 'over Redis')).toBeLessThan(OVER_REDIS_MS);
    expect(here.lines).toEqual([expect.stringMatching(/^Redis is out of reach \(ECONNREFUSED\)/), 'Redis is back.']);
    await pair.stop();
    await redis.stop();
  });
});

/** Subscribes to actions at both of them, and debits until both have told of one: such a subscription has no first value. */
async function followActions(pair: Pair, { ownerKey, appKey }: Pick<Tenant, 'ownerKey' | 'appKey'>) {
  const { here, there } = pair;
  const followers = [here, there].map((service) => follow(pair.watch(service, ownerKey, ACTIONS)));
  for (let i = 0; followers.some(({ seen }) => seen.length === 0); i += 1) {
    await performed(i % 2 ? here : there, appKey, { idempotencyKey: `begin ${i}` });
  }
  return followers;
}

/** Reads actions on its own, as they come. */
function follow(watcher: ReturnType<typeof watch>) {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read answers of many shapes
  const seen: any[] = [];
  let wake = () => {};
  const read = async () => {
    for (;;) {
      seen.push((await watcher.next()).data.actionRecorded);
      wake();
    }
  };
  // It ends with its client.
  read().catch(() => undefined);
  const until = async (key: string) => {
    while (!seen.some(({ idempotencyKey }) => idempotencyKey === key)) await new Promise<void>((r) => (wake = r));
  };
  return { seen, until };
}

async function sequencesUntil(watcher: ReturnType<typeof watch>, last: number): Promise<number[]> {
  const sequences: number[] = [];
  while (sequences.at(-1) !== last) sequences.push((await watcher.next()).data.ledgerAppended.sequence);
  return sequences;
}

/** Debits at both from now on. `stop` says how many there were and how long the slowest took; one that fails fails it. */
function debitUntilStopped({ here, there }: Pair, appKey: string) {
  let stopped = false;
  const load = { debits: 0, slowestMs: 0 };
  const callers = [here, there, here, there].map(async (service, caller) => {
    for (let i = 0; !stopped; i += 1) {
      const startedAt = performance.now();
      await performed(service, appKey, { idempotencyKey: `load ${caller} ${startedAt} ${i}` });
      load.slowestMs = Math.max(load.slowestMs, performance.now() - startedAt);
      load.debits += 1;
    }
  });
  const stop = async () => {
    stopped = true;
    await Promise.all(callers);
    return load;
  };
  return { stop };
}

/** Debits until both say that Redis is as it should be. */
async function untilTold(pair: Pair, line: RegExp, one: { watcher: ReturnType<typeof watch>; appKey: string }) {
  const isTold = ({ lines }: TestService) => line.test(lines.at(-1) ?? '');
  for (let i = 0; !isTold(pair.here) || !isTold(pair.there); i += 1) {
    await pair.delay(one.watcher, one.appKey, `${line} ${performance.now()}`);
  }
}

/** A debit of a process that says nothing of it. */
async function debitUnseen(databaseUrl: string, { ownerId, appId }: Pick<Tenant, 'ownerId' | 'appId'>): Promise<void> {
  const database = await Database.open(databaseUrl, entities);
  try {
    await new Ledger(new SqlLedgerStore(database), systemClock).submit({
      kind: 'DEBIT',
      ownerId: parsePublicId(ownerId)?.ownerId as number,
      appId: parsePublicId(appId)?.number as number,
      key: { text: 'unseen', hash: hashKey('unseen'), fingerprint: '0'.repeat(64) },
      facts: { type: 'CALL_API', visitor: null, origin: null, details: '{}', metadata: null },
      holdSeconds: 900,
    });
  } finally {
    await database.close();
  }
}
