import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createConnection } from 'mysql2/promise';
import { startMariadb } from '../support/mariadb';
import { SqlStage } from './sql-stage';

/** A stage on a new database of its own, which is removed with it: a file, or a private MariaDB. */
export async function openSqlStage(store: 'sqlite' | 'mysql'): Promise<SqlStage> {
  if (store === 'sqlite') {
    const folder = await mkdtemp(path.join(tmpdir(), 'icr-simulator-'));
    const url = `sqlite:${path.join(folder, 'worlds.sqlite')}`;
    return SqlStage.open(url, () => rm(folder, { recursive: true, force: true }));
  }
  const server = await startMariadb({ durable: false });
  try {
    const connection = await createConnection(server.url);
    await connection.query('CREATE DATABASE worlds CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
    await connection.end();
    return await SqlStage.open(`${server.url}/worlds`, () => server.stop());
  } catch (error) {
    await server.stop();
    throw error;
  }
}
