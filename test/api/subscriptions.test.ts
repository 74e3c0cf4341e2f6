import { randomUUID } from 'node:crypto';
import type { Client } from 'graphql-ws';
import { SECOND_MS } from '../../src/clock';
import { databaseKindOf } from '../support/database';
import { connectSocket } from '../support/raw-socket';
import { ManualClock, startTestService, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const BALANCE = 'subscription($ownerId: ID) { balanceChanged(ownerId: $ownerId) { ownerId available held version } }';
const ACTIONS = `subscription($ownerId: ID, $appId: ID) {
  actionRecorded(ownerId: $ownerId, appId: $appId) { id status idempotencyKey resolvedAt reason app { id } }
}`;

let service: TestService;
const clients: Client[] = [];

beforeAll(async () => {
  service = await startTestService(databaseKindOf());
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  expect(service.failures).toEqual([]);
});
afterAll(() => service.stop());

describe('balanceChanged', () => {
  it('sends the balance as it is, and then the balance after each change', async () => {
    const { appKey, ownerId } = await service.tenant(100);
    const watcher = watchWith(appKey, BALANCE);

    const snapshot = await nextBalance(watcher);
    expect(snapshot).toMatchObject({ ownerId, available: 100, held: 0 });

    await debit(appKey);
    const debited = await nextBalance(watcher);
    expect(debited).toMatchObject({ ownerId, available: 99, held: 0 });
    expect(debited.version).toBeGreaterThan(snapshot.version);

    const actionId = await hold(appKey);
    expect(await nextBalance(watcher)).toMatchObject({ available: 98, held: 1 });

    await resolve('voidAction', actionId, appKey);
    expect(await nextBalance(watcher)).toMatchObject({ available: 99, held: 0 });
  });

  it('is for OWNER and APP keys of the owner, and for ADMIN keys that name the owner', async () => {
    const { ownerId, ownerKey, appKey } = await service.tenant(100);
    for (const key of [ownerKey, appKey]) {
      expect(await nextBalance(watchWith(key, BALANCE))).toMatchObject({ ownerId, available: 100 });
    }
    expect(await nextBalance(watchWith(service.adminKey, BALANCE, { ownerId }))).toMatchObject({ available: 100 });
    expect(await refusalOf(service.adminKey, BALANCE)).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  });

  it('reads another owner like one that does not exist: NOT_FOUND', async () => {
    const { appKey, ownerKey } = await service.tenant(100);
    const { ownerId: foreign } = await service.tenant(100);
    const missing = `${foreign.slice(0, -3)}zz0`;
    for (const key of [appKey, ownerKey]) {
      const refusal = await refusalOf(key, BALANCE, { ownerId: foreign });
      expect(refusal.extensions.code).toBe('NOT_FOUND');
      expect(await refusalOf(key, BALANCE, { ownerId: missing })).toEqual(refusal);
    }
    expect(await refusalOf(service.adminKey, BALANCE, { ownerId: missing })).toMatchObject({
      extensions: { code: 'NOT_FOUND' },
    });
  });

  it('never takes version back, and ends at the latest value, while debits come in parallel', async () => {
    const { appKey } = await service.tenant(200);
    const watcher = watchWith(appKey, BALANCE);
    let last = await nextBalance(watcher);
    const debits = Promise.all(Array.from({ length: 200 }, () => debit(appKey)));
    while (last.available > 0) {
      const next = await nextBalance(watcher);
      expect(next.version).toBeGreaterThan(last.version);
      expect(next.available).toBeLessThan(last.available);
      last = next;
    }
    await debits;
  });

  it('skips values for a slow reader, who delays neither a debit nor another socket', async () => {
    const debits = 300;
    const { appKey } = await service.tenant(debits);
    const slow = await connectSocket(service.url, appKey);
    // Answers of 75 kB, so that what the kernel buffers is soon full.
    slow.subscribe('1', `subscription { balanceChanged { available version ${padding()} } }`);
    const snapshot = (await slow.next()).payload.data.balanceChanged;
    expect(snapshot.available).toBe(debits);
    const quick = watchWith(appKey, BALANCE);

    slow.socket.pause();
    for (let i = 0; i < debits; i++) await debit(appKey);
    await quick.until(({ balanceChanged }) => balanceChanged.available === 0);
    slow.socket.resume();

    let { version, available } = snapshot;
    let values = 0;
    while (available > 0) {
      const next = (await slow.next()).payload.data.balanceChanged;
      expect(next.version).toBeGreaterThan(version);
      ({ version, available } = next);
      values += 1;
    }
    expect(values).toBeLessThan(debits);
    slow.socket.close();
  });

  it('brings all of 200 subscribers to the final value', async () => {
    const { appKey } = await service.tenant(50);
    const subscribers = Array.from({ length: 20 }, () => connected(appKey)).flatMap((client) =>
      Array.from({ length: 10 }, () => watch(client, BALANCE)),
    );
    const snapshots = await Promise.all(subscribers.map(nextBalance));
    expect(snapshots.map(({ available }) => available)).toEqual(subscribers.map(() => 50));
    const finals = subscribers.map((subscriber) =>
      subscriber.until(({ balanceChanged }) => balanceChanged.available === 0),
    );
    await Promise.all(Array.from({ length: 50 }, () => debit(appKey)));
    expect(await Promise.all(finals)).toHaveLength(200);
  });

  it('never shows one owner the balance of another, under load of both', async () => {
    const owners = await Promise.all([service.tenant(150), service.tenant(150)]);
    const seen = owners.map(async ({ ownerKey, ownerId }) => {
      const watcher = watchWith(ownerKey, BALANCE);
      const ownerIds = new Set<string>();
      await watcher.until(({ balanceChanged }) => {
        ownerIds.add(balanceChanged.ownerId);
        return balanceChanged.available === 0;
      });
      expect([...ownerIds]).toEqual([ownerId]);
    });
    await Promise.all(owners.flatMap(({ appKey }) => Array.from({ length: 150 }, () => debit(appKey))));
    await Promise.all(seen);
  });

  it('goes on for others when one subscriber of the same socket ends', async () => {
    const { appKey } = await service.tenant(10);
    const client = connected(appKey);
    const [first, second] = [watch(client, BALANCE), watch(client, BALANCE)];
    await nextBalance(first);
    await nextBalance(second);
    await first.stop();
    await debit(appKey);
    expect(await nextBalance(second)).toMatchObject({ available: 9 });
  });
});

describe('what falls due by itself', () => {
  let clock: ManualClock;
  let timed: TestService;
  beforeAll(async () => {
    clock = new ManualClock(Date.parse('2026-01-31T12:00:00.000Z'));
    timed = await startTestService(databaseKindOf(), { clock });
  });
  afterAll(async () => {
    expect(timed.failures).toEqual([]);
    await timed.stop();
  });

  it('reaches who watches the balance: a renewal, once the clock has passed it', async () => {
    clock.set('2026-01-31T12:00:00.000Z');
    const { appKey } = await timed.tenant(100);
    const query = 'subscription { balanceChanged { available periodStart resetsAt usedThisPeriod version } }';
    const watcher = watchWith(appKey, query, {}, timed);
    expect(await nextBalance(watcher)).toMatchObject({ available: 100, resetsAt: '2026-02-28T12:00:00.000Z' });
    await debit(appKey, timed);
    expect(await nextBalance(watcher)).toMatchObject({ available: 99, usedThisPeriod: 1 });

    clock.set('2026-02-28T12:00:00.000Z');
    const renewed = await nextBalance(watcher);
    expect(renewed).toMatchObject({
      available: 100,
      usedThisPeriod: 0,
      periodStart: '2026-02-28T12:00:00.000Z',
      resetsAt: '2026-03-31T12:00:00.000Z',
    });
  });

  it('reaches who watches the balance and the actions: a hold that nobody resolves', async () => {
    const start = clock.now();
    const { appKey } = await timed.tenant(100);
    const balances = watchWith(appKey, BALANCE, {}, timed);
    await nextBalance(balances);
    const actions = watchWith(appKey, ACTIONS, {}, timed);
    await untilLive(actions, (key) => debit(appKey, timed, key));
    const actionId = await hold(appKey, timed, { holdSeconds: 60 });
    expect(await nextAction(actions)).toMatchObject({ id: actionId, status: 'HELD' });
    await balances.until(({ balanceChanged }) => balanceChanged.held === 1);

    clock.set(start + 60 * SECOND_MS);
    expect(await nextAction(actions)).toMatchObject({
      id: actionId,
      status: 'VOIDED',
      resolvedAt: new Date(start + 60 * SECOND_MS).toISOString(),
    });
    expect(await nextBalance(balances)).toMatchObject({ held: 0 });
  });
});

describe('actionRecorded', () => {
  it('sends each action as it is opened and as it is resolved, in order', async () => {
    const { appKey, ownerKey } = await service.tenant(100);
    const watcher = watchWith(ownerKey, ACTIONS);
    await untilLive(watcher, (key) => debit(appKey, service, key));

    const captured = await hold(appKey);
    await resolve('captureAction', captured, appKey);
    const voided = await hold(appKey);
    await resolve('voidAction', voided, appKey);
    const refunded = await debit(appKey);
    await resolve('refundAction', refunded, appKey);

    const seen = [];
    for (let i = 0; i < 6; i++) seen.push(await nextAction(watcher));
    expect(seen.map(({ id, status }) => [id, status])).toEqual([
      [captured, 'HELD'],
      [captured, 'CAPTURED'],
      [voided, 'HELD'],
      [voided, 'VOIDED'],
      [refunded, 'CAPTURED'],
      [refunded, 'REFUNDED'],
    ]);
  });

  it('sends neither replays nor refusals', async () => {
    const { appKey } = await service.tenant(100);
    const watcher = watchWith(appKey, ACTIONS);
    const last = await untilLive(watcher, (key) => debit(appKey, service, key));
    await debit(appKey, service, last);
    await service.send('mutation { callApi(input: { idempotencyKey: "x", method: "?", host: "x" }) { replayed } }');
    await debit(appKey, service, 'the next one');
    expect(await nextAction(watcher)).toMatchObject({ idempotencyKey: 'the next one' });
  });

  it('sends only what one app does: to its own key, and to whoever names it', async () => {
    const { ownerId, ownerKey, appId, appKey } = await service.tenant(1_000);
    const otherKey = await siblingAppKey(ownerId);
    const watchers = [
      watchWith(appKey, ACTIONS),
      watchWith(ownerKey, ACTIONS, { appId }),
      watchWith(service.adminKey, ACTIONS, { appId }),
      watchWith(service.adminKey, ACTIONS, { ownerId, appId }),
    ];
    await Promise.all(watchers.map((watcher) => untilLive(watcher, (key) => debit(appKey, service, key))));
    await debit(otherKey, service, 'of the other app');
    await debit(appKey, service, 'of this app');
    for (const watcher of watchers) {
      const next = await watcher.until(({ actionRecorded }) => !actionRecorded.idempotencyKey.startsWith('primer-'));
      expect(next.actionRecorded).toMatchObject({ idempotencyKey: 'of this app', app: { id: appId } });
    }
  });

  it('never sends what another owner’s apps do', async () => {
    const [mine, other] = await Promise.all([service.tenant(100), service.tenant(100)]);
    const watcher = watchWith(mine.ownerKey, ACTIONS);
    await untilLive(watcher, (key) => debit(mine.appKey, service, key));
    await Promise.all(Array.from({ length: 50 }, () => debit(other.appKey)));
    await debit(mine.appKey, service, 'mine');
    expect(await nextAction(watcher)).toMatchObject({ idempotencyKey: 'mine' });
  });

  it('reads what is another’s like what does not exist: NOT_FOUND', async () => {
    const { ownerId, ownerKey, appKey } = await service.tenant(100);
    const other = await service.tenant(100);
    await siblingAppKey(ownerId);
    // The second app of the same owner: an APP key is bound to the first.
    const { owner } = await service.ask(
      'query($id: ID!) { owner(id: $id) { apps(first: 1) { edges { node { id } } } } }',
      {
        id: ownerId,
      },
    );
    const siblingId = owner.apps.edges[0].node.id as string;
    const refusals = await Promise.all([
      refusalOf(ownerKey, ACTIONS, { ownerId: other.ownerId }),
      refusalOf(ownerKey, ACTIONS, { appId: other.appId }),
      refusalOf(appKey, ACTIONS, { appId: other.appId }),
      refusalOf(appKey, ACTIONS, { appId: siblingId }),
      refusalOf(service.adminKey, ACTIONS, { ownerId, appId: other.appId }),
      refusalOf(ownerKey, ACTIONS, { appId: `${siblingId.slice(0, -1)}Z` }),
    ]);
    expect(refusals.map(({ extensions }) => extensions.code)).toEqual(refusals.map(() => 'NOT_FOUND'));
    expect(new Set(refusals.slice(1).map(({ message }) => message)).size).toBe(1);
  });

  it('ends a watcher that is too slow with an error, instead of leaving actions out', async () => {
    const actions = 2_400;
    const { appKey } = await service.tenant(actions + 50);
    const slow = await connectSocket(service.url, appKey);
    slow.subscribe('1', `subscription { actionRecorded { idempotencyKey ${padding('actionRecorded')} } }`);
    const stream = { next: async () => (await slow.next()).payload as { data: { actionRecorded: ActionValue } } };
    await untilLive(stream, (key) => debit(appKey, service, key));

    slow.socket.pause();
    for (let i = 0; i < actions; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => debit(appKey, service, `action-${i + n}`)));
    }
    slow.socket.resume();

    const seen: string[] = [];
    let message = await slow.next();
    for (; message.type === 'next'; message = await slow.next())
      seen.push(message.payload.data.actionRecorded.idempotencyKey);
    expect(message).toMatchObject({ type: 'error', id: '1', payload: [{ extensions: { code: 'LIMIT_REACHED' } }] });
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeLessThan(actions);
    slow.socket.close();
  });
});

interface BalanceValue {
  ownerId: string;
  available: number;
  held: number;
  version: number;
}

interface ActionValue {
  id: string;
  status: string;
  idempotencyKey: string;
}

type Watcher = ReturnType<typeof watch>;

function connected(key: string, on: TestService = service): Client {
  const client = socketClient(on.url, key);
  clients.push(client);
  return client;
}

function watchWith(key: string, query: string, variables: Record<string, unknown> = {}, on = service): Watcher {
  return watch(connected(key, on), query, variables);
}

async function nextBalance(watcher: Watcher): Promise<BalanceValue> {
  const { data, errors } = await watcher.next();
  expect(errors).toBeUndefined();
  return data.balanceChanged;
}

async function nextAction(watcher: Watcher): Promise<ActionValue> {
  const { data, errors } = await watcher.next();
  expect(errors).toBeUndefined();
  return data.actionRecorded;
}

/** The error that a subscription is refused with. */
async function refusalOf(key: string, query: string, variables: Record<string, unknown> = {}) {
  const { errors } = await watchWith(key, query, variables).next();
  return errors[0] as { message: string; extensions: { code: string } };
}

/** The stream of actions has no snapshot that says when it has begun: acts until the first one arrives, and reads up to the last. */
async function untilLive(
  watcher: { next(): Promise<{ data: { actionRecorded: ActionValue } }> },
  act: (key: string) => Promise<unknown>,
): Promise<string> {
  const run = randomUUID();
  let arrived = false;
  const first = watcher.next().then((value) => {
    arrived = true;
    return value;
  });
  let last = '';
  for (let i = 0; !arrived; i++) await act((last = `primer-${run}-${i}`));
  for (let value = await first; value.data.actionRecorded.idempotencyKey !== last;) value = await watcher.next();
  return last;
}

async function debit(key: string, on = service, idempotencyKey: string = randomUUID()): Promise<string> {
  const { invokeLlm } = await on.ask(
    'mutation($key: ID!) { invokeLlm(input: { idempotencyKey: $key, model: "gpt-4o" }) { action { id } } }',
    { key: idempotencyKey },
    key,
  );
  return invokeLlm.action.id as string;
}

async function hold(key: string, on = service, { holdSeconds = 900 } = {}): Promise<string> {
  const { invokeLlm } = await on.ask(
    `mutation($key: ID!, $holdSeconds: Int!) {
      invokeLlm(input: { idempotencyKey: $key, model: "gpt-4o", hold: true, holdSeconds: $holdSeconds }) { action { id } }
    }`,
    { key: randomUUID(), holdSeconds },
    key,
  );
  return invokeLlm.action.id as string;
}

async function resolve(mutation: string, actionId: string, key: string): Promise<void> {
  await service.ask(`mutation($id: ID!) { ${mutation}(input: { actionId: $id }) { replayed } }`, { id: actionId }, key);
}

/** The key of a second app of an owner. */
async function siblingAppKey(ownerId: string): Promise<string> {
  const { createApp } = await service.ask(
    'mutation($ownerId: ID!) { createApp(input: { ownerId: $ownerId, name: "Another" }) { app { id } } }',
    { ownerId },
  );
  const { createApiKey } = await service.ask(
    'mutation($appId: ID!) { createApiKey(input: { name: "another", role: APP, appId: $appId }) { secret } }',
    { appId: createApp.app.id },
  );
  return createApiKey.secret as string;
}

/** Selects one small field under long names: an answer of some 75 kB. */
function padding(of: 'balanceChanged' | 'actionRecorded' = 'balanceChanged'): string {
  const field = of === 'balanceChanged' ? 'version' : 'status';
  return Array.from({ length: 25 }, (_, i) => `${'a'.repeat(3_000)}${i}: ${field}`).join(' ');
}
