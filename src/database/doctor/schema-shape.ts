import { DataSource } from 'typeorm';
import { connectionOptions } from '../connection-options';

/** What can be compared of a schema across databases; of each table by name, of each part its name and its text. */
export interface TableShape {
  readonly columns: ReadonlyMap<string, string>;
  /** Primary key, unique and other indexes: `UNIQUE (owner_id, app_id, key_hash)`. */
  readonly indexes: ReadonlyMap<string, string>;
  readonly checks: ReadonlySet<string>;
}

export interface Schema {
  readonly tables: ReadonlyMap<string, TableShape>;
  /** Names of the migrations that were applied. */
  readonly migrations: readonly string[];
}

export type Row = Record<string, unknown>;
export type Query = (sql: string) => Promise<Row[]>;

const MIGRATIONS_TABLE = 'migrations';

/** What this build's migrations make: they are run on a database in memory, so that there is no second list of it. */
export async function expectedSchema(): Promise<Schema> {
  const options = connectionOptions('sqlite:memory', { entities: [] });
  const memory = new DataSource({ ...options, database: ':memory:' } as typeof options);
  await memory.initialize();
  try {
    await memory.runMigrations({ transaction: 'each' });
    return await sqliteSchema((sql) => memory.query<Row[]>(sql));
  } finally {
    await memory.destroy();
  }
}

/** The schema of an SQLite database. */
export async function sqliteSchema(query: Query): Promise<Schema> {
  const objects = await query("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'");
  const names = objects.filter(({ type }) => type === 'table').map(({ name }) => String(name));
  const tables = new Map<string, TableShape>();
  for (const name of names) {
    if (name === MIGRATIONS_TABLE) continue;
    const columns = await query(`PRAGMA table_info("${name.replaceAll('"', '""')}")`);
    const texts = objects.filter(({ tbl_name: table }) => table === name).map(({ sql }) => String(sql));
    tables.set(name, {
      columns: new Map(
        columns.map((row) => [String(row['name']), columnText(row['type'], Number(row['notnull']) !== 0)]),
      ),
      indexes: sqliteIndexes(columns, texts),
      checks: new Set(
        texts.flatMap((sql) => [...sql.matchAll(/CONSTRAINT (\w+) CHECK/g)].map(([, check]) => check ?? '')),
      ),
    });
  }
  return { tables, migrations: await appliedMigrations(query, names) };
}

function sqliteIndexes(columns: readonly Row[], texts: readonly string[]): Map<string, string> {
  const key = columns.filter(({ pk }) => Number(pk) > 0).sort((a, b) => Number(a['pk']) - Number(b['pk']));
  const found = new Map([
    [
      'PRIMARY',
      indexText(
        true,
        key.map(({ name }) => String(name)),
      ),
    ],
  ]);
  for (const sql of texts) {
    for (const [, name = '', list = ''] of sql.matchAll(/CONSTRAINT (\w+) UNIQUE \(([^)]+)\)/g)) {
      found.set(name, indexText(true, list.split(',')));
    }
    const index = /^CREATE (UNIQUE )?INDEX (\w+) ON \w+ \(([^)]+)\)/.exec(sql);
    if (index) found.set(index[2] ?? '', indexText(index[1] !== undefined, (index[3] ?? '').split(',')));
  }
  return found;
}

/** The schema of the MySQL database that is selected. A CHECK that is there and NOT ENFORCED counts as absent. */
export async function mysqlSchema(query: Query): Promise<Schema> {
  const ofThis = 'WHERE TABLE_SCHEMA = DATABASE()';
  const columns = await query(
    `SELECT TABLE_NAME AS t, COLUMN_NAME AS c, COLUMN_TYPE AS type, IS_NULLABLE AS nullable
     FROM information_schema.COLUMNS ${ofThis}`,
  );
  const parts = await query(
    `SELECT TABLE_NAME AS t, INDEX_NAME AS i, NON_UNIQUE AS repeats, COLUMN_NAME AS c
     FROM information_schema.STATISTICS ${ofThis} ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
  );
  // All columns: ENFORCED is MySQL's alone.
  const checks = await query(
    `SELECT * FROM information_schema.TABLE_CONSTRAINTS ${ofThis} AND CONSTRAINT_TYPE = 'CHECK'`,
  );
  const names = [...new Set(columns.map(({ t }) => String(t)))];
  const tables = new Map<string, TableShape>();
  for (const name of names) {
    if (name === MIGRATIONS_TABLE) continue;
    const own = parts.filter(({ t }) => t === name);
    const indexes = [...new Set(own.map(({ i }) => String(i)))].map((index): [string, string] => {
      const places = own.filter(({ i }) => i === index);
      return [
        index,
        indexText(
          Number(places[0]?.['repeats']) === 0,
          places.map(({ c }) => String(c)),
        ),
      ];
    });
    tables.set(name, {
      columns: new Map(
        columns
          .filter(({ t }) => t === name)
          .map((row) => [String(row['c']), columnText(row['type'], row['nullable'] === 'NO')]),
      ),
      indexes: new Map(indexes),
      checks: new Set(
        checks
          .filter((row) => row['TABLE_NAME'] === name && row['ENFORCED'] !== 'NO')
          .map((row) => String(row['CONSTRAINT_NAME'])),
      ),
    });
  }
  return { tables, migrations: await appliedMigrations(query, names) };
}

async function appliedMigrations(query: Query, tables: readonly string[]): Promise<string[]> {
  if (!tables.includes(MIGRATIONS_TABLE)) return [];
  return (await query(`SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`)).map(({ name }) => String(name));
}

/** Without the display width that MariaDB gives whole numbers and MySQL 8 does not. */
function columnText(type: unknown, notNull: boolean): string {
  const text = String(type)
    .toLowerCase()
    .replace(/^(bigint|int|smallint)\(\d+\)/, '$1');
  return `${text} ${notNull ? 'NOT NULL' : 'NULL'}`;
}

function indexText(unique: boolean, columns: readonly string[]): string {
  return `${unique ? 'UNIQUE' : 'INDEX'} (${columns.map((column) => column.trim()).join(', ')})`;
}
