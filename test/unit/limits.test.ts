import 'reflect-metadata';
import { getIntrospectionQuery, parse, specifiedRules, validate, type GraphQLError } from 'graphql';
import { DomainError } from '../../src/errors';
import { Documents, InvalidDocument } from '../../src/graphql/documents';
import { LIMITS, limitsRule } from '../../src/graphql/limits';
import { createSchema, type SchemaParts } from '../../src/graphql/schema';

const schema = createSchema({} as SchemaParts);

function times(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join(' ');
}

/** What exceeds a limit, by its name in the message; the documents of these tests are valid otherwise. */
function exceeded(document: string): string[] {
  const parsed = parse(document);
  expect(validate(schema, parsed, specifiedRules).map(({ message }) => message)).toEqual([]);
  return exceededOf(validate(schema, parsed, [limitsRule]));
}

function exceededOf(errors: readonly GraphQLError[]): string[] {
  return errors.map(({ message, originalError }) => {
    expect(originalError).toBeInstanceOf(DomainError);
    expect(originalError).toMatchObject({ code: 'QUERY_TOO_COMPLEX' });
    return /^The document's (.*) exceeds the limit of \d+\.$/.exec(message)?.[1] ?? message;
  });
}

/** `fragments` that each spread the next one `spreads` times: with 30 and 2, a billion of the last one. */
function exploding(options: { fragments: number; spreads: number; on: string; leaf: string }): string {
  const { fragments, spreads, on, leaf } = options;
  return times(fragments, (index) => {
    const inner = index + 1 < fragments ? times(spreads, () => `...F${index + 1}`) : leaf;
    return `fragment F${index} on ${on} { ${inner} }`;
  });
}

describe('the depth', () => {
  /** `fields` within one another around `core`. */
  const within = (fields: readonly string[], core: string) =>
    `${fields.map((field) => `${field} {`).join(' ')} ${core} ${'}'.repeat(fields.length)}`;
  const circle = ['owner', 'apps(first: 1)', 'edges', 'node'];
  /** Fields that lead from an app to an owner, to its apps, to an owner again … */
  const fromApp = (levels: number) => Array.from({ length: levels }, (_, index) => circle[index % 4] as string);

  it('may be 12, the innermost field included', () => {
    const nested = (levels: number, core: string) => `{ ${within(['app(id: "x")', ...fromApp(levels - 1)], core)} }`;
    // The 10th field is an owner.
    expect(exceeded(nested(10, 'balance { version }'))).toEqual([]);
    expect(exceeded(nested(10, 'balance { grants { id } }'))).toEqual(['depth']);
    // __typename reads nothing: it is not counted.
    expect(exceeded(nested(12, '__typename'))).toEqual([]);
    expect(exceeded(nested(13, '__typename'))).toEqual(['depth']);
  });

  it('is counted through fragments, which add none of their own', () => {
    const inFragments = (levels: number) => `{ app(id: "x") { ...A } }
      fragment A on App { ${within(fromApp(4), '...B')} }
      fragment B on App { ... on App { ... { ${within(fromApp(levels - 5), '__typename')} } } }`;
    expect(exceeded(inFragments(12))).toEqual([]);
    expect(exceeded(inFragments(13))).toEqual(['depth']);
  });
});

describe('the cost', () => {
  const owners = (page: string, fields: number) => `owners${page} { edges { node { ${times(fields, () => 'id')} } } }`;

  it('is every field, as often as its page has values: 5,000 at most', () => {
    // owners, then 100 times edges, node and the fields; twice 49 more for viewer { role }.
    expect(exceeded(`{ ${owners('(first: 100)', 47)} ${times(49, () => 'viewer { role }')} }`)).toEqual([]);
    expect(exceeded(`{ ${owners('(first: 100)', 47)} ${times(50, () => 'viewer { role }')} }`)).toEqual(['cost']);
  });

  it('counts a page size in a variable as the largest, whatever the variable’s default is', () => {
    const query = (page: string, fields: number) => `query Q($n: Int! = 1) { ${owners(page, fields)} app(id: "x") { id }
      other: owners(first: $n) { pageInfo { hasNextPage } } }`;
    expect(exceeded(query('(first: 1)', 48))).toEqual([]);
    expect(exceeded(query('(first: $n)', 40))).toEqual([]);
    expect(exceeded(query('(first: $n)', 48))).toEqual(['cost']);
  });

  it('counts a page without a size as 20, and one of an impossible size as 1 to 100', () => {
    expect(exceeded(`{ ${owners('', 247)} }`)).toEqual([]);
    expect(exceeded(`{ ${owners('', 248)} }`)).toEqual(['cost']);
    expect(exceeded(`{ ${owners('(first: 1000)', 47)} }`)).toEqual([]);
    expect(exceeded(`{ ${owners('(first: 1000)', 48)} }`)).toEqual(['cost']);
    expect(exceeded(`{ ${owners('(first: -1000)', 400)} }`)).toEqual([]);
  });

  it('multiplies pages within pages, and counts a list that has no pages as 10', () => {
    const within = (inner: string) => `{ owners(first: 100) { edges { node { ${inner} } } } }`;
    expect(exceeded(within('apps(first: 10) { edges { node { id } } }'))).toEqual([]);
    expect(exceeded(within('apps { edges { node { id } } }'))).toEqual(['cost']);
    expect(exceeded(within('apiKeys { id name role hint }'))).toEqual([]);
    expect(exceeded(within('apiKeys { id name role hint createdAt }'))).toEqual(['cost']);
  });

  it('counts the buckets of usage as a thousand, so that one document asks for them once', () => {
    const usage = (name: string) =>
      `${name}: usage(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z", interval: HOUR) { start group credits refunded }`;
    expect(exceeded(`{ ${usage('a')} }`)).toEqual([]);
    expect(exceeded(`{ ${usage('a')} ${usage('b')} }`)).toEqual(['cost']);
  });

  it('is counted through fragments, as often as they are spread', () => {
    const spread = (count: number) =>
      `{ ${times(count, () => '...F')} } fragment F on Query { ${owners('(first: 100)', 10)} }`;
    expect(exceeded(spread(4))).toEqual([]);
    expect(exceeded(spread(5))).toEqual(['cost']);
  });

  it('is that of all operations of a document together', () => {
    const operation = (name: string) => `query ${name} { ${owners('(first: 100)', 24)} }`;
    expect(exceeded(operation('A'))).toEqual([]);
    expect(exceeded(`${operation('A')} ${operation('B')}`)).toEqual(['cost']);
  });
});

describe('aliases', () => {
  it('may be 30, wherever they are', () => {
    const viewers = (count: number) => times(count, (index) => `a${index}: viewer { role }`);
    expect(exceeded(`{ ${viewers(30)} }`)).toEqual([]);
    expect(exceeded(`{ ${viewers(31)} }`)).toEqual(['aliases']);
    expect(exceeded(`{ viewer { ${times(31, (index) => `a${index}: role`)} } }`)).toEqual(['aliases']);
    expect(exceeded(`{ viewer { ${times(31, (index) => `a${index}: __typename`)} } }`)).toEqual(['aliases']);
  });

  it('are counted in fragments as often as they are spread', () => {
    const query = (aliases: number) => `{ a: viewer { ...F } b: viewer { ...F } } fragment F on Viewer {
      ${times(aliases, (index) => `a${index}: role`)} }`;
    expect(exceeded(query(14))).toEqual([]);
    expect(exceeded(query(15))).toEqual(['aliases']);
  });

  it('are counted in introspection too, where each is an answer of its own', () => {
    const types = (count: number) => `{ __schema { ${times(count, (index) => `a${index}: types { name }`)} } }`;
    expect(exceeded(types(30))).toEqual([]);
    expect(exceeded(types(31))).toEqual(['aliases']);
  });
});

describe('directives', () => {
  const skip = '@skip(if: false)';

  it('may be 20, on fields, spreads and inline fragments alike', () => {
    const query = (fields: number) => `{ viewer { ${times(fields, () => `role ${skip}`)}
      ...F ${skip} ... ${skip} { role } } } fragment F on Viewer { role ${skip} }`;
    expect(exceeded(query(17))).toEqual([]);
    expect(exceeded(query(18))).toEqual(['directives']);
  });

  it('are counted in introspection too', () => {
    expect(exceeded(`{ __schema { ${times(21, () => `types ${skip} { name }`)} } }`)).toEqual(['directives']);
  });
});

describe('action mutations: one request is one credit', () => {
  const debit = (key: string, alias = '') => `${alias} sendSms(input: { idempotencyKey: "${key}" }) { replayed }`;

  it('may be one of a document', () => {
    expect(exceeded(`mutation { ${debit('1')} }`)).toEqual([]);
    expect(exceeded(`mutation { voidAction(input: { actionId: "x" }) { replayed } ${debit('1')} }`)).toEqual([]);
  });

  test.each([
    ['two of one type', `mutation { ${debit('1', 'a:')} ${debit('2', 'b:')} }`],
    ['the same one twice, under two names', `mutation { ${debit('1', 'a:')} ${debit('1', 'b:')} }`],
    [
      'two of two types',
      `mutation { ${debit('1')} callApi(input: { idempotencyKey: "2", method: "GET", host: "h" }) { replayed } }`,
    ],
    [
      'one in a fragment and one beside it',
      `mutation { ...F ${debit('1', 'a:')} } fragment F on Mutation { ${debit('2')} }`,
    ],
    ['two in inline fragments', `mutation { ... { ${debit('1', 'a:')} } ... on Mutation { ${debit('2', 'b:')} } }`],
    ['one in each of two operations', `mutation A { ${debit('1')} } mutation B { ${debit('2')} }`],
    [
      'one that is skipped by a variable',
      `mutation M($s: Boolean!) { a: ${debit('1')} ... @skip(if: $s) { ${debit('2', 'b:')} } }`,
    ],
    [
      'two in fragments of fragments',
      `mutation { ...F } fragment F on Mutation { ...G ${debit('1', 'a:')} } fragment G on Mutation { ${debit('2')} }`,
    ],
  ])('are too many as %s', (_how, document) => {
    expect(exceeded(document)).toEqual(['number of action mutations']);
  });
});

describe('fragments that spread one another again and again', () => {
  const explosions = {
    'of data': `{ viewer { ...F0 } } ${exploding({ fragments: 30, spreads: 2, on: 'Viewer', leaf: 'role' })}`,
    'of introspection': `{ __schema { types { ...F0 } } } ${exploding({
      fragments: 20,
      spreads: 20,
      on: '__Type',
      leaf: 'n: name',
    })}`,
    'of a type that does not exist': `{ viewer { ...F0 } } ${exploding({ fragments: 30, spreads: 9, on: 'No', leaf: 'x' })}`,
  };

  test.each(Object.entries(explosions))('are measured at once: %s', (_what, document) => {
    const parsed = parse(document, { maxTokens: LIMITS.tokens });
    const startedAt = performance.now();
    validate(schema, parsed, [...specifiedRules, limitsRule], { maxErrors: 5 });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('are counted as often as they are spread', () => {
    expect(exceededOf(validate(schema, parse(explosions['of data']), [limitsRule]))).toEqual(['cost']);
    expect(exceededOf(validate(schema, parse(explosions['of introspection']), [limitsRule]))).toEqual(['aliases']);
  });

  it('and each other in a circle end, and are refused by the rule against circles', () => {
    const circle = '{ viewer { ...A } } fragment A on Viewer { role ...B } fragment B on Viewer { ...A }';
    expect(validate(schema, parse(circle), [limitsRule])).toEqual([]);
    expect(validate(schema, parse(circle), [...specifiedRules, limitsRule])).not.toEqual([]);
  });
});

describe('introspection', () => {
  it('as GraphiQL and other tools ask for it is allowed, with all its options', () => {
    const all = {
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    };
    expect(exceeded(getIntrospectionQuery(all))).toEqual([]);
    expect(exceeded(getIntrospectionQuery())).toEqual([]);
  });

  it('costs nothing, for it reads no data', () => {
    expect(exceeded(`{ __schema { ${times(300, () => 'types { name }')} } }`)).toEqual([]);
  });

  it('may be 20 levels deep', () => {
    const nested = (levels: number) =>
      `{ __type(name: "App") { ${'ofType { '.repeat(levels - 2)} name ${'}'.repeat(levels - 2)} } }`;
    expect(exceeded(nested(20))).toEqual([]);
    expect(exceeded(nested(21))).toEqual(['depth of introspection']);
  });

  it('is counted through fragments', () => {
    const halves = (
      levels: number,
    ) => `{ __type(name: "App") { ${'ofType { '.repeat(levels)} ...F ${'}'.repeat(levels)} } }
      fragment F on __Type { ${'ofType { '.repeat(9)} name ${'}'.repeat(9)} }`;
    expect(exceeded(halves(9))).toEqual([]);
    expect(exceeded(halves(10))).toEqual(['depth of introspection']);
  });
});

describe('documents over WebSocket', () => {
  const documents = new Documents(schema, [limitsRule]);

  /** Why a document cannot be run. */
  function failureOf(source: string): InvalidDocument {
    try {
      documents.read(source, null);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidDocument);
      return error as InvalidDocument;
    }
    throw new Error('It was read.');
  }

  it('have the same limits', () => {
    const failure = failureOf(`{ ${times(31, (index) => `a${index}: viewer { role }`)} }`);
    expect(failure.phase).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(exceededOf(failure.errors)).toEqual(['aliases']);
  });

  it('have at most 1,500 tokens', () => {
    const withTokens = (count: number) =>
      `mutation { updateApp(input: { id: "x", allowedOrigins: [${times(count - 23, () => '"o"')}] }) { app { id } } }`;
    expect(documents.read(withTokens(1_500), null).operation).not.toBeNull();
    expect(failureOf(withTokens(1_501)).phase).toBe('GRAPHQL_PARSE_FAILED');
  });

  it('are parsed and validated once', () => {
    const source = 'subscription { balanceChanged { version } }';
    expect(documents.read(source, null).document).toBe(documents.read(source, null).document);
  });

  it('run the operation of the name that is asked for, and none where there is no such name', () => {
    const source = 'query A { viewer { role } } query B { viewer { role } }';
    expect(documents.read(source, 'B').operation?.name?.value).toBe('B');
    expect(documents.read(source, 'C').operation).toBeNull();
    expect(documents.read(source, null).operation).toBeNull();
  });

  it('fail with at most five errors and what graphql-js says of the rest', () => {
    expect(failureOf(`{ ${times(50, (index) => `no${index}`)} }`).errors).toHaveLength(6);
    expect(failureOf('{ viewer {').phase).toBe('GRAPHQL_PARSE_FAILED');
  });
});
