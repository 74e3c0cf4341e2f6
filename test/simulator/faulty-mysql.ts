import { Gone, operationOf, type DrawnFault, type FaultPoints } from './faults';

type Answer = (error: Error | null, result?: unknown) => void;

/** What this needs of mysql2's connections and of TypeORM's pool of them. */
interface Connection {
  query(options: { sql: string; values: readonly unknown[] | undefined }, done: Answer): unknown;
  destroy(): void;
}
export interface MysqlPool {
  on(event: 'connection', listener: (connection: Connection) => void): void;
}

const BETWEEN_STATEMENTS = ';\n';

/**
 * Puts the points into every connection that a pool opens from now on. Statements that travel together are cut where a
 * fault strikes between them: the first ones are run, as the server would have, before the connection is lost.
 */
export function makeMysqlFaulty(pool: MysqlPool, points: FaultPoints): void {
  pool.on('connection', (connection) => {
    const query = connection.query.bind(connection);
    connection.query = (...given) => {
      const [options, done] = given;
      // Others than the ledger, which is the only one to be asked while faults lie in wait, call it in other ways.
      if (!points.isArmed) return query(...given);
      // Nothing more arrives; the server ends what was left open when it sees the connection go.
      if (points.isGone) return void (connection.destroy(), setImmediate(done, new Gone('The process is gone.')));
      const cut = firstFault(options.sql, points);
      if (!cut) return query(options, done);
      const strike = () => fail(connection, { ...cut, points }, query, done);
      const { run } = cut;
      if (run.length === 0) return strike();
      const sql = run.join(BETWEEN_STATEMENTS);
      const values = options.values?.slice(0, sql.split('?').length - 1);
      // Where these fail by themselves, the fault would never have been met.
      return query({ sql, values }, (error) => (error ? done(error) : strike()));
    };
  });
}

interface Cut {
  /** The statements that are run before it strikes. */
  readonly run: readonly string[];
  readonly fault: DrawnFault;
}

function firstFault(sql: string, points: FaultPoints): Cut | null {
  const statements = sql.split(BETWEEN_STATEMENTS);
  for (const [index, statement] of statements.entries()) {
    const operation = operationOf(statement);
    if (!operation) continue;
    for (const side of ['before', 'after'] as const) {
      const fault = points.at(operation, side);
      if (fault) return { fault, run: statements.slice(0, side === 'before' ? index : index + 1) };
    }
  }
  return null;
}

/** A deadlock is rolled back by the server; of most other faults the connection does not survive. */
function fail(
  connection: Connection,
  { fault, run, points }: Cut & { points: FaultPoints },
  query: Connection['query'],
  done: Answer,
): void {
  const error = points.strike(fault, run.at(-1) === 'COMMIT');
  if (fault.kind === 'busy') return void query({ sql: 'ROLLBACK', values: [] }, () => done(error));
  if (fault.kind !== 'wait' && fault.kind !== 'broken' && fault.kind !== 'full') connection.destroy();
  setImmediate(done, error);
}
