import { randomInt } from 'node:crypto';
import type { Instant } from '../clock';
import type { Database, Session } from '../database/database';
import { isDuplicate } from '../database/failure';
import { DomainError } from '../errors';
import { decideOpening } from '../ledger/decide';
import type { SqlLedgerStore } from '../ledger/ledger.store';
import type { PlanTerms } from '../ledger/pool';
import { OwnerRow } from './owner.entity';
import { isFound, suffixesOf, suffixRange } from './owner-suffixes';
import type { NewOwner, Owner, OwnerChanges, OwnerStore } from './owners';

/** Ids count from here, so that 42 bits of milliseconds and 11 of chance stay below 2^53 until the year 2163. */
const FIRST_ID_AT = Date.UTC(2024, 0, 1);
const IDS_PER_MS = 2_048;
const ID_ATTEMPTS = 5;
/** How many of the newest owners a search looks through, step by step, before it looks the text up. */
const SEARCHED_NEARBY = [200, 2_000, 2_000];
/** A text that more places than this have is worth the later steps. */
const FREQUENT_PLACES = 5_000;

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
          await insertSuffixes(session, id, suffixesOf(owner));
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
    if (search === null) return this.newest(beforeId, limit);
    const found: Owner[] = [];
    let before = beforeId;
    // A frequent text fills its page from the newest owners; looking it up as a whole would sort all who have it.
    for (const rows of SEARCHED_NEARBY) {
      if (rows !== SEARCHED_NEARBY[0] && !(await this.isFrequent(search, before))) break;
      const nearby = await this.newest(before, rows);
      found.push(...nearby.filter((owner) => isFound(owner, search)));
      if (found.length >= limit || nearby.length < rows) return found.slice(0, limit);
      before = (nearby.at(-1) as Owner).id;
    }
    return [...found, ...(await this.searchBySuffix(search, before, limit - found.length))];
  }

  async update(id: number, { suspendedAt, ...changes }: OwnerChanges): Promise<Owner | null> {
    try {
      await this.database.write(async (session) => {
        if (Object.keys(changes).length > 0) await this.change(session, id, changes);
        if (suspendedAt === undefined) return;
        // No balance shows it, yet the version rises: debits that are decided by what is known are guarded by it.
        const sql = 'UPDATE pools SET suspended_at = ?, version = version + 1, shape = shape + 1 WHERE owner_id = ?';
        await session.execute(sql, [suspendedAt, id]);
      });
    } catch (error) {
      if (isDuplicate(error)) throw externalIdTaken();
      throw error;
    }
    return this.byId(id);
  }

  private async newest(beforeId: number, limit: number): Promise<Owner[]> {
    const rows = await this.database.reader.query<OwnerWithPool>(
      `${OWNER_SELECT} WHERE o.id < ? ORDER BY o.id DESC LIMIT ?`,
      [beforeId, limit],
    );
    return rows.map(ownerOf);
  }

  private async isFrequent(search: string, beforeId: number): Promise<boolean> {
    const { first, end } = suffixRange(search);
    const rows = await this.database.reader.query(
      `SELECT owner_id FROM owner_suffixes WHERE suffix >= ? AND suffix < ? AND owner_id < ?
       LIMIT 1 OFFSET ${FREQUENT_PLACES}`,
      [first, end, beforeId],
    );
    return rows.length > 0;
  }

  /** Owners that contain `search`, newest first, by the suffix that begins with it; what is longer is checked. */
  private async searchBySuffix(search: string, beforeId: number, limit: number): Promise<Owner[]> {
    const found: Owner[] = [];
    const { first, end } = suffixRange(search);
    for (let before = beforeId; found.length < limit;) {
      const rows = await this.database.reader.query<OwnerWithPool>(
        `${OWNER_SELECT} JOIN (
           SELECT DISTINCT owner_id FROM owner_suffixes WHERE suffix >= ? AND suffix < ? AND owner_id < ?
           ORDER BY owner_id DESC LIMIT ?
         ) s ON s.owner_id = o.id`,
        [first, end, before, limit],
      );
      const owners = rows.map(ownerOf).sort((a, b) => b.id - a.id);
      found.push(...owners.filter((owner) => isFound(owner, search)));
      if (owners.length < limit) break;
      before = (owners.at(-1) as Owner).id;
    }
    return found.slice(0, limit);
  }

  /** The suffixes change with the texts. Those that stay are not touched. */
  private async change(session: Session, id: number, changes: Omit<OwnerChanges, 'suspendedAt'>): Promise<void> {
    const lock = this.database.kind === 'mysql' ? ' FOR UPDATE' : '';
    const [row] = await session.query<OwnerWithPool>(
      `SELECT name, email, external_id FROM owners WHERE id = ?${lock}`,
      [id],
    );
    if (!row) return;
    await session.manager.update(OwnerRow, { id }, changes);
    const before = { name: row.name, email: row.email, externalId: row.external_id };
    const old = suffixesOf(before);
    const wanted = suffixesOf({ ...before, ...changes });
    const gone = old.filter((suffix) => !wanted.some((other) => other.equals(suffix)));
    if (gone.length > 0) {
      await session.execute(
        `DELETE FROM owner_suffixes WHERE owner_id = ? AND suffix IN (${gone.map(() => '?').join(', ')})`,
        [id, ...gone],
      );
    }
    await insertSuffixes(
      session,
      id,
      wanted.filter((suffix) => !old.some((other) => other.equals(suffix))),
    );
  }

  private async one(sql: string, parameters: unknown[]): Promise<Owner | null> {
    const [row] = await this.database.reader.query<OwnerWithPool>(sql, parameters);
    return row ? ownerOf(row) : null;
  }
}

async function insertSuffixes(session: Session, ownerId: number, suffixes: readonly Buffer[]): Promise<void> {
  if (suffixes.length === 0) return;
  await session.execute(
    `INSERT INTO owner_suffixes (suffix, owner_id) VALUES ${suffixes.map(() => '(?, ?)').join(', ')}`,
    suffixes.flatMap((suffix) => [suffix, ownerId]),
  );
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
