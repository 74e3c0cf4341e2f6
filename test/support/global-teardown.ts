import type {} from './global-setup';

/** Stops the server that global-setup.ts started; one that TEST_MYSQL_URL named is left alone. */
export default async function tearDown(): Promise<void> {
  if (globalThis.startedMariadb === undefined) return;
  await globalThis.startedMariadb.stop();
  globalThis.startedMariadb = undefined;
  // In watch mode the next run would otherwise look for the server that has just been stopped.
  delete process.env['TEST_MYSQL_URL'];
}
