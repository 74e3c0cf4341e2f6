import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DataSource, type MixedList, type QueryRunner } from 'typeorm';
import { LRUCache } from 'lru-cache';
import { notBegun, unavailable } from '../errors';
import {
  connectionOptions,
  databaseKind,
  type DatabaseKind,
  MAX_WAITING_CALLERS,
  SQLITE_SERVING_BUSY_TIMEOUT_MS,
} from './connection-options';
import { type Deadlines, DEADLINES } from './deadlines';
import { isAway, isConflict, isConnectionLoss, isTransient, isUnfitNode } from './failure';
import { linkTo, type MysqlLink } from './mysql-link';
import { type MysqlConnection, MysqlSession, quoted } from './mysql-session';
import { type GuardedStatement, RowsMismatch, type Session, type Statement, type TransactionSession } from './session';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver';
import { SqliteSession } from './sqlite-session';
import { Turns } from './turns';

export type { GuardedStatement, Session, Statement };
export { quoted, RowsMismatch };

export interface WriteOptions {
  /** The caller runs failed work again by itself, and says what became of it. */
  readonly callerRetries?: boolean;
  /** Saves a round trip. Only for work that does not use the session's manager before its first statement. */
  readonly beginWithFirstStatement?: boolean;
}

const WRITE_ATTEMPTS = 8;
/** After this a write that keeps colliding is given up. */
const WRITE_MS = 5_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;
const READ_ATTEMPTS = 3;
/**
 * Of the ten connections of the writing pool; the others are the ledger's, for its lane and for owners that it has
 * set aside.
 */
const WRITES_AT_ONCE = 5;
const START_LOCK = 'integration-credits start';
const START_LOCK_SECONDS = 60;

/** Prepared statements kept for the writing connection: the ledger's texts come back with every batch. */
const SQLITE_STATEMENTS = 200;

/**
 * The one way to the database. Writes are transactions: on MySQL each on its own connection, READ COMMITTED
 * (REPEATABLE READ's range locks deadlock); on SQLite one after the other on the only writing connection, since
 * TypeORM shares it and concurrent transactions would become one another's savepoints. Reads see committed data only.
 */
export class Database {
  /** Statements outside any transaction, for reading. */
  readonly reader: Session;
  private lastWrite: Promise<unknown> = Promise.resolve();
  private readonly turns: Turns;
  private readonly sqliteStatements = new LRUCache<string, SqliteStatement>({ max: SQLITE_STATEMENTS });

  private constructor(
    readonly kind: DatabaseKind,
    private readonly writing: DataSource,
    private readonly reading: DataSource,
    /** How MySQL is reached; null for SQLite, which is in this process. */
    private readonly link: MysqlLink | null,
    private readonly isGalera = false,
  ) {
    this.reader = readerOf(reading);
    const waitMs = link?.deadlines.acquireMs ?? DEADLINES.acquireMs;
    this.turns = new Turns({ atOnce: WRITES_AT_ONCE, waiting: MAX_WAITING_CALLERS, waitMs });
  }

  /**
   * Connects. The schema is brought up to date by `migrate`. With `mustExist`, a file that is not there is an error
   * instead of made: who only looks must not leave an empty database behind.
   */
  static async open(
    databaseUrl: string,
    entities: MixedList<new () => object>,
    { mustExist = false, deadlines = DEADLINES }: { mustExist?: boolean; deadlines?: Deadlines } = {},
  ): Promise<Database> {
    if (databaseKind(databaseUrl) === 'mysql') return Database.openMysql(databaseUrl, entities, deadlines);
    const file = path.resolve(databaseUrl.slice('sqlite:'.length));
    // TypeORM would make the folder, and SQLite the file.
    if (mustExist && !existsSync(file)) throw new Error(`there is no database ${file}.`);
    await mkdir(path.dirname(file), { recursive: true });
    const writing = new DataSource(connectionOptions(databaseUrl, { entities }));
    await writing.initialize();
    const reading = new DataSource(connectionOptions(databaseUrl, { entities, readonly: true }));
    try {
      await reading.initialize();
    } catch (error) {
      await writing.destroy();
      throw error;
    }
    return new Database('sqlite', writing, reading, null);
  }

  private static async openMysql(
    databaseUrl: string,
    entities: MixedList<new () => object>,
    deadlines: Deadlines,
  ): Promise<Database> {
    const link = linkTo(databaseUrl, deadlines);
    const pools = (['writing', 'reading'] as const).map((name) => {
      const { openSocket } = link[name];
      // Two pools: reads that take long must not keep debits waiting for a connection.
      const options = { entities, connectMs: deadlines.connectMs, openSocket };
      return { connections: link[name], dataSource: new DataSource(connectionOptions(databaseUrl, options)) };
    });
    try {
      for (const { connections, dataSource } of pools) {
        await dataSource.initialize();
        await connections.adopt(dataSource);
      }
    } catch (error) {
      await Promise.all(pools.map(({ connections, dataSource }) => connections.close(dataSource)));
      throw error;
    }
    const [writing, reading] = pools.map(({ dataSource }) => dataSource) as [DataSource, DataSource];
    return new Database('mysql', writing, reading, link, await isGalera(reading));
  }

  /** Whether the database is known to be out of reach: then whatever is asked of it is refused at once. */
  get isAway(): boolean {
    return this.link?.reachability.isAway ?? false;
  }

  /** Calls `listener` whenever the database goes out of reach, with the reason, or comes back. */
  onReachability(listener: (away: boolean, reason: unknown) => void): void {
    this.link?.reachability.onChange(listener);
  }

  /**
   * Runs `work` in one transaction, which is rolled back when it throws; after a conflict or a lost connection it
   * runs again, a bounded number of times. Never nest: use the session that `work` gets. Throws UNAVAILABLE where the
   * database is out of reach, or where it is unknown whether the commit took effect: the caller must look.
   */
  async write<T>(work: (session: Session) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    if (options.callerRetries) return this.writeOnce(work, options);
    const start = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        const once = () => this.writeOnce(work, options);
        return await (this.link ? this.turns.take(once) : once());
      } catch (error) {
        if (error instanceof UnknownOutcome) throw unavailable();
        if (!isTransient(error)) throw error;
        // Nothing of it took effect.
        if (isAway(error) || attempt >= WRITE_ATTEMPTS || performance.now() - start >= WRITE_MS) throw notBegun();
        await pause(pauseMs(attempt));
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

  /** Brings the schema up to date; from then on the process serves. */
  async migrate(): Promise<void> {
    const migrate = () => this.writing.runMigrations({ transaction: 'each' });
    // A migration takes as long as it takes.
    await this.alone(() => (this.link ? this.link.writing.withoutDeadlines(migrate) : migrate()));
    if (this.link) return;
    for (const connection of [this.writing, this.reading]) {
      await connection.query(`PRAGMA busy_timeout = ${SQLITE_SERVING_BUSY_TIMEOUT_MS}`);
    }
  }

  /**
   * Runs `work` while no other process runs its own: several may start at once on one MySQL database; SQLite has one.
   */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.kind === 'sqlite') return work();
    const runner = this.writing.createQueryRunner();
    try {
      this.link?.writing.limit((await runner.connect()) as object, Infinity);
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

  /**
   * Whether the schema's tables can be read: a lost quorum still answers `SELECT 1` (hazard 11). Knows it within 2 s.
   */
  async isReady(): Promise<boolean> {
    try {
      if (this.link) return await this.link.isReady();
      await this.reader.query('SELECT code FROM plans ORDER BY id LIMIT 1');
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    await this.lastWrite;
    if (this.link) return this.link.close(this.writing, this.reading);
    await this.reading.destroy();
    // So that the file alone holds everything: a copy of it is then a backup.
    await this.writing.query('PRAGMA wal_checkpoint(TRUNCATE)');
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
      // Another connection may lead to a node that can write.
      if (isUnfitNode(error)) session?.abandon();
      if (session?.committing && isTransient(error) && !isConflict(error) && !options.callerRetries) {
        throw new UnknownOutcome();
      }
      throw error;
    } finally {
      await runner.release();
    }
  }

  private async sessionOf(runner: QueryRunner): Promise<TransactionSession> {
    const connection: unknown = await runner.connect();
    return this.kind === 'mysql'
      ? new MysqlSession(connection as MysqlConnection, runner.manager, this.isGalera)
      : new SqliteSession(connection as SqliteDatabase, runner.manager, this.sqliteStatements);
  }
}

/** Whether the server is a node of a Galera cluster, of MariaDB, MySQL or Percona. */
async function isGalera(dataSource: DataSource): Promise<boolean> {
  const rows = await dataSource.query<{ Value: string }[]>("SHOW GLOBAL VARIABLES LIKE 'wsrep_on'");
  return rows[0]?.Value === 'ON';
}

/** Whether a transaction took effect is unknown: its COMMIT was sent, and not answered. */
class UnknownOutcome extends Error {}

/** Longer and longer, and by chance, so that writers that collided do not collide again. */
function pauseMs(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS) * (0.5 + Math.random());
}

function readerOf(dataSource: DataSource): Session {
  const query = async <Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await dataSource.query<Row[]>(sql, [...parameters]);
      } catch (error) {
        // A read has no outcome that could be unknown.
        if (!isConnectionLoss(error) || isAway(error) || attempt >= READ_ATTEMPTS) throw error;
        await pause(pauseMs(attempt));
      }
    }
  };
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
