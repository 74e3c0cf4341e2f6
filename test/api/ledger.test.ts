import { performed, resolved } from '../support/actions';
import { stopSound, tamper } from '../support/books';
import { databaseKindOf } from '../support/database';
import { granted, planChanged, revoked, spend, storyOf, tenantOn, type Grant } from '../support/pools';
import { ManualClock, startTestService, type Tenant, type TestService } from '../support/service';
import { parsePublicId } from '../../src/public-id';

const DAY_MS = 86_400_000;
const LEDGER = `query ($ownerId: ID, $afterSequence: SafeInt, $first: Int! = 20, $after: String) {
  ledger(ownerId: $ownerId, afterSequence: $afterSequence, first: $first, after: $after) {
    edges {
      cursor
      node {
        id sequence kind credits available held paused at
        grant { id source amount } action { id status idempotencyKey sequence }
      }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
const VERIFY = 'query ($ownerId: ID) { verifyLedger(ownerId: $ownerId) { ok owners entries problems } }';

interface Entry {
  readonly id: string;
  readonly sequence: number;
  readonly kind: string;
  readonly credits: number;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
  readonly at: string;
  readonly grant: Pick<Grant, 'id' | 'source' | 'amount'>;
  readonly action: { id: string; status: string; idempotencyKey: string; sequence: number } | null;
}

interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Entry }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean; readonly endCursor: string };
}

interface Verification {
  readonly ok: boolean;
  readonly owners: number;
  readonly entries: number;
  readonly problems: readonly string[];
}

let service: TestService;
/** It only ever moves forward. */
const clock = new ManualClock();
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

async function pageOf(tenant: Pick<Tenant, 'ownerKey'>, variables: object = {}): Promise<Page> {
  return (await service.ask(LEDGER, { ...variables }, tenant.ownerKey)).ledger as Page;
}

async function entriesOf(tenant: Pick<Tenant, 'ownerKey'>, variables: object = {}): Promise<Entry[]> {
  return (await pageOf(tenant, { first: 100, ...variables })).edges.map(({ node }) => node);
}

const sequencesOf = (page: Page) => page.edges.map(({ node }) => node.sequence);
const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => from + i);

async function verify(ownerId: string | null, key = service.adminKey, on = service): Promise<Verification> {
  return (await on.ask(VERIFY, { ownerId }, key)).verifyLedger as Verification;
}

describe('ledger', () => {
  it('is read page by page, ascending, without a gap or a repeat while entries are added (I4)', async () => {
    const tenant = await service.tenant(200);
    await spend(service, tenant, 24, 'before');
    const seen: number[] = [];
    for (let after: string | null = null, pages = 1; ; pages += 1) {
      const page: Page = await pageOf(tenant, { first: 10, after });
      seen.push(...sequencesOf(page));
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      if (!page.pageInfo.hasNextPage) break;
      expect(page.edges).toHaveLength(10);
      after = page.pageInfo.endCursor;
      if (pages <= 2) await spend(service, tenant, 3, `on page ${pages}`);
    }
    expect(seen).toEqual(upTo(31));
  });

  it('begins after a sequence number where one is given', async () => {
    const tenant = await service.tenant(200);
    await spend(service, tenant, 24);
    expect(sequencesOf(await pageOf(tenant))).toEqual(upTo(20));
    expect(sequencesOf(await pageOf(tenant, { afterSequence: 0 }))).toEqual(upTo(20));
    const page = await pageOf(tenant, { afterSequence: 7, first: 3 });
    expect(sequencesOf(page)).toEqual([8, 9, 10]);
    expect(page.pageInfo.hasNextPage).toBe(true);
    // And goes on from there by cursor.
    expect(sequencesOf(await pageOf(tenant, { after: page.pageInfo.endCursor, first: 2 }))).toEqual([11, 12]);
    const last = await pageOf(tenant, { afterSequence: 22 });
    expect([sequencesOf(last), last.pageInfo.hasNextPage]).toEqual([[23, 24, 25], false]);
    for (const afterSequence of [25, 26, Number.MAX_SAFE_INTEGER]) {
      const { edges, pageInfo } = await pageOf(tenant, { afterSequence });
      expect([edges, pageInfo.hasNextPage, pageInfo.endCursor]).toEqual([[], false, null]);
    }
  });

  it('takes no sequence number together with a cursor: BAD_USER_INPUT', async () => {
    const tenant = await service.tenant(10);
    const { pageInfo } = await pageOf(tenant);
    const both = { after: pageInfo.endCursor, afterSequence: 0 };
    const { errors } = await service.send(LEDGER, both, tenant.ownerKey);
    expect(errors[0]?.extensions).toEqual({
      code: 'BAD_USER_INPUT',
      problems: [{ path: 'afterSequence', message: 'and after must not both be given' }],
    });
  });

  it.each<[string, object, string]>([
    ['a page of none', { first: 0 }, 'first'],
    ['a page of 101', { first: 101 }, 'first'],
    ['a cursor that nobody gave', { after: 'nonsense' }, 'after'],
  ])('refuses %s: BAD_USER_INPUT', async (_title, variables, path) => {
    const { ownerKey } = await service.tenant(10);
    const { errors } = await service.send(LEDGER, { ...variables }, ownerKey);
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', problems: [{ path }] });
  });

  it('is for the owner itself and for an operator who names it', async () => {
    const [tenant, other] = [await service.tenant(10), await service.tenant(10)];
    const [entry] = await entriesOf(tenant);
    const { ledger } = await service.ask(LEDGER, { ownerId: tenant.ownerId });
    expect(ledger.edges.map(({ node }: Page['edges'][0]) => node)).toEqual([entry]);
    expect(await entriesOf(tenant, { ownerId: tenant.ownerId })).toEqual([entry]);
    const codeOf = async (variables: object, key: string) => (await service.send(LEDGER, { ...variables }, key)).code;
    expect(await codeOf({}, service.adminKey)).toBe('BAD_USER_INPUT');
    expect(await codeOf({ ownerId: 'own_0000000020' }, service.adminKey)).toBe('NOT_FOUND');
    expect(await codeOf({ ownerId: other.ownerId }, tenant.ownerKey)).toBe('NOT_FOUND');
    expect(await codeOf({}, tenant.appKey)).toBe('FORBIDDEN');
  });

  it('has an entry of each kind with its grant and its action, and the numbers follow I4', async () => {
    const tenant = await everyKind(service, clock);
    const entries = await entriesOf(tenant);
    expect(entries.map(({ kind, credits }) => `${kind} ${credits}`)).toEqual(EVERY_KIND);
    const before = { available: 0, held: 0, paused: 0 };
    for (const { sequence, kind, credits, available, held, paused, grant, action } of entries) {
      const wasPaused = PAUSED_THEN_GONE.includes(`${kind} ${credits}`);
      for (const [part, sign] of Object.entries(wasPaused ? { paused: -1 } : (MOVES[kind] ?? {}))) {
        before[part as keyof typeof before] += sign * credits;
      }
      expect({ sequence, available, held, paused }).toEqual({ sequence, ...before });
      expect(action !== null).toBe(['DEBIT', 'HOLD', 'CAPTURE', 'VOID', 'REFUND'].includes(kind));
      expect(parsePublicId(grant.id)).toMatchObject({ kind: 'grant' });
    }
    expect(entries.map(({ sequence }) => sequence)).toEqual(upTo(entries.length));
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);

    const about = (key: string) =>
      entries.filter(({ action }) => action?.idempotencyKey === key).map(({ kind, action }) => [kind, action?.status]);
    // The action is told as it is by now, in each of its entries.
    expect(about('captured')).toEqual(['HOLD', 'CAPTURE'].map((kind) => [kind, 'CAPTURED']));
    expect(about('voided')).toEqual(['HOLD', 'VOID'].map((kind) => [kind, 'VOIDED']));
    expect(about('refunded')).toEqual(['DEBIT', 'REFUND'].map((kind) => [kind, 'REFUNDED']));
    const ofTopUp = entries.filter(({ grant }) => grant.source === 'TOP_UP' && grant.amount === 4);
    expect(ofTopUp.map(({ kind }) => kind)).toEqual(['GRANT', 'PAUSE', 'RESUME', 'PAUSE', 'REVOKE']);
    expect(new Set(ofTopUp.map(({ grant }) => grant.id)).size).toBe(1);
  });

  it('tells each entry as the node of its id', async () => {
    const tenant = await service.tenant(10);
    await spend(service, tenant, 1);
    for (const { id, sequence, kind, action } of await entriesOf(tenant)) {
      const { node } = await service.ask(
        'query ($id: ID!) { node(id: $id) { ... on LedgerEntry { id sequence kind action { id } } } }',
        { id },
        tenant.ownerKey,
      );
      expect(node).toEqual({ id, sequence, kind, action: action && { id: action.id } });
    }
  });

  it('has what has fallen due, at the instant at which it was due, whoever reads it first (rule 4)', async () => {
    const tenant = await service.tenant(10);
    const { balance } = await performed(service, tenant.appKey, { idempotencyKey: '1', hold: true, holdSeconds: 60 });
    const holdExpiresAt = new Date(clock.now() + 60_000).toISOString();
    clock.set(Date.parse(balance.resetsAt) + DAY_MS);
    const due = await entriesOf(tenant, { afterSequence: 2 });
    expect(due.map(({ kind, credits, at }) => [kind, credits, at])).toEqual([
      ['VOID', 1, holdExpiresAt],
      ['EXPIRE', 10, balance.resetsAt],
      ['GRANT', 10, balance.resetsAt],
    ]);
  });
});

describe('verifyLedger', () => {
  it('finds nothing wrong with a pool that has seen every kind of entry (I1, I2, I4, I5)', async () => {
    const tenant = await everyKind(service, clock);
    const expected = { ok: true, owners: 1, entries: EVERY_KIND.length, problems: [] };
    expect(await verify(tenant.ownerId)).toEqual(expected);
    for (const ownerId of [null, tenant.ownerId]) expect(await verify(ownerId, tenant.ownerKey)).toEqual(expected);
  });

  it('verifies all owners for an operator who names none', async () => {
    const own = await startTestService(databaseKindOf());
    try {
      // A new database may have an owner for the first steps.
      const before = await verify(null, own.adminKey, own);
      const tenants = [await own.tenant(10), await own.tenant(20), await own.tenant(0)];
      await spend(own, tenants[0] as Tenant, 3);
      const { owners, entries } = { owners: before.owners + 3, entries: before.entries + 5 };
      expect(await verify(null, own.adminKey, own)).toEqual({ ok: true, owners, entries, problems: [] });
    } finally {
      await own.stop();
    }
  });

  it('reads more entries than one page of the database has', async () => {
    const tenant = await service.tenant(1_300);
    for (let batch = 0; batch < 13; batch += 1) await spend(service, tenant, 100, `batch ${batch}`);
    expect(await verify(tenant.ownerId)).toEqual({ ok: true, owners: 1, entries: 1_301, problems: [] });
  });

  it('is for an owner of its own ledger only, and not for an app', async () => {
    const [mine, theirs] = [await service.tenant(10), await service.tenant(10)];
    const codeOf = async (ownerId: string | null, key: string) => (await service.send(VERIFY, { ownerId }, key)).code;
    expect((await verify(null, mine.ownerKey)).owners).toBe(1);
    expect(await codeOf(theirs.ownerId, mine.ownerKey)).toBe('NOT_FOUND');
    expect(await codeOf(null, mine.appKey)).toBe('FORBIDDEN');
    expect(await codeOf(mine.ownerId, mine.appKey)).toBe('FORBIDDEN');
    for (const nobody of ['own_0000000020', 'nonsense']) {
      expect(await codeOf(nobody, service.adminKey)).toBe('NOT_FOUND');
    }
  });

  it('finds nothing wrong while debits, holds and grants are committed', async () => {
    const tenant = await service.tenant(400);
    const { ownerId, appKey } = tenant;
    let running = true;
    const load = async () => {
      for (let round = 0; round < 8; round += 1) {
        await Promise.all([
          spend(service, tenant, 30, `round ${round}`),
          granted(service, { ownerId, amount: 2, source: 'TOP_UP', idempotencyKey: `round ${round}` }),
          performed(service, appKey, { idempotencyKey: `hold ${round}`, hold: true }),
        ]);
      }
      running = false;
    };
    const watching = async (verifyOnce: () => Promise<Verification>) => {
      const seen: Verification[] = [];
      while (running) seen.push(await verifyOnce());
      return seen;
    };
    const [, ...verified] = await Promise.all([
      load(),
      watching(() => verify(ownerId)),
      watching(() => verify(null, tenant.ownerKey)),
      watching(() => verify(null)),
    ]);
    for (const seen of verified) {
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.flatMap(({ problems }) => problems)).toEqual([]);
    }
    expect(await verify(ownerId)).toEqual({ ok: true, owners: 1, entries: 1 + 8 * 32, problems: [] });
  });
});

describe('books that were tampered with', () => {
  /** A server of its own, for its books are broken. The clock stands still, so that the sweep leaves them as they are. */
  let broken: TestService;
  let intact: Tenant;
  beforeAll(async () => {
    broken = await startTestService(databaseKindOf(), { clock: new ManualClock() });
    intact = await broken.tenant(10);
  });
  afterAll(async () => {
    expect(broken.failures).toEqual([]);
    await broken.stop();
  });

  /** Six entries: GRANT 10, GRANT 5 (a bonus that never expires), DEBIT, HOLD, HOLD, CAPTURE; 12 available, 1 held, 2 spent. */
  async function books(): Promise<Tenant> {
    const tenant = await broken.tenant(10);
    const { ownerId, appKey } = tenant;
    await granted(broken, { ownerId, amount: 5, source: 'BONUS', idempotencyKey: 'b' });
    await performed(broken, appKey, { idempotencyKey: '1' });
    const { action } = await performed(broken, appKey, { idempotencyKey: '2', hold: true });
    await performed(broken, appKey, { idempotencyKey: '3', hold: true });
    await resolved(broken, appKey, 'captureAction', { actionId: action.id });
    expect(await storyOf(broken, ownerId)).toEqual(['GRANT 10', 'GRANT 5', 'DEBIT 1', 'HOLD 1', 'HOLD 1', 'CAPTURE 1']);
    expect(await verify(ownerId, broken.adminKey, broken)).toMatchObject({ ok: true });
    return tenant;
  }

  it.each<[string, string, string[]]>([
    [
      'what an entry says is available (I4)',
      'UPDATE ledger_entries SET available = available + 1 WHERE owner_id = ? AND sequence = 4',
      [
        ', entry 4: I4: says available 14, the entries make 13',
        ', entry 5: I4: says available 12, the entries make 13',
      ],
    ],
    [
      'what the last entry says is held (I4)',
      'UPDATE ledger_entries SET held = 0 WHERE owner_id = ? AND sequence = 6',
      [', entry 6: I4: says held 0, the entries make 1', ': I1: the pool says held 1, the entries make 0'],
    ],
    [
      'how many credits an entry moved (I4)',
      'UPDATE ledger_entries SET credits = 6 WHERE owner_id = ? AND sequence = 2',
      [
        ', entry 2: I4: says available 15, the entries make 16',
        ': I1: the pool says granted 15, the entries make 16',
        ', entry 2: I5: the grant says 5 left, the entries make 6',
      ],
    ],
    [
      'the kind of an entry (I4)',
      "UPDATE ledger_entries SET kind = 'HOLD' WHERE owner_id = ? AND sequence = 3",
      [', entry 3: I4: says held 0, the entries make 1', ': I1: the pool says spent 2, the entries make 1'],
    ],
    [
      'the grant of an entry (I5)',
      'UPDATE ledger_entries SET grant_sequence = 2 WHERE owner_id = ? AND sequence = 3',
      [
        ', entry 1: I5: the grant says 7 left, the entries make 8',
        ', entry 2: I5: the grant says 5 left, the entries make 4',
      ],
    ],
    [
      'when an entry took effect (I4)',
      'UPDATE ledger_entries SET at = at - 1 WHERE owner_id = ? AND sequence = 5',
      [', entry 5: I4: is earlier than the entry before it'],
    ],
    [
      'an entry that is gone (I4)',
      'DELETE FROM ledger_entries WHERE owner_id = ? AND sequence = 3',
      [
        ', entry 4: I4: follows entry 2',
        ', entry 4: I4: says available 13, the entries make 14',
        ': I1: the pool says spent 2, the entries make 1',
        ', entry 1: I5: the grant says 7 left, the entries make 8',
      ],
    ],
    [
      'the last entry, that is gone (I4)',
      'DELETE FROM ledger_entries WHERE owner_id = ? AND sequence = 6',
      [
        ': I4: the pool says 6 entries, there are 5',
        ': I1: the pool says held 1, the entries make 2',
        ': I1: the pool says spent 2, the entries make 1',
      ],
    ],
    [
      'an entry that the pool does not count (I4)',
      `INSERT INTO ledger_entries (owner_id, sequence, kind, credits, available, held, paused, grant_sequence, at, app_id)
       SELECT owner_id, 7, 'EXPIRE', 1, 11, 1, 0, 2, at, 0 FROM ledger_entries WHERE owner_id = ? AND sequence = 6`,
      [', entry 7: I4: the pool says 6 entries, this is beyond them'],
    ],
    [
      'two totals of the pool that the database takes together (I1)',
      'UPDATE pools SET granted = granted + 1, spent = spent + 1 WHERE owner_id = ?',
      [': I1: the pool says granted 16, the entries make 15', ': I1: the pool says spent 3, the entries make 2'],
    ],
    [
      'the balance itself (I1)',
      'UPDATE pools SET available = available + 1, spent = spent - 1 WHERE owner_id = ?',
      [': I1: the pool says available 13, the entries make 12', ': I1: the pool says spent 1, the entries make 2'],
    ],
    [
      'what remains of a grant (I5)',
      'UPDATE grants SET remaining = remaining - 1 WHERE owner_id = ? AND sequence = 2',
      [', entry 2: I5: the grant says 4 left, the entries make 5'],
    ],
    [
      'a grant that is gone (I5)',
      'DELETE FROM grants WHERE owner_id = ? AND sequence = 2',
      [', entry 2: I5: the grant says 0 left, the entries make 5'],
    ],
    [
      'a grant that no entry opened (I5)',
      `INSERT INTO grants (owner_id, sequence, source, amount, remaining, effective_at)
       SELECT owner_id, 9, source, amount, remaining, effective_at FROM grants WHERE owner_id = ? AND sequence = 2`,
      // Nothing else takes credits out of available: they are thought to be burnt.
      [', entry 1: I5: the grant says 2 left, the entries make 7', ', entry 9: I5: a grant that no entry opened'],
    ],
  ])('are found out: %s', async (_title, sql, expected) => {
    const { ownerId, ownerKey } = await books();
    await tamper(broken.databaseUrl, sql, [parsePublicId(ownerId)?.ownerId ?? 0]);
    const problems = expected.map((problem) => ownerId + problem);
    const found = await verify(ownerId, broken.adminKey, broken);
    expect(found).toEqual({ ok: false, owners: 1, entries: 6, problems });
    expect(await verify(null, ownerKey, broken)).toEqual(found);
    // Nobody else is blamed, and who verifies all is told of it too.
    expect(await verify(intact.ownerId, broken.adminKey, broken)).toMatchObject({ ok: true });
    const all = await verify(null, broken.adminKey, broken);
    expect(all.problems.filter((problem) => problem.startsWith(ownerId))).toEqual(problems);
    expect(all.ok).toBe(false);
  });

  it('are found out: a grant that is paused where the terms do not pause it (I5)', async () => {
    const { ownerId } = await broken.tenant(100);
    await granted(broken, { ownerId, amount: 5, source: 'TOP_UP', idempotencyKey: 't' });
    await tamper(broken.databaseUrl, 'UPDATE pools SET top_ups_allowed = 1 WHERE owner_id = ?', [
      parsePublicId(ownerId)?.ownerId ?? 0,
    ]);
    expect((await verify(ownerId, broken.adminKey, broken)).problems).toEqual([
      // More is usable than available: it is thought to be burnt.
      `${ownerId}, entry 1: I5: the grant says 95 left, the entries make 100`,
      `${ownerId}, entry 2: I5: what is left of the grant is available, the entries make 5 paused`,
    ]);
  });
});

/** The table of I4; EXPIRE and REVOKE of a grant that is not paused. */
const MOVES: Record<string, Partial<Record<'available' | 'held' | 'paused', 1 | -1>>> = {
  GRANT: { available: 1 },
  DEBIT: { available: -1 },
  HOLD: { available: -1, held: 1 },
  CAPTURE: { held: -1 },
  VOID: { held: -1, available: 1 },
  REFUND: { available: 1 },
  PAUSE: { available: -1, paused: 1 },
  RESUME: { paused: -1, available: 1 },
  EXPIRE: { available: -1 },
  REVOKE: { available: -1 },
};

/** What `everyKind` comes to. */
const EVERY_KIND = [
  'GRANT 10',
  'GRANT 4',
  'PAUSE 4',
  'GRANT 3',
  'PAUSE 3',
  'GRANT 10',
  'RESUME 3',
  'RESUME 4',
  'DEBIT 1',
  'REFUND 1',
  'HOLD 1',
  'CAPTURE 1',
  'HOLD 1',
  'VOID 1',
  'GRANT 8',
  'REVOKE 8',
  'EXPIRE 9',
  'EXPIRE 10',
  'GRANT 10',
  'PAUSE 3',
  'PAUSE 4',
  'EXPIRE 3',
  'REVOKE 4',
];
const PAUSED_THEN_GONE = ['EXPIRE 3', 'REVOKE 4'];

/** An owner whose ledger has each kind of entry, and EXPIRE and REVOKE of a paused grant and of one that is not. */
async function everyKind(on: TestService, at: ManualClock): Promise<Tenant> {
  const tenant = await tenantOn(on, { monthlyCredits: 10, topUpsAllowed: false });
  const { ownerId, appKey, planCode } = tenant;
  const give = (amount: number, source: 'BONUS' | 'TOP_UP', expiry: { expiresAt?: string } = {}) =>
    granted(on, { ownerId, amount, source, idempotencyKey: `${amount}`, ...expiry });
  const topUp = await give(4, 'TOP_UP');
  const expiresAt = new Date(Date.parse(topUp.balance.resetsAt) + DAY_MS).toISOString();
  await give(3, 'TOP_UP', { expiresAt });
  await planChanged(on, ownerId, await on.plan({ monthlyCredits: 20 }));
  const refunded = await performed(on, appKey, { idempotencyKey: 'refunded' });
  await resolved(on, appKey, 'refundAction', { actionId: refunded.action.id });
  const captured = await performed(on, appKey, { idempotencyKey: 'captured', hold: true });
  await resolved(on, appKey, 'captureAction', { actionId: captured.action.id });
  const voided = await performed(on, appKey, { idempotencyKey: 'voided', hold: true });
  await resolved(on, appKey, 'voidAction', { actionId: voided.action.id });
  const bonus = await give(8, 'BONUS');
  await revoked(on, { grantId: bonus.grant.id });
  await planChanged(on, ownerId, planCode);
  at.set(expiresAt);
  await revoked(on, { grantId: topUp.grant.id });
  return tenant;
}
