import type { CombinedError } from 'urql';

/** What a person can do about each code of the API; the others say it themselves. */
const WORDS: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'This key does not work any more. Sign in with another one.',
  FORBIDDEN: 'This key may not do that.',
  NOT_FOUND: 'There is no such thing, or it belongs to somebody else.',
  UNAVAILABLE: 'The service cannot answer right now. Try again in a moment.',
  RATE_LIMITED: 'Too many requests. Try again in a moment.',
  ACTION_ALREADY_RESOLVED: 'This action was captured, voided or refunded in the meantime.',
  ACTION_NOT_CAPTURED: 'This action is held, not charged: void it instead.',
};

/** What to show for a failed operation. */
export interface ErrorWords {
  /** The API's code; NETWORK where there was no answer. */
  readonly code: string;
  readonly message: string;
  /** What is wrong with which field of an input, by its path. */
  readonly problems: Readonly<Record<string, string>>;
  /** For a report of our bug; null otherwise. */
  readonly requestId: string | null;
}

/** Turns any error of an operation into words for a person. */
export function errorWords(error: Error): ErrorWords {
  const first = (error as Partial<CombinedError>).graphQLErrors?.[0];
  if (!first) {
    const message = 'The service cannot be reached. Check the connection and try again.';
    return { code: 'NETWORK', message, problems: {}, requestId: null };
  }
  const { code, problems, requestId } = first.extensions as Record<string, unknown>;
  const listed = (Array.isArray(problems) ? problems : []) as { path: string; message: string }[];
  return {
    code: String(code),
    message: WORDS[String(code)] ?? first.message,
    problems: Object.fromEntries(listed.map(({ path, message }) => [path, message])),
    requestId: typeof requestId === 'string' ? requestId : null,
  };
}
