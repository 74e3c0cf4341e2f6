import { In } from 'typeorm';
import type { Instant } from '../clock';
import type { Database, Session } from '../database/database';
import { isDuplicate } from '../database/failure';
import { DomainError } from '../errors';
import type { PlanTerms } from '../ledger/pool';
import { PlanRow, PlanTermsRow } from './plan.entity';
import type { Plan, PlanChanges, PlanStore, NewPlan } from './plans';

const NUMBER_ATTEMPTS = 8;

export class SqlPlanStore implements PlanStore {
  constructor(private readonly database: Database) {}

  list(includeArchived: boolean): Promise<Plan[]> {
    const { manager } = this.database.reader;
    return manager
      .find(PlanRow, { order: { id: 'ASC' } })
      .then((plans) => plans.filter((p) => includeArchived || !p.archivedAt));
  }

  byIds(ids: readonly number[]): Promise<Plan[]> {
    return this.database.reader.manager.findBy(PlanRow, { id: In(ids) });
  }

  byCode(code: string): Promise<Plan | null> {
    return this.database.reader.manager.findOneBy(PlanRow, { code });
  }

  /** Plans are numbered. Two that are created at once may meet in a number: the later one takes the next. */
  async create(plans: readonly NewPlan[], now: Instant): Promise<Plan[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.database.write((session) => this.insert(session, plans, now));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        const taken = await Promise.all(plans.map(({ code }) => this.byCode(code)));
        if (attempt >= NUMBER_ATTEMPTS || taken.some((plan) => plan !== null)) {
          throw new DomainError('CONFLICT', 'This plan code is taken.');
        }
      }
    }
  }

  async update(id: number, changes: PlanChanges, now: Instant): Promise<Plan | null> {
    return this.database.write(async (session) => {
      const lock = this.database.kind === 'mysql' ? ' FOR UPDATE' : '';
      await session.query(`SELECT id FROM plans WHERE id = ?${lock}`, [id]);
      const before = await session.manager.findOneBy(PlanRow, { id });
      if (!before) return null;
      const after = { ...before, ...changes };
      await session.manager.update(PlanRow, { id }, after);
      const sameTerms =
        before.monthlyCredits === after.monthlyCredits &&
        before.topUpsAllowed === after.topUpsAllowed &&
        before.rolloverLimit === after.rolloverLimit;
      if (!sameTerms) await this.insertTerms(session, id, after, now);
      return after;
    });
  }

  private async insert(session: Session, plans: readonly NewPlan[], now: Instant): Promise<Plan[]> {
    // The first plan's lock makes one creation come after the other; only while there is none may they meet.
    if (this.database.kind === 'mysql') await session.query('SELECT id FROM plans WHERE id = 1 FOR UPDATE');
    const [row] = await session.query<{ last: unknown }>('SELECT MAX(id) AS last FROM plans');
    const last = Number(row?.last ?? 0);
    const created = plans.map((plan, index) => ({ ...plan, id: last + 1 + index, archivedAt: null, createdAt: now }));
    await session.manager.insert(PlanRow, created);
    for (const plan of created) await this.insertTerms(session, plan.id, plan, now);
    return created;
  }

  private async insertTerms(session: Session, planId: number, terms: PlanTerms, now: Instant): Promise<void> {
    const [row] = await session.query<{ last: unknown }>(
      'SELECT MAX(effective_from) AS last FROM plan_terms WHERE plan_id = ?',
      [planId],
    );
    // Two edits in one millisecond, or a clock that went back, still leave an order.
    const effectiveFrom = Math.max(now, Number(row?.last ?? -1) + 1);
    const { monthlyCredits, topUpsAllowed, rolloverLimit } = terms;
    await session.manager.insert(PlanTermsRow, { planId, effectiveFrom, monthlyCredits, topUpsAllowed, rolloverLimit });
  }
}
