import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

export const ROOT = path.resolve(__dirname, '../..');
const LOCK = path.join(ROOT, 'node_modules', '.build.lock');
const LOCK_STALE_MS = 120_000;
const LOCK_POLL_MS = 50;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that is watched from outside, as an operator would. */
export interface Running {
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves once the output is complete. */
  readonly exited: Promise<Exit>;
  /** Waits until the standard output matches; fails where the process ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Ends it and whatever it has started. */
  kill(): Promise<void>;
}

/** Brings dist up to date, as `npm start` does. One at a time: the suites of both databases share it. */
export async function buildService(): Promise<void> {
  while (!(await takeLock())) await pause(LOCK_POLL_MS);
  try {
    await promisify(execFile)(process.execPath, ['src/cli/start.js', '--help'], { cwd: ROOT });
  } finally {
    await rm(LOCK, { force: true });
  }
}

/** Starts the built service with these settings and no others. */
export function runService(settings: Record<string, string>, ...args: string[]): Running {
  return run(process.execPath, [path.join(ROOT, 'dist/src/main.js'), ...args], { PORT: '0', ...settings });
}

export function run(program: string, args: readonly string[], settings: Record<string, string> = {}): Running {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a group of its own, so that what it starts is ended with it.
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  let wake = () => {};
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      wake();
    });
  }
  let ended = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      ended = true;
      resolve({ code, signal });
      wake();
    });
  });
  return {
    child,
    exited,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    async printed(pattern) {
      for (;;) {
        const match = pattern.exec(output.stdout);
        if (match) return match;
        if (ended) throw new Error(`It ended without printing ${pattern}:\n${output.stdout}\n${output.stderr}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async kill() {
      if (!ended && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await exited;
    },
  };
}

/** Whether the lock is now ours. One that a killed run has left behind is taken over. */
async function takeLock(): Promise<boolean> {
  try {
    await (await open(LOCK, 'wx')).close();
    return true;
  } catch {
    const age = await stat(LOCK).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > LOCK_STALE_MS) await rm(LOCK, { force: true });
    return false;
  }
}
