import { createDatabase, selectNumber, STARTING_CREDITS, type Contender } from './contender';
import { rivalKeys, startRival } from './rival';

/** Starts bench/rivals/raw-sql.ts on a database of its own, with one hot owner and `manyOwners` others. */
export async function startRawSql(mariadbUrl: string, manyOwners: number): Promise<Contender> {
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, 'raw_sql');
  const server = await startRival('raw-sql.ts', { name: 'raw SQL', env: { DATABASE_URL: databaseUrl } });
  const { ids, keys } = rivalKeys(manyOwners);
  await connection.query('INSERT INTO owners (id, balance) VALUES ?', [ids.map((id) => [id, STARTING_CREDITS])]);
  return {
    name: 'raw SQL',
    urls: [`${server.url}/graphql`],
    request: 'invokeLlm',
    keys,
    tally: async () => ({
      rows: await selectNumber(connection, 'SELECT COUNT(*) FROM actions'),
      debits: await selectNumber(connection, `SELECT SUM(${STARTING_CREDITS} - balance) FROM owners`),
    }),
    stop: async () => {
      await connection.end();
      await server.stop();
    },
  };
}
