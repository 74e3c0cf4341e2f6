import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMariadb } from '../../test/support/mariadb';
import { startRedis } from '../redis';
import type { Contender } from './contender';

/** What one measure runs on: databases, started when they are asked for, and services; all stopped together. */
export class Stage {
  private readonly undo: (() => unknown)[] = [];
  private mariadb: Promise<string> | undefined;
  private redis: Promise<string | null> | undefined;

  /** Runs `work` and clears the stage, also when `work` fails. */
  static async use<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
    const stage = new Stage();
    try {
      return await work(stage);
    } finally {
      for (const step of stage.undo.reverse()) await step();
    }
  }

  /** The URL of a durable MariaDB, without a database. */
  mariadbUrl(): Promise<string> {
    this.mariadb ??= startMariadb({ durable: true }).then(({ url, kill, stop }) => {
      process.once('exit', kill);
      this.undo.push(() => stop().finally(() => process.off('exit', kill)));
      return url;
    });
    return this.mariadb;
  }

  /** The URL of a durable Redis; null where redis-server is not installed. */
  redisUrl(): Promise<string | null> {
    this.redis ??= startRedis().then((server) => {
      if (server !== null) this.undo.push(() => server.stop());
      return server?.url ?? null;
    });
    return this.redis;
  }

  /** An empty folder on the disk of the databases. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'icr-bench-'));
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    this.undo.push(() => {
      process.off('exit', remove);
      remove();
    });
    return folder;
  }

  /** Keeps a contender that is being started, to be stopped with the stage. */
  async add(starting: Promise<Contender>): Promise<Contender> {
    const contender = await starting;
    this.undo.push(() => contender.stop());
    return contender;
  }
}
