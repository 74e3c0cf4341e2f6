import type { ActionRecord, LedgerEntry } from '../../src/ledger/pool';
import { LedgerVerifier } from '../../src/ledger/verify';
import type { Books } from './stage';

const POOL_LIMIT_CREDITS = 2_000_000_000;

/** All that is kept of one owner. */
export interface WholeBooks extends Books {
  /** From the first one on. */
  readonly entries: readonly LedgerEntry[];
  readonly actions: readonly ActionRecord[];
}

/** What of I1 to I5 does not hold, by the verifier that operators run and by what it cannot see: keys, and actions. */
export function brokenInvariants(name: string, books: WholeBooks): string[] {
  const { pool, openGrants, entries, actions } = books;
  const verifier = new LedgerVerifier(name);
  for (const entry of entries) verifier.accept(entry);
  verifier.finish(pool, openGrants);
  const { available, held, paused, granted, spent, expired, revoked } = pool;
  const keys = new Set(actions.map(({ appId, idempotencyKey }) => `${appId} ${idempotencyKey}`));
  const debits = new Set(entries.filter(opensAction).map(({ sequence }) => sequence));
  const holds = actions.filter(({ status }) => status === 'HELD');
  const laws: [string, boolean][] = [
    ['I1: granted is the sum of the parts', granted === available + paused + held + spent + expired + revoked],
    ['I2: no part is negative', Math.min(available, held, paused) >= 0],
    ['I2: the pool has a limit', available + paused + held <= POOL_LIMIT_CREDITS],
    [
      'I2: what remains of a grant is within its amount',
      openGrants.every(({ remaining: r, amount }) => 0 < r && r <= amount),
    ],
    ['I3: an (app, key) has one action', keys.size === actions.length],
    ['I3: an action has one debit', debits.size === actions.length && actions.every((one) => debits.has(one.sequence))],
    ['I4: entries never go back in time', entries.every(({ at }, i) => at >= (entries[i - 1]?.at ?? -Infinity))],
    ['I5: held actions add up to held', holds.length === held],
  ];
  return [...verifier.problems, ...laws.filter(([, holds]) => !holds).map(([law]) => `${name}: ${law}`)];
}

function opensAction({ kind }: LedgerEntry): boolean {
  return kind === 'DEBIT' || kind === 'HOLD';
}
