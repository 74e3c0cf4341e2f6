import { endOfDay } from '../design/day';
import type { OwnerKeysQuery } from './owner-keys.generated';

const DAY_MS = 24 * 60 * 60 * 1_000;
const SOON_MS = 7 * DAY_MS;

export type OwnerKey = NonNullable<OwnerKeysQuery['owner']>['apiKeys'][number];
export type KeyApp = NonNullable<OwnerKeysQuery['owner']>['apps']['edges'][number]['node'];
export type KeyState = 'WORKING' | 'EXPIRING' | 'EXPIRED' | 'REVOKED';

/** Whether a key works at an instant, in milliseconds since 1970; EXPIRING in the last seven days of one that ends by itself. */
export function keyState(key: Pick<OwnerKey, 'expiresAt' | 'revokedAt'>, now: number): KeyState {
  if (key.revokedAt !== null) return 'REVOKED';
  if (key.expiresAt === null) return 'WORKING';
  const leftMs = Date.parse(key.expiresAt) - now;
  if (leftMs <= 0) return 'EXPIRED';
  return leftMs <= SOON_MS ? 'EXPIRING' : 'WORKING';
}

/** Whether a key may be used. */
export function isWorking(key: Pick<OwnerKey, 'expiresAt' | 'revokedAt'>, now: number): boolean {
  return ['WORKING', 'EXPIRING'].includes(keyState(key, now));
}

/** Whether a key was used in the last day, so that something most likely still uses it. */
export function isInUse({ lastUsedAt }: Pick<OwnerKey, 'lastUsedAt'>, now: number): boolean {
  return lastUsedAt !== null && now - Date.parse(lastUsedAt) < DAY_MS;
}

export type KeyExpiry = 'NEVER' | 'MONTH' | 'QUARTER' | 'YEAR' | 'DAY';

const DAYS: Readonly<Record<'MONTH' | 'QUARTER' | 'YEAR', number>> = { MONTH: 30, QUARTER: 90, YEAR: 365 };

/**
 * The instant from which on a new key is not to work, as the API writes it; null for never, undefined where `day`, of the
 * viewer's calendar as date inputs have it, is none. `now` in milliseconds since 1970.
 */
export function expiryOf(expiry: KeyExpiry, day: string, now: number): string | null | undefined {
  if (expiry === 'NEVER') return null;
  if (expiry !== 'DAY') return new Date(now + DAYS[expiry] * DAY_MS).toISOString();
  return endOfDay(day) ?? undefined;
}
