import { once } from 'node:events';
import { request } from 'node:http';
import { createSecret } from '../../src/access/api-key-secret';
import { SECOND_MS } from '../../src/clock';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { LIMITS } from '../../src/graphql/limits';
import { databaseKindOf } from '../support/database';
import { connectSocket, openSocket, type Closing, type RawSocket } from '../support/raw-socket';
import { ManualClock, startTestService, type Tenant, type TestService } from '../support/service';

const BALANCE = 'subscription { balanceChanged { available version } }';

let service: TestService;
let tenant: Tenant;
const sockets: RawSocket[] = [];

// What anybody can send must not fill the log: graphql-ws would print it there by itself.
const printed = jest.spyOn(console, 'error');

beforeAll(async () => {
  service = await startTestService(databaseKindOf());
  tenant = await service.tenant(100);
});
afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  expect(service.failures).toEqual([]);
  expect(printed).not.toHaveBeenCalled();
});
afterAll(() => service.stop());

describe('connecting', () => {
  it('takes a key under connectionParams.authorization, and answers with connection_ack', async () => {
    const socket = await opened();
    socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${tenant.appKey}` } });
    expect(await socket.next()).toEqual({ type: 'connection_ack' });
  });

  it.each([
    ['without a key', () => undefined],
    ['with an empty payload', () => ({})],
    ['with a key that is no text', () => ({ authorization: 1 })],
    ['with a malformed key', () => ({ authorization: 'Bearer nonsense' })],
    ['with a key of another scheme', () => ({ authorization: tenant.appKey })],
    ['with a well-formed key that nobody has', () => ({ authorization: `Bearer ${createSecret('APP')}` })],
  ])('%s is refused: closed with 4403', async (_title, payload) => {
    const socket = await opened();
    socket.send({ type: 'connection_init', payload: payload() });
    expect(await socket.closed).toEqual({ code: 4403, reason: 'Forbidden' });
  });

  it('with a key in a header, where browsers cannot put it, is refused: closed with 4403', async () => {
    const socket = await openSocket(service.url, { headers: { authorization: `Bearer ${tenant.appKey}` } });
    socket.send({ type: 'connection_init' });
    expect(await socket.closed).toMatchObject({ code: 4403 });
  });

  it('with a key that has expired is refused: closed with 4403', async () => {
    const clock = new ManualClock();
    const timed = await startTestService(databaseKindOf(), { clock });
    const { appId } = await timed.tenant(100);
    const { secret } = await createKey({ role: 'APP', appId, expiresAt: new Date(clock.now() + 1_000) }, timed);
    clock.advance(1_000);
    const socket = await opened(timed);
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${secret}` } });
    expect(await socket.closed).toMatchObject({ code: 4403 });
    await timed.stop();
  });

  it('that is not begun within three seconds is closed with 4408', async () => {
    const socket = await opened();
    expect(await socket.closed).toMatchObject({ code: 4408 });
  });

  it('twice on one socket is closed with 4429', async () => {
    const socket = await connected();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tenant.appKey}` } });
    expect(await socket.closed).toMatchObject({ code: 4429 });
  });

  it('must come before a subscription: otherwise closed with 4401', async () => {
    const socket = await opened();
    socket.subscribe('1', BALANCE);
    expect(await socket.closed).toMatchObject({ code: 4401 });
  });

  it('under another sub-protocol, such as the old graphql-ws, or under none, is closed with 4406', async () => {
    // A server that takes none of the offered protocols names none, which the client treats as a failure by itself.
    await expect(openSocket(service.url, { protocol: 'graphql-ws' })).rejects.toThrow(/subprotocol/);
    const socket = await openSocket(service.url, { protocol: null });
    expect(await socket.closed).toMatchObject({ code: 4406 });
  });

  it('at another path is answered with 404', async () => {
    for (const path of ['/', '/graphql2', '/graphqlx?y', '/api/graphql']) {
      expect(await upgradeStatus(path)).toBe(404);
    }
    expect(await upgradeStatus('/graphql?from=test')).toBe(101);
  });
});

describe('messages', () => {
  it.each<[string, string | Buffer, number]>([
    ['that are not JSON', 'not json', 4400],
    ['that are empty', '', 4400],
    ['that are JSON but no object', '[1, 2]', 4400],
    ['of an unknown type', '{"type":"start","id":"1"}', 4400],
    ['without a query', '{"type":"subscribe","id":"1","payload":{}}', 4400],
    ['without an id', '{"type":"subscribe","payload":{"query":"{ viewer { role } }"}}', 4400],
    [
      'with variables that are no object',
      '{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":"x"}}',
      4400,
    ],
    ['that connect with a payload that is no object', '{"type":"connection_init","payload":"Bearer"}', 4400],
    ['that nest 5,000 deep', '['.repeat(5_000), 4400],
    ['that are binary', Buffer.from(JSON.stringify({ type: 'ping' })), 1003],
    [
      `of more than ${LIMITS.messageBytes} bytes`,
      `{"type":"ping","payload":{"x":"${'x'.repeat(LIMITS.messageBytes)}"}}`,
      1009,
    ],
  ])('%s close the socket, and no other one', async (_title, message, code) => {
    const other = await connected();
    other.subscribe('1', BALANCE);
    const { available } = (await other.next()).payload.data.balanceChanged;

    const socket = await connected();
    socket.send(message);
    expect(await socket.closed).toMatchObject({ code });

    await debit();
    expect((await other.next()).payload.data.balanceChanged.available).toBe(available - 1);
  });

  it('that are binary are not obeyed, even where they read as a message', async () => {
    const socket = await opened();
    socket.send(Buffer.from(JSON.stringify({ type: 'connection_init', payload: { authorization: tenant.appKey } })));
    expect(await socket.closed).toEqual({ code: 1003, reason: 'Text frames only' });
    await expect(socket.next()).rejects.toThrow('The socket was closed.');
  });

  it('of up to 100,000 bytes are taken', async () => {
    const socket = await connected();
    const ping = { type: 'ping', payload: { x: 'x'.repeat(LIMITS.messageBytes - 100) } };
    socket.send(ping);
    expect(await socket.next()).toEqual({ ...ping, type: 'pong' });
  });

  it('that subscribe twice under one id close the socket with 4409', async () => {
    const socket = await connected();
    socket.subscribe('1', BALANCE);
    await socket.next();
    socket.subscribe('1', BALANCE);
    expect(await socket.closed).toMatchObject({ code: 4409 });
  });
});

describe('operations', () => {
  it('other than subscriptions are refused, and change nothing', async () => {
    const socket = await connected();
    const before = await balance();
    const refused = [
      '{ viewer { role } }',
      '{ __typename }',
      'mutation { invokeLlm(input: { idempotencyKey: "over a socket", model: "gpt-4o" }) { replayed } }',
    ];
    for (const [index, query] of refused.entries()) {
      socket.subscribe(String(index), query);
      expect(await socket.next()).toMatchObject({
        type: 'error',
        id: String(index),
        payload: [{ extensions: { code: 'BAD_USER_INPUT' } }],
      });
    }
    expect(await balance()).toEqual(before);
    const { invokeLlm } = await service.ask(refused[2] as string, {}, tenant.appKey);
    expect(invokeLlm.replayed).toBe(false);
  });

  it('are refused beyond 100 subscriptions of one socket, until one of them ends', async () => {
    const socket = await connected();
    for (let id = 1; id <= LIMITS.subscriptionsPerSocket; id++) {
      socket.subscribe(String(id), BALANCE);
      expect(await socket.next()).toMatchObject({ type: 'next', id: String(id) });
    }
    socket.subscribe('one more', BALANCE);
    expect(await socket.next()).toMatchObject({
      type: 'error',
      id: 'one more',
      payload: [{ extensions: { code: 'LIMIT_REACHED' } }],
    });
    socket.send({ type: 'complete', id: '1' });
    socket.subscribe('in its place', BALANCE);
    expect(await socket.next()).toMatchObject({ type: 'next', id: 'in its place' });
  });

  it.each<[string, string, Record<string, unknown>, string]>([
    ['is not GraphQL', 'subscription {', {}, 'GRAPHQL_PARSE_FAILED'],
    ['asks for an unknown field', 'subscription { balanceChanged { avaliable } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'selects two fields',
      'subscription { balanceChanged { held } actionRecorded { id } }',
      {},
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'has a variable of the wrong type',
      'subscription($id: ID) { balanceChanged(ownerId: $id) { held } }',
      { id: {} },
      'BAD_USER_INPUT',
    ],
    ['names another owner', 'subscription { balanceChanged(ownerId: "own_0000000001") { held } }', {}, 'NOT_FOUND'],
    [
      'asks for what its role never has',
      'subscription { actionRecorded { app { owner { email } } } }',
      {},
      'FORBIDDEN',
    ],
  ])('are refused with the same error as over HTTP where one %s', async (_title, query, variables, code) => {
    const socket = await connected();
    socket.subscribe('1', query, variables);
    const message = await socket.next();
    const [error] = message.type === 'next' ? message.payload.errors : message.payload;
    expect(error.extensions.code).toBe(code);
    expect(JSON.stringify(message)).not.toMatch(/Did you mean|stack|node_modules/);

    // A subscription over HTTP is refused as such, so the same question is asked as a query.
    const overHttp = query.replace('subscription', 'query').replace('balanceChanged', 'balance');
    if (/^query.*\bbalance\b/.test(overHttp) && !overHttp.includes('actionRecorded')) {
      const answer = await service.send(overHttp, variables, tenant.appKey);
      expect(answer.code).toBe(code);
      const inTermsOfSockets = answer.errors[0]?.message.replaceAll('"Query"', '"Subscription"');
      expect(error.message).toBe(inTermsOfSockets);
    }
  });

  it('are refused where a document has no operation of the name that is asked for', async () => {
    const socket = await connected();
    socket.send({ type: 'subscribe', id: '1', payload: { query: BALANCE, operationName: 'Missing' } });
    expect(await socket.next()).toMatchObject({ payload: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });

  it('that meet a bug get the same masked error as over HTTP, with a requestId and nothing of the cause', async () => {
    const broken = await startTestService(databaseKindOf());
    const { appKey } = await broken.tenant(100);
    const database = await Database.open(broken.databaseUrl, entities);
    await database.write((session) => session.execute('DROP TABLE grants'));
    await database.close();

    const socket = await connected(appKey, broken);
    socket.subscribe('1', BALANCE);
    const [overSocket] = (await socket.next()).payload.errors;
    const { errors } = await broken.send('{ balance { available } }', {}, appKey);
    for (const error of [overSocket, errors[0]]) {
      expect(error).toMatchObject({
        message: 'Something went wrong on our side.',
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      });
      expect(Object.keys(error.extensions).sort()).toEqual(['code', 'requestId']);
      expect(JSON.stringify(error)).not.toMatch(/grants|SELECT|no such table/i);
    }
    const logged = broken.failures.map((failure) => (failure as { line: string }).line).join('\n');
    expect(logged).toContain(overSocket.extensions.requestId);
    expect(logged).toContain(errors[0]?.extensions['requestId']);
    await broken.stop();
  });
});

describe('a bug while connecting', () => {
  it('is logged, and closes the socket with 1013, after which clients try again', async () => {
    const broken = await startTestService(databaseKindOf());
    const { appKey } = await broken.tenant(100);
    const database = await Database.open(broken.databaseUrl, entities);
    await database.write((session) => session.execute('DROP TABLE api_keys'));
    await database.close();
    const socket = await opened(broken);
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${appKey}` } });
    expect(await socket.closed).toEqual({ code: 1013, reason: 'Try again later' });
    expect(broken.failures).toHaveLength(1);
    const answer = await broken.send('{ balance { held } }', {}, appKey);
    expect(answer).toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
    expect(answer.errors[0]?.message).toBe('Something went wrong on our side.');
    await broken.stop();
  });
});

describe('a socket is closed with 4403 within a second', () => {
  it('once its key is revoked, and no other socket is', async () => {
    const { id, secret } = await createKey({ role: 'APP', appId: tenant.appId });
    const [socket, other] = [await connected(secret), await connected()];
    await closesWithin(SECOND_MS, socket, () =>
      service.ask('mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', { id }),
    );
    other.subscribe('1', BALANCE);
    expect(await other.next()).toMatchObject({ type: 'next' });
  });

  it('once its key is replaced without an overlap', async () => {
    const { id, secret } = await createKey({ role: 'APP', appId: tenant.appId });
    const socket = await connected(secret);
    await closesWithin(SECOND_MS, socket, () =>
      service.ask('mutation($id: ID!) { rotateApiKey(input: { id: $id }) { apiKey { id } } }', { id }),
    );
  });

  it('once the origin of its page is no longer allowed', async () => {
    const origin = 'https://shop.example';
    const [allow, forbid] = [[origin, 'https://other.example'], ['https://other.example']].map(
      (allowedOrigins) => () =>
        service.ask('mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
          input: { id: tenant.appId, allowedOrigins },
        }),
    ) as [() => Promise<unknown>, () => Promise<unknown>];
    await allow();
    const { secret } = await createKey({ role: 'PUBLISHABLE', appId: tenant.appId });
    const [socket, elsewhere] = [
      await connected(secret, service, origin),
      await connected(secret, service, 'https://other.example'),
    ];
    await closesWithin(SECOND_MS, socket, forbid);
    elsewhere.subscribe('1', BALANCE);
    expect(await elsewhere.next()).toMatchObject({ type: 'next' });
  });

  it('once its key expires', async () => {
    const clock = new ManualClock();
    const timed = await startTestService(databaseKindOf(), { clock });
    const { appId } = await timed.tenant(100);
    const { secret } = await createKey({ role: 'APP', appId, expiresAt: new Date(clock.now() + SECOND_MS) }, timed);
    const socket = await connected(secret, timed);
    // Keys of open sockets are looked at once a second; the rest is the way of the message.
    await closesWithin(2 * SECOND_MS, socket, () => Promise.resolve(clock.advance(SECOND_MS)));
    await timed.stop();
  });

  it('once the overlap of its key with the next one has ended', async () => {
    const clock = new ManualClock();
    const timed = await startTestService(databaseKindOf(), { clock });
    const { appId } = await timed.tenant(100);
    const { id, secret } = await createKey({ role: 'APP', appId }, timed);
    const socket = await connected(secret, timed);
    await timed.ask('mutation($id: ID!) { rotateApiKey(input: { id: $id, overlapSeconds: 60 }) { secret } }', { id });
    clock.advance(59 * SECOND_MS);
    socket.subscribe('1', BALANCE);
    expect(await socket.next()).toMatchObject({ type: 'next' });
    await closesWithin(2 * SECOND_MS, socket, () => Promise.resolve(clock.advance(SECOND_MS)));
    await timed.stop();
  });
});

describe('a service that stops', () => {
  it('closes its sockets with 1001, connected or not', async () => {
    const stopping = await startTestService(databaseKindOf());
    const { appKey } = await stopping.tenant(100);
    const [idle, watching, silent] = [
      await connected(appKey, stopping),
      await connected(appKey, stopping),
      await opened(stopping),
    ];
    watching.subscribe('1', BALANCE);
    await watching.next();
    await stopping.stop();
    for (const socket of [idle, watching, silent]) expect(await socket.closed).toMatchObject({ code: 1001 });
    expect(stopping.failures).toEqual([]);
  });

  it('does not wait for a socket that never answers longer than its grace', async () => {
    const stopping = await startTestService(databaseKindOf(), { config: { shutdownGraceSeconds: 1 } });
    const deaf = await opened(stopping);
    deaf.socket.pause();
    const startedAt = Date.now();
    await stopping.stop();
    expect(Date.now() - startedAt).toBeLessThan(5 * SECOND_MS);
  });
});

async function opened(on: TestService = service): Promise<RawSocket> {
  const socket = await openSocket(on.url);
  sockets.push(socket);
  return socket;
}

async function connected(key = tenant.appKey, on = service, origin?: string): Promise<RawSocket> {
  const socket = await connectSocket(on.url, key, origin === undefined ? {} : { origin });
  sockets.push(socket);
  return socket;
}

async function closesWithin(ms: number, socket: RawSocket, act: () => Promise<unknown>): Promise<void> {
  let closedAt = Infinity;
  const closed = socket.closed.then((closing): Closing => {
    closedAt = Date.now();
    return closing;
  });
  const startedAt = Date.now();
  await act();
  expect(await closed).toEqual({ code: 4403, reason: 'Forbidden' });
  expect(closedAt - startedAt).toBeLessThanOrEqual(ms);
}

async function createKey(
  input: { role: 'APP' | 'PUBLISHABLE'; appId: string; expiresAt?: Date },
  on = service,
): Promise<{ id: string; secret: string }> {
  const { createApiKey } = await on.ask(
    'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id } secret } }',
    { input: { name: 'a socket’s', ...input } },
  );
  return { id: createApiKey.apiKey.id, secret: createApiKey.secret };
}

let debits = 0;
async function debit(): Promise<void> {
  const key = `debit-${(debits += 1)}`;
  await service.ask(
    'mutation($key: ID!) { invokeLlm(input: { idempotencyKey: $key, model: "gpt-4o" }) { replayed } }',
    { key },
    tenant.appKey,
  );
}

async function balance(): Promise<unknown> {
  return service.ask('{ balance { available held version lastSequence } }', {}, tenant.appKey);
}

/** The status that an upgrade is answered with. */
async function upgradeStatus(path: string): Promise<number | undefined> {
  const upgrade = request(`${service.url}${path}`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': 'graphql-transport-ws',
    },
  });
  upgrade.end();
  const [answer, socket] = (await Promise.race([once(upgrade, 'upgrade'), once(upgrade, 'response')])) as [
    { statusCode?: number; resume(): void },
    { destroy(): void } | undefined,
  ];
  answer.resume();
  socket?.destroy();
  return answer.statusCode;
}
