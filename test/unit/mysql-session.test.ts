import { format } from 'mysql2';
import { type MysqlConnection, MysqlSession, quoted } from '../../src/database/mysql-session';
import type { GuardedStatement } from '../../src/database/session';

type Failure = Error & { errno: number; sqlMessage: string };

const failure = (errno: number, sqlMessage: string): Failure =>
  Object.assign(new Error(sqlMessage), { errno, sqlMessage });

/** A connection that fails as it is told to, for each text that it is sent. */
class ScriptedConnection implements MysqlConnection {
  readonly sent: string[] = [];
  destroyed = false;

  constructor(private readonly failures: (sql: string) => Failure | null) {}

  query({ sql }: { sql: string }, done: (error: Failure | null, result: unknown) => void): void {
    this.sent.push(sql);
    done(this.failures(sql), []);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

const write: GuardedStatement = { sql: 'UPDATE pools', parameters: [], rows: 1, onMismatch: 'LOST_UPDATE' };
const sessionOn = (connection: MysqlConnection) => new MysqlSession(connection, {} as never);

describe('a transaction on MySQL', () => {
  it('is rolled back when it fails, and its connection serves on', async () => {
    const connection = new ScriptedConnection((sql) => (sql === 'ROLLBACK' ? null : failure(1062, 'Duplicate entry')));
    const session = sessionOn(connection);
    await expect(session.finish([write])).rejects.toMatchObject({ errno: 1062 });
    await session.rollback();
    expect(connection.sent.at(-1)).toBe('ROLLBACK');
    expect(connection.destroyed).toBe(false);
  });

  it('that cannot be rolled back takes its connection with it: the next one would commit what is left', async () => {
    const notReady = failure(1047, 'WSREP has not yet prepared node for application use');
    const connection = new ScriptedConnection(() => notReady);
    const session = sessionOn(connection);
    await expect(session.finish([write])).rejects.toBe(notReady);
    await expect(session.rollback()).rejects.toBe(notReady);
    expect(connection.destroyed).toBe(true);
  });

  it('sends one statement at a time on Galera, where a node goes on with the rest of a text that it took back', async () => {
    const conflict = failure(1213, 'Deadlock found');
    const connection = new ScriptedConnection((sql) => (sql === 'UPDATE grants' ? conflict : null));
    const session = new MysqlSession(connection, {} as never, true);
    await expect(session.finish([write, { ...write, sql: 'UPDATE grants' }])).rejects.toBe(conflict);
    await session.rollback();
    expect(connection.sent).toEqual([
      'START TRANSACTION',
      'UPDATE pools',
      expect.stringContaining('ROW_COUNT()'),
      'UPDATE grants',
      'ROLLBACK',
    ]);
  });

  it('knows from when on a failure may come from a transaction that took effect', async () => {
    const session = sessionOn(new ScriptedConnection(() => null));
    await session.begin();
    expect(session.committing).toBe(false);
    await session.commit();
    expect(session.committing).toBe(true);

    const finished = sessionOn(
      new ScriptedConnection((sql) => (sql.includes('COMMIT') ? failure(2013, 'Lost') : null)),
    );
    await expect(finished.finish([write])).rejects.toMatchObject({ errno: 2013 });
    expect(finished.committing).toBe(true);
  });
});

it('text that is written into a statement is not taken for the place of a parameter of another one', () => {
  const text = quoted(`a'?\\'? -- ? /* ? " ?`);
  const sql = `INSERT INTO ledger_entries (visitor) VALUES (${text});\nUPDATE pools SET held = ? WHERE owner_id = ?`;
  expect(format(sql, [1, 2])).toBe(sql.replace('held = ?', 'held = 1').replace('owner_id = ?', 'owner_id = 2'));
});
