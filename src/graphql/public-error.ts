import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isTransient } from '../database/failure';
import { DomainError, ERROR_CODES, type ErrorCode, type InputProblem, unavailable } from '../errors';

/** Where bugs are reported, with the id that the caller sees. */
export type ReportBug = (error: unknown, requestId: string) => void;

/**
 * Translates whatever failed into what a client may see, the same way on both transports: a code of the closed list, a message
 * that echoes no value of the input, and never a stack. `phase` tells where an error without a code comes from.
 */
export function publicError(
  error: unknown,
  reportBug: ReportBug,
  phase?: 'GRAPHQL_PARSE_FAILED' | 'GRAPHQL_VALIDATION_FAILED',
): GraphQLFormattedError {
  const graphqlError = error instanceof GraphQLError ? error : null;
  const place = graphqlError ? placeOf(graphqlError) : {};
  // Out of reach is the same for every statement, whoever sent it: translated here and nowhere else.
  const domainError = domainErrorIn(error) ?? (isPassing(error) ? unavailable() : null);
  if (domainError) {
    const { code, message, details } = domainError;
    return { message, ...place, extensions: { code, ...details } };
  }
  if (graphqlError) {
    const mistake = callersMistake(graphqlError, phase);
    if (mistake) return { message: mistake.message, ...place, extensions: { code: mistake.code, ...mistake.details } };
  }
  const requestId = randomUUID();
  reportBug(error, requestId);
  const message = 'Something went wrong on our side.';
  return { message, ...place, extensions: { code: 'INTERNAL_SERVER_ERROR', requestId } };
}

function placeOf(error: GraphQLError): Pick<GraphQLFormattedError, 'locations' | 'path'> {
  return { ...(error.locations && { locations: error.locations }), ...(error.path && { path: error.path }) };
}

/** The DomainError that an error is or wraps, however deep. */
export function domainErrorIn(error: unknown): DomainError | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth++) {
    if (current instanceof DomainError) return current;
    current = (current as { originalError?: unknown }).originalError;
  }
  return null;
}

function isPassing(error: unknown): boolean {
  return isTransient(error) || (error instanceof GraphQLError && isTransient(error.originalError));
}

/** What graphql-js and Apollo say of a request that cannot be run, rewritten; null for what is none of the caller's doing. */
function callersMistake(error: GraphQLError, phase: ErrorCode | undefined): DomainError | null {
  const code = (error.extensions['code'] as string | undefined) ?? phase;
  if (code === 'GRAPHQL_PARSE_FAILED') return parseFailure(error);
  if (code === 'GRAPHQL_VALIDATION_FAILED') {
    // graphql-js has bounds of its own, besides those of limits.ts.
    if (/^(Validation aborted|Maximum introspection depth exceeded)/.test(error.message)) {
      return new DomainError('QUERY_TOO_COMPLEX', 'The document is too complex to be validated.');
    }
    return new DomainError('GRAPHQL_VALIDATION_FAILED', withoutValues(error.message));
  }
  const variable = variableProblem(error);
  if (variable) return badInput(variable);
  if (/^Argument "/.test(error.message)) {
    const name = /^Argument "(\w+)"/.exec(error.message)?.[1] ?? '';
    return badInput({ path: name, message: 'is not of the type that the schema names' });
  }
  if (code === undefined || code === 'INTERNAL_SERVER_ERROR') return unfitForExecution(error);
  // Apollo's own: BAD_REQUEST, OPERATION_RESOLUTION_FAILURE, PERSISTED_QUERY_…; their messages name nothing of the input.
  if ((ERROR_CODES as readonly string[]).includes(code)) return new DomainError(code as ErrorCode, error.message);
  const text = code === 'OPERATION_RESOLUTION_FAILURE' ? 'The document has no operation of this name.' : error.message;
  return new DomainError('BAD_USER_INPUT', text, { problems: [] });
}

function parseFailure(error: GraphQLError): DomainError {
  if (/^Syntax Error: Document contains more (that|than) \d+ tokens/.test(error.message)) {
    return new DomainError('QUERY_TOO_COMPLEX', 'The document has too many tokens.');
  }
  const message = error.message
    .replace(/(Name|String|BlockString|Int|Float) ".*"/s, '$1')
    .replace(/(escape sequence): ".*"/s, '$1');
  return new DomainError('GRAPHQL_PARSE_FAILED', message);
}

/** How graphql-js begins what it says of a document, which quotes names and no values. */
const ABOUT_THE_DOCUMENT = [
  ...[
    'Unknown',
    'Cannot query',
    'Cannot spread',
    'Field',
    'Argument',
    'Fragment',
    'Variable',
    'Directive',
    'Operation',
  ],
  ...['Subscription', 'Anonymous', 'This anonymous', 'There can be', 'The', 'Too many'],
];

/** Type and field names are the schema's, which is public; values are the caller's, and suggestions help to guess a schema. */
function withoutValues(message: string): string {
  const asked = message.replace(/ ?Did you mean .*$/s, '');
  if (ABOUT_THE_DOCUMENT.some((start) => asked.startsWith(start))) return asked;
  // Anchored, so that only the schema's own word is repeated: what is quoted first may be the value.
  const type =
    /^Expected value of type "([\w[\]!]+)"/.exec(asked)?.[1] ??
    /^Value "\w+" does not exist in "(\w+)" enum/.exec(asked)?.[1] ??
    /^(?:Enum ")?(\w+)"? cannot represent/.exec(asked)?.[1];
  return type ? `A value is not of the type ${type}.` : 'A value is not of the type that the schema names.';
}

/** `Variable "$input" got invalid value … at "input.model"; …`: where, and what the schema wants there. */
function variableProblem(error: GraphQLError): InputProblem | null {
  const name = /^Variable "\$(\w+)"/.exec(error.message)?.[1];
  if (!name) return null;
  const inner = innermost(error)?.message ?? '';
  const head = inner && error.message.endsWith(inner) ? error.message.slice(0, -inner.length) : error.message;
  const path = / at "([\w.[\]]+)"; $/.exec(head)?.[1] ?? name;
  return { path, message: typeProblem(inner || error.message) };
}

function typeProblem(message: string): string {
  const missing = /^Field "(\w+)" of required type "[\w[\]!]+" was not provided/.exec(message)?.[1];
  if (missing) return `lacks the field ${missing}`;
  if (/is not defined by type/.test(message)) return 'has a field that its type does not have';
  if (/does not exist in "(\w+)" enum/.test(message)) return 'is not a value of its enum';
  if (/non-null|of required type/.test(message)) return 'must not be null';
  const type = /^(\w+) cannot represent/.exec(message)?.[1] ?? /Expected type "([\w[\]!]+)"/.exec(message)?.[1];
  return type ? `must be of the type ${type}` : 'is not of the type that the schema names';
}

function innermost(error: GraphQLError): Error | null {
  let inner: Error | null = null;
  for (let next: unknown = error.originalError; next instanceof Error; next = (next as GraphQLError).originalError) {
    // Apollo wraps an error once more with the same message; only what lies below says less.
    if (next.message !== error.message) inner = next;
  }
  return inner;
}

function badInput(problem: InputProblem): DomainError {
  return new DomainError('BAD_USER_INPUT', `The input is not valid: ${problem.path} ${problem.message}.`, {
    problems: [problem],
  });
}

/** What graphql-js finds before it executes, such as a document without the operation that is asked for. */
function unfitForExecution(error: GraphQLError): DomainError | null {
  const isOperation = /^(Unknown operation named|Must provide|Unable to identify operation)/.test(error.message);
  return isOperation && !error.originalError
    ? new DomainError('BAD_USER_INPUT', 'The document has no operation of this name.', { problems: [] })
    : null;
}
