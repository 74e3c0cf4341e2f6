import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { SECOND_MS, systemClock } from '../clock';
import { readConfig } from '../config';
import { diagnose } from '../database/doctor/diagnose';
import { type Diagnosis, type Finding, verdictOf } from '../database/doctor/finding';
import { checkRedis } from './redis-check';

const HELP = `Looks at the database that DATABASE_URL names, and at the Redis that REDIS_URL names where it is set: durability,
isolation, what a debit's guards rely on (through whatever proxy is between), clocks, schema, quorum. Says what is wrong,
why it matters and how to mend it. Changes nothing. The last line is "safe", "unsafe" or "cannot tell".

Usage: npm run doctor            ends with exit code 0: safe, 1: unsafe, 2: cannot tell
       npm run --silent doctor -- --json`;

const WORDS = { safe: 'ok', warning: 'warning', unknown: 'cannot tell', unsafe: 'UNSAFE' } as const;
const EXIT_CODES = { safe: 0, unsafe: 1, unknown: 2 } as const;
const WIDTH = 13;
/** A cluster that has lost its quorum may keep a statement waiting for ever. */
const GIVE_UP_MS = 45 * SECOND_MS;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean' } }, strict: true });
  if (values.help) return console.log(HELP);
  const { databaseUrl, redisUrl } = readConfig();
  const giveUp = setTimeout(() => end(new Error(`no answer within ${GIVE_UP_MS / SECOND_MS} s.`)), GIVE_UP_MS);
  const { subject, findings } = await diagnose(databaseUrl, () => systemClock.now());
  const all = redisUrl === null ? findings : [...findings, await checkRedis(redisUrl)];
  clearTimeout(giveUp);
  const verdict = verdictOf(all);
  if (values.json) console.log(JSON.stringify({ verdict, subject, findings: all }));
  else print({ subject, findings: all }, verdict);
  process.exitCode = EXIT_CODES[verdict];
}

function print({ subject, findings }: Diagnosis, verdict: keyof typeof EXIT_CODES): void {
  console.log(`${subject}\n`);
  for (const finding of findings) console.log(linesOf(finding).join('\n'));
  console.log(`\n${verdict === 'unknown' ? 'cannot tell' : verdict}`);
}

function linesOf({ check, verdict, what, why, mend }: Finding): string[] {
  const indent = ' '.repeat(WIDTH);
  const lines = [`${WORDS[verdict].padEnd(WIDTH)}${check}: ${what}`];
  if (why !== undefined) lines.push(`${indent}Why it matters: ${why}`);
  if (mend !== undefined) lines.push(`${indent}How to mend it: ${mend}`);
  return lines;
}

function end(error: unknown): void {
  console.error(`Cannot look: ${(error as Error).message}`);
  console.log('cannot tell');
  process.exit(EXIT_CODES.unknown);
}

main().catch(end);
