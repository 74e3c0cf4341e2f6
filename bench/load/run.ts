import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { typescriptArguments } from '../server';
import type { LoadPlan, LoadResult } from './plan';

/** Runs the load generator as a process of its own and returns what it measured. */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const child = spawn(process.execPath, typescriptArguments(join(__dirname, '..', 'load.ts')), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // When the generator dies early, its exit code tells; the broken pipe is only the echo of that.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(plan));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`the load generator ended with ${String(code)}`);
  return JSON.parse(output) as LoadResult;
}
