import Redis from 'ioredis';
import { createDatabase, selectNumber, type Contender } from './contender';
import { rivalKeys, startRival } from './rival';

/** Starts bench/rivals/rate-limiter-mysql.ts on a database of its own. */
export async function startRateLimiterOnMysql(mariadbUrl: string, manyOwners: number): Promise<Contender> {
  const { databaseUrl, connection } = await createDatabase(mariadbUrl, 'rate_limiter');
  const name = 'rate-limiter-flexible on MySQL';
  const server = await startRival('rate-limiter-mysql.ts', { name, env: { DATABASE_URL: databaseUrl } });
  const { ids, keys } = rivalKeys(manyOwners);
  // Rows that are there: connections that all insert the first one deadlock, which is not what is measured.
  const monthFromNow = Date.now() + 30 * 24 * 60 * 60 * 1000;
  await connection.query('INSERT INTO limits VALUES ?', [ids.map((id) => [`credits:${id}`, 0, monthFromNow])]);
  return {
    name: 'limiter, MySQL',
    urls: [`${server.url}/graphql`],
    request: 'invokeLlm',
    keys,
    tally: async () => ({ rows: null, debits: await selectNumber(connection, 'SELECT SUM(points) FROM limits') }),
    stop: async () => {
      await connection.end();
      await server.stop();
    },
  };
}

/** Starts bench/rivals/rate-limiter-redis.ts on an empty Redis. */
export async function startRateLimiterOnRedis(redisUrl: string, manyOwners: number): Promise<Contender> {
  const name = 'rate-limiter-flexible on Redis';
  const server = await startRival('rate-limiter-redis.ts', { name, env: { REDIS_URL: redisUrl } });
  const { ids, keys } = rivalKeys(manyOwners);
  const client = new Redis(redisUrl);
  return {
    name: 'limiter, Redis',
    urls: [`${server.url}/graphql`],
    request: 'invokeLlm',
    keys,
    tally: async () => {
      const counts = await client.mget(ids.map((id) => `credits:${id}`));
      return { rows: null, debits: counts.reduce((sum, count) => sum + Number(count ?? 0), 0) };
    },
    stop: async () => {
      client.disconnect();
      await server.stop();
    },
  };
}
