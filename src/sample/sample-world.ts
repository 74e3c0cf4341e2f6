import { ACTION_CATALOGUE } from '../actions/action-catalogue';
import { createPerformAction, type PerformAction } from '../actions/perform-action';
import { SqlAppStore } from '../apps/app.store';
import { Apps } from '../apps/apps';
import { Grants } from '../balances/grants';
import type { Clock, Instant } from '../clock';
import type { Database } from '../database/database';
import { Ledger } from '../ledger/ledger';
import { SqlLedgerStore } from '../ledger/ledger.store';
import { SqlOwnerStore } from '../owners/owner.store';
import { Owners } from '../owners/owners';
import { SqlPlanStore } from '../plans/plan.store';
import { Plans } from '../plans/plans';

/** A clock that whoever makes a history moves through the past. */
export class MovedClock implements Clock {
  constructor(private instant: Instant) {}

  now(): Instant {
    return this.instant;
  }

  moveTo(instant: Instant): void {
    this.instant = instant;
  }
}

/** The use cases that a history is made with: the service's own, over one database, without a transport. */
export interface SampleWorld {
  readonly clock: MovedClock;
  readonly ledger: Ledger;
  readonly plans: Plans;
  readonly owners: Owners;
  readonly apps: Apps;
  readonly grants: Grants;
  /** By action type: authorises and records one action. */
  readonly perform: ReadonlyMap<string, PerformAction>;
}

/** Wires the use cases to a database that is migrated already. Its clock begins at `instant`. */
export function createSampleWorld(database: Database, instant: Instant): SampleWorld {
  const clock = new MovedClock(instant);
  const ledgerStore = new SqlLedgerStore(database);
  const ledger = new Ledger(ledgerStore, clock);
  const plans = new Plans(new SqlPlanStore(database), clock);
  return {
    clock,
    ledger,
    plans,
    owners: new Owners(new SqlOwnerStore(database, ledgerStore), plans, clock, ledger),
    apps: new Apps(new SqlAppStore(database), {
      clock,
      settle: (ownerId) => ledger.balance(ownerId),
      onChanged: () => undefined,
    }),
    grants: new Grants(ledger),
    perform: new Map(ACTION_CATALOGUE.map((row) => [row.type, createPerformAction(row, ledger)])),
  };
}
