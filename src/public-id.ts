import { assert } from './errors';

/** The kinds of nodes that have a public id, with the prefix each id starts with. */
const PREFIXES = {
  plan: 'plan',
  owner: 'own',
  app: 'app',
  apiKey: 'key',
  action: 'act',
  grant: 'grt',
  ledgerEntry: 'led',
} as const;

export type NodeKind = keyof typeof PREFIXES;

/** What an id stands for. `ownerId` is 0 for what belongs to no owner: plans and ADMIN keys. */
export interface NodeIdentity {
  kind: NodeKind;
  ownerId: number;
  /** The number of the node among its owner's: a sequence for actions, grants and entries; 0 for the owner itself. */
  number: number;
}

export const BASE_62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62^9 exceeds 2^53, so nine digits hold any owner's id, and what follows them is the number. */
const OWNER_DIGITS = 9;
const KIND_BY_PREFIX = new Map(Object.entries(PREFIXES).map(([kind, prefix]) => [prefix as string, kind as NodeKind]));

/** An opaque id that names the owner too, so that any id finds its owner's rows, and so its shard. */
export function publicId(kind: NodeKind, ownerId: number, number = 0): string {
  return `${PREFIXES[kind]}_${toBase62(ownerId).padStart(OWNER_DIGITS, '0')}${toBase62(number)}`;
}

/** Reads a public id; null for anything that `publicId` cannot have made, so that every node has one spelling only. */
export function parsePublicId(id: string): NodeIdentity | null {
  const match = /^([a-z]{3,4})_([0-9A-Za-z]{9})([0-9A-Za-z]{1,9})$/.exec(id);
  const kind = match && KIND_BY_PREFIX.get(match[1] ?? '');
  if (!match || !kind) return null;
  const ownerId = fromBase62(match[2] ?? '');
  const number = fromBase62(match[3] ?? '');
  if (!Number.isSafeInteger(ownerId) || !Number.isSafeInteger(number)) return null;
  return publicId(kind, ownerId, number) === id ? { kind, ownerId, number } : null;
}

/** Base 62 with the most significant digit first. */
export function toBase62(value: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, 'base 62 takes whole numbers from 0 to 2^53 - 1');
  let rest = value;
  let text = '';
  do {
    text = BASE_62.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  } while (rest > 0);
  return text;
}

function fromBase62(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 62 + BASE_62.indexOf(digit);
  return value;
}
