/**
 * How long the database is waited for, in milliseconds. Only migrations, and whoever waits to make them, may take
 * longer.
 */
export interface Deadlines {
  /** For a new connection, from the first packet to the end of the handshake. */
  readonly connectMs: number;
  /** For a connection, new or used, where all of a pool's are busy. */
  readonly acquireMs: number;
  /** For the answer to a statement. A transaction or a read may hold its connection for twice as long. */
  readonly statementMs: number;
  /** A statement that takes longer makes it worth to ask whether the database still answers anybody. */
  readonly doubtMs: number;
  /** For the answer to that question, and to any statement once the database is found to be away. */
  readonly probeMs: number;
  /** From one such question to the next. */
  readonly probeIntervalMs: number;
  /**
   * For how long the database may be lost before callers are refused at once: a failover should not be seen by them.
   */
  readonly graceMs: number;
  /** For /readyz, which promises an answer within 2 s. */
  readonly readyMs: number;
  /** For the connections to say farewell when they are closed. */
  readonly closeMs: number;
}

export const DEADLINES: Deadlines = {
  connectMs: 3_000,
  acquireMs: 5_000,
  statementMs: 8_000,
  doubtMs: 1_000,
  probeMs: 2_000,
  probeIntervalMs: 250,
  graceMs: 1_000,
  readyMs: 1_500,
  closeMs: 1_000,
};
