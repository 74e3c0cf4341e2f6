import { randomInt } from 'node:crypto';
import type { Instant } from '../clock';
import type { Database } from '../database/database';
import { isDuplicate } from '../database/failure';
import { DomainError } from '../errors';
import { decideOpening } from '../ledger/decide';
import type { SqlLedgerStore } from '../ledger/ledger.store';
import type { PlanTerms } from '../ledger/pool';
import { OwnerRow } from './owner.entity';
import type { NewOwner, Owner, OwnerChanges, OwnerStore } from './owners';

/** Ids count from here, so that 42 bits of milliseconds and 11 of chance stay below 2^53 until the year 2163. */
const FIRST_ID_AT = Date.UTC(2024, 0, 1);
const IDS_PER_MS = 2_048;
const ID_ATTEMPTS = 5;

const OWNER_SELECT = `SELECT o.id, o.name, o.email, o.external_id, o.created_at, p.plan_id, p.next_plan_id, p.suspended_at
  FROM owners o JOIN pools p ON p.owner_id = o.id`;

interface OwnerWithPool {
  id: unknown;
  name: string;
  email: string | null;
  external_id: string | null;
  created_at: unknown;
  plan_id: unknown;
  next_plan_id: unknown;
  suspended_at: unknown;
}

export class SqlOwnerStore implements OwnerStore {
  constructor(
    private readonly database: Database,
    private readonly ledgerStore: SqlLedgerStore,
  ) {}

  /** The owner, its pool and the first credits are created in one transaction: a missing row takes no lock (hazard 12). */
  async create(owner: NewOwner, plan: { planId: number; terms: PlanTerms }, now: Instant): Promise<Owner> {
    for (let attempt = 1; ; attempt++) {
      const id = Math.max(0, now - FIRST_ID_AT) * IDS_PER_MS + randomInt(IDS_PER_MS);
      try {
        await this.database.write(async (session) => {
          await session.manager.insert(OwnerRow, { ...owner, id, createdAt: now });
          await this.ledgerStore.insertPool(session, decideOpening({ ownerId: id, ...plan, at: now }));
        });
        return { ...owner, id, createdAt: now, planId: plan.planId, nextPlanId: null, suspendedAt: null };
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        const taken = owner.externalId !== null && (await this.byExternalId(owner.externalId));
        if (taken || attempt >= ID_ATTEMPTS) throw externalIdTaken();
      }
    }
  }

  async byId(id: number): Promise<Owner | null> {
    return this.one(`${OWNER_SELECT} WHERE o.id = ?`, [id]);
  }

  async byExternalId(externalId: string): Promise<Owner | null> {
    return this.one(`${OWNER_SELECT} WHERE o.external_id = ?`, [externalId]);
  }

  async page(options: { search: string | null; beforeId: number; limit: number }): Promise<Owner[]> {
    const { search, beforeId, limit } = options;
    // ! escapes: a backslash would mean different things to the two databases. LOWER: SQLite's LIKE takes a for A, MySQL's does not.
    const pattern = search === null ? null : `%${search.replace(/[!%_]/g, '!$&')}%`;
    const match =
      pattern === null
        ? ''
        : ` AND (${['o.name', 'o.email', 'o.external_id'].map((column) => `LOWER(${column}) LIKE LOWER(?) ESCAPE '!'`).join(' OR ')})`;
    const rows = await this.database.reader.query<OwnerWithPool>(
      `${OWNER_SELECT} WHERE o.id < ?${match} ORDER BY o.id DESC LIMIT ?`,
      [beforeId, ...(pattern === null ? [] : [pattern, pattern, pattern]), limit],
    );
    return rows.map(ownerOf);
  }

  async update(id: number, { suspendedAt, ...changes }: OwnerChanges): Promise<Owner | null> {
    try {
      await this.database.write(async (session) => {
        if (Object.keys(changes).length > 0) await session.manager.update(OwnerRow, { id }, changes);
        if (suspendedAt === undefined) return;
        // Changes nothing that a balance shows, so its version stays; the row's lock puts it between two debits.
        await session.execute('UPDATE pools SET suspended_at = ? WHERE owner_id = ?', [suspendedAt, id]);
      });
    } catch (error) {
      if (isDuplicate(error)) throw externalIdTaken();
      throw error;
    }
    return this.byId(id);
  }

  private async one(sql: string, parameters: unknown[]): Promise<Owner | null> {
    const [row] = await this.database.reader.query<OwnerWithPool>(sql, parameters);
    return row ? ownerOf(row) : null;
  }
}

function ownerOf(row: OwnerWithPool): Owner {
  return {
    id: Number(row.id),
    name: row.name,
    email: row.email,
    externalId: row.external_id,
    createdAt: Number(row.created_at),
    planId: Number(row.plan_id),
    nextPlanId: row.next_plan_id === null ? null : Number(row.next_plan_id),
    suspendedAt: row.suspended_at === null ? null : Number(row.suspended_at),
  };
}

function externalIdTaken(): DomainError {
  return new DomainError('CONFLICT', 'This externalId is taken.');
}
