// rate-limiter-flexible on MySQL: a count per owner and period, by the library's own transaction. It keeps no history
// and knows no idempotency keys. A pool of 10; no insurance limiter, which would count in memory when the database is
// away.
import { createPool } from 'mysql2';
import { RateLimiterMySQL } from 'rate-limiter-flexible';
import { serve } from './graphql-server';
import { debitByLimiter, LIMITER_OPTIONS } from './rate-limiter';

void main();

async function main(): Promise<void> {
  const databaseUrl = process.env['DATABASE_URL'] ?? '';
  const pool = createPool({ uri: databaseUrl, connectionLimit: 10, maxIdle: 10 });
  const limiter = await new Promise<RateLimiterMySQL>((resolve, reject) => {
    const options = {
      ...LIMITER_OPTIONS,
      storeClient: pool,
      storeType: 'pool',
      dbName: new URL(databaseUrl).pathname.slice(1),
      tableName: 'limits',
    };
    // It calls back once its table is made, which it does on its own.
    const created: RateLimiterMySQL = new RateLimiterMySQL(options, (error?: Error) =>
      error ? reject(error) : setImmediate(() => resolve(created)),
    );
  });
  await serve(debitByLimiter(limiter));
}
