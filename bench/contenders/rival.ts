import { join } from 'node:path';
import { PROJECT, startServer, typescriptArguments, type Server } from '../server';

/** As our own server is started: young objects die before they are moved. */
export const NODE_OPTIONS = ['--max-semi-space-size=64'];

/** Starts a file of bench/rivals. */
export function startRival(
  file: string,
  { name, env = {} }: { name: string; env?: Record<string, string> },
): Promise<Server> {
  const path = join(PROJECT, 'bench', 'rivals', file);
  return startServer({ name, args: [...NODE_OPTIONS, ...typescriptArguments(path)], env });
}

/** The bearer tokens of the rivals: one hot owner, 1, and many others. */
export function rivalKeys(manyOwners: number): { ids: number[]; keys: { hot: string[]; many: string[] } } {
  const ids = Array.from({ length: manyOwners + 1 }, (_, index) => index + 1);
  const [hot, ...many] = ids.map((id) => `owner-${id}`);
  return { ids, keys: { hot: [hot!], many } };
}
