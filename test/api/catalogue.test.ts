import { isNonNullType, type GraphQLInputObjectType } from 'graphql';
import { ACTION_CATALOGUE, type ActionDefinition } from '../../src/actions/action-catalogue';
import { ACTION_FIELDS, balanceOf } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { startTestService, type Answer, type TestService } from '../support/service';

type Facts = Readonly<Record<string, unknown>>;

interface Example {
  readonly category: string;
  readonly all: Facts;
  readonly required: Facts;
  /** What stands in `details` where only the required facts are given: those and the defaults. */
  readonly requiredDetails: Facts;
  /** For each fact the values at its bounds, and those just beyond them. */
  readonly bounds: Readonly<Record<string, { good: readonly unknown[]; bad: readonly unknown[] }>>;
}

const long = (length: number) => 'x'.repeat(length);
const textUpTo = (max: number) => ({ good: ['x', long(max), 'Ünï çödé 😀'], bad: ['', long(max + 1), 'a\nb', 7] });
const countFrom = (min: number, max: number) => ({
  good: [min, max],
  bad: [min - 1, max + 1, 2 ** 31, 1.5, '7'],
});
const mimeType = { good: ['a/b', `a/${long(125)}`], bad: ['', 'pdf', 'a/b; c=d', `a/${long(126)}`] };
const model = textUpTo(128);
const provider = textUpTo(64);
const fileName = textUpTo(255);

/** One row per action type. A new type without a row here fails this file. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  INVOKE_LLM: {
    category: 'AI',
    all: { model: 'claude-sonnet', provider: 'anthropic', promptTokens: 1_200 },
    required: { model: 'claude-sonnet' },
    requiredDetails: { model: 'claude-sonnet' },
    bounds: { model, provider, promptTokens: countFrom(0, 100_000_000) },
  },
  UPLOAD_FILE: {
    category: 'FILES',
    all: { fileName: 'rechnung.pdf', mimeType: 'application/pdf', sizeBytes: 5_000_000_000 },
    required: { fileName: 'a', mimeType: 'text/plain', sizeBytes: 0 },
    requiredDetails: { fileName: 'a', mimeType: 'text/plain', sizeBytes: 0 },
    bounds: {
      fileName,
      mimeType,
      sizeBytes: { good: [0, Number.MAX_SAFE_INTEGER], bad: [-1, 2 ** 53, 1.5] },
    },
  },
  PROCESS_FILE: {
    category: 'FILES',
    all: { fileName: 'scan.png', mimeType: 'image/png', operation: 'extract-text' },
    required: { fileName: 'scan.png', mimeType: 'image/png', operation: 'extract-text' },
    requiredDetails: { fileName: 'scan.png', mimeType: 'image/png', operation: 'extract-text' },
    bounds: { fileName, mimeType, operation: textUpTo(64) },
  },
  GENERATE_IMAGE: {
    category: 'IMAGES',
    all: { model: 'flux', provider: 'bfl', width: 1_024, height: 768 },
    required: { model: 'flux' },
    requiredDetails: { model: 'flux' },
    bounds: { model, provider, width: countFrom(1, 65_536), height: countFrom(1, 65_536) },
  },
  ANALYZE_IMAGE: {
    category: 'IMAGES',
    all: { model: 'gpt-4o', provider: 'openai', mimeType: 'image/webp' },
    required: { model: 'gpt-4o' },
    requiredDetails: { model: 'gpt-4o' },
    bounds: { model, provider, mimeType },
  },
  SEND_EMAIL: {
    category: 'COMMUNICATION',
    all: { recipients: 3, template: 'welcome' },
    required: {},
    requiredDetails: { recipients: 1 },
    bounds: { recipients: countFrom(1, 10_000), template: textUpTo(128) },
  },
  SEND_SMS: {
    category: 'COMMUNICATION',
    all: { countryCode: 'DE', segments: 2 },
    required: {},
    requiredDetails: { segments: 1 },
    bounds: { countryCode: { good: ['DE', 'ZZ'], bad: ['', 'D', 'DEU', 'de', '12'] }, segments: countFrom(1, 100) },
  },
  QUERY_DATABASE: {
    category: 'DATABASE',
    all: { engine: 'postgresql', operation: 'select' },
    required: { engine: 'postgresql', operation: 'select' },
    requiredDetails: { engine: 'postgresql', operation: 'select' },
    bounds: { engine: textUpTo(64), operation: textUpTo(64) },
  },
  CALL_API: {
    category: 'API',
    all: { method: 'POST', host: 'api.example:8443' },
    required: { method: 'GET', host: 'api.example' },
    requiredDetails: { method: 'GET', host: 'api.example' },
    bounds: {
      method: { good: ['GET', 'OPTIONS', 'MKCALENDAR'], bad: ['', 'GO', 'get', 'G ET', 'X'.repeat(11)] },
      host: {
        good: ['localhost', '192.0.2.1:80', long(255)],
        bad: ['', 'https://api.example', 'api.example/path', 'a b', long(256)],
      },
    },
  },
};

/** The lists of facts in the public contract, word for word. */
const CONTRACT: Readonly<Record<string, string>> = {
  invokeLlm: 'model: String!  provider: String  promptTokens: Int',
  uploadFile: 'fileName: String!  mimeType: String!  sizeBytes: SafeInt!',
  processFile: 'fileName: String!  mimeType: String!  operation: String!',
  generateImage: 'model: String!  provider: String  width: Int  height: Int',
  analyzeImage: 'model: String!  provider: String  mimeType: String',
  sendEmail: 'recipients: Int! = 1  template: String',
  sendSms: 'countryCode: String  segments: Int! = 1',
  queryDatabase: 'engine: String!  operation: String!',
  callApi: 'method: String!  host: String!',
};
const CONTRACT_COMMON =
  'idempotencyKey: ID!  appId: ID  hold: Boolean! = false  holdSeconds: Int! = 900  visitor: String  origin: String  metadata: JSONObject';

let service: TestService;
beforeAll(async () => {
  service = await startTestService(databaseKindOf());
});
afterAll(() => stopSound(service));

const capitalised = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

function exampleOf({ type }: ActionDefinition): Example {
  const example = EXAMPLES[type];
  if (!example) throw new Error(`${type} has no example: add one to EXAMPLES in this file.`);
  return example;
}

function send(mutation: string, input: object, key: string): Promise<Answer> {
  return service.send(
    `mutation ($input: ${capitalised(mutation)}Input!) {
      ${mutation}(input: $input) { action { ${ACTION_FIELDS} } balance { available usedThisPeriod } replayed }
    }`,
    { input },
    key,
  );
}

describe('the catalogue', () => {
  it('has an example in this file for each of its rows and each of their facts, and none besides', () => {
    const facts = (examples: [string, { bounds?: object; facts?: object }][]) =>
      Object.fromEntries(examples.map(([type, row]) => [type, Object.keys(row.bounds ?? row.facts ?? {}).sort()]));
    expect(facts(Object.entries(EXAMPLES))).toEqual(facts(ACTION_CATALOGUE.map((row) => [row.type, row])));
  });

  it('is the nine mutations of the contract, with the facts of the contract', () => {
    const inputs = ACTION_CATALOGUE.map(({ mutation }) => {
      const type = service.service.schema.getType(`${capitalised(mutation)}Input`) as GraphQLInputObjectType;
      const fields = Object.values(type.getFields()).map(({ name, type, defaultValue }) => {
        const preset = isNonNullType(type) && defaultValue !== undefined ? ` = ${defaultValue}` : '';
        return `${name}: ${type}${preset}`;
      });
      return [mutation, fields.sort()];
    });
    const wanted = Object.entries(CONTRACT).map(([mutation, facts]) => [
      mutation,
      [...CONTRACT_COMMON.split('  '), ...facts.split('  ')].sort(),
    ]);
    expect(Object.fromEntries(inputs)).toEqual(Object.fromEntries(wanted));
  });

  it('is listed by actionCatalogue, each row with what it costs', async () => {
    const { ownerKey } = await service.tenant(1);
    const { actionCatalogue } = await service.ask(
      '{ actionCatalogue { type category mutation description credits } }',
      {},
      ownerKey,
    );
    expect(actionCatalogue).toEqual(
      ACTION_CATALOGUE.map((row) => ({
        type: row.type,
        category: exampleOf(row).category,
        mutation: row.mutation,
        description: row.description,
        credits: 1,
      })),
    );
    expect(actionCatalogue.map(({ mutation }: { mutation: string }) => mutation)).toEqual(Object.keys(CONTRACT));
  });
});

describe.each(ACTION_CATALOGUE.map((row) => [row.mutation, row] as const))('%s', (mutation, row) => {
  it.each(['all', 'required'] as const)('debits exactly one credit and keeps %s its facts', async (which) => {
    const example = exampleOf(row);
    const { ownerId, appKey } = await service.tenant(10);
    const common = {
      visitor: 'visitor-1',
      origin: 'https://shop.example',
      metadata: { order: 7, tags: ['a', null], note: 'ü 😀' },
    };
    const input = { idempotencyKey: 'key', ...(which === 'all' && common), ...example[which] };

    const first = await send(mutation, input, appKey);
    expect(first.errors).toEqual([]);
    const { action, balance, replayed } = first.data[mutation];
    expect(action).toMatchObject({
      type: row.type,
      category: example.category,
      status: 'CAPTURED',
      credits: 1,
      idempotencyKey: 'key',
      visitor: which === 'all' ? common.visitor : null,
      origin: which === 'all' ? common.origin : null,
      metadata: which === 'all' ? common.metadata : null,
      availableAfter: 9,
      heldAfter: 0,
    });
    expect(action.details).toEqual(which === 'all' ? example.all : example.requiredDetails);
    expect([balance, replayed]).toEqual([{ available: 9, usedThisPeriod: 1 }, false]);

    const replay = await send(mutation, input, appKey);
    expect(replay.data[mutation]).toEqual({ action, balance, replayed: true });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 9, lastSequence: 2 });
  });

  it('takes each fact up to its bounds and none beyond, and says which', async () => {
    const example = exampleOf(row);
    const { ownerId, appKey } = await service.tenant(100);
    let actions = 0;
    for (const [fact, { good, bad }] of Object.entries(example.bounds)) {
      for (const value of good) {
        const input = { idempotencyKey: `${(actions += 1)}`, ...example.all, [fact]: value };
        const { errors, data } = await send(mutation, input, appKey);
        expect([fact, value, errors]).toEqual([fact, value, []]);
        expect(data[mutation].action.details).toEqual({ ...example.all, [fact]: value });
      }
      for (const value of bad) {
        const { code, errors } = await send(mutation, { idempotencyKey: 'bad', ...example.all, [fact]: value }, appKey);
        const problems = errors[0]?.extensions['problems'] as { path: string }[];
        expect([fact, value, code, problems.map(({ path }) => path)]).toEqual([
          fact,
          value,
          'BAD_USER_INPUT',
          [`input.${fact}`],
        ]);
      }
    }
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 100 - actions });
  });

  it('names every fact that is wrong at once', async () => {
    const example = exampleOf(row);
    const { appKey } = await service.tenant(1);
    // An empty text and a number below any bound are of the right type, so that all of them reach the bounds.
    const wrong = Object.fromEntries(
      Object.keys(example.bounds).map((fact) => [fact, typeof example.all[fact] === 'number' ? -1 : '']),
    );
    const { errors } = await send(mutation, { idempotencyKey: 'key', ...wrong }, appKey);
    const problems = errors[0]?.extensions['problems'] as { path: string }[];
    expect(problems.map(({ path }) => path).sort()).toEqual(
      Object.keys(example.bounds)
        .map((fact) => `input.${fact}`)
        .sort(),
    );
  });
});

describe('a tenth action type', () => {
  const TENTH: ActionDefinition = {
    type: 'TRANSLATE_TEXT',
    category: 'AI',
    mutation: 'translateText',
    description: 'Translate a text.',
    facts: {
      language: {
        scalar: 'String',
        required: true,
        description: 'The language that it is translated to.',
        bound: { limits: '2 characters', check: (value) => (String(value).length === 2 ? null : 'must have 2') },
      },
    },
  };

  /** type-graphql and TypeORM keep what they are told on the global object; a second copy of the code needs its own. */
  const KEPT = ['TypeGraphQLMetadataStorage', 'typeormMetadataArgsStorage'] as const;
  const globals = globalThis as Record<string, unknown>;

  async function withTenRows(example: () => Promise<void>): Promise<void> {
    const kept = KEPT.map((name) => [name, globals[name]] as const);
    for (const name of KEPT) delete globals[name];
    jest.doMock('../../src/actions/action-catalogue', () => {
      const source = jest.requireActual<typeof import('../../src/actions/action-catalogue')>(
        '../../src/actions/action-catalogue',
      );
      const rows = [...source.ACTION_CATALOGUE, TENTH];
      const categoryOf = (type: string) => rows.find((row) => row.type === type)?.category ?? null;
      return { ...source, ACTION_CATALOGUE: rows, categoryOf };
    });
    try {
      await jest.isolateModulesAsync(example);
    } finally {
      jest.dontMock('../../src/actions/action-catalogue');
      for (const [name, value] of kept) globals[name] = value;
    }
  }

  it('is one row: its enum value, mutation, input, payload and debit all follow', () =>
    withTenRows(async () => {
      const { startTestService: start } = jest.requireActual<typeof import('../support/service')>('../support/service');
      const { emittedSchema } = jest.requireActual<typeof import('../../src/graphql/emitted-schema')>(
        '../../src/graphql/emitted-schema',
      );
      const sdl = emittedSchema();
      expect(sdl).toMatch(/enum ActionType \{[^}]*\bTRANSLATE_TEXT\b/);
      expect(sdl).toMatch(/translateText\([^)]*input: TranslateTextInput!\s*\): TranslateTextPayload!/);
      expect(sdl).toMatch(/input TranslateTextInput \{[^}]*\blanguage: String!/);
      expect(sdl).toMatch(/input TranslateTextInput \{[^}]*\bidempotencyKey: ID!/);
      expect(sdl).toMatch(/type TranslateTextPayload implements ActionPayload \{/);

      const tenRows = await start(databaseKindOf());
      try {
        const { appKey } = await tenRows.tenant(10);
        const { translateText } = await tenRows.ask(
          `mutation { translateText(input: { idempotencyKey: "1", language: "de" }) {
            action { type category details } balance { available }
          } }`,
          {},
          appKey,
        );
        expect(translateText).toEqual({
          action: { type: 'TRANSLATE_TEXT', category: 'AI', details: { language: 'de' } },
          balance: { available: 9 },
        });
        const bad = 'mutation { translateText(input: { idempotencyKey: "2", language: "deu" }) { replayed } }';
        expect((await tenRows.send(bad, {}, appKey)).errors[0]?.extensions).toEqual({
          code: 'BAD_USER_INPUT',
          problems: [{ path: 'input.language', message: 'must have 2' }],
        });
        const { actions } = await tenRows.ask(
          '{ actions(type: TRANSLATE_TEXT) { edges { node { type } } } }',
          {},
          appKey,
        );
        expect(actions.edges).toHaveLength(1);
      } finally {
        await tenRows.stop();
      }
    }));

  it('leaves no trace: the next schema has nine again', () => {
    expect(service.service.schema.getType('TranslateTextInput')).toBeUndefined();
    expect(ACTION_CATALOGUE).toHaveLength(9);
  });
});
