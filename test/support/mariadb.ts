import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { cp, lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const START_ATTEMPTS = 3;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
const MYSQL_GREETING_BYTES = 5;

export interface Mariadb {
  /** `mysql://root@127.0.0.1:port`, without a database; root has no password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly socketPath: string;
  /** Ends the server in an orderly way and removes its files. */
  stop(): Promise<void>;
  /** Ends it as a power cut of the process would (SIGKILL); call stop() afterwards to remove its files. */
  kill(): void;
}

/**
 * Starts a private MariaDB server on an empty set of databases, in a temporary folder, on a free port of the loopback interface.
 *
 * `durable: false` is for functional tests: nothing is flushed to the disk. `durable: true` is for benchmarks and fault tests: every
 * commit is flushed, as in production, and none of the flags that only buy speed is set.
 */
export async function startMariadb({ durable }: { durable: boolean }): Promise<Mariadb> {
  const server = findProgram('mariadbd');
  const template = await preparedTemplate(server);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce({ server, template, durable });
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      // Either another process took the port in between, or a cleaner of the temporary folder has gnawed at the template. Both are
      // cured by another port and a template made anew.
      await rm(template, { recursive: true, force: true });
      await preparedTemplate(server);
    }
  }
}

async function startOnce(given: { server: string; template: string; durable: boolean }): Promise<Mariadb> {
  // Short, because the path of a Unix socket may have 107 bytes at most.
  const folder = await mkdtemp(path.join(tmpdir(), 'icr-mariadb-'));
  const socketPath = path.join(folder, 's.sock');
  const logPath = path.join(folder, 'log');
  try {
    await cp(given.template, path.join(folder, 'data'), { recursive: true });
    const port = await freePort();
    const child = spawnServer(given.server, serverArguments({ ...given, folder, socketPath, port }), logPath);
    const disarm = watchOver(child, folder);
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    void ended.then(disarm);
    try {
      await untilReady({ child, port, logPath });
    } catch (error) {
      child.kill('SIGKILL');
      await ended;
      throw error;
    }
    return {
      url: `mysql://root@127.0.0.1:${port}`,
      port,
      pid: pidOf(child),
      socketPath,
      kill: () => void child.kill('SIGKILL'),
      stop: () => stopServer(child, ended, folder),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function stopServer(child: ChildProcess, ended: Promise<void>, folder: string): Promise<void> {
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(impatience);
  await rm(folder, { recursive: true, force: true });
}

function serverArguments(given: { folder: string; socketPath: string; port: number; durable: boolean }): string[] {
  const speedOnly = [
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-flush-method=nosync',
    '--performance-schema=OFF',
    '--innodb-buffer-pool-size=64M',
    // The size the template was made with; any other would be resized during the start.
    '--innodb-log-file-size=16M',
  ];
  return [
    '--no-defaults',
    ...asUser(),
    `--datadir=${path.join(given.folder, 'data')}`,
    `--socket=${given.socketPath}`,
    `--pid-file=${path.join(given.folder, 'pid')}`,
    `--port=${given.port}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--character-set-server=utf8mb4',
    '--collation-server=utf8mb4_bin',
    '--default-time-zone=+00:00',
    ...(given.durable ? ['--innodb-flush-log-at-trx-commit=1', '--innodb-buffer-pool-size=512M'] : speedOnly),
  ];
}

/** MariaDB refuses to run as root unless told so by name; any other user simply runs it. */
function asUser(): string[] {
  return userInfo().uid === 0 ? ['--user=root'] : [];
}

function spawnServer(server: string, serverArgs: string[], logPath: string): ChildProcess {
  const log = openSync(logPath, 'a');
  try {
    const child = spawn(server, serverArgs, { stdio: ['ignore', log, log] });
    // A forgotten stop() must not keep the test run from ending: the watchdog cleans up after it.
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/**
 * Makes sure that the server does not outlive this process, however it ends: even SIGKILL closes the pipe that the watchdog
 * reads from, and it then kills the server and removes its files. Its own session keeps a Ctrl-C in the terminal, which goes to
 * every process of the group, from ending the watchdog first. Returns how to dismiss it once the server has ended, so that it
 * can never kill an unrelated process that was given the same id later.
 */
function watchOver(child: ChildProcess, folder: string): () => void {
  const script = 'read -r dismissed || { kill -9 "$1"; rm -rf "$2"; }';
  const watchdog = spawn('/bin/sh', ['-c', script, 'mariadb-watchdog', String(pidOf(child)), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.unref();
  const pipe = watchdog.stdin;
  // Node gives a child's stdin as a socket, which must not keep this process alive either.
  (pipe as unknown as { unref(): void }).unref();
  pipe.on('error', () => {});
  return () => void pipe.end('dismissed\n');
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started.`);
  return child.pid;
}

async function untilReady({ child, port, logPath }: { child: ChildProcess; port: number; logPath: string }) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await greets(port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      throw new Error(`MariaDB did not start:\n${readFileSync(logPath, 'utf8').slice(-2_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** True when a MySQL server answers on the port: it sends its greeting, a packet of protocol 10, before the client says anything. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('data', (greeting) => {
      resolve(greeting.length >= MYSQL_GREETING_BYTES && greeting[4] === 10);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

/**
 * The data directory of a fresh server, made once per version and user and copied for every start: making it takes 2 s, copying 0.1 s.
 * Finished folders are put in place by one rename, so two runs that start together cannot see a half-made one.
 */
async function preparedTemplate(server: string): Promise<string> {
  const { stdout } = await run(server, ['--no-defaults', '--version']);
  const version = /Ver (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  const { uid } = userInfo();
  const template = path.join(tmpdir(), `icr-mariadb-template-${version.replace(/[^\w.-]/g, '_')}-${uid}`);
  const existing = await lstat(template).catch(() => undefined);
  if (existing?.isDirectory()) {
    // The temporary folder is shared: what another user planted there is not used.
    if (existing.uid !== uid && process.platform !== 'win32') throw new Error(`${template} belongs to another user.`);
    return template;
  }
  const making = await mkdtemp(`${template}-`);
  try {
    await installInto(path.join(making, 'data'));
    await rename(path.join(making, 'data'), template);
  } catch (error) {
    const overtaken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (!overtaken) throw error;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return template;
}

async function installInto(dataDirectory: string): Promise<void> {
  await mkdir(dataDirectory);
  await run(findProgram('mariadb-install-db'), [
    '--no-defaults',
    ...asUser(),
    `--datadir=${dataDirectory}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
    '--innodb-log-file-size=16M',
  ]);
}

/** Debian puts the server into /usr/sbin, which is not on the PATH of an ordinary user. */
function findProgram(name: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter).filter(Boolean), '/usr/sbin', '/usr/bin'];
  const found = folders.map((folder) => path.join(folder, name)).find(isExecutable);
  if (found === undefined)
    throw new Error(`${name} was not found: install mariadb-server-core and mariadb-client-core.`);
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
