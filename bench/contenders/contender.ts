import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

/** Credits that each owner starts with: more than any run can use, so that nothing is refused. */
export const STARTING_CREDITS = 2_000_000_000;

/** Who is debited: one owner by everybody, or one of many at random. */
export type Scenario = 'hot' | 'many';

/** A running service with owners to debit: ours or a rival. */
export interface Contender {
  name: string;
  /** Where it serves; several where it runs as several processes. */
  urls: string[];
  /** Its processes, where a measure looks at them. */
  pids?: number[];
  /** Which request template it is sent. */
  request: 'invokeLlm' | 'echo';
  /** The Bearer keys to debit with. */
  keys: Record<Scenario, string[]>;
  /**
   * What the service has recorded since its start, counted in the database and not by the service's own word; null
   * where it keeps nothing.
   */
  tally(): Promise<Tally | null>;
  stop(): Promise<void>;
}

export interface Tally {
  /** Rows of history; null where it keeps only a count. */
  rows: number | null;
  /** Credits that are gone from the balances. */
  debits: number;
}

/** Makes an empty database on a MariaDB and returns its URL and a connection to it, which the caller ends. */
export async function createDatabase(
  mariadbUrl: string,
  name: string,
): Promise<{ databaseUrl: string; connection: Connection }> {
  const url = new URL(mariadbUrl);
  url.pathname = `/${name}`;
  const server = await createConnection(mariadbUrl);
  await server.query(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  await server.end();
  return { databaseUrl: url.href, connection: await createConnection(url.href) };
}

/** The one number that a query selects. Sums come as text and as NULL for no rows; both read as numbers. */
export async function selectNumber(connection: Connection, query: string): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>(query);
  const value = Number(Object.values(rows[0] ?? {})[0] ?? 0);
  if (!Number.isSafeInteger(value)) throw new Error(`not a whole number: ${query}`);
  return value;
}
