import type { ActionRecord, Grant, LedgerEntry } from '../ledger/pool';

/** Reads what the ledger holds, as committed. Each method throws NOT_FOUND where there is no such thing. */
export interface LedgerReader {
  /** A grant, with the terms of its pool that say whether it is paused. */
  grant(ownerId: number, sequence: number): Promise<{ grant: Grant; terms: { topUpsAllowed: boolean } }>;
  action(ownerId: number, sequence: number): Promise<ActionRecord>;
  entry(ownerId: number, sequence: number): Promise<LedgerEntry>;
}
