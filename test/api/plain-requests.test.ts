import { randomUUID } from 'node:crypto';
import { ACTION_CATALOGUE } from '../../src/actions/action-catalogue';
import { ACTION_FIELDS, actionIn, balanceOf, changeApp, changeOwner } from '../support/actions';
import { databaseKindOf } from '../support/database';
import { startTestService, type Tenant, type TestService } from '../support/service';

/**
 * A plain request for a debit is answered by a shorter way than graphql-js and Apollo's HTTP layer take. A field with
 * `@include(if: true)` keeps graphql-js in, an Accept header with a quality keeps the HTTP layer in, and nobody may notice.
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

interface Sent {
  readonly body: object;
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
}

async function answerTo({ body, key = tenant.appKey, headers = {} }: Sent) {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }), ...headers },
    body: JSON.stringify(body),
  });
  const names = [...response.headers.keys()].filter((name) => name !== 'date').sort();
  const type = response.headers.get('content-type');
  return { status: response.status, type, names, text: await response.text() };
}

/** The same request by all ways: with graphql-js kept in, with Apollo's HTTP layer kept in, with both, and by the short way. */
async function answersTo(sent: Sent): Promise<Awaited<ReturnType<typeof answerTo>>[]> {
  if (Array.isArray(sent.body)) return [await answerTo(sent)];
  const { query, ...rest } = sent.body as { query: unknown };
  const executed = typeof query === 'string' ? query.replace('__typename', '__typename @include(if: true)') : query;
  const negotiated = { ...sent.headers, accept: 'application/json;q=0.9' };
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
    // With extensions it goes through Apollo's HTTP layer.
    const chosen = await answerTo({ body: { ...body, extensions: {} }, headers: { accept } });
    const answer = await answerTo({ body, headers: { accept } });
    expect([answer.status, answer.type, answer.names]).toEqual([chosen.status, chosen.type, chosen.names]);
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
