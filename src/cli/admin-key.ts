import 'reflect-metadata';
import { SqlApiKeyStore } from '../access/api-key.store';
import { ApiKeys } from '../access/api-keys';
import { systemClock } from '../clock';
import { readConfig } from '../config';
import { Database } from '../database/database';
import { entities } from '../database/entities';

const HELP = `Adds an ADMIN key to the database and prints it, this once: for operators who have lost theirs. Revoke the lost one
with revokeApiKey. The key that it prints is also of the form that ADMIN_KEY wants.

Usage: npm run admin-key          to the database that DATABASE_URL names`;

async function main(): Promise<void> {
  if (process.argv.includes('--help')) return console.log(HELP);
  const database = await Database.open(readConfig().databaseUrl, entities);
  try {
    await database.migrate();
    const unneeded = () => Promise.reject(new Error('An ADMIN key has no owner.'));
    const keys = new ApiKeys(new SqlApiKeyStore(database), {
      clock: systemClock,
      assertScope: unneeded,
      onCurtailed: () => undefined,
    });
    const { secret } = await keys.createAdmin('Made at the machine', null);
    console.log(secret);
  } finally {
    await database.close();
  }
}

main().catch((error: unknown) => {
  console.error(`No key was added: ${(error as Error).message}`);
  process.exitCode = 1;
});
