import type { GraphQLObjectType } from 'graphql';
import type { Client } from 'graphql-ws';
import { addApp } from '../support/actions';
import { databaseKindOf } from '../support/database';
import { connectSocket, type RawSocket } from '../support/raw-socket';
import { ManualClock, startTestService, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const BALANCE = 'subscription { balanceChanged { ownerId available version } }';
const OF_OWNER = 'subscription($ownerId: ID) { balanceChanged(ownerId: $ownerId) { ownerId available version } }';

const clock = new ManualClock();
let service: TestService;
/** How often a balance was executed for subscribers, whoever got it. */
let executions = 0;
const clients: Client[] = [];
const sockets: RawSocket[] = [];

beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
  const field = subscriptionType().getFields()['balanceChanged']!;
  const resolve = field.resolve!;
  field.resolve = (...args) => {
    executions += 1;
    return resolve(...args) as unknown;
  };
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  for (const { socket } of sockets.splice(0)) socket.terminate();
  expect(service.failures).toEqual([]);
});
afterAll(() => service.stop());

describe('many watchers of one balance', () => {
  it('all get its final value, each by rising versions, through 300 sockets', async () => {
    const { appKey } = await service.tenant(200);
    const watchers = await Promise.all(Array.from({ length: 300 }, () => connected(appKey)));
    const finals = watchers.map(async (socket) => {
      socket.subscribe('1', BALANCE);
      const balances = [await nextBalance(socket)];
      while (balances.at(-1)!.available > 0) balances.push(await nextBalance(socket));
      const versions = balances.map(({ version }) => version);
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      return balances.at(-1);
    });
    await Promise.all(Array.from({ length: 200 }, () => debit(appKey)));
    const [first, ...others] = await Promise.all(finals);
    for (const final of others) expect(final).toEqual(first);
  });

  it('cost one execution for each balance, with graphql-ws’s own client too', async () => {
    const { appKey } = await service.tenant(100);
    const watchers = Array.from({ length: 30 }, () => watch(client(appKey), BALANCE));
    for (const watcher of watchers) await watcher.next();
    executions = 0;
    for (const available of [99, 98, 97]) {
      await debit(appKey);
      for (const watcher of watchers) {
        expect(await watcher.next()).toMatchObject({ data: { balanceChanged: { available } } });
      }
    }
    expect(executions).toBe(3);
  });

  it('who come one after the other each get the balance as it is by then, at once', async () => {
    const { appKey } = await service.tenant(100);
    for (let available = 100; available > 90; available--) {
      const late = await watching(appKey);
      expect(late.first).toMatchObject({ available });
      await debit(appKey);
    }
  });

  it('who come when a renewal has just fallen due are shown the renewed balance (rule 4)', async () => {
    const { appKey } = await service.tenant(100);
    const early = await watching(appKey);
    await debit(appKey);
    await nextBalance(early.socket);
    clock.set(Date.parse('2026-02-28T12:00:00.000Z'));
    expect((await watching(appKey)).first).toMatchObject({ available: 100 });
    expect(await nextBalance(early.socket)).toMatchObject({ available: 100 });
  });
});

describe('watchers who do not ask the same', () => {
  it('get their own owner’s balance and no other by one document, by key and by variables', async () => {
    const [mine, other] = await Promise.all([service.tenant(50), service.tenant(60)]);
    const watchers = await Promise.all(
      [mine, other].flatMap(({ ownerId, ownerKey, appKey }) => [
        reader(ownerId, ownerKey, BALANCE),
        reader(ownerId, appKey, BALANCE),
        reader(ownerId, appKey, OF_OWNER, { ownerId }),
        reader(ownerId, service.adminKey, OF_OWNER, { ownerId }),
      ]),
    );
    await Promise.all([mine, other].flatMap(({ appKey }) => Array.from({ length: 50 }, () => debit(appKey))));
    for (const { ownerId, untilAvailable } of watchers) {
      for (const balance of await untilAvailable(ownerId === mine.ownerId ? 0 : 10)) {
        expect(balance.ownerId).toBe(ownerId);
      }
    }
  });

  it('get the fields that they selected, under the names that they gave them', async () => {
    const { appKey } = await service.tenant(100);
    const socket = await connected(appKey);
    const selections = ['left: available', 'held', 'grants { remaining }', 'available runway { lastsUntilReset }'];
    for (const [index, selection] of selections.entries()) {
      socket.subscribe(String(index), `subscription { balanceChanged { ${selection} } }`);
      await socket.next();
    }
    await debit(appKey);
    const seen = new Map<string, unknown>();
    while (seen.size < selections.length) {
      const { id, payload } = await socket.next();
      seen.set(id as string, payload.data.balanceChanged);
    }
    expect([...seen].sort()).toEqual([
      ['0', { left: 99 }],
      ['1', { held: 0 }],
      ['2', { grants: [{ remaining: 99 }] }],
      ['3', { available: 99, runway: { lastsUntilReset: false } }],
    ]);
  });

  it('are refused the fields that their role may not see, and others of the document are not', async () => {
    const { appId, appKey } = await service.tenant(100);
    const origin = 'https://shop.example';
    await service.ask('mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
      input: { id: appId, allowedOrigins: [origin] },
    });
    const { createApiKey } = await service.ask(
      'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
      { input: { name: 'page', role: 'PUBLISHABLE', appId } },
    );
    const grants = 'subscription { balanceChanged { grants { remaining } } }';
    const allowed = await connected(appKey);
    allowed.subscribe('1', grants);
    expect((await allowed.next()).payload.data.balanceChanged).toEqual({ grants: [{ remaining: 100 }] });
    const page = await connectSocket(service.url, createApiKey.secret as string, { origin });
    sockets.push(page);
    page.subscribe('1', grants);
    expect(await page.next()).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'FORBIDDEN' } }] });
    page.subscribe('2', BALANCE);
    await debit(appKey);
    expect(await page.next()).toMatchObject({ type: 'next', id: '2' });
  });

  it('do not notice each other: a revoked key of another app of the owner ends its own socket only', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const sibling = await addApp(service, ownerId);
    const [kept, revoked] = [await watching(appKey), await watching(sibling.appKey)];
    const twin = await watching(appKey);
    const { apiKeys } = (
      await service.ask('query($id: ID!) { app(id: $id) { apiKeys { id } } }', { id: sibling.appId })
    ).app;
    await service.ask('mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', {
      id: apiKeys[0].id,
    });
    expect(await revoked.socket.closed).toMatchObject({ code: 4403 });
    await debit(appKey);
    for (const { socket } of [kept, twin]) expect(await nextBalance(socket)).toMatchObject({ available: 99 });
  });
});

describe('a watcher who leaves', () => {
  it('by completing gets nothing more of it, while another subscription of the same socket goes on', async () => {
    const { appKey } = await service.tenant(100);
    const socket = await connected(appKey);
    for (const id of ['1', '2']) {
      socket.subscribe(id, BALANCE);
      await socket.next();
    }
    socket.send({ type: 'complete', id: '1' });
    // Answered after what came before it.
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
    for (const available of [99, 98]) {
      await debit(appKey);
      expect(await socket.next()).toMatchObject({ id: '2', payload: { data: { balanceChanged: { available } } } });
    }
  });

  it('is not listened for any more, however they left: completed, closed, cut, or cut too early', async () => {
    const { appKey } = await service.tenant(1_000);
    const completed = await watching(appKey);
    completed.socket.send({ type: 'complete', id: '1' });
    const closed = await watching(appKey);
    closed.socket.socket.close();
    const cut = await watching(appKey);
    cut.socket.socket.terminate();
    const hasty = await connected(appKey);
    hasty.subscribe('1', BALANCE);
    hasty.socket.terminate();
    await Promise.all([closed, cut].map(({ socket }) => socket.closed));
    await nobodyListens(appKey);
  });

  it('and uses the id again at once gets one stream under it, and leaves nothing behind', async () => {
    const { appKey } = await service.tenant(1_000);
    const socket = await connected(appKey);
    const stale = { type: 'subscribe', id: '1', payload: { query: 'subscription { balanceChanged { held } }' } };
    together(socket, () => {
      for (let times = 0; times < 20; times++) {
        socket.send(stale);
        socket.send({ type: 'complete', id: '1' });
      }
      socket.subscribe('1', BALANCE);
    });
    // What the completed ones were sent before their end may come first.
    let balance = await nextBalance(socket);
    while (balance.version === undefined) balance = await nextBalance(socket);
    for (let times = 0; times < 5; times++) {
      await debit(appKey);
      const next = await nextBalance(socket);
      expect(next.version).toBeGreaterThan(balance.version);
      balance = next;
    }
    socket.send({ type: 'complete', id: '1' });
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
    await nobodyListens(appKey);
  });

  it('while it is being opened, and uses the id again, is closed with 4409 and leaves nothing', async () => {
    const { appKey } = await service.tenant(100);
    const field = subscriptionType().getFields()['actionRecorded']!;
    const subscribe = field.subscribe!;
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const opened = new Promise<AsyncIterator<unknown>>((resolve) => {
      field.subscribe = async (...args) => {
        await gate;
        const stream = (await subscribe(...args)) as AsyncIterator<unknown>;
        resolve(stream);
        return stream;
      };
    });
    const socket = await connected(appKey);
    socket.subscribe('1', 'subscription { actionRecorded { id } }');
    socket.send({ type: 'complete', id: '1' });
    socket.subscribe('1', BALANCE);
    expect(await socket.closed).toMatchObject({ code: 4409 });
    open();
    // A stream that was ended has no next value.
    expect(await (await opened).next()).toMatchObject({ done: true });
    field.subscribe = subscribe;
    await nobodyListens(appKey);
  });

  it('while it is being opened counts until it has ended: one socket opens no more than 100', async () => {
    const { appKey } = await service.tenant(100);
    const field = subscriptionType().getFields()['actionRecorded']!;
    const subscribe = field.subscribe!;
    let opening = 0;
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    field.subscribe = async (...args) => {
      opening += 1;
      await gate;
      return subscribe(...args) as Promise<unknown>;
    };
    const socket = await connected(appKey);
    for (let id = 1; id <= 101; id++) {
      socket.subscribe(String(id), 'subscription { actionRecorded { id } }');
      if (id < 101) socket.send({ type: 'complete', id: String(id) });
    }
    expect(await socket.next()).toMatchObject({ id: '101', payload: [{ extensions: { code: 'LIMIT_REACHED' } }] });
    expect(opening).toBe(100);
    open();
    field.subscribe = subscribe;
  });
});

interface BalanceValue {
  ownerId: string;
  available: number;
  version: number;
}

function subscriptionType(): GraphQLObjectType {
  return service.service.schema.getSubscriptionType()!;
}

function client(key: string): Client {
  const connection = socketClient(service.url, key);
  clients.push(connection);
  return connection;
}

async function connected(key: string): Promise<RawSocket> {
  const socket = await connectSocket(service.url, key);
  sockets.push(socket);
  return socket;
}

async function watching(key: string): Promise<{ socket: RawSocket; first: BalanceValue }> {
  const socket = await connected(key);
  socket.subscribe('1', BALANCE);
  return { socket, first: await nextBalance(socket) };
}

async function nextBalance(socket: RawSocket): Promise<BalanceValue> {
  const message = await socket.next();
  expect(message).toMatchObject({ type: 'next', payload: { data: { balanceChanged: expect.anything() } } });
  return message.payload.data.balanceChanged as BalanceValue;
}

/** Subscribes, and keeps all that comes. */
async function reader(ownerId: string, key: string, query: string, variables = {}) {
  const socket = await connected(key);
  socket.subscribe('1', query, variables);
  const balances = [await nextBalance(socket)];
  return {
    ownerId,
    async untilAvailable(available: number): Promise<BalanceValue[]> {
      while (balances.at(-1)!.available !== available) balances.push(await nextBalance(socket));
      return balances;
    },
  };
}

/** Sends messages in one packet, so that the server reads them in one turn. */
function together(socket: RawSocket, send: () => void): void {
  const { _socket: connection } = socket.socket as unknown as { _socket: { cork(): void; uncork(): void } };
  connection.cork();
  send();
  connection.uncork();
}

/** Debits until nothing is executed for subscribers any more: those that were cut are noticed a little later. */
async function nobodyListens(appKey: string): Promise<void> {
  let before: number;
  do {
    before = executions;
    await debit(appKey);
    // A balance is pushed before the next request is answered.
    await service.ask('{ balance { held } }', {}, appKey);
  } while (executions > before);
}

let debits = 0;
async function debit(key: string): Promise<void> {
  await service.ask(
    'mutation($key: ID!) { invokeLlm(input: { idempotencyKey: $key, model: "gpt-4o" }) { replayed } }',
    { key: `debit-${(debits += 1)}` },
    key,
  );
}
