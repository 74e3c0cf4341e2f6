import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Stage } from '../contenders/stage';
import { requestTemplates } from '../load/requests';
import { PROJECT } from '../server';
import { median, type Measure, type RunOptions } from './measure';

const ROUNDS = { short: 3, full: 5 };
const PATIENCE_SECONDS = 60;
const READY = /Ready at (\S+)\/graphql/;
/** The key of the sample owner, in the line that shows how to debit. */
const APP_KEY = /authorization: Bearer (icr_app_\w+)/;

/** S10: from `npm start` on an empty folder, built, to the answer of the first accepted debit. */
export const startTime: Measure = {
  id: 'S10',
  name: 'time from npm start (built) to the first accepted debit',
  run: ({ short, rivalsOnly, progress }: RunOptions) =>
    Stage.use(async (stage) => {
      if (rivalsOnly) return [];
      const seconds: number[] = [];
      const rounds = short ? ROUNDS.short : ROUNDS.full;
      for (let round = 1; round <= rounds; round += 1) {
        seconds.push(await secondsToFirstDebit(await stage.folder()));
        progress(`S10 ${round}/${rounds} ${seconds.at(-1)!.toFixed(2)} s`);
      }
      const details = [`by round: ${seconds.map((one) => `${one.toFixed(2)} s`).join(' ')}`];
      const figure = { id: 'S10', name: 'npm start to the first accepted debit', unit: 's', bar: 3, aim: 1 };
      return [{ ...figure, lowerIsBetter: true, value: median(seconds), details }];
    }),
};

async function secondsToFirstDebit(folder: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: PROJECT,
    env: {
      ...process.env,
      PORT: '0',
      HOST: '127.0.0.1',
      DATABASE_URL: `sqlite:${folder}/credits.sqlite`,
      ADMIN_KEY: '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as npm starts a shell that starts node: all of them must end.
    detached: true,
  });
  const killWithUs = (): void => killGroup(child, 'SIGKILL');
  process.once('exit', killWithUs);
  try {
    const { url, key } = await introduction(child);
    await debit(url, key);
    return (performance.now() - startedAt) / 1000;
  } finally {
    killGroup(child, 'SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    process.off('exit', killWithUs);
  }
}

/** Waits until the service says where it is and which key may debit. */
function introduction(child: ChildProcess): Promise<{ url: string; key: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why: string): void => reject(new Error(`npm start ${why}; it said:\n${output}`));
    const patience = setTimeout(() => fail(`was not ready within ${PATIENCE_SECONDS} s`), PATIENCE_SECONDS * 1000);
    const listen = (chunk: Buffer): void => {
      output += chunk.toString();
      // The source is newer than the build: what would be measured is the compiler.
      if (output.includes('Building')) fail('had to build first');
      const [url, key] = [READY.exec(output)?.[1], APP_KEY.exec(output)?.[1]];
      if (url !== undefined && key !== undefined) resolve({ url: `${url}/graphql`, key });
    };
    child.stdout!.on('data', listen);
    child.stderr!.on('data', listen);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(patience);
      fail('ended');
    });
  });
}

async function debit(url: string, key: string): Promise<void> {
  const { body, succeeded } = requestTemplates['invokeLlm']!;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const answer = await fetch(url, { method: 'POST', headers, body: body() });
  const text = await answer.text();
  if (!succeeded((JSON.parse(text) as { data?: unknown }).data)) throw new Error(`the first debit failed: ${text}`);
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    // It has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
