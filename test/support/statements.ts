import { Connection } from 'mysql2';
import { SqliteStatement } from '../../src/database/sqlite-driver';
import type { DatabaseKind } from './database';

/**
 * Records every statement that goes to the driver, of whichever session, in this process. Several that travel as one text are
 * recorded one by one.
 */
export function recordStatements(kind: DatabaseKind): { readonly sent: string[]; stop(): void } {
  const sent: string[] = [];
  const spies = kind === 'mysql' ? spyOnMysql(sent) : spyOnSqlite(sent);
  return { sent, stop: () => spies.forEach((spy) => spy.mockRestore()) };
}

interface Spy {
  mockRestore(): void;
}

function spyOnMysql(sent: string[]): Spy[] {
  // What all of mysql2's connections, and with them TypeORM's, send their texts by.
  let shared = Connection.prototype as unknown as { query(...given: unknown[]): unknown };
  while (!Object.hasOwn(shared, 'query')) shared = Object.getPrototypeOf(shared);
  const { query } = shared;
  const spy = jest.spyOn(shared, 'query').mockImplementation(function (this: unknown, ...given) {
    const [text] = given as [string | { sql: string }];
    sent.push(...(typeof text === 'string' ? text : text.sql).split(';\n'));
    return query.apply(this, given);
  });
  return [spy];
}

function spyOnSqlite(sent: string[]): Spy[] {
  const { run, all } = SqliteStatement.prototype;
  return [
    jest.spyOn(SqliteStatement.prototype, 'run').mockImplementation(function (this: SqliteStatement, ...parameters) {
      sent.push(this.source);
      return run.apply(this, parameters);
    }),
    jest.spyOn(SqliteStatement.prototype, 'all').mockImplementation(function (this: SqliteStatement, ...parameters) {
      sent.push(this.source);
      return all.apply(this, parameters);
    }),
  ];
}
