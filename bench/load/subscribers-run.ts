import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { typescriptArguments } from '../server';
import type { DebitsOfRound, Deliveries, PacedPlan, PacedResult, SubscribersPlan } from './subscribers-plan';

/** Many subscribers of one balance, in a process of their own. */
export interface Subscribers {
  /** Waits until all of them know the last of these debits; throws where one is missing, or a version goes back. */
  deliveriesOf(debits: DebitsOfRound): Promise<Deliveries>;
  /** Ends the process, which cuts its sockets. */
  stop(): Promise<void>;
}

/** Opens the subscribers; resolves when each has received its first balance. */
export async function openSubscribers(plan: SubscribersPlan): Promise<Subscribers> {
  const child = spawn(process.execPath, typescriptArguments(join(__dirname, 'subscribers.ts')), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const ended = once(child, 'close').finally(() => process.off('exit', killWithUs));
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (message: object): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = (await lines.next()) as IteratorResult<string>;
    if (done) throw new Error('the subscribers’ process ended by itself');
    return JSON.parse(value);
  };
  await ask(plan);
  return {
    deliveriesOf: async (debits) => (await ask(debits)) as Deliveries,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Debits at a fixed pace, from a process of their own. */
export async function runPacedDebits(plan: PacedPlan): Promise<PacedResult> {
  const child = spawn(process.execPath, typescriptArguments(join(__dirname, 'subscribers-debits.ts')), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(plan));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`the generator of paced debits ended with ${String(code)}`);
  return JSON.parse(output) as PacedResult;
}
