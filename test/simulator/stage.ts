import type { Instant } from '../../src/clock';
import type { LedgerStore } from '../../src/ledger/ledger';
import type { ActionRecord, AppMeter, Grant, LedgerEntry, Pool } from '../../src/ledger/pool';
import type { NaiveTerms } from '../support/naive-plans';
import type { FaultPoints } from './faults';
import type { World } from './world';

/** The ids that a world's plans and owners have on a stage, by their numbers in the world. */
export interface Cast {
  readonly plans: readonly number[];
  readonly owners: readonly number[];
}

/** What a stage keeps of one owner, as committed. */
export interface Books {
  readonly pool: Pool;
  /** Those with something left, in burn order. */
  readonly openGrants: readonly Grant[];
  readonly apps: readonly AppMeter[];
  /** Those after the number that was asked for. */
  readonly entries: readonly LedgerEntry[];
}

/**
 * Where worlds are played, one after the other: a store of the ledger, and what the rest of the service writes
 * beside it. Each world has owners and plans of its own, so that a stage is set up once for all of them.
 */
export interface Stage {
  /** Another one after `restart`. */
  readonly store: LedgerStore;
  /** Where things go wrong; null: they cannot, here. */
  readonly faults: FaultPoints | null;
  begin(world: World): Promise<Cast>;
  setApp(ownerId: number, appId: number, change: Pick<AppMeter, 'status' | 'creditCap'>): Promise<void>;
  setSuspended(ownerId: number, suspendedAt: Instant | null): Promise<void>;
  editPlan(planId: number, terms: NaiveTerms, at: Instant): Promise<void>;
  books(ownerId: number, afterSequence: number): Promise<Books>;
  /** All of an owner's actions, by sequence. */
  actions(ownerId: number): Promise<ActionRecord[]>;
  /** What is left of the database by a process that has crashed, or was killed, is opened by its successor. */
  restart(): Promise<void>;
  /** Removes what the world has left: a sweep of the next one must not meet it. */
  end(cast: Cast): Promise<void>;
  close(): Promise<void>;
}
