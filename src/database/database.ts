import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DataSource, type MixedList, type QueryRunner } from 'typeorm';
import { LRUCache } from 'lru-cache';
import { unavailable } from '../errors';
import { connectionOptions, databaseKind, type DatabaseKind } from './connection-options';
import { isConnectionLoss, isTransient } from './failure';
import { type MysqlConnection, MysqlSession } from './mysql-session';
import { type GuardedStatement, RowsMismatch, type Session, type Statement, type TransactionSession } from './session';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver';
import { SqliteSession } from './sqlite-session';

export type { GuardedStatement, Session, Statement };
export { RowsMismatch };

export interface WriteOptions {
  /** The caller runs failed work again by itself, and says what became of it. */
  readonly callerRetries?: boolean;
  /** Saves a round trip. Only for work that does not use the session's manager before its first statement. */
  readonly beginWithFirstStatement?: boolean;
}

const WRITE_ATTEMPTS = 6;
const RETRY_PAUSE_MS = 10;
const START_LOCK = 'integration-credits start';
const START_LOCK_SECONDS = 60;

/** Prepared statements kept for the writing connection: the ledger's texts come back with every batch. */
const SQLITE_STATEMENTS = 200;

/**
 * The one way to the database. Writes are transactions: on MySQL each on its own connection, READ COMMITTED (REPEATABLE READ's
 * range locks deadlock); on SQLite one after the other on the only writing connection, since TypeORM shares it and concurrent
 * transactions would become one another's savepoints. Reads see committed data only.
 */
export class Database {
  /** Statements outside any transaction, for reading. */
  readonly reader: Session;
  private lastWrite: Promise<unknown> = Promise.resolve();
  private readonly sqliteStatements = new LRUCache<string, SqliteStatement>({ max: SQLITE_STATEMENTS });

  private constructor(
    readonly kind: DatabaseKind,
    private readonly writing: DataSource,
    private readonly reading: DataSource,
  ) {
    this.reader = readerOf(reading);
  }

  /** Connects. The schema is brought up to date by `migrate`. */
  static async open(databaseUrl: string, entities: MixedList<new () => object>): Promise<Database> {
    const kind = databaseKind(databaseUrl);
    if (kind === 'sqlite') {
      await mkdir(path.dirname(path.resolve(databaseUrl.slice('sqlite:'.length))), { recursive: true });
    }
    const writing = new DataSource(connectionOptions(databaseUrl, { entities }));
    await writing.initialize();
    if (kind === 'mysql') await prepareConnections(writing);
    // On MySQL a pool of its own: reads that take long must not keep debits waiting for a connection.
    const reading = new DataSource(connectionOptions(databaseUrl, { entities, readonly: true }));
    try {
      await reading.initialize();
      if (kind === 'mysql') await prepareConnections(reading);
    } catch (error) {
      await writing.destroy();
      throw error;
    }
    return new Database(kind, writing, reading);
  }

  /**
   * Runs `work` in one transaction, which is rolled back when it throws; after a deadlock it runs again. Never nest: use the
   * session that `work` gets. Throws UNAVAILABLE where the database is out of reach.
   */
  async write<T>(work: (session: Session) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    if (options.callerRetries) return this.writeOnce(work, options);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.writeOnce(work, options);
      } catch (error) {
        // Whether it took effect is unknown: the caller must look.
        if (isConnectionLoss(error)) throw unavailable();
        if (!isTransient(error)) throw error;
        if (attempt >= WRITE_ATTEMPTS) throw unavailable();
        await pause(RETRY_PAUSE_MS * attempt * (0.5 + Math.random()));
      }
    }
  }

  private async writeOnce<T>(work: (session: Session) => Promise<T>, options: WriteOptions): Promise<T> {
    if (this.kind === 'mysql') return this.transact(work, options);
    const turn = this.lastWrite.then(async () => {
      try {
        return await this.transact(work, options);
      } finally {
        // SQLite works on microtasks alone: without this pause, a busy queue would starve sockets and timers.
        await new Promise((resume) => setImmediate(resume));
      }
    });
    this.lastWrite = turn.catch(() => undefined);
    return turn;
  }

  /** Brings the schema up to date. */
  async migrate(): Promise<void> {
    await this.alone(() => this.writing.runMigrations({ transaction: 'each' }));
  }

  /** Runs `work` while no other process runs its own: several may start at once on one MySQL database; SQLite has one. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.kind === 'sqlite') return work();
    const runner = this.writing.createQueryRunner();
    try {
      const [{ taken }] = (await runner.query('SELECT GET_LOCK(?, ?) AS taken', [START_LOCK, START_LOCK_SECONDS])) as [
        { taken: unknown },
      ];
      if (Number(taken) !== 1) throw new Error('Another process has been starting on this database for too long.');
      try {
        return await work();
      } finally {
        await runner.query('SELECT RELEASE_LOCK(?)', [START_LOCK]);
      }
    } finally {
      await runner.release();
    }
  }

  /** Whether the schema's tables can be read: a lost quorum still answers `SELECT 1`. */
  async isReady(): Promise<boolean> {
    try {
      await this.reader.query('SELECT code FROM plans ORDER BY id LIMIT 1');
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    await this.lastWrite;
    await this.reading.destroy();
    // So that the file alone holds everything: a copy of it is then a backup.
    if (this.kind === 'sqlite') await this.writing.query('PRAGMA wal_checkpoint(TRUNCATE)');
    await this.writing.destroy();
  }

  private async transact<T>(work: (session: Session) => Promise<T>, options: WriteOptions): Promise<T> {
    const runner = this.writing.createQueryRunner();
    let session: TransactionSession | null = null;
    try {
      session = await this.sessionOf(runner);
      if (!options.beginWithFirstStatement) await session.begin();
      const result = await work(session);
      await session.commit();
      return result;
    } catch (error) {
      // The rollback of a lost connection fails too; the first error is the one that counts.
      await session?.rollback().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  }

  private async sessionOf(runner: QueryRunner): Promise<TransactionSession> {
    const connection: unknown = await runner.connect();
    return this.kind === 'mysql'
      ? new MysqlSession(connection as MysqlConnection, runner.manager)
      : new SqliteSession(connection as SqliteDatabase, runner.manager, this.sqliteStatements);
  }
}

/** Every connection of the pool, before its first statement. */
async function prepareConnections(dataSource: DataSource): Promise<void> {
  const { pool } = dataSource.driver as unknown as { pool: MysqlPool };
  pool.on('connection', (connection) => {
    // NO_BACKSLASH_ESCAPES would defeat the escaping of parameters, so the mode is set, not inherited.
    connection.query(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO', innodb_lock_wait_timeout = 2",
    );
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  });
  // TypeORM has opened one already, which must not be used as it is.
  await new Promise<void>((resolve, reject) => {
    pool.getConnection((error, connection) => {
      if (error) return reject(error);
      connection.destroy();
      resolve();
    });
  });
}

interface MysqlPool {
  on(event: 'connection', listener: (connection: { query(sql: string): void }) => void): void;
  getConnection(done: (error: Error | null, connection: { destroy(): void }) => void): void;
}

function readerOf(dataSource: DataSource): Session {
  const query = <Row>(sql: string, parameters: readonly unknown[] = []) =>
    dataSource.query<Row[]>(sql, [...parameters]);
  const refuse = () => Promise.reject(new Error('The reader does not write.'));
  return {
    manager: dataSource.manager,
    query,
    execute: refuse,
    queryAll: <Row>(statements: readonly Statement[]) =>
      Promise.all(statements.map(({ sql, parameters }) => query<Row>(sql, parameters))),
    executeAll: refuse,
    finish: refuse,
  };
}
