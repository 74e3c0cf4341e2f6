import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { SqlApiKeyStore } from '../../src/access/api-key.store';
import { SqlActionStore } from '../../src/actions/action.store';
import type { ActionFilter } from '../../src/actions/list-actions';
import { SqlAppStore } from '../../src/apps/app.store';
import { SqlLedgerReader } from '../../src/balances/ledger-reader.store';
import { connectionOptions } from '../../src/database/connection-options';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { migrations } from '../../src/database/migrations';
import { IndexLists1764000200000 } from '../../src/database/migrations/1764000200000-index-lists';
import { SqlLedgerStore } from '../../src/ledger/ledger.store';
import { SqlOwnerStore } from '../../src/owners/owner.store';
import { parsePublicId, publicId } from '../../src/public-id';
import { writeHistory } from '../../src/sample/history';
import { createSampleWorld } from '../../src/sample/sample-world';
import { performed, resolved } from '../support/actions';
import { createTestDatabase, databaseKindOf, type TestDatabase } from '../support/database';
import { ManualClock, startTestService, type TestService } from '../support/service';

const ENDS_AT = Date.parse('2026-01-31T12:00:00.000Z');
const DAY_MS = 86_400_000;
/** More than one step of the list looks through, so that pages come from the indexes too. */
const ACTIONS = 2_600;
const VISITS = 3_600;
const TYPES = ['INVOKE_LLM', 'SEND_EMAIL', 'SEND_SMS', 'QUERY_DATABASE', 'GENERATE_IMAGE'] as const;
const STATUSES = ['HELD', 'CAPTURED', 'VOIDED', 'REFUNDED'] as const;
const VISITORS = ['visitor-0', 'visitor-5', 'everybody', 'nobody'] as const;

interface ListedAction {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly visitor: string | null;
  readonly createdAt: string;
  readonly app: { readonly id: string };
}

type Filter = Partial<Record<'appId' | 'type' | 'status' | 'visitor' | 'from' | 'to', string>>;

let files: TestDatabase;
let database: Database;
let service: TestService;
let ownerId: string;
let appIds: string[];
let everything: ListedAction[];

beforeAll(async () => {
  files = await createTestDatabase(databaseKindOf());
  database = await Database.open(files.url, entities);
  await database.migrate();
  const { owners } = await writeHistory(database, {
    seed: 7,
    owners: 1,
    days: 3,
    actions: ACTIONS,
    endsAt: ENDS_AT,
    habits: { held: 0.2, voided: 0.2, refunded: 0.01 },
  });
  const [owner] = owners;
  if (!owner) throw new Error('The history has an owner.');
  ownerId = publicId('owner', owner.ownerId);
  appIds = owner.appIds.map((id) => publicId('app', owner.ownerId, id));
  await visitOften(owner.ownerId, owner.appIds);
  await addOwners();
  service = await startTestService(databaseKindOf(), { databaseUrl: files.url, clock: new ManualClock(ENDS_AT) });
  everything = await list({}, 'id type status visitor createdAt app { id }');
}, 120_000);

afterAll(async () => {
  await service?.stop();
  await database?.close();
  await files?.drop();
});

describe('a list of actions', () => {
  it('without a filter has every action once, newest first', () => {
    const numbers = everything.map(({ id }) => parsePublicId(id)?.number ?? 0);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => b - a));
    expect(everything.length).toBe(ACTIONS + VISITS);
  });

  const singles: Record<string, Filter[]> = {
    type: TYPES.map((type) => ({ type })),
    app: [0, 1, 2, 3, 4].map((index) => ({ appId: String(index) })),
    status: STATUSES.map((status) => ({ status })),
    visitor: VISITORS.map((visitor) => ({ visitor })),
    span: [
      { from: instant(-2), to: instant(-1) },
      { from: instant(-0.5) },
      { to: instant(-2.5) },
      { from: instant(1) },
    ],
  };
  const names = Object.keys(singles);
  const pairs = names.flatMap((one, index) => names.slice(index + 1).map((other): [string, string] => [one, other]));

  it.each(names)('of one %s is what a look at every action finds', async (name) => {
    for (const filter of singles[name] ?? []) await expectExact(filter);
  });

  it.each(pairs)('of one %s and one %s is what a look at every action finds', async (one, other) => {
    for (const first of singles[one] ?? []) {
      for (const second of singles[other] ?? []) await expectExact({ ...first, ...second });
    }
  });

  it('of all filters at once is what a look at every action finds', async () => {
    const span = { from: instant(-2), to: instant(1) };
    await expectExact({ ...span, appId: '0', type: 'INVOKE_LLM', status: 'CAPTURED', visitor: 'everybody' });
    await expectExact({ ...span, appId: '1', type: 'SEND_EMAIL', status: 'VOIDED', visitor: 'visitor-0' });
  });

  it('neither repeats nor leaves out an action while others are added', async () => {
    const { appKey, ownerId: busy } = await service.tenant(1_000);
    const filter = { ownerId: busy, type: 'CALL_API', visitor: 'v' };
    const act = async (label: string) => performed(service, appKey, { idempotencyKey: label, visitor: 'v' });
    const made: string[] = [];
    for (let index = 0; index < 12; index += 1) made.unshift((await act(`before ${index}`)).action.id);
    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const page = await pageOf(filter, { first: 5, after });
      seen.push(...page.nodes.map(({ id }) => id));
      if (!page.next) break;
      after = page.next;
      await act(`meanwhile ${after}`);
    }
    expect(seen).toEqual(made);
  });

  it('from an instant has what was opened at it, and to an instant has not, also where several share it', async () => {
    const clock = new ManualClock(ENDS_AT);
    const moved = await startTestService(databaseKindOf(), { clock });
    try {
      const { appKey, ownerId: owner } = await moved.tenant();
      const [before, at, after] = [ENDS_AT + 1_000, ENDS_AT + 2_000, ENDS_AT + 3_000];
      const ids: Record<string, string> = {};
      for (const [label, when] of Object.entries({ a: before, b: at, c: at, d: after })) {
        clock.set(when);
        ids[label] = (await performed(moved, appKey, { idempotencyKey: label })).action.id;
      }
      const between = async (from: number | null, to: number | null) => {
        const span = { ...(from && { from: iso(from) }), ...(to && { to: iso(to) }) };
        const { nodes } = await pageOf({ ownerId: owner, ...span }, { first: 100, after: null }, moved);
        return nodes.map(({ id }) => Object.keys(ids).find((label) => ids[label] === id)).join('');
      };
      expect(await between(at, null)).toBe('dcb');
      expect(await between(null, at)).toBe('a');
      expect(await between(at, at)).toBe('');
      expect(await between(at, at + 1)).toBe('cb');
      expect(await between(before + 1, after)).toBe('cb');
      expect(await between(after, before)).toBe('');
      expect(await between(after + 1, null)).toBe('');
    } finally {
      await moved.stop();
    }
  });

  it('by status follows an action that is resolved', async () => {
    const { appKey, ownerId: owner } = await service.tenant();
    const { action } = await performed(service, appKey, { idempotencyKey: 'held', hold: true });
    const idsIn = async (status: string) =>
      (await pageOf({ ownerId: owner, status }, { first: 10, after: null })).nodes.map(({ id }) => id);
    expect([await idsIn('HELD'), await idsIn('VOIDED')]).toEqual([[action.id], []]);
    await resolved(service, appKey, 'voidAction', { actionId: action.id });
    expect([await idsIn('HELD'), await idsIn('VOIDED')]).toEqual([[], [action.id]]);
  });
});

describe('a search of owners', () => {
  const found = async (search: string) => {
    const { owners } = await service.ask(
      'query ($search: String) { owners(search: $search, first: 100) { edges { node { name } } } }',
      { search },
    );
    return owners.edges.map(({ node }: { node: { name: string } }) => node.name) as string[];
  };

  it('finds an old one by any part of its texts, and not by those it had before', async () => {
    expect(await found('COMPANY 7')).toEqual([
      'Company 79',
      'Company 78',
      'Company 77',
      'Company 76',
      'Company 75',
      'Company 74',
      'Company 73',
      'Company 72',
      'Company 71',
      'Company 70',
      'Company 7',
    ]);
    expect(await found('mpany 3')).toContain('Company 3');
    const { owners } = await service.ask('{ owners(search: "any 3", first: 100) { edges { node { id name } } } }');
    const { id } = owners.edges.find(({ node }: { node: { name: string } }) => node.name === 'Company 3').node;
    const name = `Straße ${'long '.repeat(12)}end`;
    await service.ask('mutation ($input: UpdateOwnerInput!) { updateOwner(input: $input) { owner { id } } }', {
      input: { id, name, email: 'info@three.example' },
    });
    expect(await found('company 3')).not.toContain('Company 3');
    for (const text of ['STRASSE', 'straße', 'e long', `${'long '.repeat(12)}end`, 'three.ex']) {
      expect([text, await found(text)]).toEqual([text, text === 'STRASSE' ? [] : [name]]);
    }
    expect(await found(`${'long '.repeat(12)}other`)).toEqual([]);
    const rows = await database.reader.query<{ suffix: Buffer }>(
      'SELECT suffix FROM owner_suffixes WHERE owner_id = ?',
      [parsePublicId(id)?.ownerId],
    );
    const suffixes = rows.map(({ suffix }) => suffix.toString());
    expect(suffixes).toContain('three.example');
    expect(suffixes).not.toContain('company 3');
  });
});

describe('the migration of the lists', () => {
  it('indexes what was there before it, and can be taken back', async () => {
    const older = await createTestDatabase(databaseKindOf());
    const dataSource = await new DataSource(connectionOptions(older.url, { entities })).initialize();
    try {
      await dataSource.runMigrations({ transaction: 'each' });
      await dataSource.query(
        "INSERT INTO owners (id, name, email, created_at) VALUES (1, 'Ada', 'ada@one.example', 0)",
      );
      const later = migrations.length - migrations.indexOf(IndexLists1764000200000);
      for (let count = 0; count < later; count += 1) await dataSource.undoLastMigration({ transaction: 'each' });
      await expect(dataSource.query('SELECT suffix FROM owner_suffixes')).rejects.toThrow();
      await dataSource.runMigrations({ transaction: 'each' });
      const rows: { suffix: Buffer }[] = await dataSource.query('SELECT suffix FROM owner_suffixes WHERE owner_id = 1');
      const suffixes = rows.map(({ suffix }) => suffix.toString());
      expect(suffixes).toEqual(expect.arrayContaining(['ada', 'da', 'a', 'one.example', '@one.example']));
    } finally {
      await dataSource.destroy();
      await older.drop();
    }
  });
});

describe('every statement of a list', () => {
  it('finds its rows by an index, without a scan or a sort of the table', async () => {
    const sent = await recorded(async () => {
      for (const run of listCalls()) await run();
    });
    for (const part of [
      'ledger_entries_facets',
      'ledger_entries_visitors',
      'owner_suffixes',
      'next_due_at',
      'api_keys',
    ]) {
      expect([...sent.keys()].filter((sql) => sql.includes(part))).not.toEqual([]);
    }
    const faults: string[] = [];
    for (const [sql, parameters] of sent) faults.push(...(await faultsOf(sql, parameters)).map((f) => `${f}: ${sql}`));
    expect(faults).toEqual([]);
  });
});

/** Actions of a visitor and of a type that are both frequent, the visitor a little less, and seldom meet. */
async function visitOften(owner: number, apps: readonly number[]): Promise<void> {
  const world = createSampleWorld(database, ENDS_AT - 60_000);
  const calls = Array.from({ length: VISITS }, (_, index) => {
    const email = index % 2 === 1;
    const often = email ? index % 50 === 49 : index % 10 !== 8;
    const perform = world.perform.get(email ? 'SEND_EMAIL' : 'INVOKE_LLM');
    const appId = (email ? apps[1] : apps[0]) as number;
    const input = {
      ...(email ? { recipients: 1 } : { model: 'gpt-4o' }),
      idempotencyKey: `often ${index}`,
      hold: false,
      holdSeconds: 900,
      visitor: often ? 'everybody' : null,
    };
    const caller = { role: 'APP', keyOwnerId: owner, keyNumber: 0, ownerId: owner, appId, expiresAt: null } as const;
    if (!perform) throw new Error('The catalogue has both types.');
    return perform(caller, input);
  });
  await world.grants.grant({
    ownerId: publicId('owner', owner),
    amount: VISITS,
    source: 'BONUS',
    idempotencyKey: 'often',
  });
  await Promise.all(calls);
}

/** More owners than a search looks through one by one. */
async function addOwners(): Promise<void> {
  const { owners, clock } = createSampleWorld(database, ENDS_AT - 4 * DAY_MS);
  for (let number = 0; number < 220; number += 1) {
    clock.moveTo(clock.now() + 1);
    await owners.create({ name: `Company ${number}`, planCode: 'free' });
  }
}

/** The list with this filter, compared with all actions looked through one by one. */
async function expectExact(filter: Filter): Promise<void> {
  const { appId, ...others } = filter;
  const given = { ...others, ...(appId !== undefined && { appId: appIds[Number(appId)] as string }) };
  const expected = everything.filter(
    ({ type, status, visitor, app, createdAt }) =>
      (given.type === undefined || type === given.type) &&
      (given.status === undefined || status === given.status) &&
      (given.visitor === undefined || visitor === given.visitor) &&
      (given.appId === undefined || app.id === given.appId) &&
      (given.from === undefined || Date.parse(createdAt) >= Date.parse(given.from)) &&
      (given.to === undefined || Date.parse(createdAt) < Date.parse(given.to)),
  );
  const found = await list(given);
  expect({ given, ids: found.map(({ id }) => id) }).toEqual({ given, ids: expected.map(({ id }) => id) });
}

async function list(filter: Filter, fields = 'id'): Promise<ListedAction[]> {
  const found: ListedAction[] = [];
  for (let after: string | null = null; ;) {
    const page = await pageOf({ ownerId, ...filter }, { first: 100, after, fields });
    found.push(...page.nodes);
    if (!page.next) return found;
    after = page.next;
  }
}

async function pageOf(
  filter: Filter & { ownerId: string },
  { fields = 'id', ...page }: { first: number; after: string | null; fields?: string },
  asked: TestService = service,
): Promise<{ nodes: ListedAction[]; next: string | null }> {
  const { actions } = await asked.ask(
    `query ($ownerId: ID, $appId: ID, $type: ActionType, $status: ActionStatus, $visitor: String, $from: DateTime,
       $to: DateTime, $first: Int!, $after: String) {
       actions(ownerId: $ownerId, appId: $appId, type: $type, status: $status, visitor: $visitor, from: $from, to: $to,
         first: $first, after: $after) {
         edges { node { ${fields} } } pageInfo { hasNextPage endCursor }
       }
     }`,
    { ...filter, ...page },
  );
  return {
    nodes: actions.edges.map(({ node }: { node: ListedAction }) => node),
    next: actions.pageInfo.hasNextPage ? (actions.pageInfo.endCursor as string) : null,
  };
}

/** Every list query of the service with every kind of filter, as its store is called. */
function listCalls(): (() => Promise<unknown>)[] {
  const owner = parsePublicId(ownerId)?.ownerId ?? 0;
  const appId = parsePublicId(appIds[0] as string)?.number ?? 0;
  const actions = new SqlActionStore(database);
  const none = { appId: null, type: null, status: null, visitor: null, from: null, to: null, beforeSequence: null };
  const filters: Partial<ActionFilter>[] = [
    {},
    { appId },
    { type: 'SEND_SMS' },
    { status: 'HELD' },
    { visitor: 'nobody' },
    { visitor: 'everybody', type: 'SEND_EMAIL' },
    { visitor: 'everybody', appId, type: 'SEND_EMAIL' },
    { appId, type: 'SEND_EMAIL', status: 'VOIDED' },
    { type: 'SEND_SMS', from: ENDS_AT - 2 * DAY_MS, to: ENDS_AT - DAY_MS },
  ];
  const ledgerStore = new SqlLedgerStore(database);
  const owners = new SqlOwnerStore(database, ledgerStore);
  const newest = { beforeId: Number.MAX_SAFE_INTEGER, limit: 21 };
  return [
    ...filters.map((filter) => () => actions.page({ ownerId: owner, ...none, ...filter, limit: 21 })),
    () => new SqlLedgerReader(database).entriesAfter(owner, 10, 21),
    () => owners.page({ ...newest, search: null }),
    () => owners.page({ ...newest, search: 'nobody' }),
    () => new SqlAppStore(database).page(owner, newest),
    () => new SqlApiKeyStore(database).list(owner, null),
    () => new SqlApiKeyStore(database).list(owner, appId),
    () => ledgerStore.readBalance(owner),
    () => ledgerStore.readDueOwners(ENDS_AT - DAY_MS, 200),
  ];
}

/** The SELECTs that the reader sent meanwhile, each text once: TypeORM tells its logger of every statement. */
async function recorded(work: () => Promise<void>): Promise<Map<string, unknown[]>> {
  const { connection } = database.reader.manager;
  const sent = new Map<string, unknown[]>();
  const quiet = connection.logger;
  const logQuery = (sql: string, parameters: unknown[] = []) => void sent.set(sql, [...parameters]);
  connection.logger = new Proxy(quiet, {
    get: (logger, name, receiver) => (name === 'logQuery' ? logQuery : Reflect.get(logger, name, receiver)),
  });
  try {
    await work();
  } finally {
    connection.logger = quiet;
  }
  return sent;
}

/** What is wrong with how the database runs a statement. */
async function faultsOf(sql: string, parameters: unknown[]): Promise<string[]> {
  if (database.kind === 'sqlite') {
    const plan = await database.reader.query<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, parameters);
    const sorts = sql.includes('owner_suffixes') ? /^$/ : /USE TEMP B-TREE/;
    return plan
      .map(({ detail }) => detail)
      .filter((detail) => sorts.test(detail) || (/^SCAN /.test(detail) && !/^SCAN (r\d+|s|CONSTANT ROW)/.test(detail)));
  }
  const plan = await database.reader.query<Record<string, string | null>>(`EXPLAIN ${sql}`, parameters);
  return plan
    .filter(({ table }) => table && !table.startsWith('<'))
    .filter(({ table, type, Extra: extra }) => {
      // The owners that a text is found in are few, or a page of the newest ones is full of them.
      const sorted = (extra ?? '').includes('filesort') && !sql.includes('owner_suffixes');
      return type === 'ALL' || sorted || (type === 'index' && table !== 'pools');
    })
    .map(({ table, type, key, Extra: extra }) => `${table} ${type} ${key} ${extra}`);
}

function instant(days: number): string {
  return iso(ENDS_AT + days * DAY_MS);
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
