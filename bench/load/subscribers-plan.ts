/** What the subscribers' process is told first, a line of JSON on stdin. It answers `{}` when all have a balance. */
export interface SubscribersPlan {
  /** The GraphQL endpoint, such as http://127.0.0.1:41000/graphql */
  url: string;
  key: string;
  /** Subscribers, each on a socket of its own. */
  count: number;
}

/** One accepted debit. Instants are milliseconds since 1970, with fractions; processes share the machine's clock. */
export interface AnsweredDebit {
  /** Of the balance right after it. */
  version: number;
  /** When the service decided it, just before its commit: whole milliseconds. */
  decidedAt: number;
  /** When its answer had come over HTTP. */
  answeredAt: number;
}

/** What it is told after each round of debits, again as a line, and answers with Deliveries. */
export type DebitsOfRound = AnsweredDebit[];

/** How late the debits of a round came to be known: one sample for each pair of a debit and a subscriber. */
export interface Deliveries {
  /** From the debit's decision until the subscriber had a balance with it: with the commit, so an upper bound. */
  sinceDecision: Latencies;
  /** The same from the debit's answer over HTTP, which comes somewhat later than its commit; earlier counts as 0. */
  sinceAnswer: Latencies;
  messages: number;
  /** Processor time of the subscribers' process in this round, per second. */
  cpuShare: number;
}

export interface Latencies {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

/** What the generator of paced debits is told, as JSON on stdin. */
export interface PacedPlan {
  url: string;
  key: string;
  /** Debits that fall due each second, whether earlier ones were answered or not. */
  perSecond: number;
  seconds: number;
}

/** What it answers, as JSON on stdout. */
export interface PacedResult {
  due: number;
  /** Of those, how many were accepted within a second of being due. */
  completed: number;
  /** Accepted at all: what the database must hold. */
  debits: AnsweredDebit[];
  /** The first few answers that are no acceptance. */
  faults: string[];
  /** From when a debit was due to its answer. */
  latency: Latencies;
  cpuShare: number;
}
