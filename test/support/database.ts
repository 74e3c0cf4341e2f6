import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createConnection } from 'mysql2/promise';

export type DatabaseKind = 'sqlite' | 'mysql';

declare global {
  /** Which database the running project tests against; set by test/jest.config.js. */
  var databaseKind: DatabaseKind;
}

export interface TestDatabase {
  /** A DATABASE_URL: `sqlite:/path/to/file` or `mysql://user@host:port/name`. */
  readonly url: string;
  /** Removes the database; the service that used it must be stopped first. */
  drop(): Promise<void>;
}

/** Creates an empty database that nobody else uses, so that test files may run side by side. */
export async function createTestDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  return kind === 'sqlite' ? createSqliteDatabase() : createMysqlDatabase();
}

async function createSqliteDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(path.join(tmpdir(), 'icr-sqlite-'));
  return {
    url: `sqlite:${path.join(folder, 'test.sqlite')}`,
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

async function createMysqlDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runOnServer(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runOnServer(`DROP DATABASE IF EXISTS ${name}`) };
}

/** A connection per statement: a pool kept here would hold jest's worker open after the last test. */
async function runOnServer(statement: string): Promise<void> {
  const connection = await createConnection(serverUrl());
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}

function serverUrl(): string {
  const url = process.env['TEST_MYSQL_URL'];
  if (!url) throw new Error('TEST_MYSQL_URL is not set: only the mysql project has a MySQL server.');
  return url;
}

/** Which database the running project tests against. */
export function databaseKindOf(): DatabaseKind {
  return globalThis.databaseKind;
}
