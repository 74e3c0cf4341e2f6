import { parseArgs } from 'node:util';

/** Reads `--name value` options; prints `help` and ends where they are wrong or `--help` is given. */
export function readArguments<Name extends string>(
  help: string,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } }, strict: true });
    if (!values.help) return values as Partial<Record<Name, string>>;
    console.log(help);
    return process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`);
    return process.exit(2);
  }
}
