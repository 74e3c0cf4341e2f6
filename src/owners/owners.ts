import { type Caller, forbidden, idOf, ownIdOf } from '../access/caller';
import { checkBounds, text } from '../bounds';
import type { Clock, Instant } from '../clock';
import { notFound } from '../errors';
import type { Ledger } from '../ledger/ledger';
import type { BalanceSnapshot, PlanTerms } from '../ledger/pool';
import { archived, type Plans } from '../plans/plans';

/** Who holds a plan and a pool. */
export interface Owner {
  readonly id: number;
  readonly name: string;
  readonly email: string | null;
  readonly externalId: string | null;
  readonly createdAt: Instant;
  readonly planId: number;
  readonly nextPlanId: number | null;
  readonly suspendedAt: Instant | null;
}

export type NewOwner = Pick<Owner, 'name' | 'email' | 'externalId'>;
export type OwnerChanges = Partial<NewOwner & Pick<Owner, 'suspendedAt'>>;

export interface OwnerStore {
  /** CONFLICT where the externalId is taken. */
  create(owner: NewOwner, plan: { planId: number; terms: PlanTerms }, now: Instant): Promise<Owner>;
  byId(id: number): Promise<Owner | null>;
  byExternalId(externalId: string): Promise<Owner | null>;
  /** Newest first. */
  page(options: { search: string | null; beforeId: number; limit: number }): Promise<Owner[]>;
  /** CONFLICT where the externalId is taken; null where there is no such owner. */
  update(id: number, changes: OwnerChanges): Promise<Owner | null>;
}

export const OWNER_BOUNDS = {
  name: text({ max: 255 }),
  email: text({ min: 3, max: 254, pattern: { test: /^[^\s@]+@[^\s@]+$/, words: 'must be an e-mail address' } }),
  // MySQL compares without regard to blanks at the end, SQLite with it: neither takes them.
  externalId: text({ max: 255, pattern: { test: /^\S(.*\S)?$/, words: 'must not begin or end with a blank' } }),
};

export interface OwnerUpdate {
  name?: string;
  email?: string | null;
  externalId?: string | null;
  suspended?: boolean | null;
}

export class Owners {
  constructor(
    private readonly store: OwnerStore,
    private readonly plans: Plans,
    private readonly clock: Clock,
    private readonly ledger: Ledger,
  ) {}

  /** Creates an owner on a plan, with the first period's credits. NOT_FOUND for an unknown plan, CONFLICT, BAD_USER_INPUT. */
  async create(input: {
    name: string;
    email?: string | null | undefined;
    externalId?: string | null | undefined;
    planCode: string;
  }): Promise<Owner> {
    checkBounds(input, OWNER_BOUNDS);
    const plan = await this.plans.open(input.planCode);
    const { monthlyCredits, topUpsAllowed, rolloverLimit } = plan;
    return this.store.create(
      { name: input.name, email: input.email ?? null, externalId: input.externalId ?? null },
      { planId: plan.id, terms: { monthlyCredits, topUpsAllowed, rolloverLimit } },
      this.clock.now(),
    );
  }

  /** NOT_FOUND where there is none. */
  async byId(id: number): Promise<Owner> {
    const owner = await this.store.byId(id);
    if (!owner) throw notFound('owner');
    return owner;
  }

  async byExternalId(caller: Caller, externalId: string): Promise<Owner> {
    const owner = await this.store.byExternalId(externalId);
    if (!owner || (caller.ownerId !== null && owner.id !== caller.ownerId)) throw notFound('owner');
    return owner;
  }

  page(options: { search: string | null; beforeId: number; limit: number }): Promise<Owner[]> {
    return this.store.page(options);
  }

  /** An absent field keeps its value, null clears it. externalId and suspension are the operator's alone. */
  async update(caller: Caller, id: string, update: OwnerUpdate): Promise<Owner> {
    const restricted = update.externalId !== undefined || update.suspended !== undefined;
    if (restricted && caller.role !== 'ADMIN') throw forbidden();
    const identity = ownIdOf(caller, 'owner', id);
    checkBounds(update, OWNER_BOUNDS, { required: ['name', 'suspended'] });
    const before = await this.byId(identity.ownerId);
    const { name, email, externalId, suspended } = update;
    const owner = await this.store.update(before.id, {
      ...(name !== undefined && { name }),
      ...(email !== undefined && { email }),
      ...(externalId !== undefined && { externalId }),
      ...suspension(before, suspended, this.clock.now()),
    });
    if (!owner) throw notFound('owner');
    return owner;
  }

  /**
   * Rule 5: up at once, anything else at the end of the period; the current plan cancels a pending change. NOT_FOUND, CONFLICT
   * where the plan is archived, LIMIT_REACHED where the pool is full.
   */
  async changePlan(input: { ownerId: string; planCode: string }): Promise<{ owner: Owner; balance: BalanceSnapshot }> {
    const { ownerId } = idOf('owner', input.ownerId);
    await this.ledger.balance(ownerId);
    const before = await this.byId(ownerId);
    const plan = await this.plans.byCode(input.planCode);
    if (plan.archivedAt !== null && plan.id !== before.planId) throw archived();
    const { balance } = await this.ledger.submit({ kind: 'CHANGE_PLAN', ownerId, planId: plan.id });
    return { owner: await this.byId(ownerId), balance };
  }
}

/** Suspending again keeps the instant of the first time. */
function suspension(before: Owner, suspended: boolean | null | undefined, now: Instant): OwnerChanges {
  if (suspended === undefined || suspended === null || suspended === (before.suspendedAt !== null)) return {};
  return { suspendedAt: suspended ? now : null };
}
