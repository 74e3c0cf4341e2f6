import type { EntityManager } from 'typeorm';

/** Runs statements, either each on its own or, inside `Database.write`, all in one transaction. */
export interface Session {
  readonly manager: EntityManager;
  /** The rows of a SELECT. */
  query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /** Runs an INSERT, UPDATE or DELETE; returns how many rows it matched. */
  execute(sql: string, parameters?: readonly unknown[]): Promise<number>;
  /** The rows of several SELECTs, in one round trip where there are round trips. */
  queryAll<Row>(statements: readonly Statement[]): Promise<Row[][]>;
  /** Runs several statements in order, in one round trip; returns how many rows each matched. */
  executeAll(statements: readonly Statement[]): Promise<number[]>;
  /**
   * Runs the last statements of a transaction in order, in one round trip with the commit where there are round trips. Throws
   * RowsMismatch. Whether it is committed where it throws anything else may be unknown, as of any commit.
   */
  finish(statements: readonly GuardedStatement[]): Promise<readonly Written[]>;
}

/** What a statement of `finish` did. */
export interface Written {
  /** What LAST_INSERT_ID(…) was given in it, on MySQL; 0 where it was not. */
  readonly insertId: number | string;
}

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A statement that must match so many rows, or nothing of its transaction may be committed. */
export interface GuardedStatement extends Statement {
  readonly rows: number;
  /**
   * What it means if it matches another number. LOST_UPDATE: somebody changed what was read; BUG: cannot be; null: it would have
   * failed, as an INSERT does.
   */
  readonly onMismatch: 'LOST_UPDATE' | 'BUG' | null;
}

/** A guarded statement matched another number of rows than it had to; nothing of its transaction is committed. */
export class RowsMismatch extends Error {
  constructor(
    readonly meaning: 'LOST_UPDATE' | 'BUG',
    detail: string,
  ) {
    super(`Another number of rows than was read: ${detail}`);
  }
}

/** A session that is one transaction: begun by its first statement, if not before, and ended by commit or rollback. */
export interface TransactionSession extends Session {
  /** Whether the COMMIT was sent: from then on a failure may come from a transaction that took effect. */
  readonly committing: boolean;
  begin(): Promise<unknown>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Ends the connection, so that nobody gets it after this transaction. */
  abandon(): void;
}
