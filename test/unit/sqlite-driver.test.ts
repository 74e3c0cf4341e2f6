import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DataSource } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SqliteDatabase } from '../../src/database/sqlite-driver';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sqlite-driver-'));
  file = path.join(folder, 'test.sqlite');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function openWithTable(): SqliteDatabase {
  return new SqliteDatabase(file).exec('CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, b BLOB, s TEXT UNIQUE)');
}

describe('integers', () => {
  const largestSafe = BigInt(Number.MAX_SAFE_INTEGER);

  test.each([
    { stored: 0n, read: 0 },
    { stored: -1n, read: -1 },
    { stored: largestSafe, read: Number.MAX_SAFE_INTEGER },
    { stored: -largestSafe, read: -Number.MAX_SAFE_INTEGER },
    { stored: largestSafe + 1n, read: largestSafe + 1n },
    { stored: largestSafe + 2n, read: largestSafe + 2n },
    { stored: -largestSafe - 2n, read: -largestSafe - 2n },
    { stored: 2n ** 63n - 1n, read: 2n ** 63n - 1n },
    { stored: -(2n ** 63n), read: -(2n ** 63n) },
  ])('$stored is read back exactly', ({ stored, read }) => {
    const database = openWithTable();
    database.prepare('INSERT INTO t (n) VALUES (?)').run(stored);
    const select = database.prepare('SELECT n FROM t');
    expect(select.all()).toStrictEqual([{ n: read }]);
    expect(select.get()).toStrictEqual({ n: read });
    expect([...select.iterate()]).toStrictEqual([{ n: read }]);
    database.close();
  });

  test('a row id beyond 2^53 is exact in what run returns', () => {
    const database = openWithTable();
    const id = 2n ** 62n + 1n;
    expect(database.prepare('INSERT INTO t (id) VALUES (?)').run(id)).toEqual({ changes: 1, lastInsertRowid: id });
    expect(database.prepare('UPDATE t SET n = 1').run().changes).toBe(1);
    database.close();
  });

  test('whole numbers are stored as integers and others as reals', () => {
    const database = new SqliteDatabase(':memory:');
    const row = database
      .prepare('SELECT typeof(?) AS a, typeof(?) AS b, typeof(?) AS c, typeof(?) AS d')
      .get(1, 2 ** 40, 0.5, true);
    expect(row).toStrictEqual({ a: 'integer', b: 'integer', c: 'real', d: 'integer' });
    database.close();
  });
});

describe('statements', () => {
  test('know whether they return rows', () => {
    const database = openWithTable();
    expect(database.prepare('SELECT 1').reader).toBe(true);
    expect(database.prepare('PRAGMA journal_mode').reader).toBe(true);
    expect(database.prepare('INSERT INTO t (n) VALUES (1)').reader).toBe(false);
    expect(database.prepare('BEGIN IMMEDIATE').reader).toBe(false);
    database.close();
  });

  test('a cached SELECT * sees a column that was added after it was prepared', () => {
    const database = openWithTable();
    const select = database.prepare('SELECT * FROM t');
    database.exec(`INSERT INTO t (n) VALUES (7); ALTER TABLE t ADD COLUMN added TEXT DEFAULT 'new'`);
    expect(select.all()).toStrictEqual([{ id: 1, n: 7, b: null, s: null, added: 'new' }]);
    database.close();
  });

  test('a blob comes back as a Buffer', () => {
    const database = openWithTable();
    database.prepare('INSERT INTO t (b) VALUES (?), (?)').run(Buffer.from('abc'), new Uint8Array([1, 2]));
    const blobs = database
      .prepare('SELECT b FROM t ORDER BY id')
      .all()
      .map((row) => row['b']);
    expect(blobs.every((blob) => Buffer.isBuffer(blob))).toBe(true);
    expect(blobs).toEqual([Buffer.from('abc'), Buffer.from([1, 2])]);
    database.close();
  });

  test.each([[new Date(0)], [{ n: 1 }], [[1]], [undefined]])('refuse to bind %p instead of storing NULL', (value) => {
    const database = openWithTable();
    expect(() => database.prepare('INSERT INTO t (n) VALUES (?)').run(value)).toThrow(/cannot be bound/);
    expect(database.prepare('SELECT * FROM t').all()).toEqual([]);
    database.close();
  });

  test('an error carries the extended result code of SQLite', () => {
    const database = openWithTable();
    const insert = database.prepare('INSERT INTO t (s) VALUES (?)');
    insert.run('once');
    expect(() => insert.run('once')).toThrow(expect.objectContaining({ errcode: 2067 }));
    database.close();
  });
});

describe('connections', () => {
  test('a read-only connection sees committed rows and refuses writes', () => {
    const writer = openWithTable();
    writer.pragma('journal_mode = WAL');
    const reader = new SqliteDatabase(file, { readonly: true });
    writer.exec('BEGIN; INSERT INTO t (n) VALUES (1)');
    expect(reader.prepare('SELECT n FROM t').all()).toEqual([]);
    writer.exec('COMMIT');
    expect(reader.prepare('SELECT n FROM t').all()).toEqual([{ n: 1 }]);
    expect(() => reader.prepare('INSERT INTO t (n) VALUES (2)').run()).toThrow(expect.objectContaining({ errcode: 8 }));
    reader.close();
    writer.close();
  });

  test('fileMustExist refuses to create a file', () => {
    expect(() => new SqliteDatabase(file, { fileMustExist: true })).toThrow(/does not exist/);
  });

  test('a locked database is waited for as long as the timeout says', () => {
    const first = openWithTable().exec('BEGIN IMMEDIATE');
    const second = new SqliteDatabase(file, { timeout: 50 });
    expect(second.pragma('busy_timeout', { simple: true })).toBe(50);
    expect(() => second.exec('BEGIN IMMEDIATE')).toThrow(expect.objectContaining({ errcode: 5 }));
    first.close();
    second.close();
  });

  test('pragma returns rows, or the first value, or nothing', () => {
    const database = openWithTable();
    expect(database.pragma('foreign_keys = ON')).toEqual([]);
    expect(database.pragma('foreign_keys')).toEqual([{ foreign_keys: 1 }]);
    expect(database.pragma('journal_mode = WAL', { simple: true })).toBe('wal');
    expect(database.pragma('table_info("t")')).toHaveLength(4);
    database.close();
    database.close();
    expect(database.open).toBe(false);
  });

  test('a transaction commits what returns, rolls back what throws, and is never nested', () => {
    const database = openWithTable();
    const insert = database.transaction((n: number, fail: boolean) => {
      database.prepare('INSERT INTO t (n) VALUES (?)').run(n);
      if (fail) throw new Error('given up');
      return n;
    });
    expect(insert(1, false)).toBe(1);
    expect(() => insert(2, true)).toThrow('given up');
    expect(() => database.transaction(() => insert(3, false))()).toThrow(/already open/);
    expect(() => database.transaction(async () => Promise.resolve())()).toThrow(/synchronous/);
    expect(database.inTransaction).toBe(false);
    expect(database.prepare('SELECT n FROM t').all()).toEqual([{ n: 1 }]);
    database.close();
  });
});

describe('under TypeORM', () => {
  class CreateThings1700000000000 implements MigrationInterface {
    readonly name = 'CreateThings1700000000000';
    async up(runner: QueryRunner): Promise<void> {
      await runner.query('CREATE TABLE thing (id INTEGER PRIMARY KEY, size BIGINT NOT NULL, hash BINARY(2) NOT NULL)');
    }
    async down(runner: QueryRunner): Promise<void> {
      await runner.query('DROP TABLE thing');
    }
  }

  test('a DataSource runs a migration once and a query', async () => {
    const dataSource = new DataSource({
      type: 'better-sqlite3',
      driver: SqliteDatabase,
      database: file,
      enableWAL: true,
      migrations: [CreateThings1700000000000],
    });
    await dataSource.initialize();
    expect((await dataSource.runMigrations()).map((migration) => migration.name)).toEqual([
      'CreateThings1700000000000',
    ]);
    expect(await dataSource.runMigrations()).toEqual([]);

    await dataSource.transaction(async (manager) => {
      const hash = Buffer.from([1, 2]);
      await manager.query('INSERT INTO thing (size, hash) VALUES (?, ?), (?, ?)', [1, hash, 2n ** 60n, hash]);
    });
    expect(await dataSource.query('SELECT size, hash FROM thing ORDER BY id LIMIT ?', [10])).toEqual([
      { size: 1, hash: Buffer.from([1, 2]) },
      { size: 2n ** 60n, hash: Buffer.from([1, 2]) },
    ]);
    expect(await dataSource.query('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    await dataSource.destroy();
  });
});
