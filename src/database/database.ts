import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { DataSource, type MixedList, type QueryRunner } from 'typeorm';
import { LRUCache } from 'lru-cache';
import { unavailable } from '../errors';
import { connectionOptions, databaseKind, type DatabaseKind } from './connection-options';
import { isConnectionLoss } from './failure';
import { type MysqlConnection, MysqlSession } from './mysql-session';
import type { Session, Statement, TransactionSession } from './session';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver';
import { SqliteSession } from './sqlite-session';

export type { Session, Statement };

export interface WriteOptions {
  /** Saves a round trip. Only for work that does not use the session's manager before its first statement. */
  readonly beginWithFirstStatement?: boolean;
}

const MIGRATION_LOCK = 'integration-credits migrations';
const MIGRATION_LOCK_SECONDS = 60;

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
    if (kind === 'mysql') prepareConnections(writing);
    if (kind === 'mysql') return new Database(kind, writing, writing);
    const reading = new DataSource(connectionOptions(databaseUrl, { entities, readonly: true }));
    await reading.initialize();
    return new Database(kind, writing, reading);
  }

  /** Runs `work` in one transaction, which is rolled back when it throws. Never nest: use the session that `work` gets. */
  async write<T>(work: (session: Session) => Promise<T>, options: WriteOptions = {}): Promise<T> {
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

  /**
   * Brings the schema up to date and then runs `work`, while no other process does: several may start at once on one database.
   * A lock of MySQL's own holds them apart; on SQLite there is one process.
   */
  async migrate<T>(work: () => Promise<T>): Promise<T> {
    if (this.kind === 'sqlite') return this.migrateAlone(work);
    const runner = this.writing.createQueryRunner();
    try {
      const [{ taken }] = (await runner.query('SELECT GET_LOCK(?, ?) AS taken', [
        MIGRATION_LOCK,
        MIGRATION_LOCK_SECONDS,
      ])) as [{ taken: unknown }];
      if (Number(taken) !== 1) throw new Error('Another process has been migrating this database for too long.');
      try {
        return await this.migrateAlone(work);
      } finally {
        await runner.query('SELECT RELEASE_LOCK(?)', [MIGRATION_LOCK]);
      }
    } finally {
      await runner.release();
    }
  }

  private async migrateAlone<T>(work: () => Promise<T>): Promise<T> {
    await this.writing.runMigrations({ transaction: 'each' });
    return work();
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
    if (this.reading !== this.writing) await this.reading.destroy();
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

/** Every new connection of the pool, before its first statement. */
function prepareConnections(dataSource: DataSource): void {
  const { pool } = dataSource.driver as unknown as { pool: MysqlPool };
  pool.on('connection', (connection) => {
    // NO_BACKSLASH_ESCAPES would defeat the escaping of parameters, so the mode is set, not inherited.
    connection.query(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO', innodb_lock_wait_timeout = 5",
    );
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  });
}

interface MysqlPool {
  on(event: 'connection', listener: (connection: { query(sql: string): void }) => void): void;
}

function readerOf(dataSource: DataSource): Session {
  const guarded = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      if (isConnectionLoss(error)) throw unavailable();
      throw error;
    }
  };
  const query = <Row>(sql: string, parameters: readonly unknown[] = []) =>
    guarded(() => dataSource.query<Row[]>(sql, [...parameters]));
  const refuse = () => Promise.reject(new Error('The reader does not write.'));
  return {
    manager: dataSource.manager,
    query,
    execute: refuse,
    queryAll: <Row>(statements: readonly Statement[]) =>
      Promise.all(statements.map(({ sql, parameters }) => query<Row>(sql, parameters))),
    executeAll: refuse,
  };
}
