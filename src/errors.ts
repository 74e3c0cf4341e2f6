/** The closed list of codes that clients see in `extensions.code`. Their meaning stands in the public contract. */
export const ERROR_CODES = [
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'INSUFFICIENT_CREDITS',
  'CAP_REACHED',
  'APP_PAUSED',
  'OWNER_SUSPENDED',
  'LIMIT_REACHED',
  'IDEMPOTENCY_KEY_REUSED',
  'ACTION_ALREADY_RESOLVED',
  'ACTION_NOT_CAPTURED',
  'CONFLICT',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'QUERY_TOO_COMPLEX',
  'INTERNAL_SERVER_ERROR',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What is wrong with one value of an input. `path` leads to the value, such as `input.holdSeconds`; never the value itself. */
export interface InputProblem {
  path: string;
  message: string;
}

/** An expected failure: it has a code, a message fit for the caller, and changed nothing. Anything else thrown is a bug. */
export class DomainError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'DomainError';
  }
}

export function badUserInput(problems: readonly InputProblem[]): DomainError {
  const first = problems[0];
  const message = first ? `The input is not valid: ${first.path} ${first.message}.` : 'The input is not valid.';
  return new DomainError('BAD_USER_INPUT', message, { problems });
}

/** What is missing and what belongs to somebody else read alike, so that ids cannot be probed. */
export function notFound(what: string): DomainError {
  return new DomainError('NOT_FOUND', `There is no such ${what}.`);
}

export function unavailable(): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    'The database cannot be reached, and what happened is unknown: retry with the same key.',
  );
}

/** The same where it is known that nothing was done. */
export function notBegun(): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    'The database cannot be reached, or has too much to do. Nothing was done: retry with the same key.',
  );
}

/** Guards what must hold whatever the input was; its failure is a bug, never the caller's mistake. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${invariant}`);
}
