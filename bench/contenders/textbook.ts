import { join } from 'node:path';
import { PROJECT, startServer, typescriptArguments } from '../server';
import { createDatabase, selectNumber, STARTING_CREDITS, type Contender } from './contender';

/** Starts bench/rivals/textbook.ts on a database of its own, with one hot owner and `manyOwners` others. */
export async function startTextbook(mariadbUrl: string, manyOwners: number): Promise<Contender> {
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, 'textbook');
  const server = await startServer({
    name: 'the textbook service',
    args: typescriptArguments(join(PROJECT, 'bench', 'rivals', 'textbook.ts')),
    env: { DATABASE_URL: databaseUrl },
  });
  const ids = Array.from({ length: manyOwners + 1 }, (_, index) => index + 1);
  await connection.query('INSERT INTO owner (id, balance) VALUES ?', [ids.map((id) => [id, STARTING_CREDITS])]);
  const [hot, ...many] = ids.map((id) => `owner-${id}`);
  return {
    name: 'textbook',
    urls: [`${server.url}/graphql`],
    request: 'invokeLlm',
    keys: { hot: [hot!], many },
    tally: async () => ({
      rows: await selectNumber(connection, 'SELECT COUNT(*) FROM action'),
      debits: await selectNumber(connection, `SELECT SUM(${STARTING_CREDITS} - balance) FROM owner`),
    }),
    stop: async () => {
      await connection.end();
      await server.stop();
    },
  };
}
