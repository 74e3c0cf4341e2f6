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
}

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A session that is one transaction: begun by its first statement, if not before, and ended by commit or rollback. */
export interface TransactionSession extends Session {
  begin(): Promise<unknown>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}
