import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { DatabaseSync } from '@photostructure/sqlite';
import type { Connection } from 'mysql2/promise';
import { PROJECT, startServer, typescriptArguments, type Server } from '../server';
import { createDatabase, selectNumber, STARTING_CREDITS, type Contender, type Tally } from './contender';
import { NODE_OPTIONS } from './rival';

const MAIN = join(PROJECT, 'dist', 'src', 'main.js');
const SET_UP_AT_ONCE = 16;
/** More than a run can use, and few enough to fit into a pool that has others. */
const ENOUGH_CREDITS = 500_000_000;

/** Answers a query with the one number it selects. */
type SelectNumber = (query: string) => Promise<number>;

interface OursOptions {
  name?: string;
  processes?: number;
  /** Of node, beyond those that our server is started with anyway. */
  nodeOptions?: string[];
}

/** Starts our built server on an empty MariaDB database and makes its owners by the API, as a client would. */
export async function startOurs(
  mariadbUrl: string,
  manyOwners: number,
  { name = 'ours', processes = 1, nodeOptions = [] }: OursOptions = {},
): Promise<Contender> {
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, name.replaceAll(/\W/g, '_'));
  const servers: Server[] = [];
  const adminKey = createAdminKey();
  // One after the other: the first one makes the tables and takes the ADMIN key.
  for (let index = 0; index < processes; index += 1) {
    const args = [...nodeOptions, ...mainArguments()];
    servers.push(await startServer({ name: 'our server', args, env: envOf(databaseUrl, adminKey) }));
  }
  return {
    name,
    urls: servers.map(({ url }) => `${url}/graphql`),
    pids: servers.map(({ pid }) => pid),
    request: 'invokeLlm',
    keys: await createOwners(servers[0]!, adminKey, manyOwners),
    tally: () => tally((query) => selectNumber(connection, query), manyOwners + 1),
    stop: async () => {
      await connection.end();
      for (const server of servers) await server.stop();
    },
  };
}

/** A history that was written before the server starts: whose it is, by public ids. */
export interface History {
  readonly ownerId: string;
  readonly appId: string;
}

/** Our server over an owner with a history, which may be asked about it with an ADMIN key. */
export interface GrownContender extends Contender {
  readonly databaseUrl: string;
  readonly history: History;
  ask<Data>(query: string, variables: object): Promise<Data>;
}

/** Starts our built server on a MariaDB database with a history; the hot owner is the one that has it. */
export async function startOursGrown(
  mariadbUrl: string,
  write: (databaseUrl: string, connection: Connection) => Promise<History>,
): Promise<GrownContender> {
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, 'grown');
  const history = await write(databaseUrl, connection);
  const adminKey = createAdminKey();
  const server = await startServer({ name: 'our server', args: mainArguments(), env: envOf(databaseUrl, adminKey) });
  const client = new AdminClient(`${server.url}/graphql`, adminKey);
  const pool = 'FROM pools ORDER BY last_sequence DESC LIMIT 1';
  const credits = { ownerId: history.ownerId, amount: ENOUGH_CREDITS, source: 'BONUS', idempotencyKey: 'bench' };
  await client.mutate('grantCredits', 'replayed', credits);
  const key = await client.mutate<{ secret: string }>('createApiKey', 'secret', {
    name: 'hot',
    role: 'APP',
    appId: history.appId,
  });
  const lastSequence = await selectNumber(connection, `SELECT last_sequence ${pool}`);
  const spent = await selectNumber(connection, `SELECT spent ${pool}`);
  return {
    name: 'ours, grown',
    urls: [`${server.url}/graphql`],
    request: 'invokeLlm',
    keys: { hot: [key.secret], many: [] },
    tally: async () => ({
      rows: await selectNumber(
        connection,
        `SELECT COUNT(*) FROM ledger_entries WHERE owner_id = (SELECT owner_id ${pool}) AND sequence > ${lastSequence} AND kind = 'DEBIT'`,
      ),
      debits: (await selectNumber(connection, `SELECT spent ${pool}`)) - spent,
    }),
    databaseUrl,
    history,
    ask: (query, variables) => client.ask(query, variables),
    stop: async () => {
      await connection.end();
      await server.stop();
    },
  };
}

/** Starts our built server on an empty SQLite file in `folder`, with one hot owner and `manyOwners` others. */
export async function startOursOnSqlite(folder: string, manyOwners: number): Promise<Contender> {
  const file = join(folder, 'ours.sqlite');
  const adminKey = createAdminKey();
  const server = await startServer({
    name: 'our server on SQLite',
    args: mainArguments(),
    env: envOf(`sqlite:${file}`, adminKey),
  });
  const database = new DatabaseSync(file, { readOnly: true });
  return {
    name: 'ours, SQLite',
    urls: [`${server.url}/graphql`],
    request: 'invokeLlm',
    keys: await createOwners(server, adminKey, manyOwners),
    tally: () => tally((query) => selectFromSqlite(database, query), manyOwners + 1),
    stop: async () => {
      database.close();
      await server.stop();
    },
  };
}

/**
 * Starts our built server with a ledger that answers debits from memory (ours-without-store.ts): HTTP, keys, access,
 * validation and resolvers as they are, and no store work.
 */
export async function startOursWithoutStore(folder: string): Promise<Contender> {
  const file = join(folder, 'without-store.sqlite');
  const adminKey = createAdminKey();
  const server = await startServer({
    name: 'our server without its store',
    args: [...NODE_OPTIONS, ...typescriptArguments(join(__dirname, 'ours-without-store.ts'))],
    env: { ...envOf(`sqlite:${file}`, adminKey), BUILT_SERVER: builtServer() },
  });
  const database = new DatabaseSync(file, { readOnly: true });
  return {
    name: 'ours, no-op',
    urls: [`${server.url}/graphql`],
    request: 'invokeLlm',
    keys: await createOwners(server, adminKey, 0),
    tally: async () => {
      const rows = await selectFromSqlite(database, "SELECT COUNT(*) FROM ledger_entries WHERE kind = 'DEBIT'");
      if (rows !== 1) throw new Error(`the first debit alone is real, but ${rows} were stored`);
      return null;
    },
    stop: async () => {
      database.close();
      await server.stop();
    },
  };
}

function mainArguments(): string[] {
  return [...NODE_OPTIONS, builtServer()];
}

function builtServer(): string {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm run build first`);
  return MAIN;
}

function envOf(databaseUrl: string, adminKey: string): Record<string, string> {
  return { DATABASE_URL: databaseUrl, ADMIN_KEY: adminKey };
}

/** Makes the hot owner and the many; returns the keys of their apps. */
async function createOwners(server: Server, adminKey: string, manyOwners: number): Promise<Contender['keys']> {
  const client = new AdminClient(`${server.url}/graphql`, adminKey);
  await client.createPlan();
  const hot = await client.createOwnerWithKey('hot');
  return { hot: [hot], many: await createMany(client, manyOwners) };
}

function selectFromSqlite(database: InstanceType<typeof DatabaseSync>, query: string): Promise<number> {
  const row = database.prepare(query).get() as Record<string, number | null>;
  return Promise.resolve(Object.values(row)[0] ?? 0);
}

/** Counts the history, and the debits in three ways that must agree: entries, what was spent, what is left. */
async function tally(select: SelectNumber, owners: number): Promise<Tally> {
  const rows = await select("SELECT COUNT(*) FROM ledger_entries WHERE kind = 'DEBIT'");
  const entered = await select("SELECT SUM(credits) FROM ledger_entries WHERE kind = 'DEBIT'");
  const spent = await select('SELECT SUM(spent) FROM pools');
  // Without the sample owner that a first start on SQLite makes.
  const available = await select(`SELECT SUM(available) FROM pools WHERE allowance = ${STARTING_CREDITS}`);
  const debits = owners * STARTING_CREDITS - available;
  if (entered !== spent || spent !== debits) {
    throw new Error(`our books disagree: entries ${entered}, pools spent ${spent}, gone from available ${debits}`);
  }
  return { rows, debits };
}

async function createMany(client: AdminClient, owners: number): Promise<string[]> {
  const keys: string[] = [];
  let made = 0;
  const worker = async (): Promise<void> => {
    while (made < owners) {
      made += 1;
      keys.push(await client.createOwnerWithKey(`owner ${made}`));
    }
  };
  await Promise.all(Array.from({ length: SET_UP_AT_ONCE }, worker));
  return keys;
}

class AdminClient {
  constructor(
    private readonly url: string,
    private readonly adminKey: string,
  ) {}

  async createPlan(): Promise<void> {
    const input = { code: 'bench', name: 'Bench', monthlyCredits: STARTING_CREDITS };
    await this.mutate('createPlan', 'plan { id }', input);
  }

  /** Makes an owner on the bench plan with one app, and returns the secret of an APP key. */
  async createOwnerWithKey(name: string): Promise<string> {
    const { owner } = await this.mutate<{ owner: { id: string } }>('createOwner', 'owner { id }', {
      name,
      planCode: 'bench',
    });
    const { app } = await this.mutate<{ app: { id: string } }>('createApp', 'app { id }', { ownerId: owner.id, name });
    const key = { name, role: 'APP', appId: app.id };
    return (await this.mutate<{ secret: string }>('createApiKey', 'secret', key)).secret;
  }

  async mutate<Payload>(mutation: string, selection: string, input: object): Promise<Payload> {
    const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input!`;
    const query = `mutation ($input: ${type}) { ${mutation}(input: $input) { ${selection} } }`;
    return (await this.ask<Record<string, Payload>>(query, { input }))[mutation] as Payload;
  }

  async ask<Data>(query: string, variables: object): Promise<Data> {
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.adminKey}` },
      body: JSON.stringify({ query, variables }),
    });
    const body = await answer.text();
    const parsed = (body.startsWith('{') ? JSON.parse(body) : {}) as { data?: Data | null; errors?: unknown };
    if (!parsed.data || parsed.errors) throw new Error(`${query}: ${answer.status} ${body}`);
    return parsed.data;
  }
}

/** A well-formed ADMIN key. The bench is a client: it knows the published format and not the server's code. */
function createAdminKey(): string {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const body = `icr_adm_${Array.from({ length: 32 }, () => alphabet[randomInt(62)]).join('')}`;
  let checksum = '';
  for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62)) {
    checksum = alphabet[rest % 62] + checksum;
  }
  return body + checksum;
}
