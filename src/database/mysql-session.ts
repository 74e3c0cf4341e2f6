import { escape } from 'mysql2';
import type { EntityManager } from 'typeorm';
import { type GuardedStatement, RowsMismatch, type Statement, type TransactionSession, type Written } from './session';

/** What this needs of mysql2's connection, which TypeORM's pool hands out. */
export interface MysqlConnection {
  query(
    options: { sql: string; values: readonly unknown[] | undefined },
    done: (error: (Error & { code?: string }) | null, result: unknown) => void,
  ): unknown;
  destroy(): void;
}

/** Text as SQL, for statements that are made without parameters. */
export function quoted(text: string): string {
  return escape(text);
}

const BEGIN: Statement = { sql: 'START TRANSACTION', parameters: [] };
const COMMIT: Statement = { sql: 'COMMIT', parameters: [] };
const ROLLBACK: Statement = { sql: 'ROLLBACK', parameters: [] };

/** Numbers beyond what their types hold are errors, so that the statements after such a guard, and the commit, do not run. */
const OUT_OF_RANGE_ERRNO = 1690;
const GUARDS: Record<'LOST_UPDATE' | 'BUG', { sql(rows: number): string; error: RegExp }> = {
  LOST_UPDATE: { sql: (rows) => `SELECT 9223372036854775807 + (ROW_COUNT() <> ${rows})`, error: /^BIGINT/ },
  BUG: { sql: (rows) => `SELECT EXP(710 * (ROW_COUNT() <> ${rows}))`, error: /^DOUBLE/ },
};

/**
 * A transaction on MySQL. A batch waits for each round trip, so statements that do not depend on one another travel as one
 * text, and the first ones bring the START TRANSACTION with them. It speaks to the driver itself: TypeORM's query() costs the
 * hot path more than the statement.
 */
export class MysqlSession implements TransactionSession {
  private begun: Promise<unknown> | null = null;
  private committed = false;
  private commitSent = false;

  constructor(
    private readonly connection: MysqlConnection,
    private readonly entityManager: EntityManager,
    /** On Galera: a node takes a transaction back between two statements of a text, and goes on with the rest of it. */
    private readonly oneByOne = false,
  ) {}

  /** TypeORM's statements go past this session, so it must have begun. */
  get manager(): EntityManager {
    if (!this.begun) throw new Error('The transaction has not begun.');
    return this.entityManager;
  }

  get committing(): boolean {
    return this.commitSent;
  }

  begin(): Promise<unknown> {
    return (this.begun ??= this.send([BEGIN]));
  }

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const [rows] = await this.queryAll<Row>([{ sql, parameters }]);
    return rows ?? [];
  }

  async execute(sql: string, parameters: readonly unknown[] = []): Promise<number> {
    const [matched] = await this.executeAll([{ sql, parameters }]);
    return matched ?? 0;
  }

  queryAll<Row>(statements: readonly Statement[]): Promise<Row[][]> {
    return this.run<Row[]>(statements);
  }

  async executeAll(statements: readonly Statement[]): Promise<number[]> {
    return (await this.run<{ affectedRows: number }>(statements)).map(({ affectedRows }) => affectedRows);
  }

  async finish(statements: readonly GuardedStatement[]): Promise<readonly Written[]> {
    const guarded: Statement[] = statements.flatMap((statement) => [statement, ...guardOf(statement)]);
    this.commitSent = true;
    try {
      const results = await this.run<Written>([...guarded, COMMIT]);
      this.committed = true;
      return statements.map((statement) => results[guarded.indexOf(statement)] as Written);
    } catch (error) {
      throw mismatchOf(error) ?? error;
    }
  }

  async commit(): Promise<void> {
    if (!this.begun || this.committed) return;
    this.commitSent = true;
    await this.send([COMMIT]);
  }

  async rollback(): Promise<void> {
    if (!this.begun) return;
    try {
      await this.send([ROLLBACK]);
    } catch (error) {
      // As a Galera node does that has lost its quorum. The next START TRANSACTION would commit what is left of this one.
      this.abandon();
      throw error;
    }
  }

  abandon(): void {
    this.connection.destroy();
  }

  private async run<Result>(statements: readonly Statement[]): Promise<Result[]> {
    if (statements.length === 0) return [];
    if (this.begun) {
      await this.begun;
      return this.send<Result>(statements);
    }
    const sent = this.send<Result>([BEGIN, ...statements]);
    this.begun = sent;
    return (await sent).slice(1);
  }

  private async send<Result>(statements: readonly Statement[]): Promise<Result[]> {
    if (!this.oneByOne) return this.sendTogether<Result>(statements);
    const results: Result[] = [];
    for (const statement of statements) results.push(...(await this.sendTogether<Result>([statement])));
    return results;
  }

  private sendTogether<Result>(statements: readonly Statement[]): Promise<Result[]> {
    return new Promise((resolve, reject) => {
      const sql = statements.map((statement) => statement.sql).join(';\n');
      const parameters = statements.flatMap((statement) => statement.parameters);
      // Without any, the driver need not look for their places.
      const values = parameters.length > 0 ? parameters : undefined;
      this.connection.query({ sql, values }, (error, result) => {
        if (error) reject(error);
        else resolve(statements.length === 1 ? [result as Result] : (result as Result[]));
      });
    });
  }
}

/** Fails where the statement before it matched another number of rows. The driver counts matched rows, not changed ones. */
function guardOf({ rows, onMismatch }: GuardedStatement): Statement[] {
  return onMismatch === null ? [] : [{ sql: GUARDS[onMismatch].sql(rows), parameters: [] }];
}

function mismatchOf(error: unknown): RowsMismatch | null {
  const { errno, sqlMessage = '' } = error as { errno?: number; sqlMessage?: string };
  if (errno !== OUT_OF_RANGE_ERRNO) return null;
  for (const meaning of ['LOST_UPDATE', 'BUG'] as const) {
    if (GUARDS[meaning].error.test(sqlMessage)) return new RowsMismatch(meaning, sqlMessage);
  }
  return null;
}
