import { databaseKindOf } from '../support/database';
import { connectSocket } from '../support/raw-socket';
import { startTestService, type Tenant, type TestService } from '../support/service';

let service: TestService;
let hidden: TestService;
let tenant: Tenant;

beforeAll(async () => {
  service = await startTestService(databaseKindOf());
  hidden = await startTestService(databaseKindOf(), { config: { introspection: false, explorer: false } });
  tenant = await service.tenant(100);
});
afterAll(async () => {
  expect([...service.failures, ...hidden.failures]).toEqual([]);
  await service.stop();
  await hidden.stop();
});

/** One limit: the selection of an app's fields that just keeps it, and the one that just exceeds it, where `levels` are left. */
interface Limit {
  readonly title: string;
  keeps(levels: number): string;
  exceeds(levels: number): string;
}

const LIMITS: readonly Limit[] = [
  { title: 'a depth of 12', keeps: (levels) => nested(levels), exceeds: (levels) => nested(levels + 1) },
  {
    title: 'a depth of 12, in fragments',
    keeps: (levels) => `... on App { ... { ${nested(levels)} } }`,
    exceeds: (levels) => `... on App { ... { ${nested(levels + 1)} } }`,
  },
  {
    title: '30 aliases',
    keeps: () => repeat(30, (i) => `a${i}: name`),
    exceeds: () => repeat(31, (i) => `a${i}: name`),
  },
  {
    title: '20 directives',
    keeps: () => repeat(20, () => 'name @include(if: true)'),
    exceeds: () => repeat(21, () => 'name @include(if: true)'),
  },
  {
    title: '20 directives on fragments',
    keeps: () => repeat(20, () => '... @skip(if: false) { name }'),
    exceeds: () => repeat(21, () => '... @skip(if: false) { name }'),
  },
  {
    title: '1,500 tokens',
    keeps: () => repeat(365, () => '... { name }'),
    exceeds: () => repeat(375, () => '... { name }'),
  },
];

describe('a document', () => {
  it.each(LIMITS)('has $title at most, over HTTP', async ({ keeps, exceeds }) => {
    const send = (selection: string) => service.send(`{ app(id: "${tenant.appId}") { ${selection} } }`);
    expect((await send(keeps(11))).errors).toEqual([]);
    expect(await send(exceeds(11))).toMatchObject({ status: 400, code: 'QUERY_TOO_COMPLEX', data: undefined });
  });

  it.each(LIMITS)('has $title at most, over WebSocket', async ({ keeps, exceeds }) => {
    // Of an owner that does not exist, so that there is an answer at once.
    const send = (selection: string) =>
      overSocket(`subscription { actionRecorded(ownerId: "own_0000000020") { app { ${selection} } } }`);
    expect(await send(keeps(10))).toBe('NOT_FOUND');
    expect(await send(exceeds(10))).toBe('QUERY_TOO_COMPLEX');
  });

  it('has a depth of 12 at most, however it is spread over named fragments', async () => {
    const send = (levels: number) =>
      service.send(`{ app(id: "${tenant.appId}") { ...A } } fragment A on App { owner { ...B } }
        fragment B on Owner { apps(first: 1) { edges { node { ${nested(levels)} } } } }`);
    expect((await send(7)).errors).toEqual([]);
    expect((await send(8)).code).toBe('QUERY_TOO_COMPLEX');
  });

  it('costs 5,000 at most: each field counts as often as its list may be long', async () => {
    const page = (first: number | string) =>
      `{ owners(first: ${first}) { edges { node { id apps(first: 5) { edges { node { id name status } } } } } } }`;
    expect((await service.send(page(100))).code).toBeUndefined();
    expect((await service.send(page(100).replace('first: 5', 'first: 50'))).code).toBe('QUERY_TOO_COMPLEX');
  });

  it('counts a page whose size is in a variable as the largest: 100', async () => {
    const send = (variable: string, first: string) =>
      service.send(
        `query${variable} { owners(first: ${first}) { edges { node { apps(first: 40) { edges { node { id } } } } } } }`,
      );
    expect((await send('', '1')).errors).toEqual([]);
    expect((await send('($n: Int! = 1)', '$n')).code).toBe('QUERY_TOO_COMPLEX');
  });

  it('that repeats a field more often than can be compared is refused', async () => {
    const query = `{ app(id: "${tenant.appId}") { ${repeat(1_480, () => 'name')} } }`;
    expect((await service.send(query)).code).toBe('QUERY_TOO_COMPLEX');
  });

  it('whose fragments spread one another a billion times is measured at once, and refused', async () => {
    const levels = 30;
    const definitions = repeat(levels, (i) => `fragment F${i} on Owner { ...F${i + 1} ...F${i + 1} }`);
    const query = `{ owner(id: "x") { ...F0 } } ${definitions} fragment F${levels} on Owner { name }`;
    const startedAt = performance.now();
    expect((await service.send(query)).code).toBe('QUERY_TOO_COMPLEX');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('whose introspection nests without end is refused, and that of the usual tools is not', async () => {
    const circular = (levels: number) =>
      `{ __schema { types { ${'fields { type { '.repeat(levels)} name ${'} }'.repeat(levels)} } } }`;
    expect((await service.send(circular(2), {}, null)).code).toBeUndefined();
    for (const levels of [3, 10, 100]) {
      expect((await service.send(circular(levels), {}, null)).code).toBe('QUERY_TOO_COMPLEX');
    }
    const { getIntrospectionQuery } = await import('graphql');
    expect((await service.send(getIntrospectionQuery(), {}, null)).errors).toEqual([]);
  });

  it('debits once at most, in whichever way it asks for more', async () => {
    const input = (key: string) => `input: { idempotencyKey: "${key}", model: "m" }`;
    const sms = (key: string) => `input: { idempotencyKey: "${key}" }`;
    const before = await balance();
    for (const query of [
      `mutation { a: invokeLlm(${input('1')}) { replayed } b: invokeLlm(${input('2')}) { replayed } }`,
      `mutation { invokeLlm(${input('1')}) { replayed } sendSms(${sms('2')}) { replayed } }`,
      `mutation { ...A ...B } fragment A on Mutation { invokeLlm(${input('1')}) { replayed } } fragment B on Mutation { sendSms(${sms('2')}) { replayed } }`,
      `mutation { ... { a: sendSms(${sms('1')}) { replayed } } ... on Mutation { b: sendSms(${sms('2')}) { replayed } } }`,
      `mutation A { sendSms(${sms('1')}) { replayed } } mutation B { sendSms(${sms('2')}) { replayed } }`,
    ]) {
      expect(await service.send(query, {}, tenant.appKey)).toMatchObject({ status: 400, code: 'QUERY_TOO_COMPLEX' });
    }
    expect(await balance()).toEqual(before);
  });

  it('asks for pages of 1 to 100', async () => {
    for (const field of ['owners', 'actions']) {
      const scope = field === 'actions' ? `ownerId: "${tenant.ownerId}", ` : '';
      const send = (first: number) => service.send(`{ ${field}(${scope}first: ${first}) { edges { cursor } } }`);
      expect((await send(100)).errors).toEqual([]);
      for (const first of [101, 0, -1, 2_147_483_647]) expect((await send(first)).code).toBe('BAD_USER_INPUT');
    }
    const apps = await service.send(`{ owner(id: "${tenant.ownerId}") { apps(first: 101) { edges { cursor } } } }`);
    expect(apps.code).toBe('BAD_USER_INPUT');
  });
});

describe('errors', () => {
  const MISTAKES = [
    'balanceChanged { availabel }',
    'balanceChange { available }',
    'balanceChanged(ownerID: "x") { available }',
    'balanceChanged { ... on Balnce { available } }',
    'balanceChanged { available @includ(if: true) }',
    'actionRecorded(appId: x) { id }',
    'actionRecorded { id statu }',
  ];

  it.each(MISTAKES)('suggest nothing, on either transport: %s', async (selection) => {
    const socket = await connectSocket(service.url, tenant.appKey);
    socket.subscribe('1', `subscription { ${selection} }`);
    const { payload } = await socket.next();
    socket.socket.close();
    const overHttp = await service.send(`subscription { ${selection} }`, {}, tenant.appKey);
    expect(payload).toEqual(overHttp.errors);
    expect(JSON.stringify(payload)).not.toMatch(/did you mean/i);
    expect(overHttp.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  it('suggest nothing for variables, on either transport', async () => {
    const variables = { type: 'INVOKE_LL' };
    const query = 'query($type: ActionType) { actions(type: $type) { edges { cursor } } }';
    const answer = await service.send(query, variables, tenant.appKey);
    expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
    expect(JSON.stringify(answer)).not.toMatch(/did you mean|INVOKE/i);
  });

  it('are five at most for one document', async () => {
    const answer = await service.send(`{ viewer { ${repeat(50, (i) => `wrong${i}`)} } }`);
    expect(answer.errors.length).toBeLessThanOrEqual(6);
  });
});

describe('introspection', () => {
  it('is there for everybody, unless it is configured off: then neither transport answers it', async () => {
    const query = '{ __schema { types { name } } __type(name: "Balance") { name } }';
    expect((await service.send(query, {}, null)).errors).toEqual([]);
    for (const key of [null, hidden.adminKey]) {
      expect(await hidden.send(query, {}, key)).toMatchObject({ status: 400, code: 'GRAPHQL_VALIDATION_FAILED' });
    }
    expect((await hidden.send('{ __typename }', {}, null)).data).toEqual({ __typename: 'Query' });

    const { appKey } = await hidden.tenant(100);
    const socket = await connectSocket(hidden.url, appKey);
    socket.subscribe('1', 'subscription { balanceChanged { __typename available } }');
    expect((await socket.next()).payload.data.balanceChanged.__typename).toBe('Balance');
    for (const selection of ['__schema { types { name } }', '__type(name: "Balance") { name }']) {
      socket.subscribe('2', `subscription { ${selection} }`);
      expect((await socket.next()).payload[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    }
    socket.socket.close();
  });
});

describe('browsers', () => {
  const post = (headers: Record<string, string>, body = '{"query":"{ __typename }"}') =>
    fetch(`${service.url}/graphql`, { method: 'POST', headers, body });

  it('may call from any origin, without credentials', async () => {
    const response = await post({ 'content-type': 'application/json', origin: 'https://anywhere.example' });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('learn by a preflight that they may send a key and JSON', async () => {
    const response = await fetch(`${service.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://anywhere.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-methods')).toMatch(/POST/);
    expect(response.headers.get('access-control-allow-headers')?.toLowerCase()).toMatch(/authorization.*content-type/);
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('read refusals too: they carry the same headers', async () => {
    for (const response of [
      await post({ 'content-type': 'application/json' }, '{"query":"{ viewer { role } }"}'),
      await post({ 'content-type': 'application/json' }, 'not JSON'),
      await post({ 'content-type': 'application/xml' }, '<x/>'),
    ]) {
      expect(response.ok).toBe(false);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  it.each([
    ['a GET, as an image or a link would send it', { method: 'GET', path: '?query={__typename}', headers: {} }],
    [
      'a POST of text, as a form would send it',
      { method: 'POST', path: '', headers: { 'content-type': 'text/plain' } },
    ],
    [
      'a POST of a form',
      { method: 'POST', path: '', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    ['a POST of a form with files', { method: 'POST', path: '', headers: { 'content-type': 'multipart/form-data' } }],
  ])('cannot be tricked into %s', async (_title, { method, path, headers }) => {
    const response = await fetch(`${service.url}/graphql${path}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${tenant.appKey}` } as Record<string, string>,
      ...(method === 'POST' && { body: '{"query":"{ __typename }"}' }),
    });
    expect([400, 415]).toContain(response.status);
    expect(((await response.json()) as { errors: unknown[] }).errors).toHaveLength(1);
  });

  it('may GET a query with the header that says it went through a preflight', async () => {
    const response = await fetch(`${service.url}/graphql?query={__typename}`, {
      headers: { 'apollo-require-preflight': 'true' },
    });
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
  });
});

/** A selection of an app's fields that is `levels` deep. */
function nested(levels: number): string {
  if (levels > 4) return `owner { apps(first: 1) { edges { node { ${nested(levels - 4)} } } } }`;
  const ends = ['name', 'owner { name }', 'owner { plan { name } }', 'owner { apps { pageInfo { hasNextPage } } }'];
  return ends[levels - 1] as string;
}

function repeat(times: number, text: (index: number) => string): string {
  return Array.from({ length: times }, (_, index) => text(index)).join(' ');
}

async function overSocket(query: string): Promise<string> {
  const socket = await connectSocket(service.url, service.adminKey);
  socket.subscribe('1', query);
  const { payload } = await socket.next();
  socket.socket.close();
  return (payload.errors ?? payload)[0].extensions.code;
}

async function balance(): Promise<unknown> {
  return service.ask('{ balance { available held version lastSequence } }', {}, tenant.appKey);
}
