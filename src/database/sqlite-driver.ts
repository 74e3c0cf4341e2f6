import { existsSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';

/** What SQLite can hold in a column, as this service sees it. */
export type SqliteValue = null | number | bigint | string | Buffer;

/** One result row; when two columns share a name, the last one wins, as in better-sqlite3. */
export type SqliteRow = Record<string, SqliteValue>;

/** The options TypeORM hands over; the names are better-sqlite3's. */
export interface SqliteDatabaseOptions {
  /** Opens an existing file for reading only; any write fails with `errcode` 8 (SQLITE_READONLY). */
  readonly readonly?: boolean;
  /** Refuses to create the file, so that a mistyped path cannot become an empty database. */
  readonly fileMustExist?: boolean;
  /** How long a statement waits for another connection's lock before it fails with `errcode` 5 (SQLITE_BUSY). */
  readonly timeout?: number;
}

const DEFAULT_BUSY_TIMEOUT_MS = 5_000;

/**
 * One SQLite connection, in the shape that TypeORM's `better-sqlite3` driver expects of its `driver` option.
 *
 * better-sqlite3 itself needs a compiler wherever its prebuilt binary cannot be fetched. `@photostructure/sqlite` carries one
 * Node-API binary per platform inside its package, which every supported Node version loads, so `npm ci` needs
 * neither a compiler nor a download. This class closes the gap between the two interfaces.
 *
 * Errors are the package's own: `code` is always ERR_SQLITE_ERROR, and `errcode` holds SQLite's extended result code (1555 PRIMARY
 * KEY, 2067 UNIQUE, 275 CHECK, 787 FOREIGN KEY, 5 BUSY).
 */
export class SqliteDatabase {
  private readonly connection: DatabaseSyncInstance;

  constructor(
    readonly name: string,
    { readonly = false, fileMustExist = false, timeout = DEFAULT_BUSY_TIMEOUT_MS }: SqliteDatabaseOptions = {},
  ) {
    if (fileMustExist && name !== ':memory:' && !existsSync(name)) {
      throw new Error(`The SQLite database ${name} does not exist.`);
    }
    this.connection = new DatabaseSync(name, { readOnly: readonly, timeout });
  }

  get open(): boolean {
    return this.connection.isOpen;
  }

  get inTransaction(): boolean {
    return this.connection.isTransaction;
  }

  prepare(sql: string): SqliteStatement {
    return new SqliteStatement(this.connection, sql);
  }

  /** Runs one PRAGMA and returns its rows; with `simple`, the first column of the first row. */
  pragma(source: string, { simple = false }: { simple?: boolean } = {}): SqliteRow[] | SqliteValue | undefined {
    const statement = this.prepare(`PRAGMA ${source}`);
    if (!statement.reader) {
      statement.run();
      return simple ? undefined : [];
    }
    const rows = statement.all();
    return simple ? Object.values(rows[0] ?? {})[0] : rows;
  }

  exec(sql: string): this {
    this.connection.exec(sql);
    return this;
  }

  /**
   * Wraps `body` so that it runs inside one transaction, which commits when it returns and rolls back when it throws.
   *
   * BEGIN IMMEDIATE, because a deferred transaction that reads first and writes later fails with SQLITE_BUSY at once, without the
   * busy timeout, when another connection wrote in between. Never nested: a savepoint would let an outer rollback
   * take back what the inner caller believes is committed.
   */
  transaction<Args extends unknown[], Result>(body: (...args: Args) => Result): (...args: Args) => Result {
    return (...args) => {
      if (this.inTransaction) throw new Error('A transaction is already open on this SQLite connection.');
      this.connection.exec('BEGIN IMMEDIATE');
      try {
        const result = body(...args);
        // A promise would still be running when COMMIT is sent, and its later writes would be outside the transaction.
        if (result instanceof Promise) throw new TypeError('A SQLite transaction body must be synchronous.');
        this.connection.exec('COMMIT');
        return result;
      } catch (error) {
        // SQLite rolls back by itself on some errors (disk full, out of memory); a second ROLLBACK would hide the first error.
        if (this.inTransaction) this.connection.exec('ROLLBACK');
        throw error;
      }
    };
  }

  /** Closes the connection; closing twice is allowed, since TypeORM and a failed start may both do it. */
  close(): void {
    if (this.connection.isOpen) this.connection.close();
  }
}

/**
 * A prepared statement.
 *
 * Rows are read as arrays of values with BigInt integers and then built into objects here. That is the cheapest of the
 * exact ways, and cheaper than the inexact default too, because the package sets each property of a row through Node-API: for 9
 * columns 1.4 µs a row, against 2.05 µs for the package's own objects, with or without BigInts (Node 20, 5,000 rows).
 * Reading plain numbers would also throw at the first integer beyond 2^53 - 1, after a writing statement had already run.
 */
export class SqliteStatement {
  /** True when the statement returns rows: TypeORM calls `all` on such a statement and `run` on any other. */
  readonly reader: boolean;
  private readonly statement: StatementSyncInstance;
  private readonly namesMayChange: boolean;
  private names: readonly string[];

  constructor(
    private readonly connection: DatabaseSyncInstance,
    readonly source: string,
  ) {
    this.statement = connection.prepare(source);
    this.names = columnNames(this.statement);
    this.reader = this.names.length > 0;
    if (this.reader) readExactArrays(this.statement);
    // Asking for the names costs 7 µs, so it is done once, except where a migration can change them under a cached statement.
    this.namesMayChange = source.includes('*');
  }

  all(...parameters: unknown[]): SqliteRow[] {
    const rows = this.statement.all(...bindable(parameters)) as unknown[][];
    // SQLite recompiles a statement when it runs, so the names are read after that.
    if (this.namesMayChange) this.names = columnNames(this.statement);
    return rows.map((row) => toRow(this.names, row));
  }

  get(...parameters: unknown[]): SqliteRow | undefined {
    const row = this.statement.get(...bindable(parameters)) as unknown[] | undefined;
    if (row === undefined) return undefined;
    if (this.namesMayChange) this.names = columnNames(this.statement);
    return toRow(this.names, row);
  }

  run(...parameters: unknown[]): { changes: number; lastInsertRowid: number | bigint } {
    const { changes, lastInsertRowid } = this.statement.run(...bindable(parameters));
    return { changes: Number(changes), lastInsertRowid: exact(lastInsertRowid) };
  }

  /** Reads rows one by one, on a statement of its own: TypeORM caches statements, and a second run would reset this one. */
  *iterate(...parameters: unknown[]): IterableIterator<SqliteRow> {
    const statement = this.connection.prepare(this.source);
    readExactArrays(statement);
    let names: readonly string[] | undefined;
    for (const row of statement.iterate(...bindable(parameters)) as IterableIterator<unknown[]>) {
      names ??= columnNames(statement);
      yield toRow(names, row);
    }
  }
}

function readExactArrays(statement: StatementSyncInstance): void {
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
}

function columnNames(statement: StatementSyncInstance): string[] {
  return statement.columns().map((column) => column.name);
}

/**
 * Prepares what the package would bind wrongly, in place, and refuses what it cannot bind.
 *
 * Refused are a Date and any plain object, which it takes for named parameters and stores as NULL; TypeORM and the
 * stores bind by position only. Whole numbers beyond 32 bits, such as an instant in milliseconds, it would bind as REAL.
 */
function bindable(parameters: unknown[]): unknown[] {
  for (let index = 0; index < parameters.length; index += 1) {
    const value = parameters[index];
    if (typeof value === 'number') {
      // The bitwise or is what it is to be a 32-bit integer; it costs nothing for the numbers that are.
      if ((value | 0) !== value && Number.isSafeInteger(value)) parameters[index] = BigInt(value);
    } else if (value === undefined || (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))) {
      const kind = value === undefined ? 'undefined' : (value.constructor?.name ?? 'object');
      throw new TypeError(`SQLite parameter ${index + 1} is of a kind that cannot be bound: ${kind}.`);
    }
  }
  return parameters;
}

/** A plain loop without intermediate objects, since every row of every query passes here. */
function toRow(names: readonly string[], values: readonly unknown[]): SqliteRow {
  const row: SqliteRow = {};
  for (let index = 0; index < names.length; index += 1) {
    const value = values[index];
    if (typeof value === 'bigint') row[names[index] as string] = exact(value);
    else if (value instanceof Uint8Array) row[names[index] as string] = toBuffer(value);
    else row[names[index] as string] = value as null | number | string;
  }
  return row;
}

/** A number where that is exact, else the BigInt itself, so that no digit is ever lost (hazard 10). */
function exact(integer: number | bigint): number | bigint {
  const asNumber = Number(integer);
  return Number.isSafeInteger(asNumber) ? asNumber : integer;
}

/** A view on the same bytes: better-sqlite3 and mysql2 return a Buffer, and callers use its toString('hex') and equals. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
