import { hash } from 'node:crypto';
import { badUserInput } from './errors';

const DEEPEST_LEVEL = 32;

/** The first 16 bytes of a key's SHA-256, in hexadecimal: what the ledger keeps unique. */
export function hashKey(key: string): string {
  return hash('sha256', key).slice(0, 32);
}

/**
 * Rule 10: the SHA-256 of a mutation's name and its input as JSON with sorted keys. The caller leaves out idempotencyKey,
 * appId and what equals its default; what is null or undefined counts as absent.
 */
export function fingerprint(mutation: string, input: Readonly<Record<string, unknown>>): string {
  return hash('sha256', `${mutation}\n${canonicalJson(input)}`);
}

/** JSON with sorted keys and without nulls in `input` itself. BAD_USER_INPUT where it nests too deeply to be read safely. */
export function canonicalJson(value: unknown, level = 0): string {
  // 1e400 is a number in JSON and none here: it would be stored as null.
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw badUserInput([{ path: 'input.metadata', message: 'must hold numbers that a double can hold' }]);
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (level > DEEPEST_LEVEL) {
    throw badUserInput([{ path: 'input.metadata', message: `must not nest deeper than ${DEEPEST_LEVEL} levels` }]);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, level + 1)).join(',')}]`;
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    // Only the input's own fields are optional; a null inside of metadata is the caller's data.
    if (member === undefined || (member === null && level === 0)) continue;
    members.push(`${JSON.stringify(key)}:${canonicalJson(member, level + 1)}`);
  }
  return `{${members.join(',')}}`;
}
