// rate-limiter-flexible on Redis: a count per owner and period, by the library's own script. It keeps no history and
// knows no idempotency keys. One connection, as Redis is one thread, with ioredis's auto-pipelining: what is asked in
// one turn of the event loop travels together, and with appendfsync always shares one fsync.
import Redis from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { serve } from './graphql-server';
import { debitByLimiter, LIMITER_OPTIONS } from './rate-limiter';

void main();

async function main(): Promise<void> {
  const storeClient = new Redis(process.env['REDIS_URL'] ?? '', { enableAutoPipelining: true });
  await storeClient.ping();
  await serve(debitByLimiter(new RateLimiterRedis({ ...LIMITER_OPTIONS, storeClient })));
}
