import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './mariadb';
import { pidOf, watchOver } from './watchdog';

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

/** A private Redis on the loopback interface that keeps nothing. It may go away and come back on the same port. */
export interface TestRedis {
  readonly url: string;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again after `kill`. */
  restart(): Promise<void>;
  /** Makes it silent: connections stay open, and nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** Whether tests can have a Redis. Where it must be there, a missing one is a failure; elsewhere the skip is announced in one line. */
export function redisIsAvailable(): boolean {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter(Boolean);
  if (folders.some((folder) => isExecutable(path.join(folder, 'redis-server')))) return true;
  if (process.env['REQUIRE_SERVICES'] === '1' || process.env['CI'] === 'true') {
    throw new Error('The Redis tests must run here (REQUIRE_SERVICES or CI is set): install redis-server.');
  }
  process.stderr.write('skipped: the Redis tests (install redis-server)\n');
  return false;
}

/** Starts one on a free port; with `absent` only once it is restarted. */
export async function startRedis({ absent = false } = {}): Promise<TestRedis> {
  const folder = await mkdtemp(path.join(tmpdir(), 'icr-redis-'));
  const port = await freePort();
  let running = absent ? null : await launch(port, folder);
  const kill = async () => {
    running?.child.kill('SIGKILL');
    await running?.ended;
    running = null;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    restart: async () => {
      running = await launch(port, folder);
    },
    freeze: () => void running?.child.kill('SIGSTOP'),
    thaw: () => void running?.child.kill('SIGCONT'),
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(port: number, folder: string): Promise<{ child: ChildProcess; ended: Promise<void> }> {
  const settings = { port: String(port), bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' };
  const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  // A forgotten stop() must not keep the test run from ending: the watchdog cleans up after it.
  child.unref();
  const disarm = watchOver(child, folder);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void ended.then(disarm);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`redis-server ${pidOf(child)} did not start.`);
    }
    // The start of a foreign process has no event.
    await pause(POLL_MS);
  }
  return { child, ended };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => void socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      resolve(answer.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
