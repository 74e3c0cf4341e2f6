import type { Contender } from './contender';
import { startRival } from './rival';

/** Starts bench/rivals/echo.ts. It keeps nothing. */
export async function startEcho(): Promise<Contender> {
  const server = await startRival('echo.ts', { name: 'the echo' });
  return {
    name: 'echo',
    urls: [server.url],
    request: 'echo',
    keys: { hot: ['nobody'], many: ['nobody'] },
    tally: () => Promise.resolve(null),
    stop: server.stop,
  };
}
