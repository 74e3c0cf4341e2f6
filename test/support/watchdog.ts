import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

/**
 * Makes sure that a server does not outlive this process, however it ends: even SIGKILL closes the pipe that the watchdog
 * reads from, and it then kills the server and removes its folder, where it has one. Its own session keeps a Ctrl-C in the terminal, which goes to
 * every process of the group, from ending the watchdog first. Returns how to dismiss it once the server has ended, so that it
 * can never kill an unrelated process that was given the same id later.
 */
export function watchOver(child: ChildProcess, folder = ''): () => void {
  const script = 'read -r dismissed || { kill -9 "$1"; [ -z "$2" ] || rm -rf "$2"; }';
  const watchdog = spawn('/bin/sh', ['-c', script, 'icr-watchdog', String(pidOf(child)), folder], {
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

/** The id of a process that was started; throws where it could not be. */
export function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started.`);
  return child.pid;
}
