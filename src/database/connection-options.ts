import path from 'node:path';
import type { ConnectionOptions } from 'mysql2';
import type { DataSourceOptions, MixedList } from 'typeorm';
import { DEADLINES } from './deadlines';
import type { MysqlSocketOpener } from './mysql-connections';
import { SqliteDatabase } from './sqlite-driver';
import { migrations } from './migrations';

export type DatabaseKind = 'sqlite' | 'mysql';

type Entities = MixedList<new () => object>;

/**
 * Keys fall on random pages of their index. With the 2 MB that SQLite takes by itself, those of a larger database are read again for
 * each debit, and written again at each checkpoint, which comes every 4 MB: 17,000 debits/s then, 20,000 with these.
 */
const SQLITE_CACHE_KIB = 64 * 1_024;
const SQLITE_CHECKPOINT_PAGES = 8_000;

/** While a process starts, or is a command line's. */
const SQLITE_BUSY_TIMEOUT_MS = 5_000;
/**
 * While it serves: SQLite waits in the way of everything else that the process does, so who needs longer waits
 * between attempts.
 */
export const SQLITE_SERVING_BUSY_TIMEOUT_MS = 50;
/** How many callers may wait for a connection of one pool; more are UNAVAILABLE at once. */
export const MAX_WAITING_CALLERS = 2_000;

export function databaseKind(databaseUrl: string): DatabaseKind {
  return databaseUrl.startsWith('sqlite:') ? 'sqlite' : 'mysql';
}

/**
 * TypeORM's options for a DATABASE_URL. `readonly` opens SQLite's second connection, which sees committed data only.
 */
export function connectionOptions(
  databaseUrl: string,
  settings: {
    entities: Entities;
    readonly?: boolean;
    poolSize?: number;
    connectMs?: number;
    openSocket?: MysqlSocketOpener;
  },
): DataSourceOptions {
  const { entities } = settings;
  return databaseKind(databaseUrl) === 'sqlite'
    ? {
        type: 'better-sqlite3',
        driver: SqliteDatabase,
        database: path.resolve(databaseUrl.slice('sqlite:'.length)),
        readonly: settings.readonly ?? false,
        timeout: SQLITE_BUSY_TIMEOUT_MS,
        entities,
        migrations,
        migrationsTableName: 'migrations',
        // A connection's own settings, so a write is on disk when it is acknowledged.
        prepareDatabase: (database: SqliteDatabase) => {
          if (settings.readonly) return;
          database.pragma('journal_mode = WAL');
          database.pragma('synchronous = FULL');
          database.pragma(`cache_size = -${SQLITE_CACHE_KIB}`);
          database.pragma(`wal_autocheckpoint = ${SQLITE_CHECKPOINT_PAGES}`);
        },
      }
    : {
        type: 'mysql',
        ...mysqlCredentials(databaseUrl),
        poolSize: settings.poolSize ?? 10,
        charset: 'utf8mb4',
        timezone: 'Z',
        connectTimeout: settings.connectMs ?? DEADLINES.connectMs,
        // A batch's statements travel together. All values are parameters, which the driver escapes.
        multipleStatements: true,
        // Every integer of ours is below 2^53, so BIGINT columns are read as numbers, not as strings.
        supportBigNumbers: true,
        bigNumberStrings: false,
        entities,
        migrations,
        migrationsTableName: 'migrations',
        extra: {
          maxIdle: settings.poolSize ?? 10,
          queueLimit: MAX_WAITING_CALLERS,
          ...(settings.openSocket && { stream: settings.openSocket }),
        },
      };
}

/** mysql2's options for one connection that belongs to no pool. */
export function mysqlConnectionOptions(databaseUrl: string): ConnectionOptions {
  const { username: user, ...server } = mysqlCredentials(databaseUrl);
  return { ...server, user, charset: 'utf8mb4' };
}

function mysqlCredentials(databaseUrl: string) {
  const url = new URL(databaseUrl);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(url.searchParams.get('ssl') === 'true' && { ssl: { rejectUnauthorized: true } }),
    port: url.port ? Number(url.port) : 3306,
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
  };
}
