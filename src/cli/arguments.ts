import { parseArgs } from 'node:util';

/** Reads `--name value` options and `--flag`s; prints `help` and ends where they are wrong or `--help` is given. */
export function readArguments<Name extends string, Flag extends string = never>(
  help: string,
  names: readonly Name[],
  flags: readonly Flag[] = [],
): Partial<Record<Name, string> & Record<Flag, boolean>> {
  const options = Object.fromEntries([
    ...names.map((name) => [name, { type: 'string' as const }] as const),
    ...flags.map((flag) => [flag, { type: 'boolean' as const }] as const),
  ]);
  try {
    const { help: wantsHelp, ...values } = parseArgs({
      options: { ...options, help: { type: 'boolean' } },
      strict: true,
    }).values as Record<string, string | boolean | undefined>;
    if (!wantsHelp) return values as Partial<Record<Name, string> & Record<Flag, boolean>>;
    console.log(help);
    return process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`);
    return process.exit(2);
  }
}
