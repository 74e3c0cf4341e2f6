import path from 'node:path';
import type { DataSourceOptions, MixedList } from 'typeorm';
import { SqliteDatabase } from './sqlite-driver';
import { migrations } from './migrations';

export type DatabaseKind = 'sqlite' | 'mysql';

type Entities = MixedList<new () => object>;

const CONNECT_TIMEOUT_MS = 5_000;
const SQLITE_BUSY_TIMEOUT_MS = 5_000;

export function databaseKind(databaseUrl: string): DatabaseKind {
  return databaseUrl.startsWith('sqlite:') ? 'sqlite' : 'mysql';
}

/** TypeORM's options for a DATABASE_URL. `readonly` opens SQLite's second connection, which sees committed data only. */
export function connectionOptions(
  databaseUrl: string,
  settings: { entities: Entities; readonly?: boolean; poolSize?: number },
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
        },
      }
    : {
        type: 'mysql',
        ...mysqlCredentials(databaseUrl),
        poolSize: settings.poolSize ?? 10,
        charset: 'utf8mb4',
        timezone: 'Z',
        connectTimeout: CONNECT_TIMEOUT_MS,
        // A batch's statements travel together. All values are parameters, which the driver escapes.
        multipleStatements: true,
        // Every integer of ours is below 2^53, so BIGINT columns are read as numbers, not as strings.
        supportBigNumbers: true,
        bigNumberStrings: false,
        entities,
        migrations,
        migrationsTableName: 'migrations',
        extra: { maxIdle: settings.poolSize ?? 10, enableKeepAlive: true },
      };
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
