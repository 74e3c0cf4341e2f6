import type { ActionRecord, Grant, LedgerEntry, Pool } from '../ledger/pool';

/** Reads what the ledger holds, as committed. Each method throws NOT_FOUND where there is no such thing. */
export interface LedgerReader {
  /** A grant, with the terms of its pool that say whether it is paused. */
  grant(ownerId: number, sequence: number): Promise<{ grant: Grant; terms: { topUpsAllowed: boolean } }>;
  action(ownerId: number, sequence: number): Promise<ActionRecord>;
  entry(ownerId: number, sequence: number): Promise<LedgerEntry>;
  /** Entries after a sequence number, ascending. */
  entriesAfter(ownerId: number, afterSequence: number, limit: number): Promise<LedgerEntry[]>;
  /** A pool with its open grants, of one snapshot; null where there is no such owner. */
  pool(ownerId: number): Promise<{ pool: Pool; openGrants: Grant[] } | null>;
  /** Owners in the order of their ids, after one. */
  ownersAfter(ownerId: number, limit: number): Promise<number[]>;
}
