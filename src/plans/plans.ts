import { checkBounds, text, wholeNumber } from '../bounds';
import type { Clock, Instant } from '../clock';
import { DomainError, notFound } from '../errors';
import { POOL_LIMIT_CREDITS, type PlanTerms } from '../ledger/pool';

export interface Plan extends PlanTerms {
  readonly id: number;
  readonly code: string;
  readonly name: string;
  readonly maxApps: number | null;
  readonly archivedAt: Instant | null;
  readonly createdAt: Instant;
}

export type NewPlan = Pick<Plan, 'code' | 'name' | 'monthlyCredits' | 'maxApps' | 'topUpsAllowed' | 'rolloverLimit'>;
export type PlanChanges = Partial<Omit<Plan, 'id' | 'code' | 'createdAt'>>;

export interface PlanStore {
  list(includeArchived: boolean): Promise<Plan[]>;
  byIds(ids: readonly number[]): Promise<Plan[]>;
  byCode(code: string): Promise<Plan | null>;
  /** CONFLICT where a code is taken. */
  create(plans: readonly NewPlan[], now: Instant): Promise<Plan[]>;
  update(id: number, changes: PlanChanges, now: Instant): Promise<Plan | null>;
}

export const PLAN_BOUNDS = {
  code: text({ max: 64, pattern: { test: /^[a-z0-9][a-z0-9_-]*$/, words: 'must be of a-z, 0-9, _ and -' } }),
  name: text({ max: 255 }),
  monthlyCredits: wholeNumber({ min: 0, max: POOL_LIMIT_CREDITS }),
  maxApps: wholeNumber({ min: 0, max: 1_000_000 }),
  rolloverLimit: wholeNumber({ min: 0, max: POOL_LIMIT_CREDITS }),
};

/** The catalogue that an empty database starts with (rule 3). Data: operators may change and extend it. */
const FIRST_PLANS: readonly NewPlan[] = [
  { code: 'free', name: 'Free', monthlyCredits: 100, maxApps: null, topUpsAllowed: false, rolloverLimit: 0 },
  { code: 'starter', name: 'Starter', monthlyCredits: 2_000, maxApps: null, topUpsAllowed: true, rolloverLimit: 0 },
  { code: 'builder', name: 'Builder', monthlyCredits: 10_000, maxApps: null, topUpsAllowed: true, rolloverLimit: 0 },
  { code: 'pro', name: 'Pro', monthlyCredits: 20_000, maxApps: null, topUpsAllowed: true, rolloverLimit: 0 },
  { code: 'elite', name: 'Elite', monthlyCredits: 50_000, maxApps: null, topUpsAllowed: true, rolloverLimit: 0 },
];

export class Plans {
  constructor(
    private readonly store: PlanStore,
    private readonly clock: Clock,
  ) {}

  list(includeArchived: boolean): Promise<Plan[]> {
    return this.store.list(includeArchived);
  }

  /** Creates the first catalogue where there is no plan at all. */
  async createFirst(): Promise<void> {
    if ((await this.store.list(true)).length === 0) await this.store.create(FIRST_PLANS, this.clock.now());
  }

  async byId(id: number): Promise<Plan> {
    const [plan] = await this.store.byIds([id]);
    if (!plan) throw notFound('plan');
    return plan;
  }

  /** NOT_FOUND where there is none. */
  async byCode(code: string): Promise<Plan> {
    const plan = await this.store.byCode(code);
    if (!plan) throw notFound('plan');
    return plan;
  }

  /** A plan that takes new owners. NOT_FOUND, or CONFLICT where it is archived. */
  async open(code: string): Promise<Plan> {
    const plan = await this.byCode(code);
    if (plan.archivedAt !== null) throw archived();
    return plan;
  }

  async create(plan: NewPlan): Promise<Plan> {
    checkBounds(plan, PLAN_BOUNDS);
    const [created] = await this.store.create([plan], this.clock.now());
    return created as Plan;
  }

  /** New amounts apply to each owner from the next renewal (rule 5). null clears maxApps; nothing else can be cleared. */
  async update(id: number, input: Partial<NewPlan> & { archived?: boolean | null | undefined }): Promise<Plan> {
    checkBounds(input, PLAN_BOUNDS, {
      required: ['name', 'monthlyCredits', 'topUpsAllowed', 'rolloverLimit', 'archived'],
    });
    const { name, monthlyCredits, maxApps, topUpsAllowed, rolloverLimit, archived } = input;
    const changes: PlanChanges = {
      ...(name !== undefined && { name }),
      ...(monthlyCredits !== undefined && { monthlyCredits }),
      ...(maxApps !== undefined && { maxApps }),
      ...(topUpsAllowed !== undefined && { topUpsAllowed }),
      ...(rolloverLimit !== undefined && { rolloverLimit }),
      ...(archived !== undefined && archived !== null && { archivedAt: archived ? this.clock.now() : null }),
    };
    const plan = await this.store.update(id, changes, this.clock.now());
    if (!plan) throw notFound('plan');
    return plan;
  }
}

export function archived(): DomainError {
  return new DomainError('CONFLICT', 'This plan is archived: nobody can begin with it or change to it.');
}
