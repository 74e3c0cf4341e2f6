import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Connection } from 'mysql2/promise';
import { PROJECT, startServer } from '../server';
import { createDatabase, selectNumber, STARTING_CREDITS, type Contender, type Tally } from './contender';

const MAIN = join(PROJECT, 'dist', 'src', 'main.js');
/** Node's arguments as in package.json's start script: young objects die before they are moved. */
const AS_NPM_START = ['--max-semi-space-size=64', MAIN];
const SET_UP_AT_ONCE = 16;

/** Starts our built server on an empty MariaDB database and makes its owners by the API, as a client would. */
export async function startOurs(mariadbUrl: string, manyOwners: number): Promise<Contender> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm run build first`);
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, 'ours');
  const adminKey = createAdminKey();
  const server = await startServer({
    name: 'our server',
    args: AS_NPM_START,
    env: { DATABASE_URL: databaseUrl, ADMIN_KEY: adminKey },
  });
  const client = new AdminClient(`${server.url}/graphql`, adminKey);
  await client.createPlan();
  const hot = await client.createOwnerWithKey('hot');
  const many = await createMany(client, manyOwners);
  return {
    name: 'ours',
    url: `${server.url}/graphql`,
    keys: { hot: [hot], many },
    tally: () => tally(connection, manyOwners + 1),
    stop: async () => {
      await connection.end();
      await server.stop();
    },
  };
}

/** Counts the history, and the debits in three ways that must agree: entries, what was spent, what is left. */
async function tally(connection: Connection, owners: number): Promise<Tally> {
  const rows = await selectNumber(connection, "SELECT COUNT(*) FROM ledger_entries WHERE kind = 'DEBIT'");
  const entered = await selectNumber(connection, "SELECT SUM(credits) FROM ledger_entries WHERE kind = 'DEBIT'");
  const spent = await selectNumber(connection, 'SELECT SUM(spent) FROM pools');
  const available = await selectNumber(connection, 'SELECT SUM(available) FROM pools');
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

  private async mutate<Payload>(mutation: string, selection: string, input: object): Promise<Payload> {
    const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input!`;
    const query = `mutation ($input: ${type}) { ${mutation}(input: $input) { ${selection} } }`;
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.adminKey}` },
      body: JSON.stringify({ query, variables: { input } }),
    });
    const body = await answer.text();
    const parsed = (body.startsWith('{') ? JSON.parse(body) : {}) as { data?: Record<string, Payload> | null };
    const payload = parsed.data?.[mutation];
    if (payload === undefined || payload === null) throw new Error(`${mutation}: ${answer.status} ${body}`);
    return payload;
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
