import { startMariadb } from './mariadb';
import type { Mariadb } from './mariadb';

declare global {
  var startedMariadb: Mariadb | undefined;
}

/** Gives the MySQL project its server: the one TEST_MYSQL_URL names, else a private one for this run. */
export default async function setUp(): Promise<void> {
  if (process.env['TEST_MYSQL_URL']) return;
  // Setup and teardown run in one process but share no module state, so the server is kept on globalThis.
  globalThis.startedMariadb = await startMariadb({ durable: false });
  // Workers are started after this and inherit the environment.
  process.env['TEST_MYSQL_URL'] = globalThis.startedMariadb.url;
}
