import { createSecret } from '../../src/access/api-key-secret';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { databaseKindOf } from '../support/database';
import { startTestService, type Tenant, type TestService } from '../support/service';

/** Planted in the input: no answer may repeat it. */
const MARKER = 'Mark3rOfTheInput';

interface Given extends Tenant {
  readonly adminKey: string;
  readonly foreign: Tenant;
  readonly pausedAppId: string;
  readonly pausedKey: string;
  readonly publishableKey: string;
  readonly actionId: string;
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

type Row = [
  title: string,
  request: (given: Given) => Sent,
  status: 200 | 400 | 401 | 403 | 404 | 405 | 413 | 415,
  code: string,
];

const INVOKE = 'mutation($input: InvokeLlmInput!) { invokeLlm(input: $input) { replayed } }';
const UPLOAD = 'mutation($input: UploadFileInput!) { uploadFile(input: $input) { replayed } }';
const CALL = 'mutation($input: CallApiInput!) { callApi(input: $input) { replayed } }';
const VOID = 'mutation($input: VoidActionInput!) { voidAction(input: $input) { replayed } }';
const USAGE = `query($from: DateTime!, $to: DateTime!, $interval: UsageInterval!, $groupBy: UsageGroup, $timeZone: String! = "UTC",
  $appId: ID) { usage(from: $from, to: $to, interval: $interval, groupBy: $groupBy, timeZone: $timeZone, appId: $appId) { start } }`;
const GOOD = { idempotencyKey: 'never used', model: 'gpt-4o' };
const LITERAL = 'idempotencyKey: "never used"';

/** One bad thing after the other: what is sent, and the HTTP status and the code that it is answered with. */
const TABLE: Row[] = [
  // Keys
  ['no key', () => json({ query: INVOKE, variables: { input: GOOD } }), 401, 'UNAUTHENTICATED'],
  ['an empty key', () => invoke({}, ''), 401, 'UNAUTHENTICATED'],
  ['a key that is none', () => invoke({}, MARKER), 401, 'UNAUTHENTICATED'],
  ['a well-formed key that nobody has', () => invoke({}, createSecret('APP')), 401, 'UNAUTHENTICATED'],
  ['a key with a typing error', ({ appKey }) => invoke({}, typo(appKey)), 401, 'UNAUTHENTICATED'],
  ['a key of 10,000 characters', () => invoke({}, `icr_app_${'x'.repeat(10_000)}`), 401, 'UNAUTHENTICATED'],
  ['a key that tries SQL', () => invoke({}, "icr_app_' OR 1=1 --"), 401, 'UNAUTHENTICATED'],
  ['a publishable key without an origin', ({ publishableKey }) => invoke({}, publishableKey), 403, 'FORBIDDEN'],
  [
    'a publishable key from a bad origin',
    ({ publishableKey }) => ({ ...invoke({}, publishableKey), headers: { ...bearer(publishableKey), origin: 'null' } }),
    403,
    'FORBIDDEN',
  ],
  [
    'a publishable key that debits, from a good origin',
    ({ publishableKey }) => ({
      ...invoke({}, publishableKey),
      headers: { ...bearer(publishableKey), origin: 'https://shop.example' },
    }),
    403,
    'FORBIDDEN',
  ],
  ['an OWNER key that debits', ({ ownerKey }) => invoke({}, ownerKey), 403, 'FORBIDDEN'],

  // Apps
  ['no app with an ADMIN key', ({ adminKey }) => invoke({}, adminKey), 200, 'BAD_USER_INPUT'],
  ['an app id with an APP key', ({ appKey, appId }) => invoke({ appId }, appKey), 200, 'FORBIDDEN'],
  [
    'a foreign app id with an APP key',
    ({ appKey, foreign }) => invoke({ appId: foreign.appId }, appKey),
    200,
    'FORBIDDEN',
  ],
  ['an unknown app', ({ adminKey, appId }) => invoke({ appId: `${appId}000` }, adminKey), 200, 'NOT_FOUND'],
  ['an app of an unknown owner', ({ adminKey }) => invoke({ appId: 'app_zzzzzzzzz1' }, adminKey), 200, 'NOT_FOUND'],
  ['an app that does not exist', ({ adminKey }) => invoke({ appId: 'app_00000000099' }, adminKey), 200, 'NOT_FOUND'],
  ['an app id that is none', ({ adminKey }) => invoke({ appId: MARKER }, adminKey), 200, 'NOT_FOUND'],
  ['an app id of another kind', ({ adminKey, ownerId }) => invoke({ appId: ownerId }, adminKey), 200, 'NOT_FOUND'],
  [
    'an app id that tries SQL',
    ({ adminKey }) => invoke({ appId: "app_000000001' OR '1'='1" }, adminKey),
    200,
    'NOT_FOUND',
  ],
  ['a paused app', ({ pausedKey }) => invoke({}, pausedKey), 200, 'APP_PAUSED'],
  [
    'a paused app with an ADMIN key',
    ({ adminKey, pausedAppId }) => invoke({ appId: pausedAppId }, adminKey),
    200,
    'APP_PAUSED',
  ],

  // The values of an action
  bad('an empty idempotency key', { idempotencyKey: '' }),
  bad('an idempotency key of 256 characters', { idempotencyKey: 'k'.repeat(256) }),
  bad('an idempotency key of 300 characters', { idempotencyKey: `${MARKER}${'k'.repeat(300 - MARKER.length)}` }),
  bad('an idempotency key with a line break', { idempotencyKey: `${MARKER}\n` }),
  bad('an idempotency key with a null character', { idempotencyKey: `${MARKER}\u0000` }),
  bad('an idempotency key that is half a character', { idempotencyKey: `${MARKER}\ud83d` }),
  bad('an empty model', { model: '' }),
  bad('a model of 129 characters', { model: `${MARKER}${'m'.repeat(129 - MARKER.length)}` }),
  bad('a model with an escape character', { model: `${MARKER}\u001b[31m` }),
  bad('a model that is half a character', { model: `\udc00${MARKER}` }),
  bad('negative holdSeconds', { hold: true, holdSeconds: -1 }),
  bad('holdSeconds of nought', { hold: true, holdSeconds: 0 }),
  bad('holdSeconds of more than a day', { hold: true, holdSeconds: 86_401 }),
  bad('holdSeconds out of bounds without a hold', { holdSeconds: -1 }),
  bad('negative promptTokens', { promptTokens: -1 }),
  bad('promptTokens of 100,000,001', { promptTokens: 100_000_001 }),
  bad('an empty visitor', { visitor: '' }),
  bad('a visitor of 256 characters', { visitor: `${MARKER}${'v'.repeat(256 - MARKER.length)}` }),
  bad('an origin that is none', { origin: MARKER }),
  bad('an origin with a path', { origin: `https://shop.example/${MARKER}` }),
  bad('an origin that is no site', { origin: 'file:///etc/passwd' }),
  bad('an origin that is null as text', { origin: 'null' }),
  bad('metadata of 5 KiB', { metadata: { [MARKER]: 'x'.repeat(5 * 1_024) } }),
  bad('metadata that nest 1,000 deep', { metadata: nested(1_000) }),
  [
    'metadata that nest 10,000 deep',
    ({ appKey }) =>
      json(
        `{"query":${JSON.stringify(INVOKE)},"variables":{"input":{"idempotencyKey":"1","model":"m","metadata":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}}}`,
        bearer(appKey),
      ),
    200,
    'BAD_USER_INPUT',
  ],
  ['a size that is negative', ({ appKey }) => upload({ sizeBytes: -1 }, appKey), 200, 'BAD_USER_INPUT'],
  ['a MIME type that is none', ({ appKey }) => upload({ mimeType: MARKER }, appKey), 200, 'BAD_USER_INPUT'],
  ['an HTTP method that is none', ({ appKey }) => call({ method: 'get it' }, appKey), 200, 'BAD_USER_INPUT'],
  ['a host with a path', ({ appKey }) => call({ host: `api.example/${MARKER}` }, appKey), 200, 'BAD_USER_INPUT'],

  // Types, in variables
  wrong('a number for text', { model: 7_777_777 }),
  wrong('a list for text', { model: [MARKER] }),
  wrong('an object for text', { model: { [MARKER]: MARKER } }),
  wrong('text for a number', { promptTokens: MARKER }),
  wrong('a fraction for a whole number', { promptTokens: 1.5 }),
  wrong('2^31 for an Int', { promptTokens: 2_147_483_648 }),
  wrong('1e400 for an Int', { promptTokens: 'INFINITE' }),
  wrong('text for a Boolean', { hold: MARKER }),
  wrong('null for a Boolean that must not be null', { hold: null }),
  wrong('null for text that must not be null', { model: null }),
  wrong('an object for an id', { idempotencyKey: { [MARKER]: 1 } }),
  wrong('a Boolean for an id', { idempotencyKey: true }),
  [
    'a number in metadata that no double can hold',
    ({ appKey }) =>
      json(
        `{"query":${JSON.stringify(INVOKE)},"variables":{"input":{"idempotencyKey":"1","model":"m","metadata":{"a":1e400}}}}`,
        bearer(appKey),
      ),
    200,
    'BAD_USER_INPUT',
  ],
  wrong('a list for metadata', { metadata: [MARKER] }),
  wrong('text for metadata', { metadata: MARKER }),
  wrong('a field that the input does not have', { unknown: MARKER }),
  wrong('a field that the input nearly has', { modle: MARKER }),
  ['no input at all', ({ appKey }) => json({ query: INVOKE }, bearer(appKey)), 400, 'BAD_USER_INPUT'],
  [
    'null for the input',
    ({ appKey }) => json({ query: INVOKE, variables: { input: null } }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'text for the input',
    ({ appKey }) => json({ query: INVOKE, variables: { input: MARKER } }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an input without its fields',
    ({ appKey }) => json({ query: INVOKE, variables: { input: {} } }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'variables that are text',
    ({ appKey }) => json({ query: INVOKE, variables: MARKER }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'variables that are a list',
    ({ appKey }) => json({ query: INVOKE, variables: [MARKER] }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  ['a size beyond 2^53', ({ appKey }) => upload({ sizeBytes: 9_007_199_254_740_992 }, appKey), 400, 'BAD_USER_INPUT'],
  ['a size that is text', ({ appKey }) => upload({ sizeBytes: MARKER }, appKey), 400, 'BAD_USER_INPUT'],
  [
    'an unknown value of an enum',
    ({ appKey }) => ask('query($t: ActionType) { actions(type: $t) { edges { cursor } } }', { t: MARKER }, appKey),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an instant that is none',
    ({ appKey }) => ask('query($t: DateTime) { actions(from: $t) { edges { cursor } } }', { t: MARKER }, appKey),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a number of a page that is text',
    ({ appKey }) => ask('query($n: Int!) { actions(first: $n) { edges { cursor } } }', { n: MARKER }, appKey),
    400,
    'BAD_USER_INPUT',
  ],

  // Usage
  ...(
    [
      ['a time zone that is none', { timeZone: MARKER }],
      ['a time zone that is an offset', { timeZone: '+05:37' }],
      ['no time zone by name', { timeZone: '' }],
      ['a time zone of 50,000 characters', { timeZone: `Europe/${MARKER.repeat(3_000)}` }],
      ['a time span that ends where it begins', { to: '2026-01-01T00:00:00Z' }],
      ['a time span that runs backwards', { to: '2025-01-01T00:00:00Z' }],
      ['hours of ten thousand years', { from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z' }],
    ] as const
  ).map(([title, input]): Row => [
    `usage with ${title}`,
    ({ ownerKey }) => usage(input, ownerKey),
    200,
    'BAD_USER_INPUT',
  ]),
  ...(
    [
      ['an interval that is none', { interval: MARKER }],
      ['a group that is none', { groupBy: MARKER }],
      ['a beginning that is no instant', { from: MARKER }],
      ['a year of six digits', { to: '+012026-01-01T00:00:00Z' }],
      ['null for a time zone', { timeZone: null }],
    ] as const
  ).map(([title, input]): Row => [
    `usage with ${title}`,
    ({ ownerKey }) => usage(input, ownerKey),
    400,
    'BAD_USER_INPUT',
  ]),
  ['usage of no owner with an ADMIN key', ({ adminKey }) => usage({}, adminKey), 200, 'BAD_USER_INPUT'],
  ['usage with an app id that is none', ({ ownerKey }) => usage({ appId: MARKER }, ownerKey), 200, 'NOT_FOUND'],

  // Types, in the document
  invalid(
    'text for a number',
    `mutation { invokeLlm(input: { ${LITERAL}, model: "m", promptTokens: "${MARKER}" }) { replayed } }`,
  ),
  invalid(
    '2^31 for an Int',
    `mutation { invokeLlm(input: { ${LITERAL}, model: "m", promptTokens: 2147483648 }) { replayed } }`,
  ),
  invalid(
    'text for a Boolean',
    `mutation { invokeLlm(input: { ${LITERAL}, model: "m", hold: "${MARKER}" }) { replayed } }`,
  ),
  invalid(
    'a name for a Boolean',
    `mutation { invokeLlm(input: { ${LITERAL}, model: "m", hold: ${MARKER} }) { replayed } }`,
  ),
  invalid(
    'null for text that must not be null',
    `mutation { invokeLlm(input: { ${LITERAL}, model: null }) { replayed } }`,
  ),
  invalid('a number for text', `mutation { invokeLlm(input: { ${LITERAL}, model: 7777777 }) { replayed } }`),
  invalid(
    'an object for text',
    `mutation { invokeLlm(input: { ${LITERAL}, model: { a: "${MARKER}" } }) { replayed } }`,
  ),
  invalid('a list for text', `mutation { invokeLlm(input: { ${LITERAL}, model: ["${MARKER}"] }) { replayed } }`),
  invalid(
    'text for metadata',
    `mutation { invokeLlm(input: { ${LITERAL}, model: "m", metadata: "${MARKER}" }) { replayed } }`,
  ),
  invalid('an input without a field', `mutation { invokeLlm(input: { ${LITERAL} }) { replayed } }`),
  invalid(
    'a field that the input does not have',
    `mutation { invokeLlm(input: { ${LITERAL}, model: "m", unknown: "${MARKER}" }) { replayed } }`,
  ),
  invalid(
    'text for a size',
    `mutation { uploadFile(input: { ${LITERAL}, fileName: "f", mimeType: "a/b", sizeBytes: "${MARKER}" }) { replayed } }`,
  ),
  invalid('an unknown value of an enum', `{ actions(type: ${MARKER}) { edges { cursor } } }`),
  invalid('text for a value of an enum', `{ actions(type: "${MARKER}") { edges { cursor } } }`),
  invalid('an instant that is none', `{ actions(from: "${MARKER}") { edges { cursor } } }`),
  invalid('a number for an instant', `{ actions(from: 7777777) { edges { cursor } } }`),
  invalid('an object for an id', `{ app(id: { a: "${MARKER}" }) { name } }`),
  invalid('a variable of another type', 'query($n: String!) { actions(first: $n) { edges { cursor } } }'),
  invalid('a variable that is not defined', '{ app(id: $id) { name } }'),
  invalid('a default of another type', `query($n: Int! = "${MARKER}") { actions(first: $n) { edges { cursor } } }`),

  // Documents
  invalid('an unknown field', '{ balance { avialable } }'),
  invalid('an unknown field of the root', 'mutation { invokeLLM(input: {}) { replayed } }'),
  invalid('an unknown argument', `{ balance(owner: "${MARKER}") { available } }`),
  invalid('an unknown directive', '{ balance { available @live } }'),
  invalid('an unknown type', '{ ... on Balancer { available } }'),
  invalid('an unknown fragment', '{ balance { ...Missing } }'),
  invalid('a fragment that spreads itself', '{ balance { ...A } } fragment A on Balance { available ...A }'),
  invalid('an object without a selection', '{ balance }'),
  invalid('a selection of a number', '{ balance { available { x } } }'),
  invalid('two operations of one name', 'query A { balance { held } } query A { balance { held } }'),
  invalid('a definition of a type', 'type A { a: Int }'),
  unparsed('an unclosed brace', '{ balance { available }'),
  unparsed('a word', MARKER),
  unparsed('an unclosed string', `{ app(id: "${MARKER}) { name } }`),
  unparsed('a bad escape', `{ app(id: "${MARKER}\\q") { name } }`),
  unparsed('a null character', '{ balance { available\u0000 } }'),
  unparsed('a surrogate alone', `{ app(id: "\\ud83d ${MARKER}") { name } }`),
  unparsed('an empty document', ' '),
  unparsed('a comment alone', `# ${MARKER}`),
  ['no query', ({ appKey }) => json({ variables: {} }, bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['an empty query', ({ appKey }) => json({ query: '' }, bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['a query that is a number', ({ appKey }) => json({ query: 7 }, bearer(appKey)), 400, 'BAD_USER_INPUT'],
  [
    'a query that is a list',
    ({ appKey }) => json({ query: ['{ balance { held } }'] }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  ['a query that is null', ({ appKey }) => json({ query: null }, bearer(appKey)), 400, 'BAD_USER_INPUT'],
  [
    'the name of an operation that is missing',
    ({ appKey }) => json({ query: '{ balance { held } }', operationName: MARKER }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'no name, where there are two operations',
    ({ appKey }) => json({ query: 'query A { balance { held } } query B { balance { held } }' }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a subscription',
    ({ appKey }) => json({ query: 'subscription { balanceChanged { held } }' }, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    // With 200, since the protocol of persisted queries goes on by sending the document.
    'a persisted query',
    ({ appKey }) => json({ extensions: { persistedQuery: { version: 1, sha256Hash: MARKER } } }, bearer(appKey)),
    200,
    'BAD_USER_INPUT',
  ],

  // Bodies
  ['an empty body', ({ appKey }) => json('', bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['no JSON', ({ appKey }) => json(`{"query": "${MARKER}`, bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['a JSON string', ({ appKey }) => json(`"${MARKER}"`, bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['a JSON number', ({ appKey }) => json('7', bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['a JSON null', ({ appKey }) => json('null', bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['an empty object', ({ appKey }) => json('{}', bearer(appKey)), 400, 'BAD_USER_INPUT'],
  ['an empty list', ({ appKey }) => json('[]', bearer(appKey)), 400, 'BAD_USER_INPUT'],
  [
    'a batch of two debits',
    ({ appKey }) =>
      json(
        [
          { query: INVOKE, variables: { input: GOOD } },
          { query: INVOKE, variables: { input: { ...GOOD, idempotencyKey: '2' } } },
        ],
        bearer(appKey),
      ),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a prototype to be polluted',
    ({ appKey }) => json(`{"query":"{ balance { held } }","__proto__":{"x":"${MARKER}"}}`, bearer(appKey)),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'bytes that are not UTF-8',
    ({ appKey }) => ({ ...json('', bearer(appKey)), body: Buffer.from([0xff, 0xfe, 0x7b, 0x00]) }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a body of more than 100,000 bytes',
    ({ appKey }) =>
      json({ query: INVOKE, variables: { input: GOOD }, extensions: { x: MARKER.repeat(10_000) } }, bearer(appKey)),
    413,
    'BAD_USER_INPUT',
  ],
  [
    'a form',
    ({ appKey }) => ({
      body: `query=${encodeURIComponent(`mutation { invokeLlm(input: { ${LITERAL}, model: "m" }) { replayed } }`)}`,
      headers: { ...bearer(appKey), 'content-type': 'application/x-www-form-urlencoded' },
    }),
    415,
    'BAD_USER_INPUT',
  ],
  [
    'a form with files',
    ({ appKey }) => ({
      body: '--x\r\n\r\n--x--',
      headers: { ...bearer(appKey), 'content-type': 'multipart/form-data; boundary=x' },
    }),
    415,
    'BAD_USER_INPUT',
  ],
  [
    'JSON that says it is text',
    ({ appKey }) => ({ ...invoke({}, appKey), headers: { ...bearer(appKey), 'content-type': 'text/plain' } }),
    400,
    'BAD_USER_INPUT',
  ],
  [
    'JSON that says it is XML',
    ({ appKey }) => ({ ...invoke({}, appKey), headers: { ...bearer(appKey), 'content-type': 'application/xml' } }),
    415,
    'BAD_USER_INPUT',
  ],
  [
    'a document that is GraphQL and not JSON',
    ({ appKey }) => ({
      body: '{ balance { held } }',
      headers: { ...bearer(appKey), 'content-type': 'application/graphql' },
    }),
    415,
    'BAD_USER_INPUT',
  ],
  [
    'no content type',
    ({ appKey }) => ({
      body: Buffer.from(JSON.stringify({ query: INVOKE, variables: { input: GOOD } })),
      headers: authorization(appKey),
    }),
    415,
    'BAD_USER_INPUT',
  ],
  [
    'a content type that is none',
    ({ appKey }) => ({ ...invoke({}, appKey), headers: { ...bearer(appKey), 'content-type': MARKER } }),
    415,
    'BAD_USER_INPUT',
  ],

  // Methods and paths
  [
    'a GET that debits',
    ({ appKey }) => ({
      method: 'GET',
      path: `/graphql?query=${encodeURIComponent(`mutation { invokeLlm(input: { ${LITERAL}, model: "m" }) { replayed } }`)}`,
      headers: { ...bearer(appKey), 'apollo-require-preflight': 'true' },
    }),
    405,
    'BAD_USER_INPUT',
  ],
  [
    'a GET from a simple form',
    ({ appKey }) => ({ method: 'GET', path: '/graphql?query={balance{held}}', headers: authorization(appKey) }),
    400,
    'BAD_USER_INPUT',
  ],
  ['a PUT', ({ appKey }) => ({ ...invoke({}, appKey), method: 'PUT' }), 404, 'NOT_FOUND'],
  ['a DELETE', ({ appKey }) => ({ method: 'DELETE', headers: authorization(appKey) }), 404, 'NOT_FOUND'],
  ['another path', ({ appKey }) => ({ ...invoke({}, appKey), path: `/${MARKER}` }), 404, 'NOT_FOUND'],
  ['a path that is malformed', ({ appKey }) => ({ ...invoke({}, appKey), path: '/%ff' }), 400, 'BAD_USER_INPUT'],

  // Ids, pages and resolutions
  ['an action that is none', ({ appKey }) => ask(VOID, { input: { actionId: MARKER } }, appKey), 200, 'NOT_FOUND'],
  [
    'an action of another kind',
    ({ appKey, appId }) => ask(VOID, { input: { actionId: appId } }, appKey),
    200,
    'NOT_FOUND',
  ],
  [
    'an action that does not exist',
    ({ appKey, actionId }) => ask(VOID, { input: { actionId: `${actionId}00` } }, appKey),
    200,
    'NOT_FOUND',
  ],
  [
    'an action of another owner',
    ({ foreign, actionId }) => ask(VOID, { input: { actionId } }, foreign.appKey),
    200,
    'NOT_FOUND',
  ],
  [
    'an empty reason',
    ({ appKey, actionId }) => ask(VOID, { input: { actionId, reason: '' } }, appKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a reason of 501 characters',
    ({ appKey, actionId }) =>
      ask(VOID, { input: { actionId, reason: `${MARKER}${'r'.repeat(501 - MARKER.length)}` } }, appKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a reason with control characters',
    ({ appKey, actionId }) => ask(VOID, { input: { actionId, reason: `${MARKER}\u0007` } }, appKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a node that is none',
    ({ appKey }) => ask('query($id: ID!) { node(id: $id) { id } }', { id: MARKER }, appKey),
    200,
    'NOT_FOUND',
  ],
  [
    'a node with a null character',
    ({ appKey }) => ask('query($id: ID!) { node(id: $id) { id } }', { id: `act_\u0000${MARKER}` }, appKey),
    200,
    'NOT_FOUND',
  ],
  [
    'a node of 50,000 characters',
    ({ appKey }) => ask('query($id: ID!) { node(id: $id) { id } }', { id: `act_${'0'.repeat(50_000)}` }, appKey),
    200,
    'NOT_FOUND',
  ],
  [
    'a node whose number is beyond 2^53',
    ({ appKey, ownerId }) =>
      ask('query($id: ID!) { node(id: $id) { id } }', { id: `act_${ownerId.slice(4, 13)}zzzzzzzzz` }, appKey),
    200,
    'NOT_FOUND',
  ],
  [
    'a page of nought',
    ({ appKey }) => ask('{ actions(first: 0) { edges { cursor } } }', {}, appKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a page of 101',
    ({ appKey }) => ask('{ actions(first: 101) { edges { cursor } } }', {}, appKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a page of fewer than none',
    ({ appKey }) => ask('query($n: Int!) { actions(first: $n) { edges { cursor } } }', { n: -5 }, appKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a cursor that is none',
    ({ appKey }) => ask('query($c: String) { actions(after: $c) { edges { cursor } } }', { c: MARKER }, appKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a cursor beyond 2^53',
    ({ appKey }) =>
      ask(
        'query($c: String) { actions(after: $c) { edges { cursor } } }',
        { c: Buffer.from('at:9999999999999999').toString('base64url') },
        appKey,
      ),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a visitor that tries SQL is only a visitor',
    ({ appKey }) =>
      ask('query($v: String) { actions(visitor: $v) { edges { cursor } } }', { v: "' OR 1=1 --" }, appKey),
    200,
    'nothing',
  ],

  // What operators and owners send
  [
    'a name with control characters',
    ({ adminKey }) => manage('createOwner', 'CreateOwnerInput', { name: `${MARKER}\u0000` }, adminKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a name of 256 characters',
    ({ adminKey }) => manage('createOwner', 'CreateOwnerInput', { name: 'n'.repeat(256) }, adminKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a name that is half a character',
    ({ adminKey }) => manage('createOwner', 'CreateOwnerInput', { name: `${MARKER}\ud83d` }, adminKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'an e-mail that is none',
    ({ adminKey }) => manage('createOwner', 'CreateOwnerInput', { name: 'n', email: MARKER }, adminKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'an unknown plan',
    ({ adminKey }) => manage('createOwner', 'CreateOwnerInput', { name: 'n', planCode: MARKER }, adminKey),
    200,
    'NOT_FOUND',
  ],
  [
    'an empty plan',
    ({ adminKey }) => manage('createOwner', 'CreateOwnerInput', { name: 'n', planCode: '' }, adminKey),
    200,
    'NOT_FOUND',
  ],
  [
    'a plan of fewer credits than none',
    ({ adminKey }) => manage('createPlan', 'CreatePlanInput', { code: 'x', name: 'x', monthlyCredits: -1 }, adminKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a plan of more credits than a pool holds',
    ({ adminKey }) =>
      manage('createPlan', 'CreatePlanInput', { code: 'x', name: 'x', monthlyCredits: 2_000_000_001 }, adminKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a plan whose code is taken',
    ({ adminKey }) => manage('createPlan', 'CreatePlanInput', { code: 'free', name: 'x', monthlyCredits: 1 }, adminKey),
    200,
    'CONFLICT',
  ],
  [
    'a plan whose code has capitals',
    ({ adminKey }) => manage('createPlan', 'CreatePlanInput', { code: MARKER, name: 'x', monthlyCredits: 1 }, adminKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a cap below nought',
    ({ ownerKey, appId }) => manage('updateApp', 'UpdateAppInput', { id: appId, creditCap: -1 }, ownerKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'an app of another owner',
    ({ ownerKey, foreign }) => manage('updateApp', 'UpdateAppInput', { id: foreign.appId, name: MARKER }, ownerKey),
    200,
    'NOT_FOUND',
  ],
  [
    'null for a name',
    ({ ownerKey, appId }) => manage('updateApp', 'UpdateAppInput', { id: appId, name: null }, ownerKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'null for a status',
    ({ ownerKey, appId }) => manage('updateApp', 'UpdateAppInput', { id: appId, status: null }, ownerKey),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'an unknown status',
    ({ ownerKey, appId }) => manage('updateApp', 'UpdateAppInput', { id: appId, status: MARKER }, ownerKey),
    400,
    'BAD_USER_INPUT',
  ],
  [
    '21 origins',
    ({ ownerKey, appId }) =>
      manage(
        'updateApp',
        'UpdateAppInput',
        { id: appId, allowedOrigins: Array.from({ length: 21 }, (_, i) => `https://a${i}.example`) },
        ownerKey,
      ),
    200,
    'BAD_USER_INPUT',
  ],
  [
    'a suspension by an OWNER key',
    ({ ownerKey, ownerId }) => manage('updateOwner', 'UpdateOwnerInput', { id: ownerId, suspended: false }, ownerKey),
    200,
    'FORBIDDEN',
  ],
  [
    'a key of a role that does not exist',
    ({ ownerKey }) => manage('createApiKey', 'CreateApiKeyInput', { name: 'x', role: MARKER }, ownerKey),
    400,
    'BAD_USER_INPUT',
  ],
];

describe('bad input', () => {
  let service: TestService;
  let given: Given;
  let database: Database;

  beforeAll(async () => {
    service = await startTestService(databaseKindOf());
    given = await prepare(service);
    database = await Database.open(service.databaseUrl, entities);
  });
  afterAll(async () => {
    await database.close();
    await service.stop();
  });

  it.each(TABLE)('%s', async (_title, request, status, code) => {
    const before = await stateOf(service, database, given);

    const { method = 'POST', path = '/graphql', headers = {}, body } = request(given);
    const response = await fetch(`${service.url}${path}`, { method, headers, ...(body !== undefined && { body }) });
    const answer = await response.text();

    expect({ status: response.status, code: codeIn(answer) }).toEqual({ status, code });
    expect(response.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/);
    expect(answer).not.toContain(MARKER);
    expect(answer).not.toMatch(
      /\bat .*:\d+:\d+|node_modules|stacktrace|Did you mean|\b(SELECT|INSERT|UPDATE)\b|SQLITE|\bER_/,
    );
    expect(answer).not.toContain('7777777');
    expect(await stateOf(service, database, given)).toEqual(before);
    expect(service.failures).toEqual([]);
  });
});

function json(body: object | string, headers: Record<string, string> = {}): Sent {
  return {
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body).replace('"INFINITE"', '1e400'),
  };
}

function authorization(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}

function bearer(key: string): Record<string, string> {
  return { 'content-type': 'application/json', ...authorization(key) };
}

function ask(query: string, variables: object, key: string): Sent {
  return json({ query, variables }, bearer(key));
}

function invoke(input: object, key: string): Sent {
  return ask(INVOKE, { input: { ...GOOD, ...input } }, key);
}

function upload(input: object, key: string): Sent {
  const good = { idempotencyKey: 'never used', fileName: 'f', mimeType: 'image/png', sizeBytes: 1 };
  return ask(UPLOAD, { input: { ...good, ...input } }, key);
}

function call(input: object, key: string): Sent {
  const good = { idempotencyKey: 'never used', method: 'GET', host: 'api.example' };
  return ask(CALL, { input: { ...good, ...input } }, key);
}

function usage(input: object, key: string): Sent {
  const good = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', interval: 'HOUR' };
  return ask(USAGE, { ...good, ...input }, key);
}

function manage(mutation: string, type: string, input: object, key: string): Sent {
  return ask(`mutation($input: ${type}!) { ${mutation}(input: $input) { __typename } }`, { input }, key);
}

/** A value of an action that has the right type and is out of bounds. */
function bad(title: string, input: object): Row {
  return [title, ({ appKey }) => invoke(input, appKey), 200, 'BAD_USER_INPUT'];
}

/** A value of an action, in a variable, that has the wrong type. */
function wrong(title: string, input: object): Row {
  return [title, ({ appKey }) => invoke(input, appKey), 400, 'BAD_USER_INPUT'];
}

/** A document that the schema does not have. */
function invalid(title: string, query: string): Row {
  return [`in a document, ${title}`, ({ appKey }) => ask(query, {}, appKey), 400, 'GRAPHQL_VALIDATION_FAILED'];
}

/** A document that is no GraphQL. */
function unparsed(title: string, query: string): Row {
  return [`for a document, ${title}`, ({ appKey }) => ask(query, {}, appKey), 400, 'GRAPHQL_PARSE_FAILED'];
}

function nested(levels: number): object {
  let value = {};
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

function typo(key: string): string {
  return key.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
}

function codeIn(answer: string): string {
  return JSON.parse(answer).errors?.[0]?.extensions.code ?? 'nothing';
}

/** Whatever bad input must leave alone: both owners' credits as the API shows them, and the rows of all tables. */
async function stateOf(service: TestService, database: Database, { ownerId, foreign }: Given): Promise<unknown> {
  const balances = await Promise.all(
    [ownerId, foreign.ownerId].map((id) =>
      service.ask('query($id: ID!) { balance(ownerId: $id) { available held version lastSequence } }', { id }),
    ),
  );
  const counts = await Promise.all(
    ['ledger_entries', 'owners', 'apps', 'plans', 'api_keys', 'holds'].map((table) =>
      database.reader.query<{ rows: unknown }>(`SELECT COUNT(*) AS ${'number'} FROM ${table}`),
    ),
  );
  const apps = await database.reader.query('SELECT name, status, credit_cap, allowed_origins FROM apps');
  return { balances, counts: JSON.stringify(counts), apps };
}

async function prepare(service: TestService): Promise<Given> {
  const [tenant, foreign] = [await service.tenant(100), await service.tenant(100)];
  const { createApp } = await service.ask(
    'mutation($input: CreateAppInput!) { createApp(input: $input) { app { id } } }',
    { input: { ownerId: tenant.ownerId, name: 'A paused app', allowedOrigins: ['https://shop.example'] } },
  );
  const pausedAppId = createApp.app.id as string;
  const keyOf = async (role: string) =>
    (
      await service.ask('mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }', {
        input: { name: role, role, appId: pausedAppId },
      })
    ).createApiKey.secret as string;
  const [pausedKey, publishableKey] = [await keyOf('APP'), await keyOf('PUBLISHABLE')];
  await service.ask('mutation($id: ID!) { updateApp(input: { id: $id, status: PAUSED }) { app { id } } }', {
    id: pausedAppId,
  });
  const { invokeLlm } = await service.ask(
    'mutation { invokeLlm(input: { idempotencyKey: "held", model: "m", hold: true }) { action { id } } }',
    {},
    tenant.appKey,
  );
  const { adminKey } = service;
  return { ...tenant, foreign, adminKey, pausedAppId, pausedKey, publishableKey, actionId: invokeLlm.action.id };
}
