import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { cp, lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pidOf, watchOver } from './watchdog';

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
  /** Makes it silent (SIGSTOP): connections stay open, and nothing is answered until thaw(). */
  freeze(): void;
  thaw(): void;
  /** Starts it again on the same data and port, once the process that was killed has ended; resolves when it answers. */
  restart(): Promise<void>;
}

/** A mariadbd that is running: what whoever started it may do to it. */
export interface RunningServer {
  readonly pid: number;
  /** Resolves when it has ended; until then this process stays, too. */
  ended(): Promise<void>;
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
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
  const folder = await makeServerFolder(given.template);
  const socketPath = path.join(folder, 's.sock');
  try {
    const port = await freePort();
    const launch = () =>
      launchServer({ server: given.server, folder, port, options: serverArguments({ ...given, folder, port }) });
    let running = await launch();
    return {
      url: `mysql://root@127.0.0.1:${port}`,
      port,
      socketPath,
      get pid() {
        return running.pid;
      },
      kill: () => running.signal('SIGKILL'),
      freeze: () => running.signal('SIGSTOP'),
      thaw: () => running.signal('SIGCONT'),
      restart: async () => {
        await running.ended();
        running = await launch();
      },
      stop: () => stopServer(running, folder),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A folder of its own with the data directory of a fresh server in it. Short, as a Unix socket's path has 107 bytes at most. */
export async function makeServerFolder(template?: string): Promise<string> {
  const source = template ?? (await preparedTemplate(findProgram('mariadbd')));
  const folder = await mkdtemp(path.join(tmpdir(), 'icr-mariadb-'));
  await cp(source, path.join(folder, 'data'), { recursive: true });
  return folder;
}

/**
 * Starts mariadbd on a folder that makeServerFolder has made, and waits until it answers on its port. Its watchdog removes the
 * folder where this process ends without stopping it.
 */
export async function launchServer(given: {
  server?: string;
  folder: string;
  port: number;
  options: readonly string[];
  /** Where it finds programs of its own, before the usual places. */
  searchPath?: string;
}): Promise<RunningServer> {
  const logPath = path.join(given.folder, 'log');
  const environment = { ...process.env };
  if (given.searchPath) environment['PATH'] = `${given.searchPath}${path.delimiter}/usr/sbin:/usr/bin:/bin`;
  const child = spawnServer(given.server ?? findProgram('mariadbd'), { ...given, environment, logPath });
  const disarm = watchOver(child, given.folder);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void ended.then(disarm);
  try {
    await untilReady({ child, port: given.port, logPath });
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    throw error;
  }
  const untilEnded = () => {
    child.ref();
    return ended;
  };
  return { pid: pidOf(child), ended: untilEnded, signal: (name) => void child.kill(name) };
}

/** Ends a server in an orderly way, or by force where that takes too long, and removes its folder. */
export async function stopServer(running: RunningServer, folder: string): Promise<void> {
  // One that was frozen would not hear the other.
  running.signal('SIGCONT');
  running.signal('SIGTERM');
  const impatience = setTimeout(() => running.signal('SIGKILL'), STOP_TIMEOUT_MS);
  await running.ended();
  clearTimeout(impatience);
  await rm(folder, { recursive: true, force: true });
}

function serverArguments(given: { folder: string; port: number; durable: boolean }): string[] {
  const speedOnly = [
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-flush-method=nosync',
    '--performance-schema=OFF',
    '--innodb-buffer-pool-size=64M',
    // The size the template was made with; any other would be resized during the start.
    '--innodb-log-file-size=16M',
  ];
  return [
    ...placeArguments(given),
    ...asUser(),
    ...(given.durable ? ['--innodb-flush-log-at-trx-commit=1', '--innodb-buffer-pool-size=512M'] : speedOnly),
  ];
}

/** Where a server keeps its files and listens, and how it reads and writes text and time. */
export function placeArguments({ folder, port }: { folder: string; port: number }): string[] {
  return [
    '--no-defaults',
    `--datadir=${path.join(folder, 'data')}`,
    `--socket=${path.join(folder, 's.sock')}`,
    `--pid-file=${path.join(folder, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--character-set-server=utf8mb4',
    '--collation-server=utf8mb4_bin',
    '--default-time-zone=+00:00',
  ];
}

/** MariaDB refuses to run as root unless told so by name; any other user simply runs it. */
function asUser(): string[] {
  return userInfo().uid === 0 ? ['--user=root'] : [];
}

function spawnServer(
  server: string,
  given: { options: readonly string[]; environment: NodeJS.ProcessEnv; logPath: string },
): ChildProcess {
  const log = openSync(given.logPath, 'a');
  try {
    const child = spawn(server, given.options, { stdio: ['ignore', log, log], env: given.environment });
    // A forgotten stop() must not keep the test run from ending: the watchdog cleans up after it.
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
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
export function findProgram(name: string): string {
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
