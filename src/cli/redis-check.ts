import { Redis } from 'ioredis';
import { SECOND_MS } from '../clock';
import { type Finding, safe } from '../database/doctor/finding';

const TIMEOUT_MS = 3 * SECOND_MS;
const CHECK = 'redis';

/** Whether the Redis that carries news between processes answers. If not, it is a warning: debits do without it. */
export async function checkRedis(redisUrl: string): Promise<Finding> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // Else a silent one keeps this process for two seconds more.
    disconnectTimeout: 100,
    maxRetriesPerRequest: 0,
    // It would wait without end for a Redis that is silent.
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let failure = 'it does not answer';
  redis.on('error', ({ message, code }: Error & { code?: string }) => (failure = message || (code ?? failure)));
  try {
    await redis.connect();
    await redis.ping();
    return safe(CHECK, 'Redis answers');
  } catch (error) {
    const { message } = error as Error;
    return {
      check: CHECK,
      verdict: 'warning',
      what: `Redis does not answer: ${/Connection is closed/.test(message) ? failure : message}`,
      why: 'Balances and revoked keys then reach other processes within seconds, not at once. The books are not affected.',
      mend: 'Look at REDIS_URL, at whether Redis runs, and at its password and ACL.',
    };
  } finally {
    redis.disconnect();
  }
}
