import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';
import { freePort } from './server';

const READY_SECONDS = 10;

export interface RedisServer {
  url: string;
  stop(): Promise<void>;
}

/**
 * Starts a private Redis in a temporary folder, in which an answered write is on disk (`appendfsync always`). Null
 * where redis-server is not installed.
 */
export async function startRedis(): Promise<RedisServer | null> {
  const folder = await mkdtemp(join(tmpdir(), 'icr-redis-'));
  const port = await freePort();
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    // A rewrite in the middle of a run would cost one run and not the other.
    'auto-aof-rewrite-percentage': '0',
  };
  const child = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: 'ignore' },
  );
  const endWithUs = (): void => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', endWithUs);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    process.off('exit', endWithUs);
    await rm(folder, { recursive: true, force: true });
  };
  const missing = await Promise.race([once(child, 'spawn').then(() => false), ended.then(() => true)]).catch(
    () => true,
  );
  const url = `redis://127.0.0.1:${port}`;
  if (!missing && (await answers(url))) return { url, stop };
  await stop();
  if (missing) return null;
  throw new Error(`redis-server did not answer within ${READY_SECONDS} s`);
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  const patience = setTimeout(() => client.disconnect(), READY_SECONDS * 1000);
  try {
    return (await client.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    clearTimeout(patience);
    client.disconnect();
  }
}
