import { createConnection } from 'mysql2/promise';
import { SqliteDatabase } from '../../src/database/sqlite-driver';
import { parsePublicId } from '../../src/public-id';

import type { TestService } from './service';

type Row = Record<string, unknown>;

/** A line of the ledger, as the table holds it. */
export interface BookEntry {
  readonly ownerId: number;
  readonly sequence: number;
  readonly kind: string;
  readonly credits: number;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly grantSequence: number;
  readonly actionSequence: number | null;
  readonly appId: number;
  readonly keyHash: string | null;
  readonly status: string | null;
  readonly holdExpiresAt: number | null;
  readonly at: number;
  readonly reason: string | null;
}

/** The tables of the ledger, all of one snapshot. */
export interface Books {
  readonly pools: readonly Row[];
  readonly grants: readonly Row[];
  readonly apps: readonly Row[];
  readonly holds: readonly Row[];
  readonly entries: readonly BookEntry[];
}

/** Reads the tables past the service, so that a mistake of its own cannot hide itself; those of some owners only, where given. */
export async function readBooks(databaseUrl: string, owners?: readonly number[]): Promise<Books> {
  const selects = selectsOf(owners);
  const tables = databaseUrl.startsWith('sqlite:')
    ? readSqlite(databaseUrl, selects)
    : await readMysql(databaseUrl, selects);
  const [pools = [], grants = [], apps = [], holds = [], entries = []] = tables;
  return { pools, grants, apps, holds, entries: entries.map(entryOf) };
}

/** The entries of one owner, given by its public id, in order. */
export async function entriesOf(databaseUrl: string, ownerId: string): Promise<BookEntry[]> {
  const owner = parsePublicId(ownerId)?.ownerId;
  return (await readBooks(databaseUrl)).entries.filter((entry) => entry.ownerId === owner);
}

/** Changes rows behind the service's back, as a mistaken repair by hand would. Fails where no row is changed. */
export async function tamper(
  databaseUrl: string,
  sql: string,
  parameters: readonly (number | string)[],
): Promise<void> {
  if (databaseUrl.startsWith('sqlite:')) {
    const database = new SqliteDatabase(databaseUrl.slice('sqlite:'.length));
    try {
      expect(database.prepare(sql).run(...parameters).changes).toBeGreaterThan(0);
    } finally {
      database.close();
    }
    return;
  }
  const connection = await createConnection({ uri: databaseUrl });
  try {
    const [result] = await connection.query(sql, [...parameters]);
    expect((result as { affectedRows: number }).affectedRows).toBeGreaterThan(0);
  } finally {
    await connection.end();
  }
}

/** What is wrong with the books, by I1 to I5, when everything is computed again from the entries alone. Empty: all is well. */
export function problemsOf(books: Books): string[] {
  const owners = new Set([...books.pools, ...books.grants, ...books.holds].map((row) => Number(row['owner_id'])));
  for (const { ownerId } of books.entries) owners.add(ownerId);
  return [...owners].flatMap((ownerId) => {
    const own = (row: Row) => Number(row['owner_id']) === ownerId;
    return new Audit(ownerId, {
      pools: books.pools.filter(own),
      grants: books.grants.filter(own),
      apps: books.apps.filter(own),
      holds: books.holds.filter(own),
      entries: books.entries.filter((entry) => entry.ownerId === ownerId),
    }).run();
  });
}

/** Ends a test file’s service; every movement it made must be in order, and nothing may have failed behind its back. */
export async function stopSound(service: TestService): Promise<void> {
  let problems: string[];
  try {
    problems = problemsOf(await readBooks(service.databaseUrl));
  } finally {
    await service.stop();
  }
  expect({ problems, failures: service.failures }).toEqual({ problems: [], failures: [] });
}

function selectsOf(owners: readonly number[] | undefined): string[] {
  const of = owners ? `WHERE owner_id IN (${owners.map(Number).join(', ')})` : '';
  return ['pools', 'grants', 'apps', 'holds', 'ledger_entries'].map((table) => {
    const second = table === 'pools' ? '' : table === 'apps' ? ', id' : ', sequence';
    return `SELECT * FROM ${table} ${of} ORDER BY owner_id${second}`;
  });
}

function readSqlite(databaseUrl: string, selects: readonly string[]): Row[][] {
  const database = new SqliteDatabase(databaseUrl.slice('sqlite:'.length), { readonly: true });
  try {
    database.exec('BEGIN');
    const rows = selects.map((sql) => database.prepare(sql).all());
    database.exec('COMMIT');
    return rows;
  } finally {
    database.close();
  }
}

async function readMysql(databaseUrl: string, selects: readonly string[]): Promise<Row[][]> {
  const connection = await createConnection({ uri: databaseUrl, supportBigNumbers: true });
  try {
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
    const tables: Row[][] = [];
    for (const sql of selects) tables.push((await connection.query(sql))[0] as Row[]);
    return tables;
  } finally {
    await connection.end();
  }
}

function entryOf(row: Row): BookEntry {
  const number = (name: string) => Number(row[name]);
  const numberOrNull = (name: string) => (row[name] === null ? null : Number(row[name]));
  return {
    ownerId: number('owner_id'),
    sequence: number('sequence'),
    kind: String(row['kind']),
    credits: number('credits'),
    available: number('available'),
    held: number('held'),
    paused: number('paused'),
    grantSequence: number('grant_sequence'),
    actionSequence: numberOrNull('action_sequence'),
    appId: number('app_id'),
    keyHash: row['key_hash'] === null ? null : (row['key_hash'] as Buffer).toString('hex'),
    status: row['status'] as string | null,
    holdExpiresAt: numberOrNull('hold_expires_at'),
    at: number('at'),
    reason: row['reason'] as string | null,
  };
}

interface GrantCount {
  usable: number;
  paused: number;
}

interface ActionCount {
  status: string;
  opening: BookEntry;
}

const POOL_LIMIT_CREDITS = 2_000_000_000;

/** Retells the story of one pool from its entries, by the table of I4, and compares it with what the tables say. */
class Audit {
  private readonly problems: string[] = [];
  private readonly totals = { available: 0, held: 0, paused: 0, granted: 0, spent: 0, expired: 0, revoked: 0 };
  private readonly grants = new Map<number, GrantCount>();
  private readonly actions = new Map<number, ActionCount>();
  private lastAt = -Infinity;

  constructor(
    private readonly ownerId: number,
    private readonly books: Books,
  ) {}

  run(): string[] {
    this.books.entries.forEach((entry, index) => {
      this.expect(entry.sequence, index + 1, 'I4: an entry’s number');
      this.apply(entry);
      this.checkAfter(entry);
    });
    this.checkPool();
    this.checkGrants();
    this.checkActions();
    this.checkUse();
    return this.problems;
  }

  private expect(actual: unknown, expected: unknown, what: string): void {
    if (actual !== expected) this.problems.push(`owner ${this.ownerId}: ${what} is ${actual}, not ${expected}`);
  }

  private apply(entry: BookEntry): void {
    const { totals } = this;
    const { kind, credits } = entry;
    const grant = this.grantOf(entry);
    switch (kind) {
      case 'GRANT':
        totals.granted += credits;
        grant.usable += credits;
        break;
      case 'DEBIT':
        totals.spent += credits;
        grant.usable -= credits;
        break;
      case 'HOLD':
        totals.held += credits;
        grant.usable -= credits;
        break;
      case 'CAPTURE':
        totals.held -= credits;
        totals.spent += credits;
        break;
      case 'VOID':
        totals.held -= credits;
        grant.usable += credits;
        break;
      case 'REFUND':
        totals.spent -= credits;
        grant.usable += credits;
        break;
      case 'PAUSE':
        grant.usable -= credits;
        grant.paused += credits;
        break;
      case 'RESUME':
        grant.paused -= credits;
        grant.usable += credits;
        break;
      case 'EXPIRE':
      case 'REVOKE':
        totals[kind === 'EXPIRE' ? 'expired' : 'revoked'] += credits;
        if (grant.paused > 0) grant.paused -= credits;
        else grant.usable -= credits;
        break;
      default:
        this.problems.push(`owner ${this.ownerId}: an entry of the unknown kind ${kind}`);
    }
    this.applyToAction(entry);
    totals.available = sum([...this.grants.values()].map(({ usable }) => usable));
    totals.paused = sum([...this.grants.values()].map(({ paused }) => paused));
  }

  private grantOf({ kind, sequence, grantSequence }: BookEntry): GrantCount {
    if (kind === 'GRANT') {
      this.expect(grantSequence, sequence, 'the grant of a GRANT');
      this.grants.set(sequence, { usable: 0, paused: 0 });
    }
    const grant = this.grants.get(grantSequence);
    if (grant) return grant;
    this.problems.push(`owner ${this.ownerId}: entry ${sequence} is about no grant`);
    return { usable: 0, paused: 0 };
  }

  private applyToAction(entry: BookEntry): void {
    const { kind, sequence, actionSequence } = entry;
    if (kind === 'DEBIT' || kind === 'HOLD') {
      this.expect(actionSequence, sequence, 'the action of its opening entry');
      this.actions.set(sequence, { status: kind === 'HOLD' ? 'HELD' : 'CAPTURED', opening: entry });
      return;
    }
    const next = { CAPTURE: ['HELD', 'CAPTURED'], VOID: ['HELD', 'VOIDED'], REFUND: ['CAPTURED', 'REFUNDED'] }[kind];
    if (!next) return;
    const action = this.actions.get(actionSequence ?? 0);
    this.expect(action?.status, next[0], `the status of the action that ${kind} ${sequence} is about`);
    if (!action) return;
    this.expect(entry.grantSequence, action.opening.grantSequence, 'the grant that a credit returns to (rule 9)');
    this.expect(entry.appId, action.opening.appId, 'the app of an action');
    action.status = next[1] as string;
  }

  private checkAfter({ sequence, credits, available, held, paused, at }: BookEntry): void {
    const { totals } = this;
    if (credits <= 0) this.problems.push(`owner ${this.ownerId}: entry ${sequence} moves ${credits}`);
    this.expect(available, totals.available, `I4: available after entry ${sequence}`);
    this.expect(held, totals.held, `I4: held after entry ${sequence}`);
    this.expect(paused, totals.paused, `I4: paused after entry ${sequence}`);
    const parts = totals.available + totals.paused + totals.held + totals.spent + totals.expired + totals.revoked;
    this.expect(parts, totals.granted, `I1: the sum of the parts after entry ${sequence}`);
    const inBounds = Math.min(totals.available, totals.held, totals.paused) >= 0;
    this.expect(inBounds, true, `I2: available, held and paused >= 0 after entry ${sequence}`);
    const fits = totals.available + totals.held + totals.paused <= POOL_LIMIT_CREDITS;
    this.expect(fits, true, `I2: the pool’s upper bound after entry ${sequence}`);
    if (at < this.lastAt) this.problems.push(`owner ${this.ownerId}: time turns back at entry ${sequence}`);
    this.lastAt = at;
  }

  private checkPool(): void {
    const [pool, ...others] = this.books.pools;
    this.expect(others.length, 0, 'the number of further pools');
    if (!pool) return void this.problems.push(`owner ${this.ownerId}: there is no pool`);
    this.expect(Number(pool['last_sequence']), this.books.entries.length, 'I4: lastSequence');
    for (const [name, total] of Object.entries(this.totals)) this.expect(Number(pool[name]), total, `I1: ${name}`);
    const due = [
      Number(pool['resets_at']),
      ...this.books.holds.map((hold) => Number(hold['expires_at'])),
      ...this.books.grants.flatMap((grant) =>
        Number(grant['remaining']) > 0 && grant['expires_at'] !== null ? [Number(grant['expires_at'])] : [],
      ),
    ];
    this.expect(Number(pool['next_due_at']) <= Math.min(...due), true, 'that nothing falls due before next_due_at');
  }

  private checkGrants(): void {
    this.expect(this.books.grants.length, this.grants.size, 'the number of grants');
    const unwritten = this.unwrittenOfGrantInUse();
    for (const row of this.books.grants) {
      const counted = this.grants.get(Number(row['sequence']));
      const remaining = Number(row['remaining']) - (row === unwritten?.grant ? unwritten.credits : 0);
      this.expect(
        remaining,
        counted && counted.usable + counted.paused,
        `I5: what remains of grant ${row['sequence']}`,
      );
      this.expect(remaining >= 0 && remaining <= Number(row['amount']), true, 'I2: 0 <= remaining <= amount');
    }
  }

  /** The grant that is burnt next is written behind: what it lacks is what usable grants have more than the pool. */
  private unwrittenOfGrantInUse(): { grant: Row | undefined; credits: number } {
    const [pool] = this.books.pools;
    const isTopUp = (row: Row) => row['source'] === 'TOP_UP';
    const usable = this.books.grants.filter(
      (row) => Number(row['remaining']) > 0 && (!isTopUp(row) || Number(pool?.['top_ups_allowed']) === 1),
    );
    const expiry = (row: Row) => (row['expires_at'] === null ? Infinity : Number(row['expires_at']));
    const inBurnOrder = usable.sort(
      (a, b) =>
        Number(isTopUp(a)) - Number(isTopUp(b)) ||
        (expiry(a) === expiry(b) ? Number(a['sequence']) - Number(b['sequence']) : expiry(a) - expiry(b)),
    );
    const written = sum(usable.map((row) => Number(row['remaining'])));
    return { grant: inBurnOrder[0], credits: written - Number(pool?.['available']) };
  }

  private checkActions(): void {
    const keys = new Set<string>();
    const held = new Map<number, number | null>();
    for (const [sequence, { status, opening }] of this.actions) {
      this.expect(opening.status, status, `the status of action ${sequence}`);
      this.expect(opening.credits, 1, `the credits of action ${sequence}`);
      const key = `${opening.appId}:${opening.keyHash}`;
      this.expect(keys.has(key), false, `I3: whether the key of action ${sequence} was used before`);
      keys.add(key);
      if (status === 'HELD') held.set(sequence, opening.holdExpiresAt);
    }
    this.expect(this.totals.held, held.size, 'I5: held actions');
    this.expect(this.books.holds.length, held.size, 'the number of open holds');
    for (const hold of this.books.holds) {
      this.expect(
        Number(hold['expires_at']),
        held.get(Number(hold['sequence'])),
        `the expiry of hold ${hold['sequence']}`,
      );
    }
  }

  /** usedThisPeriod: actions opened in this period that are HELD or CAPTURED, of the owner and of each app. */
  private checkUse(): void {
    const [pool] = this.books.pools;
    const periodStart = Number(pool?.['period_start']);
    const counting = [...this.actions.values()].filter(
      ({ status, opening }) => opening.at >= periodStart && (status === 'HELD' || status === 'CAPTURED'),
    );
    this.expect(Number(pool?.['used_this_period']), counting.length, 'usedThisPeriod');
    for (const app of this.books.apps) {
      const used = counting.filter(({ opening }) => opening.appId === Number(app['id'])).length;
      const counted = Number(app['counted_from']) === periodStart ? Number(app['used_this_period']) : 0;
      const isUncounted = Number(pool?.['uncounted_app_id'] ?? 0) === Number(app['id']);
      this.expect(
        counted + (isUncounted ? Number(pool?.['uncounted_actions']) : 0),
        used,
        `usedThisPeriod of app ${app['id']}`,
      );
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
