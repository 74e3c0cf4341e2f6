/** What the load generator is told, as JSON on stdin. */
export interface LoadPlan {
  /** Where the service is; the connections are spread evenly over several processes of one service. */
  urls: string[];
  headers: Record<string, string>;
  /** Bearer keys; each request takes one of them at random. */
  keys: string[];
  /** Names of request templates (requests.ts), sent in turn. */
  requests: string[];
  /** Keep-alive connections; each sends its next request when the answer to its last one has come. */
  connections: number;
  /** Load that is sent and checked, but not timed. */
  warmUpSeconds: number;
  seconds: number;
}

/** What the load generator answers, as JSON on stdout. */
export interface LoadResult {
  /** Every request that was accepted, warm-up and the last answers in flight included: what the database must hold. */
  accepted: number;
  /** Answers with a coded GraphQL error, by code. */
  refused: Record<string, number>;
  /** Answers that are neither: another status, no JSON, missing data. */
  broken: number;
  /** The first few broken or refused answers, for the message of a failed run. */
  samples: string[];
  timed: { accepted: number; perSecond: number; p50Ms: number; p95Ms: number; p99Ms: number };
  /** Processor time the generator itself took per second of the run: what it stole from the servers. */
  cpuShare: number;
}
