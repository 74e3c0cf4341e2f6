import { assert } from '../../src/errors';
import type { AppMeter, DatedPlanTerms } from '../../src/ledger/pool';
import { openGrantsOf } from '../../src/ledger/written-behind';
import { InMemoryLedger } from '../support/in-memory-ledger';
import type { NaiveTerms } from '../support/naive-plans';
import type { Books, Cast, Stage } from './stage';
import type { World } from './world';

/**
 * So few that worlds run into more expired holds than one transaction settles, which SQL's thousand never lets happen.
 */
const DUE_HOLDS_PER_BATCH = 2;

/** The real ledger over maps: quick, and without SQL. */
export class MemoryStage implements Stage {
  readonly faults = null;
  readonly store = new InMemoryLedger(new Map(), DUE_HOLDS_PER_BATCH);
  private lastPlanId = 0;
  private lastOwnerId = 0;

  begin({ plans, owners, beginning: at }: World): Promise<Cast> {
    const planIds = plans.map((terms) => {
      this.lastPlanId += 1;
      this.store.plans.set(this.lastPlanId, [{ ...terms, effectiveFrom: 0 }]);
      return this.lastPlanId;
    });
    const ownerIds = owners.map(({ plan, apps }) => {
      this.lastOwnerId += 1;
      this.store.open({ ownerId: this.lastOwnerId, planId: planIds[plan] as number, at, apps });
      return this.lastOwnerId;
    });
    return Promise.resolve({ plans: planIds, owners: ownerIds });
  }

  setApp(ownerId: number, appId: number, change: Pick<AppMeter, 'status' | 'creditCap'>): Promise<void> {
    return Promise.resolve(this.store.setApp(ownerId, appId, change));
  }

  setSuspended(ownerId: number, suspendedAt: number | null): Promise<void> {
    return Promise.resolve(this.store.setPool(ownerId, { suspendedAt }));
  }

  editPlan(planId: number, terms: NaiveTerms, at: number): Promise<void> {
    const dated = this.store.plans.get(planId) ?? [];
    const last = dated.at(-1);
    assert(last !== undefined, 'a plan has terms');
    const { monthlyCredits, topUpsAllowed, rolloverLimit } = terms;
    const edit: DatedPlanTerms = { ...terms, effectiveFrom: Math.max(at, last.effectiveFrom + 1) };
    const same =
      last.monthlyCredits === monthlyCredits &&
      last.topUpsAllowed === topUpsAllowed &&
      last.rolloverLimit === rolloverLimit;
    if (!same) this.store.plans.set(planId, [...dated, edit]);
    return Promise.resolve();
  }

  books(ownerId: number, afterSequence: number): Promise<Books> {
    const { pool, grants, apps, entries } = this.store.book(ownerId);
    const openGrants = openGrantsOf(pool, [...grants.values()]);
    return Promise.resolve({ pool, openGrants, apps: [...apps.values()], entries: entries.slice(afterSequence) });
  }

  actions(ownerId: number) {
    const actions = [...this.store.book(ownerId).actions.values()];
    return Promise.resolve(actions.sort((a, b) => a.sequence - b.sequence));
  }

  restart(): Promise<void> {
    return Promise.reject(new Error('What is kept in memory does not outlive its process.'));
  }

  end({ plans, owners }: Cast): Promise<void> {
    for (const planId of plans) this.store.plans.delete(planId);
    for (const ownerId of owners) this.store.books.delete(ownerId);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
