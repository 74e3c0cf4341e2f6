import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { ACTION_CATALOGUE } from '../../src/actions/action-catalogue';
import { ACTION_FIELDS, actionIn, balanceOf, changeApp, changeOwner } from '../support/actions';
import { databaseKindOf } from '../support/database';
import { LIMITS } from '../../src/graphql/limits';
import { startTestService, type Tenant, type TestService } from '../support/service';

/**
 * A plain request for a debit is answered by a shorter way than graphql-js, Fastify and Apollo's HTTP layer take. A field with
 * `@include(if: true)` keeps graphql-js in, an Accept header with a quality keeps the other two in, and nobody may notice.
 */
let service: TestService;
let tenant: Tenant;
beforeAll(async () => {
  service = await startTestService(databaseKindOf());
  tenant = await service.tenant(1_000);
});
afterAll(async () => {
  expect(service.failures).toEqual([]);
  await service.stop();
});

const agent = new Agent({ keepAlive: true });
afterAll(() => agent.destroy());

interface Sent {
  readonly path?: string;
  /** JSON where it is an object. */
  readonly body: object | string | Buffer;
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
}

async function answerTo({ path = '/graphql', body, key = tenant.appKey, headers = {} }: Sent) {
  const request = httpRequest(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }), ...headers },
    agent,
  });
  request.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const { statusCode: status, statusMessage, rawHeaders } = response;
  // As they are written, and in their order; only the time may differ.
  const head = rawHeaders.map((line, index) => (rawHeaders[index - 1] === 'Date' ? 'a time' : line));
  return { status, statusMessage, head, text: await text(response) };
}

/** The same request by all ways: with graphql-js kept in, with the HTTP layers kept in, with both, and by the short way. */
async function answersTo(sent: Sent): Promise<Awaited<ReturnType<typeof answerTo>>[]> {
  const negotiated = { ...sent.headers, accept: 'application/json;q=0.9' };
  if (typeof sent.body === 'string' || Buffer.isBuffer(sent.body) || Array.isArray(sent.body)) {
    return [await answerTo({ ...sent, headers: negotiated }), await answerTo(sent)];
  }
  const { query, ...rest } = sent.body as { query: unknown };
  const executed = typeof query === 'string' ? query.replace('__typename', '__typename @include(if: true)') : query;
  return [
    await answerTo({ ...sent, body: { query: executed, ...rest }, headers: negotiated }),
    await answerTo({ ...sent, body: { query: executed, ...rest } }),
    await answerTo({ ...sent, headers: negotiated }),
    await answerTo(sent),
  ];
}

/** That all ways lead to one answer, which is returned. */
async function oneAnswerTo(sent: Sent) {
  const [first, ...others] = await answersTo(sent);
  for (const other of others) expect(other).toEqual(first);
  return first!;
}

const EVERYTHING = `{
  __typename
  action { __typename ${ACTION_FIELDS} }
  balance { ownerId available held paused allowance usedThisPeriod periodStart resetsAt version lastSequence grants { __typename id amount expiresAt reason paused } }
  again: replayed
}`;

const llm = (input: unknown, selection = '{ __typename action { id } balance { available } replayed }') => ({
  query: `mutation Debit($input: InvokeLlmInput!) { invokeLlm(input: $input) ${selection} }`,
  variables: { input },
});

describe('a plain request for a debit has the same answer as by the long way', () => {
  it.each(ACTION_CATALOGUE.map(({ mutation, type, facts }) => ({ mutation, type, facts })))(
    'for $mutation, replayed, with every plain field',
    async ({ mutation, type, facts }) => {
      const values = Object.fromEntries(Object.keys(facts).map((name) => [name, exampleOf(name)]));
      const input = {
        idempotencyKey: type,
        visitor: 'v',
        origin: 'https://shop.example',
        metadata: { a: [1, null] },
        ...values,
      };
      const Input = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
      const query = `mutation ($input: ${Input}!) { renamed: ${mutation}(input: $input) ${EVERYTHING} }`;
      const first = await answerTo({ body: { query, variables: { input } } });
      expect(JSON.parse(first.text).data.renamed).toMatchObject({ action: { type }, again: false });
      const replay = await oneAnswerTo({ body: { query, variables: { input } } });
      expect(JSON.parse(replay.text).data.renamed).toMatchObject({ action: { type }, again: true });
    },
  );

  it('for fresh debits: each way debits one credit', async () => {
    const before = (await balanceOf(service, tenant.ownerId)).available;
    const executed = '{ __typename @include(if: true) balance { available } replayed }';
    for (const accept of ['*/*', 'application/json;q=0.9'])
      for (const selection of [undefined, executed])
        await answerTo({ body: llm({ idempotencyKey: randomUUID(), model: 'm' }, selection), headers: { accept } });
    expect((await balanceOf(service, tenant.ownerId)).available).toBe(before - 4);
  });

  const input = { idempotencyKey: 'never', model: 'm' };
  it.each<[string, object]>([
    ['no variables', { query: llm({}).query }],
    ['null variables', { ...llm({}), variables: null }],
    ['variables that are a list', { ...llm({}), variables: [] }],
    ['variables that are text', { ...llm({}), variables: '{}' }],
    ['a null input', llm(null)],
    ['an input that is a list', llm([input])],
    ['an input that is text', llm('x')],
    ['an empty input', llm({})],
    ['a missing fact', llm({ idempotencyKey: 'never' })],
    ['a null where none may be', llm({ ...input, model: null })],
    ['a number for text', llm({ ...input, model: 5 })],
    ['text for a number', llm({ ...input, promptTokens: '5' })],
    ['text for a truth', llm({ ...input, hold: 'yes' })],
    ['a number beyond 32 bits', llm({ ...input, promptTokens: 2 ** 31 })],
    ['a null for a default', llm({ ...input, holdSeconds: null })],
    ['metadata that is a list', llm({ ...input, metadata: [1] })],
    ['a field that is not there', llm({ ...input, other: 1 })],
    [
      'a field named __proto__',
      JSON.parse(JSON.stringify(llm(input)).replace('"model"', '"__proto__":1,"model"')) as object,
    ],
    ['a bound that is broken', llm({ ...input, holdSeconds: 0 })],
    ['a key that is too long', llm({ ...input, idempotencyKey: 'x'.repeat(256) })],
    ['an app of nobody', llm({ ...input, appId: 'app_x' })],
    ['another variable besides', { ...llm(input), variables: { input: {}, other: 1 } }],
    ['a wrong operation name', { ...llm(input), operationName: 'Other' }],
    ['an empty operation name', { ...llm(input), operationName: '' }],
    ['an empty document', { query: '' }],
    ['no document', { variables: { input } }],
    ['a document that is a number', { query: 5 }],
    ['a document that cannot be parsed', { query: 'mutation {' }],
    ['a field that the schema lacks', llm(input, '{ nothing }')],
    [
      'too many debits',
      {
        query:
          'mutation($input: InvokeLlmInput!) { a: invokeLlm(input: $input) { __typename } b: invokeLlm(input: $input) { __typename } }',
        variables: { input },
      },
    ],
    ['a subscription', { query: 'subscription { balanceChanged { __typename } }' }],
    ['a field that the role lacks', { query: 'mutation { createOwner(input: { name: "x" }) { __typename } }' }],
    ['an unknown member', { ...llm({}), id: 1 }],
    ['extensions', { ...llm({}), extensions: {} }],
    ['a persisted query', { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } }],
    ['a batch', [llm(input), llm(input)]],
  ])('for %s, which is refused and changes nothing', async (_what, body) => {
    const before = await balanceOf(service, tenant.ownerId);
    const answer = await oneAnswerTo({ body });
    expect(JSON.parse(answer.text)).toHaveProperty('errors');
    expect(await balanceOf(service, tenant.ownerId)).toEqual(before);
  });

  it('for keys that are missing, wrong or of another role', async () => {
    const { ownerKey, adminKey } = { ...tenant, adminKey: service.adminKey };
    for (const key of [null, 'nonsense', `${tenant.appKey.slice(0, -1)}_`, ownerKey, adminKey]) {
      const answer = await oneAnswerTo({ body: llm(input), key });
      expect(JSON.parse(answer.text).errors).toHaveLength(1);
    }
  });

  it('for every refusal of the ledger', async () => {
    const { ownerId, appId, appKey } = await service.tenant(3);
    const codeOf = async (body: object) => {
      const answer = await oneAnswerTo({ body, key: appKey });
      return JSON.parse(answer.text).errors[0].extensions.code as string;
    };
    await actionIn(service, appKey, 'VOIDED', 'voided');
    const used = { idempotencyKey: 'used', model: 'm' };
    await answerTo({ body: llm(used), key: appKey });
    expect(await codeOf(llm({ ...used, model: 'other' }))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(
      await codeOf({
        query: 'mutation ($input: CallApiInput!) { callApi(input: $input) { __typename } }',
        variables: { input: { idempotencyKey: 'voided', method: 'GET', host: 'api.example', hold: true } },
      }),
    ).toBe('ACTION_ALREADY_RESOLVED');
    await changeApp(service, appId, { creditCap: 1 });
    expect(await codeOf(llm(input))).toBe('CAP_REACHED');
    await changeApp(service, appId, { creditCap: null, status: 'PAUSED' });
    expect(await codeOf(llm(input))).toBe('APP_PAUSED');
    await changeOwner(service, ownerId, { suspended: true });
    expect(await codeOf(llm(input))).toBe('OWNER_SUSPENDED');
    await changeOwner(service, ownerId, { suspended: false });
    await changeApp(service, appId, { status: 'ACTIVE' });
    for (const idempotencyKey of ['2', '3']) await answerTo({ body: llm({ ...input, idempotencyKey }), key: appKey });
    expect(await codeOf(llm(input))).toBe('INSUFFICIENT_CREDITS');
  });

  it.each([
    [
      'a literal input',
      'mutation { invokeLlm(input: { idempotencyKey: "shape", model: "m" }) { __typename replayed } }',
    ],
    [
      'a default',
      'mutation ($input: InvokeLlmInput! = { idempotencyKey: "shape", model: "m" }) { invokeLlm(input: $input) { __typename replayed } }',
    ],
    [
      'a fragment',
      'mutation ($input: InvokeLlmInput!) { invokeLlm(input: $input) { ...P } } fragment P on InvokeLlmPayload { __typename replayed }',
    ],
    [
      'an inline fragment',
      'mutation ($input: InvokeLlmInput!) { invokeLlm(input: $input) { ... on ActionPayload { __typename replayed } } }',
    ],
    [
      'a name given twice',
      'mutation ($input: InvokeLlmInput!) { invokeLlm(input: $input) { __typename action { id } action { type } } }',
    ],
    [
      'a field with a resolver',
      'mutation ($input: InvokeLlmInput!) { invokeLlm(input: $input) { __typename action { app { id name } } } }',
    ],
    [
      'an alias',
      'mutation ($input: InvokeLlmInput!) { a: invokeLlm(input: $input) { b: __typename c: action { d: id } } }',
    ],
    [
      'an alias that is __proto__',
      'mutation ($input: InvokeLlmInput!) { invokeLlm(input: $input) { __typename __proto__: balance { available } } }',
    ],
    [
      'another operation beside it',
      'mutation Debit($input: InvokeLlmInput!) { invokeLlm(input: $input) { __typename replayed } } query Other { viewer { role } }',
    ],
    ['only its type', 'mutation ($input: InvokeLlmInput!) { __typename invokeLlm(input: $input) { __typename } }'],
  ])('for a document with %s', async (_what, query) => {
    const variables = query.includes('$input: InvokeLlmInput!)')
      ? { input: { idempotencyKey: 'shape', model: 'm' } }
      : {};
    const operationName = query.includes('Debit') ? { operationName: 'Debit' } : {};
    await answerTo({ body: { query, variables, ...operationName } });
    const answer = await oneAnswerTo({ body: { query, variables, ...operationName } });
    expect(JSON.parse(answer.text).data).toBeTruthy();
  });

  it.each([
    ['*/*'],
    ['application/json'],
    ['application/json, */*'],
    ['application/json, text/plain, */*'],
    ['application/graphql-response+json, application/json'],
    ['application/graphql-response+json,application/json;q=0.9'],
  ])('with the content type that Apollo chooses for Accept: %s', async (accept) => {
    const body = llm({ idempotencyKey: 'accept', model: 'm' });
    await answerTo({ body });
    // With extensions it goes through Fastify and Apollo's HTTP layer.
    const chosen = await answerTo({ body: { ...body, extensions: {} }, headers: { accept } });
    expect(chosen.status).toBe(200);
    expect(await answerTo({ body, headers: { accept } })).toEqual(chosen);
  });

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset=latin1',
    'application/graphql+json',
    'text/plain',
    'application/x-www-form-urlencoded',
  ])('with a body of the content type %s', async (type) => {
    const body = llm({ idempotencyKey: 'accept', model: 'm' });
    await answerTo({ body });
    await oneAnswerTo({ body, headers: { 'content-type': type } });
  });
});

it.each([
  ['/graphql/', 200],
  ['/graphql?query=%7Ba%7D', 200],
  ['/graphql/x', 404],
  ['/graphq', 404],
  ['/healthz', 404],
  ['/', 404],
])('a plain request to %s is answered as by the long way', async (path, status) => {
  const body = llm({ idempotencyKey: 'path', model: 'm' });
  await answerTo({ body });
  expect((await oneAnswerTo({ path, body })).status).toBe(status);
});

describe('a body that is unusual is answered as by the long way', () => {
  it.each<[string, (json: string) => string | Buffer, number]>([
    ['nothing', () => '', 400],
    ['a space', () => ' ', 400],
    ['half an object', (json) => json.slice(0, -1), 400],
    ['an object and more', (json) => `${json}}`, 400],
    ['text', () => '"query"', 400],
    ['null', () => 'null', 400],
    ['an empty object', () => '{}', 400],
    ['an object after a byte order mark', (json) => `\ufeff${json}`, 200],
    ['an object among spaces', (json) => `\r\n ${json}\t `, 200],
    ['a member that would be a prototype', (json) => json.replace('{', '{"__proto__":{"query":"{ a }"},'), 400],
    ['the same in disguise', (json) => json.replace('{', '{"\\u005f_proto__":{"query":"{ a }"},'), 400],
    ['a fact that would be one', (json) => json.replace('"m"', '"m","constructor":{"prototype":{}}'), 400],
    ['the same in disguise, deeper', (json) => json.replace('"m"', '"m","metadata":{"\\u005f_proto__":1}'), 400],
    ['a fact that only names them', (json) => json.replace('"m"', '"constructor __proto__"'), 200],
    ['escaped letters', (json) => json.replace('"m"', '"\\u00e4"'), 200],
    ['letters beyond ASCII', (json) => json.replace('"m"', '"äöü 漢字 🙂"'), 200],
    ['bytes that are no UTF-8', (json) => Buffer.from(json.replace('"m"', '"\u00ff\u00c3"'), 'latin1'), 400],
    ['as many bytes as there may be', (json) => json.padEnd(LIMITS.bodyBytes), 200],
    ['one byte more', (json) => json.padEnd(LIMITS.bodyBytes + 1), 413],
  ])('%s', async (what, bodyOf, status) => {
    const selection = '{ __typename action { idempotencyKey details } replayed }';
    const body = bodyOf(JSON.stringify(llm({ idempotencyKey: what, model: 'm' }, selection)));
    await answerTo({ body });
    const answer = await oneAnswerTo({ body });
    expect(answer.status).toBe(status);
    if (status === 200) expect(JSON.parse(answer.text)).toMatchObject({ data: { invokeLlm: { replayed: true } } });
  });
});

describe('a connection on which a plain request comes', () => {
  const head = (length: number, ...more: string[]) =>
    ['POST /graphql HTTP/1.1', 'Host: x', 'Content-Type: application/json', `Authorization: Bearer ${tenant.appKey}`]
      .concat(`Content-Length: ${length}`, more, '', '')
      .join('\r\n');
  const debit = (idempotencyKey: string) =>
    JSON.stringify(llm({ idempotencyKey, model: 'm' }, '{ action { idempotencyKey } }'));
  const answeredKeys = (received: string) => [...received.matchAll(/"idempotencyKey":"(.*?)"/g)].map(([, key]) => key);
  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1').setNoDelay();
    await once(socket, 'connect');
    return socket;
  }
  /** What was written before has been read when a request on another connection is answered. */
  const untilRead = () => answerTo({ body: { query: '{ __typename }' } });

  it.each([
    ['a debit', debit('in pieces'), '"idempotencyKey":"in pieces"'],
    ['what turns out not to be plain', '{"query":"{ __typename }","extensions":{}}', '"__typename":"Query"'],
    ['what turns out to be no JSON', '{"query":"{ __typename }",,}', 'must have a body that is JSON'],
  ])('may carry its body in pieces: %s', async (_what, body, expected) => {
    const socket = await open();
    socket.write(head(body.length, 'Connection: close'));
    for (const piece of [body.slice(0, 1), body.slice(1, 9), body.slice(9)]) {
      await untilRead();
      socket.write(piece);
    }
    expect(await text(socket)).toContain(expected);
  });

  it('may carry many requests at once: they are answered one by one, in their order', async () => {
    const socket = await open();
    const requests = ['one', 'two', 'three'].map((key) => head(debit(key).length) + debit(key));
    const other = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    const last = head(debit('last').length, 'Connection: close') + debit('last');
    socket.write([...requests, other, last].join(''));
    const received = await text(socket);
    expect(answeredKeys(received)).toEqual(['one', 'two', 'three', 'last']);
    expect(received).toMatch(/"three"[^]*"status":"ok"[^]*"last"/);
  });

  it('may be kept after a request that was not plain, and has no bytes left over', async () => {
    const socket = await open();
    const strange = JSON.stringify({
      ...llm({ idempotencyKey: 'strange', model: 'm' }, '{ action { idempotencyKey } }'),
      extensions: {},
    });
    socket.write(head(strange.length) + strange + head(debit('next').length, 'Connection: close') + debit('next'));
    expect(answeredKeys(await text(socket))).toEqual(['strange', 'next']);
  });

  it('may break before the body is there, and nothing is debited', async () => {
    const before = await balanceOf(service, tenant.ownerId);
    const socket = await open();
    socket.write(head(debit('cut').length) + debit('cut').slice(0, -1));
    await untilRead();
    socket.destroy();
    await untilRead();
    expect(await balanceOf(service, tenant.ownerId)).toEqual(before);
  });
});

function exampleOf(name: string): unknown {
  const examples: Record<string, unknown> = {
    mimeType: 'image/png',
    method: 'GET',
    host: 'api.example',
    countryCode: 'DE',
  };
  return examples[name] ?? (/Tokens|Bytes|width|height|recipients|segments/.test(name) ? 7 : 'text');
}
