import 'reflect-metadata';
import { execute, GraphQLError, parse, specifiedRules, validate, type GraphQLFormattedError } from 'graphql';
import { badUserInput, DomainError, ERROR_CODES } from '../../src/errors';
import { publicError } from '../../src/graphql/public-error';
import { createSchema, type SchemaParts } from '../../src/graphql/schema';

const schema = createSchema({} as SchemaParts);
const SECRET = 'hunter2';
/** Bugs that were reported; what only the caller got wrong is none. */
const bugs: { error: unknown; requestId: string }[] = [];
const reportBug = (error: unknown, requestId: string) => void bugs.push({ error, requestId });

beforeEach(() => (bugs.length = 0));

/** What a client sees of a document that does not get as far as a resolver. */
async function errorsOf(
  source: string,
  variableValues: Record<string, unknown> = {},
): Promise<GraphQLFormattedError[]> {
  let document;
  try {
    document = parse(source);
  } catch (error) {
    return [publicError(error, reportBug, 'GRAPHQL_PARSE_FAILED')];
  }
  const invalid = validate(schema, document, specifiedRules);
  if (invalid.length > 0) return invalid.map((error) => publicError(error, reportBug, 'GRAPHQL_VALIDATION_FAILED'));
  const { errors = [] } = await execute({ schema, document, variableValues });
  return [...errors].map((error) => publicError(error, reportBug));
}

function codesOf(errors: readonly GraphQLFormattedError[]): unknown[] {
  return [...new Set(errors.map(({ extensions }) => extensions?.['code']))];
}

const CREATE_OWNER = 'mutation M($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }';
const UPLOAD = 'mutation M($input: UploadFileInput!) { uploadFile(input: $input) { replayed } }';
const ACTIONS = (name: string, type: string) =>
  `query Q($value: ${type}) { actions(${name}: $value) { edges { cursor } } }`;

describe('a value of the input is never repeated', () => {
  test.each([
    ['a text for an Int', `{ owners(first: "${SECRET}") { edges { cursor } } }`],
    ['a list for an Int', `{ owners(first: ["${SECRET}"]) { edges { cursor } } }`],
    ['an enum value for an Int', `{ owners(first: ${SECRET}) { edges { cursor } } }`],
    ['an object for an ID', `{ owner(id: { a: "${SECRET}" }) { id } }`],
    ['an enum value for a String', `{ owners(search: ${SECRET}) { edges { cursor } } }`],
    ['a text for a Boolean', `{ plans(includeArchived: "${SECRET}") { id } }`],
    ['an unknown enum value', `{ actions(type: ${SECRET}) { edges { cursor } } }`],
    ['a text for an enum value', `{ actions(status: "${SECRET}") { edges { cursor } } }`],
    ['a text for a DateTime', `{ actions(from: "${SECRET}") { edges { cursor } } }`],
    ['a text for an input', `mutation { createOwner(input: "${SECRET}") { owner { id } } }`],
    ['an input that lacks a field', `mutation { createOwner(input: { email: "${SECRET}" }) { owner { id } } }`],
    [
      'an input with an unknown field',
      `mutation { createOwner(input: { name: "a", nam: "${SECRET}" }) { owner { id } } }`,
    ],
    ['an input with a list for a field', `mutation { createOwner(input: { name: ["${SECRET}"] }) { owner { id } } }`],
    [
      'a text for a SafeInt',
      `mutation { uploadFile(input: { idempotencyKey: "k", fileName: "f", mimeType: "a/b", sizeBytes: "${SECRET}" }) { replayed } }`,
    ],
    [
      'a text for a JSONObject',
      `mutation { sendSms(input: { idempotencyKey: "k", metadata: "${SECRET}" }) { replayed } }`,
    ],
    [
      'a list for a JSONObject',
      `mutation { sendSms(input: { idempotencyKey: "k", metadata: ["${SECRET}"] }) { replayed } }`,
    ],
    ['a variable’s default', `query Q($n: Int! = "${SECRET}") { owners(first: $n) { edges { cursor } } }`],
    ['a directive’s argument', `{ viewer @skip(if: "${SECRET}") { role } }`],
  ])('as a literal: %s', async (_what, source) => {
    const errors = await errorsOf(source);
    expect(codesOf(errors)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect(JSON.stringify(errors)).not.toContain(SECRET);
    expect(bugs).toEqual([]);
  });

  test.each([
    ['a text for an Int', 'query Q($value: Int!) { owners(first: $value) { edges { cursor } } }', SECRET],
    [
      'a text with the words of an error',
      'query Q($value: Int!) { owners(first: $value) { edges { cursor } } }',
      ` at "${SECRET}"; `,
    ],
    ['an object for an ID', 'query Q($value: ID) { owner(id: $value) { id } }', { a: SECRET }],
    ['a list for a String', 'query Q($value: String) { owners(search: $value) { edges { cursor } } }', [SECRET]],
    ['an unknown enum value', ACTIONS('type', 'ActionType'), SECRET],
    ['an object for an enum value', ACTIONS('status', 'ActionStatus'), { [SECRET]: SECRET }],
    ['a text for a DateTime', ACTIONS('from', 'DateTime'), SECRET],
    ['an object for a DateTime', ACTIONS('from', 'DateTime'), { at: SECRET }],
  ])('in a variable: %s', async (_what, source, value) => {
    const errors = await errorsOf(source, { value });
    expect(errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', problems: [{ path: 'value', message: expect.any(String) as string }] } },
    ]);
    expect(JSON.stringify(errors)).not.toContain(SECRET);
    expect(bugs).toEqual([]);
  });

  const file = { idempotencyKey: 'k', fileName: 'f', mimeType: 'a/b', sizeBytes: 1 };
  test.each([
    ['a list for a field', CREATE_OWNER, { name: [SECRET] }, 'input.name', 'must be of the type String'],
    ['a field that is missing', CREATE_OWNER, { email: SECRET }, 'input', 'lacks the field name'],
    ['a field that is null', CREATE_OWNER, { name: null, email: SECRET }, 'input.name', 'must not be null'],
    ['a text for the input', CREATE_OWNER, SECRET, 'input', 'must be of the type CreateOwnerInput'],
    ['nothing for the input', CREATE_OWNER, undefined, 'input', 'must not be null'],
    [
      'an unknown field',
      CREATE_OWNER,
      { name: 'a', [SECRET]: SECRET },
      'input',
      'has a field that its type does not have',
    ],
    ['a text for a SafeInt', UPLOAD, { ...file, sizeBytes: SECRET }, 'input.sizeBytes', expect.any(String)],
    ['a text for a Boolean', UPLOAD, { ...file, hold: SECRET }, 'input.hold', 'must be of the type Boolean'],
    ['a text for a JSONObject', UPLOAD, { ...file, metadata: SECRET }, 'input.metadata', expect.any(String)],
    ['a list for a JSONObject', UPLOAD, { ...file, metadata: [SECRET] }, 'input.metadata', expect.any(String)],
  ])('in an input, where the problem is told by its path: %s', async (_what, source, input, path, message) => {
    const errors = await errorsOf(source, { input });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', problems: [{ path, message }] } }]);
    expect(JSON.stringify(errors)).not.toContain(SECRET);
    expect(bugs).toEqual([]);
  });

  test.each([
    ['a text in the wrong place', `{ viewer "${SECRET}" }`],
    ['a text with quotes and line breaks', `{ viewer """${SECRET} " \n "${SECRET}""" }`],
    ['a text before a missing bracket', `{ owners(first: "${SECRET}" { edges { cursor } } }`],
    ['a text that does not end', `{ owners(search: "${SECRET}`],
    ['a name in the wrong place', `query Q(${SECRET}: Int) { viewer { role } }`],
    ['a whole number in the wrong place', '{ viewer 4111111111111111 }', '4111111111111111'],
    ['a number in the wrong place', '{ viewer 4111.11 }', '4111.11'],
    ['a code in a text that is none', '{ owners(search: "\\u{c0ffee12}") { edges { cursor } } }', 'c0ffee12'],
    ['a short code in a text that is none', '{ owners(search: "\\ubeez") { edges { cursor } } }', 'beez'],
  ])('in a syntax error: %s', async (_what, source, value = SECRET) => {
    const errors = await errorsOf(source);
    expect(errors).toMatchObject([{ extensions: { code: 'GRAPHQL_PARSE_FAILED' }, locations: [{}] }]);
    expect(errors[0]?.message).toMatch(/^Syntax Error: /);
    expect(JSON.stringify(errors)).not.toContain(value);
  });

  it('in the name of an operation that does not exist', async () => {
    const { errors } = await execute({ schema, document: parse('query A { viewer { role } }'), operationName: SECRET });
    const [error] = (errors ?? []).map((each) => publicError(each, reportBug));
    expect(error).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', problems: [] } });
    expect(JSON.stringify(error)).not.toContain(SECRET);
  });
});

describe('what is wrong with a document', () => {
  test.each([
    ['an unknown field', '{ viewr { role } }', 'Cannot query field "viewr" on type "Query".'],
    ['an unknown argument', '{ plans(archived: true) { id } }', 'Unknown argument "archived" on field "Query.plans".'],
    ['an unknown type', 'query Q($v: Strin) { viewer { role } }', 'Unknown type "Strin".'],
    ['an unknown directive', '{ viewer @skp { role } }', 'Unknown directive "@skp".'],
    ['an unknown fragment', '{ viewer { ...F } }', 'Unknown fragment "F".'],
    [
      'a selection that is missing',
      '{ viewer }',
      'Field "viewer" of type "Viewer!" must have a selection of subfields.',
    ],
    [
      'fragments in a circle',
      '{ viewer { ...A } } fragment A on Viewer { ...A role }',
      'Cannot spread fragment "A" within itself.',
    ],
    [
      'an operation without a name beside another',
      '{ viewer { role } } query B { viewer { role } }',
      'This anonymous operation must be the only defined operation.',
    ],
    [
      'two fields of one subscription',
      'subscription S { balanceChanged { version } actionRecorded { id } }',
      'Subscription "S" must select only one top level field.',
    ],
    [
      'an unknown enum value',
      '{ actions(type: CALL_APY) { edges { cursor } } }',
      'A value is not of the type ActionType.',
    ],
    ['a value of another type', '{ owners(first: "1") { edges { cursor } } }', 'A value is not of the type Int.'],
    ['a null', '{ owners(first: null) { edges { cursor } } }', 'A value is not of the type Int!.'],
  ])('is told without a suggestion: %s', async (_what, source, message) => {
    const errors = await errorsOf(source);
    expect(errors.map((error) => error.message)).toContain(message);
    expect(codesOf(errors)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
  });

  it('is told with its place', async () => {
    const [error] = await errorsOf('{\n  viewr { role }\n}');
    expect(error?.locations).toEqual([{ line: 2, column: 3 }]);
  });

  it('is too complex where it has too many tokens', () => {
    const failure = (() => {
      try {
        return parse('{ a b c }', { maxTokens: 3 });
      } catch (error) {
        return publicError(error, reportBug, 'GRAPHQL_PARSE_FAILED');
      }
    })();
    expect(failure).toMatchObject({ extensions: { code: 'QUERY_TOO_COMPLEX' } });
  });
});

describe('an expected failure', () => {
  const refusal = new DomainError('CAP_REACHED', 'The app has used its cap.', { cap: 5 });

  test.each([
    ['as it is', refusal],
    ['wrapped by graphql-js', new GraphQLError('x', { originalError: refusal })],
    ['wrapped twice', new GraphQLError('x', { originalError: new GraphQLError('y', { originalError: refusal }) })],
  ])('shows its code, message and details: %s', (_how, error) => {
    expect(publicError(error, reportBug)).toEqual({
      message: 'The app has used its cap.',
      extensions: { code: 'CAP_REACHED', cap: 5 },
    });
    expect(bugs).toEqual([]);
  });

  it('shows where it happened', () => {
    const error = new GraphQLError('x', { originalError: refusal, path: ['callApi'] });
    expect(publicError(error, reportBug)).toMatchObject({ path: ['callApi'], extensions: { code: 'CAP_REACHED' } });
  });

  it('of an input has its problems, and never a value', () => {
    const error = badUserInput([{ path: 'input.name', message: 'must have 1 to 100 characters' }]);
    expect(publicError(error, reportBug)).toEqual({
      message: 'The input is not valid: input.name must have 1 to 100 characters.',
      extensions: {
        code: 'BAD_USER_INPUT',
        problems: [{ path: 'input.name', message: 'must have 1 to 100 characters' }],
      },
    });
  });
});

describe('a bug', () => {
  const deep = new GraphQLError(`at the database of ${SECRET}`, {
    originalError: new Error(`at the database of ${SECRET}`),
    path: ['viewer', 'owner'],
  });

  test.each([
    ['an Error', new Error(`ECONNREFUSED ${SECRET}`)],
    ['a TypeError in a resolver', new GraphQLError(SECRET, { originalError: new TypeError(SECRET) })],
    ['an error with a code of its own', Object.assign(new Error(SECRET), { code: 'ER_NO_SUCH_TABLE' })],
    ['a GraphQLError of graphql-js', new GraphQLError(`Cannot return null for non-nullable field ${SECRET}.`)],
    ['a result that is not of its type', new GraphQLError(`Int cannot represent non-integer value: "${SECRET}"`)],
    ['a text', SECRET],
    ['nothing', undefined],
    ['null', null],
  ])('is masked, and reported under the id that the caller sees: %s', (_what, error) => {
    const seen = publicError(error, reportBug);
    expect(seen).toEqual({
      message: 'Something went wrong on our side.',
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    });
    expect(bugs).toEqual([{ error, requestId: seen.extensions?.['requestId'] }]);
  });

  it('shows where it happened, and nothing of what happened', () => {
    const seen = publicError(deep, reportBug);
    expect(seen.path).toEqual(['viewer', 'owner']);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
  });

  it('has an id of its own each time', () => {
    const ids = [1, 2].map(() => publicError(new Error('x'), reportBug).extensions?.['requestId']);
    expect(new Set(ids).size).toBe(2);
  });
});

describe('the codes', () => {
  it('are a closed list: one that a library makes up becomes BAD_USER_INPUT', () => {
    const made = new GraphQLError('Unsupported.', { extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } });
    const code = publicError(made, reportBug).extensions?.['code'];
    expect(ERROR_CODES).toContain(code);
    expect(code).toBe('BAD_USER_INPUT');
  });
});
