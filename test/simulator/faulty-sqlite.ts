import type { SqliteDatabase } from '../../src/database/sqlite-driver';
import { Gone, operationOf, type FaultPoints, type Side } from './faults';

/**
 * Puts the points into a connection, around every statement of a transaction. `beforeKill` is called at the instant at
 * which the process is killed.
 */
export function makeSqliteFaulty(connection: SqliteDatabase, points: FaultPoints, beforeKill: () => void): void {
  const { prepare, exec } = connection;
  connection.exec = (sql) => around(sql, () => exec.call(connection, sql));
  connection.prepare = (sql) => {
    const statement = prepare.call(connection, sql);
    const { all, run } = statement;
    statement.all = (...parameters) => around(sql, () => all.apply(statement, parameters));
    statement.run = (...parameters) => around(sql, () => run.apply(statement, parameters));
    return statement;
  };

  function around<T>(sql: string, run: () => T): T {
    if (!points.isArmed) return run();
    if (points.isGone) throw new Gone('The process is gone.');
    pass(sql, 'before');
    const result = run();
    pass(sql, 'after');
    return result;
  }

  function pass(sql: string, side: Side): void {
    const operation = operationOf(sql);
    const fault = operation && points.at(operation, side);
    if (!fault) return;
    if (fault.kind === 'kill') beforeKill();
    // As SQLite does by itself on such an error.
    if (fault.kind === 'full' && connection.inTransaction) exec.call(connection, 'ROLLBACK');
    throw points.strike(fault, operation === 'COMMIT' && side === 'after');
  }
}
