import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isNonNullType,
  isObjectType,
  printType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedOutputType,
  type GraphQLObjectType,
} from 'graphql';
import { Field, ObjectType, Query, Resolver } from 'type-graphql';
import { AllowedTo } from '../../src/graphql/access';
import { buildSchema } from '../../src/graphql/build-schema';
import { databaseKindOf } from '../support/database';
import { connectSocket, openSocket } from '../support/raw-socket';
import { startTestService, type Answer, type Tenant, type TestService } from '../support/service';

const ORIGIN = 'https://shop.example';
const ROLES = ['ADMIN', 'OWNER', 'APP', 'PUBLISHABLE'] as const;
type Role = (typeof ROLES)[number];

/**
 * Who may use which field, written out by hand from the comments of the contract: A(DMIN), O(WNER), A(PP), P(UBLISHABLE). A field
 * that is not listed here fails the test. Of object types it says who can ever read the field, by whichever way.
 */
const EVERYBODY = 'ADMIN OWNER APP PUBLISHABLE';
const NOT_BROWSERS = 'ADMIN OWNER APP';
const MANAGERS = 'ADMIN OWNER';
const ACTORS = 'ADMIN APP';
const ADMIN = 'ADMIN';

const ALLOWED: Record<string, Record<string, string>> = {
  Query: {
    viewer: EVERYBODY,
    plans: MANAGERS,
    actionCatalogue: MANAGERS,
    node: NOT_BROWSERS,
    owner: MANAGERS,
    owners: ADMIN,
    app: NOT_BROWSERS,
    balance: EVERYBODY,
    actions: NOT_BROWSERS,
    ledger: MANAGERS,
    verifyLedger: MANAGERS,
    usage: MANAGERS,
  },
  Mutation: {
    invokeLlm: ACTORS,
    uploadFile: ACTORS,
    processFile: ACTORS,
    generateImage: ACTORS,
    analyzeImage: ACTORS,
    sendEmail: ACTORS,
    sendSms: ACTORS,
    queryDatabase: ACTORS,
    callApi: ACTORS,
    captureAction: ACTORS,
    voidAction: NOT_BROWSERS,
    refundAction: NOT_BROWSERS,
    createOwner: ADMIN,
    updateOwner: MANAGERS,
    createApp: MANAGERS,
    updateApp: MANAGERS,
    createPlan: ADMIN,
    updatePlan: ADMIN,
    createApiKey: MANAGERS,
    rotateApiKey: MANAGERS,
    revokeApiKey: MANAGERS,
    changePlan: ADMIN,
    grantCredits: ADMIN,
    revokeGrant: ADMIN,
  },
  Subscription: { balanceChanged: EVERYBODY, actionRecorded: NOT_BROWSERS, ledgerAppended: MANAGERS },

  Viewer: { role: EVERYBODY, owner: NOT_BROWSERS, app: NOT_BROWSERS },
  Balance: {
    ownerId: EVERYBODY,
    available: EVERYBODY,
    held: EVERYBODY,
    paused: EVERYBODY,
    allowance: EVERYBODY,
    usedThisPeriod: EVERYBODY,
    periodStart: EVERYBODY,
    resetsAt: EVERYBODY,
    version: EVERYBODY,
    lastSequence: EVERYBODY,
    grants: NOT_BROWSERS,
    runway: EVERYBODY,
  },
  Runway: every(EVERYBODY, 'creditsPerHour emptyAt lastsUntilReset'),
  Grant: every(NOT_BROWSERS, 'id source amount remaining effectiveAt expiresAt paused reason'),
  Owner: {
    ...every(NOT_BROWSERS, 'id name externalId plan nextPlan balance createdAt suspendedAt'),
    email: MANAGERS,
    apps: MANAGERS,
    apiKeys: MANAGERS,
  },
  App: {
    ...every(NOT_BROWSERS, 'id owner name status creditCap usedThisPeriod allowedOrigins createdAt'),
    apiKeys: MANAGERS,
  },
  ApiKey: every(MANAGERS, 'id name role hint owner app createdAt lastUsedAt expiresAt revokedAt'),
  Plan: every(NOT_BROWSERS, 'id code name monthlyCredits maxApps topUpsAllowed rolloverLimit archivedAt'),
  ActionDefinition: every(MANAGERS, 'type category mutation description credits'),
  IntegrationAction: every(
    NOT_BROWSERS,
    'id app type category status credits idempotencyKey visitor origin details metadata holdExpiresAt createdAt resolvedAt reason sequence availableAfter heldAfter',
  ),
  LedgerEntry: every(MANAGERS, 'id sequence kind credits available held paused grant action at'),
  UsageBucket: every(MANAGERS, 'start group credits refunded'),
  LedgerVerification: every(MANAGERS, 'ok owners entries problems'),

  OwnerConnection: every(ADMIN, 'edges pageInfo'),
  OwnerEdge: every(ADMIN, 'cursor node'),
  AppConnection: every(MANAGERS, 'edges pageInfo'),
  AppEdge: every(MANAGERS, 'cursor node'),
  ActionConnection: every(NOT_BROWSERS, 'edges pageInfo'),
  ActionEdge: every(NOT_BROWSERS, 'cursor node'),
  LedgerEntryConnection: every(MANAGERS, 'edges pageInfo'),
  LedgerEntryEdge: every(MANAGERS, 'cursor node'),
  PageInfo: every(NOT_BROWSERS, 'hasNextPage hasPreviousPage startCursor endCursor'),

  ...Object.fromEntries(
    [
      'InvokeLlm',
      'UploadFile',
      'ProcessFile',
      'GenerateImage',
      'AnalyzeImage',
      'SendEmail',
      'SendSms',
      'QueryDatabase',
      'CallApi',
    ].map((name) => [`${name}Payload`, every(ACTORS, 'action balance replayed')]),
  ),
  ResolveActionPayload: every(NOT_BROWSERS, 'action balance replayed'),
  CreateOwnerPayload: { owner: ADMIN },
  UpdateOwnerPayload: { owner: MANAGERS },
  CreateAppPayload: { app: MANAGERS },
  UpdateAppPayload: { app: MANAGERS },
  CreatePlanPayload: { plan: ADMIN },
  UpdatePlanPayload: { plan: ADMIN },
  CreateApiKeyPayload: every(MANAGERS, 'apiKey secret'),
  RotateApiKeyPayload: every(MANAGERS, 'apiKey secret'),
  RevokeApiKeyPayload: { apiKey: MANAGERS },
  ChangePlanPayload: every(ADMIN, 'owner balance'),
  GrantCreditsPayload: every(ADMIN, 'grant balance replayed'),
  RevokeGrantPayload: every(ADMIN, 'grant balance'),
};

let service: TestService;
let tenant: Tenant;
let keys: Record<Role, string>;
/** An id of the tenant's for each type that `node` finds. */
let nodeIds: Record<string, string>;

beforeAll(async () => {
  service = await startTestService(databaseKindOf());
  tenant = await service.tenant(100);
  await service.ask('mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
    input: { id: tenant.appId, allowedOrigins: [ORIGIN] },
  });
  const { createApiKey } = await service.ask(
    'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id } secret } }',
    { input: { name: 'A page', role: 'PUBLISHABLE', appId: tenant.appId } },
  );
  keys = { ADMIN: service.adminKey, OWNER: tenant.ownerKey, APP: tenant.appKey, PUBLISHABLE: createApiKey.secret };
  const { invokeLlm } = await service.ask(
    'mutation { invokeLlm(input: { idempotencyKey: "first", model: "m" }) { action { id app { owner { plan { id } } } } balance { grants { id } } } }',
    {},
    tenant.appKey,
  );
  const grant = invokeLlm.balance.grants[0].id as string;
  nodeIds = {
    Plan: invokeLlm.action.app.owner.plan.id,
    Owner: tenant.ownerId,
    App: tenant.appId,
    ApiKey: createApiKey.apiKey.id,
    IntegrationAction: invokeLlm.action.id,
    Grant: grant,
    LedgerEntry: grant.replace('grt_', 'led_'),
  };
});
afterAll(async () => {
  expect(service.failures).toEqual([]);
  await service.stop();
});

describe('who may use what', () => {
  it('is written out for every field of every type, and for no other', () => {
    const inSchema = objectTypes().map((type) => `${type.name}: ${Object.keys(type.getFields()).sort().join(' ')}`);
    const inTable = Object.entries(ALLOWED).map(([name, fields]) => `${name}: ${Object.keys(fields).sort().join(' ')}`);
    expect(inSchema.sort()).toEqual(inTable.sort());
  });

  it.each(['Query', 'Mutation'])('holds for each %s over HTTP: the others get FORBIDDEN', async (name) => {
    const type = typeNamed(name);
    const actual: Record<string, string> = {};
    for (const field of Object.values(type.getFields())) {
      const allowed = [];
      for (const role of ROLES) {
        const answer = await sendAs(role, document([step(type, field)]));
        if (isAllowed(answer)) allowed.push(role);
      }
      actual[field.name] = allowed.join(' ');
    }
    expect(actual).toEqual(ALLOWED[name]);
  });

  it('holds for each subscription over WebSocket: the others get FORBIDDEN', async () => {
    const type = typeNamed('Subscription');
    const actual: Record<string, string> = {};
    for (const field of Object.values(type.getFields())) {
      const allowed = [];
      for (const role of ROLES) {
        const socket = await connectSocket(service.url, keys[role], { origin: ORIGIN });
        // With an unknown owner, so that every answer comes at once: what is allowed is not found.
        const given = step(type, field, { ownerId: '"own_0000000020"' });
        socket.subscribe('1', `subscription { ${given.field} { __typename } }`);
        const { payload } = await socket.next();
        const code = (payload.errors ?? payload)[0].extensions.code as string;
        expect(code).toMatch(/^(FORBIDDEN|NOT_FOUND)$/);
        if (code === 'NOT_FOUND') allowed.push(role);
        socket.socket.close();
      }
      actual[field.name] = allowed.join(' ');
    }
    expect(actual).toEqual(ALLOWED['Subscription']);
  });

  it('is nothing without a key: UNAUTHENTICATED over HTTP, 4403 over WebSocket', async () => {
    for (const name of ['Query', 'Mutation']) {
      const type = typeNamed(name);
      for (const field of Object.values(type.getFields())) {
        const answer = await service.send(document([step(type, field)]), {}, null);
        expect([field.name, answer.status, answer.code]).toEqual([field.name, 401, 'UNAUTHENTICATED']);
      }
    }
    const socket = await openSocket(service.url);
    socket.send({ type: 'connection_init' });
    expect(await socket.closed).toMatchObject({ code: 4403 });
    // Which schema it is, is no secret.
    expect((await service.send('{ __typename __schema { queryType { name } } }', {}, null)).errors).toEqual([]);
    expect((await service.send('{ __typename viewer { role } }', {}, null)).code).toBe('UNAUTHENTICATED');
    expect((await service.send('{ ... { __typename } }', {}, null)).code).toBe('UNAUTHENTICATED');
  });

  const roots = ['Query', 'Mutation', 'Subscription'];
  it.each(Object.keys(ALLOWED).filter((name) => !roots.includes(name)))(
    'holds for each field of %s, by whichever way it is reached',
    async (name) => {
      const type = typeNamed(name);
      const actual: Record<string, string> = {};
      for (const field of Object.values(type.getFields())) {
        const allowed = [];
        for (const role of ROLES) {
          const answers = await Promise.all(
            waysTo(type, role).map((way) => sendAs(role, document([...way, step(type, field)]))),
          );
          expect(answers.length).toBeGreaterThan(0);
          if (answers.some(isAllowed)) allowed.push(role);
        }
        actual[field.name] = allowed.join(' ');
      }
      expect(actual).toEqual(ALLOWED[name]);
    },
  );

  it('is decided before anything is executed: a field that is refused deep inside leaves the pool as it was', async () => {
    const before = await balance();
    const refused = [
      'action { app { owner { email } } }',
      'action { app { apiKeys { hint } } }',
      'balance { available } action { ...Deep }',
      '... on ActionPayload { action { app { ... on Node { ... on App { apiKeys { id } } } } } }',
      '... @include(if: false) { action { app { owner { apps { pageInfo { endCursor } } } } } }',
    ];
    for (const [index, selection] of refused.entries()) {
      const fragment = selection.includes('...Deep')
        ? 'fragment Deep on IntegrationAction { app { owner { email } } }'
        : '';
      const answer = await service.send(
        `mutation { invokeLlm(input: { idempotencyKey: "refused ${index}", model: "m" }) { ${selection} } } ${fragment}`,
        {},
        tenant.appKey,
      );
      expect(answer).toMatchObject({ status: 403, code: 'FORBIDDEN', data: undefined });
    }
    expect(await balance()).toEqual(before);
  });

  it('is decided for the operation that runs, not for another one of the document', async () => {
    const query = 'query Mine { balance { available } } query Theirs { owners { pageInfo { endCursor } } }';
    const run = async (operationName: string) => {
      const response = await fetch(`${service.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${tenant.appKey}` },
        body: JSON.stringify({ query, operationName }),
      });
      return response.status;
    };
    expect(await run('Mine')).toBe(200);
    expect(await run('Theirs')).toBe(403);
    expect(await run('Mine')).toBe(200);
  });
});

describe('input that not every role may give', () => {
  it.each([
    ['UpdateOwnerInput.suspended', 'updateOwner', 'OWNER', (t: Tenant) => ({ id: t.ownerId, suspended: true })],
    [
      'UpdateOwnerInput.suspended, to false',
      'updateOwner',
      'OWNER',
      (t: Tenant) => ({ id: t.ownerId, suspended: false }),
    ],
    ['UpdateOwnerInput.externalId', 'updateOwner', 'OWNER', (t: Tenant) => ({ id: t.ownerId, externalId: 'x' })],
    [
      'UpdateOwnerInput.externalId, cleared',
      'updateOwner',
      'OWNER',
      (t: Tenant) => ({ id: t.ownerId, externalId: null }),
    ],
    [
      'UpdateOwnerInput.externalId of a foreign owner',
      'updateOwner',
      'OWNER',
      () => ({ id: 'own_0000000020', externalId: 'x' }),
    ],
    ['CreateApiKeyInput.role: ADMIN', 'createApiKey', 'OWNER', () => ({ name: 'x', role: 'ADMIN' })],
    [
      'the appId of an action',
      'invokeLlm',
      'APP',
      (t: Tenant) => ({ idempotencyKey: 'x', model: 'm', appId: t.appId }),
    ],
  ] as const)('%s is FORBIDDEN, and changes nothing', async (_title, mutation, role, input) => {
    const state = () =>
      service.ask(
        'query($id: ID!) { owner(id: $id) { name externalId suspendedAt balance { version } apiKeys { id } } }',
        { id: tenant.ownerId },
      );
    const before = await state();
    const type = `${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input`;
    const answer = await service.send(
      `mutation($input: ${type}!) { ${mutation}(input: $input) { __typename } }`,
      { input: input(tenant) },
      keys[role],
    );
    expect(answer.code).toBe('FORBIDDEN');
    expect(await state()).toEqual(before);
  });

  it('the appId of every action mutation is for ADMIN keys only', async () => {
    for (const field of Object.values(typeNamed('Mutation').getFields())) {
      const input = field.args[0] && getNamedType(field.args[0].type);
      if (!isInputObjectType(input) || !input.getFields()['appId'] || !input.getFields()['idempotencyKey']) continue;
      const answer = await service.send(
        document([step(typeNamed('Mutation'), field, { appId: `"${tenant.appId}"` })]),
        {},
        tenant.appKey,
      );
      expect([field.name, answer.code]).toEqual([field.name, 'FORBIDDEN']);
    }
  });
});

describe('what belongs to another owner', () => {
  type Make = (theirs: Record<string, string>, mine: Record<string, string>) => string;

  /** Every field that takes an id, by its coordinate: the document that is sent with a foreign id, and by which roles. */
  const COORDINATES: Record<string, { roles: readonly Role[]; document: Make }> = {
    'Query.node(id)': { roles: ['OWNER', 'APP'], document: ({ App }) => `{ node(id: "${App}") { id } }` },
    'Query.owner(id)': { roles: ['OWNER'], document: ({ Owner }) => `{ owner(id: "${Owner}") { id } }` },
    'Query.app(id)': { roles: ['OWNER', 'APP'], document: ({ App }) => `{ app(id: "${App}") { id } }` },
    'Query.balance(ownerId)': {
      roles: ['OWNER', 'APP', 'PUBLISHABLE'],
      document: ({ Owner }) => `{ balance(ownerId: "${Owner}") { available } }`,
    },
    'Query.actions(ownerId)': {
      roles: ['OWNER', 'APP'],
      document: ({ Owner }) => `{ actions(ownerId: "${Owner}") { edges { cursor } } }`,
    },
    'Query.actions(appId)': {
      roles: ['OWNER', 'APP'],
      document: ({ App }) => `{ actions(appId: "${App}") { edges { cursor } } }`,
    },
    'Query.ledger(ownerId)': {
      roles: ['OWNER'],
      document: ({ Owner }) => `{ ledger(ownerId: "${Owner}") { edges { cursor } } }`,
    },
    'Query.verifyLedger(ownerId)': {
      roles: ['OWNER'],
      document: ({ Owner }) => `{ verifyLedger(ownerId: "${Owner}") { ok } }`,
    },
    'Query.usage(ownerId)': {
      roles: ['OWNER'],
      document: ({ Owner }) =>
        `{ usage(ownerId: "${Owner}", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z", interval: DAY) { credits } }`,
    },
    'Query.usage(appId)': {
      roles: ['OWNER'],
      document: ({ App }) =>
        `{ usage(appId: "${App}", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z", interval: DAY) { credits } }`,
    },
    'Subscription.balanceChanged(ownerId)': {
      roles: ['OWNER', 'APP', 'PUBLISHABLE'],
      document: ({ Owner }) => `subscription { balanceChanged(ownerId: "${Owner}") { available } }`,
    },
    'Subscription.actionRecorded(ownerId)': {
      roles: ['OWNER', 'APP'],
      document: ({ Owner }) => `subscription { actionRecorded(ownerId: "${Owner}") { id } }`,
    },
    'Subscription.actionRecorded(appId)': {
      roles: ['OWNER', 'APP'],
      document: ({ App }) => `subscription { actionRecorded(appId: "${App}") { id } }`,
    },
    'Subscription.ledgerAppended(ownerId)': {
      roles: ['OWNER'],
      document: ({ Owner }) => `subscription { ledgerAppended(ownerId: "${Owner}", afterSequence: 0) { id } }`,
    },
    'CaptureActionInput.actionId': {
      roles: ['APP'],
      document: ({ IntegrationAction: id }) => `mutation { captureAction(input: { actionId: "${id}" }) { replayed } }`,
    },
    'VoidActionInput.actionId': {
      roles: ['OWNER', 'APP'],
      document: ({ IntegrationAction: id }) => `mutation { voidAction(input: { actionId: "${id}" }) { replayed } }`,
    },
    'RefundActionInput.actionId': {
      roles: ['OWNER', 'APP'],
      document: ({ IntegrationAction: id }) => `mutation { refundAction(input: { actionId: "${id}" }) { replayed } }`,
    },
    'UpdateOwnerInput.id': {
      roles: ['OWNER'],
      document: ({ Owner }) => `mutation { updateOwner(input: { id: "${Owner}", name: "Taken" }) { owner { id } } }`,
    },
    'CreateAppInput.ownerId': {
      roles: ['OWNER'],
      document: ({ Owner }) => `mutation { createApp(input: { ownerId: "${Owner}", name: "Taken" }) { app { id } } }`,
    },
    'UpdateAppInput.id': {
      roles: ['OWNER'],
      document: ({ App }) => `mutation { updateApp(input: { id: "${App}", name: "Taken" }) { app { id } } }`,
    },
    'CreateApiKeyInput.ownerId': {
      roles: ['OWNER'],
      document: ({ Owner }) =>
        `mutation { createApiKey(input: { name: "x", role: OWNER, ownerId: "${Owner}" }) { secret } }`,
    },
    'CreateApiKeyInput.appId': {
      roles: ['OWNER'],
      document: ({ App }) => `mutation { createApiKey(input: { name: "x", role: APP, appId: "${App}" }) { secret } }`,
    },
    'RotateApiKeyInput.id': {
      roles: ['OWNER'],
      document: ({ ApiKey }) => `mutation { rotateApiKey(input: { id: "${ApiKey}" }) { secret } }`,
    },
    'RevokeApiKeyInput.id': {
      roles: ['OWNER'],
      document: ({ ApiKey }) => `mutation { revokeApiKey(input: { id: "${ApiKey}" }) { apiKey { id } } }`,
    },
  };
  /** Ids that only ADMIN keys may give, who own nothing and may see everything. */
  const FOR_ADMIN_ONLY =
    /^(UpdatePlanInput\.id|ChangePlanInput\.ownerId|GrantCreditsInput\.ownerId|RevokeGrantInput\.grantId|(InvokeLlm|UploadFile|ProcessFile|GenerateImage|AnalyzeImage|SendEmail|SendSms|QueryDatabase|CallApi)Input\.appId)$/;

  it('can be asked for by these fields, and by no others', () => {
    const taken = idCoordinates().filter((coordinate) => !FOR_ADMIN_ONLY.test(coordinate));
    expect(taken.sort()).toEqual(Object.keys(COORDINATES).sort());
  });

  it.each(Object.keys(COORDINATES))(
    'is NOT_FOUND by %s, in the very words of what does not exist',
    async (coordinate) => {
      const { roles, document: make } = COORDINATES[coordinate] as (typeof COORDINATES)[string];
      const foreign = await nodesOfAnother();
      const missing = Object.fromEntries(Object.entries(nodeIds).map(([type, id]) => [type, missingLike(type, id)]));
      const malformed = Object.fromEntries(Object.keys(nodeIds).map((type) => [type, 'no id at all']));
      const before = await stateOf(foreign);
      for (const role of roles) {
        const errors: Awaited<ReturnType<typeof refusal>>[] = [];
        for (const ids of [foreign, missing, malformed]) errors.push(await refusal(role, make(ids, nodeIds)));
        expect(errors[0]?.code).toBe('NOT_FOUND');
        // `node` cannot say what kind of thing a malformed id is of.
        const alike = coordinate === 'Query.node(id)' ? errors.slice(0, 2) : errors;
        expect(alike).toEqual(alike.map(() => errors[0]));
      }
      expect(await stateOf(foreign)).toEqual(before);
    },
  );

  it.each(['Owner', 'App', 'ApiKey', 'IntegrationAction', 'Grant', 'LedgerEntry'])(
    'is NOT_FOUND as a node: %s',
    async (type) => {
      const foreign = await nodesOfAnother();
      const ask = (id: string, role: Role) => sendAs(role, `{ node(id: "${id}") { id __typename } }`);
      expect((await ask(nodeIds[type] as string, 'OWNER')).data.node).toEqual({ id: nodeIds[type], __typename: type });
      expect((await ask(foreign[type] as string, 'ADMIN')).data.node).toEqual({ id: foreign[type], __typename: type });
      const theirs = await ask(foreign[type] as string, 'OWNER');
      expect(theirs.code).toBe('NOT_FOUND');
      const missing = await ask(missingLike(type, nodeIds[type] as string), 'OWNER');
      expect(missing.errors[0]?.message).toBe(theirs.errors[0]?.message);
      const byApp = await ask(foreign[type] as string, 'APP');
      expect(byApp.code).toBe(
        ALLOWED['Query']?.['node']?.includes('APP') && ['App', 'IntegrationAction', 'Grant'].includes(type)
          ? 'NOT_FOUND'
          : 'FORBIDDEN',
      );
    },
  );

  it('is NOT_FOUND by its externalId too', async () => {
    const foreign = await nodesOfAnother();
    await service.ask('mutation($id: ID!) { updateOwner(input: { id: $id, externalId: "theirs" }) { owner { id } } }', {
      id: foreign['Owner'],
    });
    const [theirs, nobodys] = [
      await sendAs('OWNER', '{ owner(externalId: "theirs") { id } }'),
      await sendAs('OWNER', '{ owner(externalId: "nobody’s") { id } }'),
    ];
    expect(theirs.code).toBe('NOT_FOUND');
    expect(theirs.errors).toEqual(nobodys.errors);
    await service.ask('mutation($id: ID!) { updateOwner(input: { id: $id, externalId: null }) { owner { id } } }', {
      id: foreign['Owner'],
    });
  });

  it('is NOT_FOUND also between apps of one owner, for an APP key', async () => {
    const { createApp } = await service.ask(
      'mutation($ownerId: ID!) { createApp(input: { ownerId: $ownerId, name: "Sibling" }) { app { id } } }',
      { ownerId: tenant.ownerId },
    );
    const appId = createApp.app.id as string;
    const { invokeLlm } = await service.ask(
      'mutation($appId: ID!) { invokeLlm(input: { appId: $appId, idempotencyKey: "sibling", model: "m", hold: true }) { action { id } } }',
      { appId },
    );
    const actionId = invokeLlm.action.id as string;
    for (const query of [
      `{ app(id: "${appId}") { id } }`,
      `{ node(id: "${appId}") { id } }`,
      `{ node(id: "${actionId}") { id } }`,
      `{ actions(appId: "${appId}") { edges { cursor } } }`,
      `mutation { captureAction(input: { actionId: "${actionId}" }) { replayed } }`,
      `mutation { voidAction(input: { actionId: "${actionId}" }) { replayed } }`,
      `mutation { refundAction(input: { actionId: "${actionId}" }) { replayed } }`,
    ]) {
      expect([query, (await sendAs('APP', query)).code]).toEqual([query, 'NOT_FOUND']);
    }
    const { actions } = await service.ask(
      '{ actions(first: 100) { edges { node { id app { id } } } } }',
      {},
      tenant.appKey,
    );
    const apps = new Set(actions.edges.map((edge: { node: { app: { id: string } } }) => edge.node.app.id));
    expect([...apps]).toEqual([tenant.appId]);
    await service.ask('mutation($id: ID!) { voidAction(input: { actionId: $id }) { replayed } }', { id: actionId });
  });

  let another: Record<string, string> | null = null;

  /** An id of each kind, of another owner. */
  async function nodesOfAnother(): Promise<Record<string, string>> {
    if (another) return another;
    const { ownerId, appId, appKey } = await service.tenant(100);
    const { invokeLlm } = await service.ask(
      'mutation { invokeLlm(input: { idempotencyKey: "theirs", model: "m", hold: true }) { action { id } balance { grants { id } } } }',
      {},
      appKey,
    );
    const { owner } = await service.ask('query($id: ID!) { owner(id: $id) { apiKeys { id } } }', { id: ownerId });
    const grant = invokeLlm.balance.grants[0].id as string;
    return (another = {
      Owner: ownerId,
      App: appId,
      ApiKey: owner.apiKeys[0].id,
      IntegrationAction: invokeLlm.action.id,
      Grant: grant,
      LedgerEntry: grant.replace('grt_', 'led_'),
    });
  }

  /** An id of the same kind that nothing has: of the caller's own owner, except for owners. */
  function missingLike(type: string, id: string): string {
    return type === 'Owner' ? 'own_0000000020' : `${id.slice(0, -1)}zz9`;
  }

  async function stateOf(ids: Record<string, string>): Promise<unknown> {
    return service.ask(
      `query($id: ID!) {
        owner(id: $id) { name balance { available held version lastSequence } apiKeys { id revokedAt } apps { edges { node { id name } } } }
      }`,
      { id: ids['Owner'] },
    );
  }
});

describe('a field without a rule', () => {
  it('fails the build of the schema', () => {
    @ObjectType('Forgetful', { description: 'A type with a field that nobody thought about.' })
    class Forgetful {
      @Field(() => String, { description: 'With a rule.' })
      @AllowedTo('ADMIN')
      remembered!: string;

      @Field(() => String, { description: 'Without one.' })
      forgotten!: string;
    }
    @Resolver()
    class ForgetfulResolver {
      @Query(() => Forgetful, { description: 'With a rule.' })
      @AllowedTo('ADMIN')
      forgetful(): Forgetful {
        return { remembered: '', forgotten: '' };
      }
    }
    expect(() => buildSchema([[ForgetfulResolver, new ForgetfulResolver()]], [])).toThrow(
      'Forgetful.forgotten does not declare who may use it: add @AllowedTo.',
    );
  });

  it('fails the build of the schema where it is a query', () => {
    @Resolver()
    class OpenResolver {
      @Query(() => String, { description: 'Without a rule.' })
      open(): string {
        return '';
      }
    }
    expect(() => buildSchema([[OpenResolver, new OpenResolver()]], [])).toThrow('Query.open does not declare');
  });
});

function every(roles: string, fields: string): Record<string, string> {
  return Object.fromEntries(fields.split(' ').map((field) => [field, roles]));
}

function objectTypes(): GraphQLObjectType[] {
  return Object.values(service.service.schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__'),
  );
}

function typeNamed(name: string): GraphQLObjectType {
  const type = service.service.schema.getType(name);
  if (!isObjectType(type)) throw new Error(`${name} is no object type.`);
  return type;
}

/** Whether the caller's role may use what was asked, whatever else came of it. */
function isAllowed(answer: Answer): boolean {
  expect(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'QUERY_TOO_COMPLEX', 'UNAUTHENTICATED']).not.toContain(
    answer.code,
  );
  return answer.code !== 'FORBIDDEN';
}

async function sendAs(role: Role, query: string): Promise<Answer> {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[role]}`, origin: ORIGIN },
    body: JSON.stringify({ query }),
  });
  const { data, errors = [] } = (await response.json()) as Partial<Answer>;
  return { status: response.status, data, errors, code: errors[0]?.extensions['code'] };
}

/** The code and words that an operation is refused with, over the transport that it is for. */
async function refusal(role: Role, query: string): Promise<{ code: unknown; message: string | undefined }> {
  if (!query.startsWith('subscription')) {
    const { code, errors } = await sendAs(role, query);
    return { code, message: errors[0]?.message };
  }
  const socket = await connectSocket(service.url, keys[role], { origin: ORIGIN });
  socket.subscribe('1', query);
  const { payload } = await socket.next();
  socket.socket.close();
  const [error] = payload.errors ?? payload;
  return { code: error.extensions.code, message: error.message };
}

async function balance(): Promise<unknown> {
  return service.ask('{ balance { available held version lastSequence } }', {}, tenant.appKey);
}

/** One selection on the way to a field: `on` is the type that has it, `field` its text. */
interface Step {
  readonly on: string;
  readonly field: string;
  readonly isLeaf: boolean;
}

function step(
  type: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
  extra: Record<string, string> = {},
): Step {
  const isRequired = (arg: GraphQLArgument) => isNonNullType(arg.type) && arg.defaultValue === undefined;
  const args = field.args.filter((arg) => isRequired(arg) || arg.name in extra);
  const given = args.map((arg) => `${arg.name}: ${extra[arg.name] ?? literal(arg, extra)}`);
  const field_ = given.length > 0 ? `${field.name}(${given.join(', ')})` : field.name;
  return { on: type.name, field: field_, isLeaf: isLeafType(getNamedType(field.type)) };
}

/** The shortest document that selects one field after the other, and `__typename` of where they lead. */
function document(steps: readonly Step[]): string {
  const selection = steps.reduceRight(
    (inner, { on, field, isLeaf }) => `... on ${on} { ${field}${isLeaf ? '' : ` { ${inner || '__typename'} }`} }`,
    '',
  );
  return steps[0]?.on === 'Mutation' ? `mutation { ${selection} }` : `query { ${selection} }`;
}

/** A value that has the right type; ids and keys are nobody's. */
function literal(input: GraphQLArgument | GraphQLInputField, extra: Record<string, string> = {}): string {
  const type = getNamedType(input.type);
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(
      (field) => isNonNullType(field.type) && field.defaultValue === undefined,
    );
    const members = fields.map((field) => `${field.name}: ${extra[field.name] ?? literal(field)}`);
    const more = Object.entries(extra).filter(([name]) => !fields.some((field) => field.name === name));
    return `{ ${[...members, ...more.map(([name, value]) => `${name}: ${value}`)].join(', ')} }`;
  }
  if (input.name === 'role') return 'OWNER';
  if (isEnumType(type)) return String(type.getValues()[0]?.name);
  if (type.name === 'Int' || type.name === 'SafeInt') return '1';
  if (type.name === 'DateTime') return `"2026-01-${input.name === 'to' ? '02' : '01'}T00:00:00Z"`;
  return input.name === 'mimeType' ? '"image/png"' : input.name === 'method' ? '"GET"' : '"x"';
}

/**
 * The ways to a type from the queries and mutations: the shortest that the table allows the role, the shortest of all, and by
 * `node` where the type has ids.
 */
function waysTo(target: GraphQLObjectType, role: Role): Step[][] {
  const allowed = shortestWay(target, (type, field) => ALLOWED[type]?.[field]?.split(' ').includes(role) ?? false);
  const any = shortestWay(target, () => true);
  const id = nodeIds[target.name];
  const node: Step[] = [{ on: 'Query', field: `node(id: "${id}")`, isLeaf: false }];
  return [...(allowed ? [allowed] : []), ...(any ? [any] : []), ...(id ? [node] : [])];
}

function shortestWay(target: GraphQLObjectType, mayUse: (type: string, field: string) => boolean): Step[] | null {
  let ways: { at: GraphQLNamedOutputType; steps: Step[] }[] = ['Query', 'Mutation'].map((name) => ({
    at: typeNamed(name),
    steps: [],
  }));
  const seen = new Set<string>();
  while (ways.length > 0) {
    const next: typeof ways = [];
    for (const { at, steps } of ways) {
      if (at.name === target.name) return steps;
      if (seen.has(at.name) || !isObjectType(at)) continue;
      seen.add(at.name);
      for (const field of Object.values(at.getFields())) {
        const to = getNamedType(field.type);
        if (isLeafType(to) || isInterfaceType(to) || !mayUse(at.name, field.name)) continue;
        next.push({ at: to, steps: [...steps, step(at, field)] });
      }
    }
    ways = next;
  }
  return null;
}

/** Every argument and input field that takes the id of something, such as `Query.app(id)`; not keys that callers make up. */
function idCoordinates(): string[] {
  const coordinates: string[] = [];
  const isId = (input: GraphQLArgument | GraphQLInputField) =>
    getNamedType(input.type).name === 'ID' && input.name !== 'idempotencyKey';
  for (const type of Object.values(service.service.schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields()))
        if (isId(field)) coordinates.push(`${type.name}.${field.name}`);
    }
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      for (const arg of field.args) if (isId(arg)) coordinates.push(`${type.name}.${field.name}(${arg.name})`);
    }
  }
  expect(coordinates.length).toBeGreaterThan(0);
  expect(printType(typeNamed('Query'))).toContain('node(');
  return coordinates;
}
