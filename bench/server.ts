import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** The root of the project. */
export const PROJECT = join(__dirname, '..');

const READY_SECONDS = 60;
const STOP_SECONDS = 15;
const KEPT_OUTPUT = 4000;

export interface Server {
  /** Where it listens, such as http://127.0.0.1:41000 */
  url: string;
  pid: number;
  stop(): Promise<void>;
}

export interface ServerOptions {
  name: string;
  /** Arguments of node. */
  args: string[];
  /** PORT and HOST are added. */
  env: Record<string, string>;
}

/** Node's arguments to run one of the bench's TypeScript files. */
export function typescriptArguments(file: string): string[] {
  return ['-r', '@swc-node/register', file];
}

/** Starts a server under test as a process of its own on a free port and waits until GET /readyz answers 200. */
export async function startServer({ name, args, env }: ServerOptions): Promise<Server> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, args, {
    cwd: PROJECT,
    env: { ...process.env, NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-KEPT_OUTPUT));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithUs);

  let stopping = false;
  let running = true;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      process.off('exit', killWithUs);
      if (!stopping) console.error(`${name} ended by itself (${code ?? signal}); it said last:\n${output}`);
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    stopping = true;
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_SECONDS * 1000);
    await ended;
    clearTimeout(impatience);
  };

  const giveUpAt = performance.now() + READY_SECONDS * 1000;
  while (!(await isReady(`${url}/readyz`))) {
    if (running && performance.now() < giveUpAt) await pause(50);
    else {
      await stop();
      throw new Error(`${name} did not become ready; it said last:\n${output}`);
    }
  }
  return { url, pid: child.pid!, stop };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.text();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** A port of the loopback interface that nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
