import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { BASE_62, toBase62 } from '../public-id';

export const API_KEY_ROLES = ['ADMIN', 'OWNER', 'APP', 'PUBLISHABLE'] as const;
export type ApiKeyRole = (typeof API_KEY_ROLES)[number];

const TAGS: Record<ApiKeyRole, string> = { ADMIN: 'adm', OWNER: 'own', APP: 'app', PUBLISHABLE: 'pub' };
const RANDOM_DIGITS = 32;
const CHECKSUM_DIGITS = 6;
const SECRET = new RegExp(`^icr_(adm|own|app|pub)_[0-9A-Za-z]{${RANDOM_DIGITS + CHECKSUM_DIGITS}}$`);

/** A new secret: `icr_`, the role's tag, 32 random base-62 digits (190 bits), and the checksum of all that as 6 more. */
export function createSecret(role: ApiKeyRole): string {
  let random = '';
  for (let i = 0; i < RANDOM_DIGITS; i++) random += BASE_62.charAt(randomInt(62));
  const body = `icr_${TAGS[role]}_${random}`;
  return body + checksum(body);
}

/** Whether `secret` could have been made here, for `role` if one is given: a typing error is refused without a look-up. */
export function isWellFormedSecret(secret: string, role?: ApiKeyRole): boolean {
  if (!SECRET.test(secret) || (role && !secret.startsWith(`icr_${TAGS[role]}_`))) return false;
  return checksum(secret.slice(0, -CHECKSUM_DIGITS)) === secret.slice(-CHECKSUM_DIGITS);
}

/** What is stored of a secret. It has 190 bits of chance in it, so one round of SHA-256 is enough. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** What a list may show of a secret: its prefix and its last four characters. */
export function hintOf(secret: string): string {
  return `${secret.slice(0, 8)}…${secret.slice(-4)}`;
}

function checksum(body: string): string {
  return toBase62(crc32(body)).padStart(CHECKSUM_DIGITS, '0');
}
