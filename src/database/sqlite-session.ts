import type { LRUCache } from 'lru-cache';
import type { EntityManager } from 'typeorm';
import { type GuardedStatement, RowsMismatch, type Statement, type TransactionSession, type Written } from './session';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver';

/**
 * A transaction on SQLite's writing connection, on which the caller runs one at a time. It speaks to the driver
 * itself: the statements are synchronous, and preparing one costs more than running it, so prepared ones are kept.
 */
export class SqliteSession implements TransactionSession {
  private begun = false;
  private commitSent = false;

  constructor(
    private readonly database: SqliteDatabase,
    readonly manager: EntityManager,
    private readonly statements: LRUCache<string, SqliteStatement>,
  ) {}

  get committing(): boolean {
    return this.commitSent;
  }

  begin(): Promise<void> {
    return settled(() => this.ensureBegun());
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return settled(() => this.prepare(sql).all(...parameters) as Row[]);
  }

  execute(sql: string, parameters: readonly unknown[] = []): Promise<number> {
    return settled(() => this.prepare(sql).run(...parameters).changes);
  }

  queryAll<Row>(statements: readonly Statement[]): Promise<Row[][]> {
    return settled(() => statements.map(({ sql, parameters }) => this.prepare(sql).all(...parameters) as Row[]));
  }

  executeAll(statements: readonly Statement[]): Promise<number[]> {
    return settled(() => statements.map(({ sql, parameters }) => this.prepare(sql).run(...parameters).changes));
  }

  /** There are no round trips to save: `commit` follows. */
  finish(statements: readonly GuardedStatement[]): Promise<readonly Written[]> {
    return settled(() =>
      statements.map(({ sql, parameters, rows, onMismatch }) => {
        const { changes } = this.prepare(sql).run(...parameters);
        if (changes !== rows) throw new RowsMismatch(onMismatch ?? 'BUG', sql.slice(0, 40));
        return { insertId: 0 };
      }),
    );
  }

  commit(): Promise<void> {
    return settled(() => {
      if (!this.begun) return;
      this.assertOpen();
      this.commitSent = true;
      this.database.exec('COMMIT');
    });
  }

  rollback(): Promise<void> {
    return settled(() => void (this.begun && this.database.inTransaction && this.database.exec('ROLLBACK')));
  }

  /** The connection is the only one; what a failed rollback has left open is rolled back before the next BEGIN. */
  abandon(): void {}

  /**
   * IMMEDIATE: a transaction that reads first and writes later could otherwise find that another process wrote in
   * between.
   */
  private ensureBegun(): void {
    if (this.begun) return this.assertOpen();
    // Left behind by a rollback that failed: it must not be committed with this one.
    if (this.database.inTransaction) this.database.exec('ROLLBACK');
    this.database.exec('BEGIN IMMEDIATE');
    this.begun = true;
  }

  /**
   * SQLite rolls back by itself on some errors, such as a full disk: what follows must not run, or be committed,
   * alone.
   */
  private assertOpen(): void {
    if (!this.database.inTransaction) throw new Error('SQLite has rolled the transaction back.');
  }

  private prepare(sql: string): SqliteStatement {
    this.ensureBegun();
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.database.prepare(sql)));
    return statement;
  }
}

/** A synchronous call as a promise, whose throw is a rejection. */
function settled<T>(call: () => T): Promise<T> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
