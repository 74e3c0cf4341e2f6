import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { hashKey } from '../../src/idempotency';
import type { OpenAction } from '../../src/ledger/commands';
import { Ledger } from '../../src/ledger/ledger';
import { SqlLedgerStore } from '../../src/ledger/ledger.store';
import { parsePublicId } from '../../src/public-id';
import { addApp, balanceOf, changeApp, perform, performed, resolve, type Resolution } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { grantCredits, grantsOf, revokeGrant } from '../support/pools';
import { ManualClock, startTestService, type Answer, type Tenant, type TestService } from '../support/service';

/**
 * Each of two services knows pools from its own last commit, and the other one writes to them too. So every test begins with
 * debits by both: one of them then knows a pool that is out of date.
 */
const onMysqlOnly = databaseKindOf() === 'mysql' ? it : it.skip;

/** Longer than a pool that turned out to be another than was known is read before every debit. */
const TRUST_AGAIN_MS = 2_000;

describe('two services on one database', () => {
  let services: [TestService, TestService];
  const clock = new ManualClock();
  beforeAll(async () => {
    if (databaseKindOf() !== 'mysql') return;
    const first = await startTestService('mysql', { clock });
    const { adminKey, databaseUrl } = first;
    services = [first, await startTestService('mysql', { clock, databaseUrl, config: { adminKey } })];
  });
  afterAll(async () => {
    if (databaseKindOf() !== 'mysql') return;
    const [first, second] = services;
    expect((await first.ask('{ verifyLedger { ok problems } }')).verifyLedger).toEqual({ ok: true, problems: [] });
    await second.stop();
    await stopSound(first);
    expect(second.failures).toEqual([]);
  });

  const serviceOf = (turn: number) => services[turn % 2] as TestService;

  /** Debits by both, after which both take what they know for true. */
  async function acquaint(...tenants: readonly Tenant[]): Promise<void> {
    clock.advance(TRUST_AGAIN_MS);
    for (const { appKey } of tenants) {
      for (const service of services) {
        await performed(service, appKey, { idempotencyKey: `known by ${service.url} at ${clock.now()}` });
      }
    }
  }

  onMysqlOnly('accept the last credit once: of 300 actions over both, one', async () => {
    const tenant = await services[0].tenant(3);
    await acquaint(tenant);
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        perform(serviceOf(i), tenant.appKey, { idempotencyKey: `${i}`, hold: i % 3 === 0 }),
      ),
    );
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'INSUFFICIENT_CREDITS')).toHaveLength(299);
    expect(await balanceOf(services[1], tenant.ownerId)).toMatchObject({ available: 0, usedThisPeriod: 3 });
  });

  onMysqlOnly('debit a key once: 60 times over both, one debit and 60 equal receipts', async () => {
    const tenant = await services[0].tenant(100);
    await acquaint(tenant);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => performed(serviceOf(i), tenant.appKey, { idempotencyKey: 'once' })),
    );
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ action }) => JSON.stringify(action))).size).toBe(1);
    expect(await balanceOf(services[0], tenant.ownerId)).toMatchObject({ available: 97, usedThisPeriod: 3 });
  });

  onMysqlOnly('replay and refuse by the key that the other one was given, whatever became of its action', async () => {
    const tenant = await services[0].tenant(100);
    const { appKey } = tenant;
    await acquaint(tenant);
    const opened = await performed(services[1], appKey, { idempotencyKey: 'k', hold: true });
    const replay = await performed(services[0], appKey, { idempotencyKey: 'k', hold: true });
    expect(replay).toMatchObject({ action: opened.action, replayed: true });
    expect((await perform(services[0], appKey, { idempotencyKey: 'k' })).code).toBe('IDEMPOTENCY_KEY_REUSED');
    await resolve(services[1], appKey, 'voidAction', { actionId: opened.action.id });
    await acquaint(tenant);
    const late = await perform(services[0], appKey, { idempotencyKey: 'k', hold: true });
    expect(late.code).toBe('ACTION_ALREADY_RESOLVED');
  });

  onMysqlOnly('refuse nothing by what was so before the other one changed it', async () => {
    const [empty, capped] = [await services[0].tenant(2), await services[0].tenant(100)];
    await changeApp(services[0], capped.appId, { creditCap: 2 });
    await acquaint(empty, capped);
    // The second service has taken the last credit and the last place under the cap, so it knows that nothing is left.
    const grant = { ownerId: empty.ownerId, amount: 1, source: 'BONUS', idempotencyKey: 'g' } as const;
    expect((await grantCredits(services[0], grant)).code).toBeUndefined();
    await changeApp(services[0], capped.appId, { creditCap: 3 });
    for (const { appKey } of [empty, capped]) {
      await performed(services[1], appKey, { idempotencyKey: 'one more' });
    }
    expect((await perform(services[0], empty.appKey, { idempotencyKey: 'too many' })).code).toBe(
      'INSUFFICIENT_CREDITS',
    );
    expect((await perform(services[0], capped.appKey, { idempotencyKey: 'too many' })).code).toBe('CAP_REACHED');
  });

  onMysqlOnly('hold a pause by the other from its acknowledgement on, and not a moment longer', async () => {
    const tenant = await services[0].tenant(20_000);
    const { appId, appKey, ownerId } = tenant;
    await acquaint(tenant);
    // How many changes are acknowledged, so odd while the app is paused; null while one is under way.
    let changes: number | null = 0;
    let done = false;
    const met = { paused: 0, active: 0 };
    const call = async (caller: number) => {
      for (let i = 0; !done; i += 1) {
        const before = changes;
        const { code } = await perform(serviceOf(caller), appKey, { idempotencyKey: `${caller} ${i}` });
        if (before === null || before !== changes) continue;
        expect(code).toBe(before % 2 ? 'APP_PAUSED' : undefined);
        met[before % 2 ? 'paused' : 'active'] += 1;
      }
    };
    const change = async () => {
      for (let change = 1; change <= 16; change += 1) {
        clock.advance(TRUST_AGAIN_MS);
        changes = null;
        await changeApp(serviceOf(change >> 1), appId, { status: change % 2 ? 'PAUSED' : 'ACTIVE' });
        changes = change;
        const enough = met.paused + met.active + 16;
        while (met.paused + met.active < enough) await balanceOf(services[0], ownerId);
      }
    };
    await Promise.all([change().finally(() => (done = true)), ...[0, 1, 2, 3, 4, 5].map(call)]);
    expect(Math.min(met.paused, met.active)).toBeGreaterThanOrEqual(8 * 16);
  });

  onMysqlOnly('wait for pools in the order of their numbers, whether they are known or have to be read', async () => {
    const tenants = [await services[0].tenant(), await services[0].tenant()];
    const owners = tenants.map(({ ownerId }) => parsePublicId(ownerId)?.ownerId as number).sort((a, b) => a - b);
    const [low, high] = owners as [number, number];
    const { databaseUrl } = services[0];
    const database = await Database.open(databaseUrl, entities);
    const other = await createConnection(databaseUrl);
    try {
      const ledger = new Ledger(new SqlLedgerStore(database), clock);
      await ledger.submit(debit(low, 'known from now on'));
      await other.beginTransaction();
      await other.query('SELECT owner_id FROM pools WHERE owner_id = ? FOR UPDATE', [low]);
      const debits = Promise.all([ledger.submit(debit(low, '1')), ledger.submit(debit(high, '1'))]);
      await untilOneWaits(other);
      // Whoever waits for the lower pool does not hold the higher one.
      await other.query('SELECT owner_id FROM pools WHERE owner_id = ? FOR UPDATE NOWAIT', [high]);
      await other.rollback();
      await debits;
    } finally {
      await other.end();
      await database.close();
    }
  });

  onMysqlOnly('leave books that add up, whatever is done to pools that both know', async () => {
    const tenants = await Promise.all([20, 200, 200, 2_000].map((credits) => services[0].tenant(credits)));
    const shops = await Promise.all(
      tenants.map(async (tenant) => ({ ...tenant, second: await addApp(services[0], tenant.ownerId) })),
    );
    const tally = { accepted: 0, returned: 0, granted: 0, codes: new Set<unknown>() };
    const random = randomFrom(20_260_131);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
    const actions = shops.map((): string[] => []);
    const count = ({ code, data }: Answer, field: string) => {
      tally.codes.add(code);
      return code === undefined && data[field].replayed !== true;
    };
    const step = async (caller: number, i: number) => {
      const service = pick(services);
      const index = Math.floor(random() * shops.length);
      const { ownerId, appId, appKey, second } = shops[index] as (typeof shops)[number];
      const dice = random();
      const idempotencyKey = dice < 0.1 ? `met ${Math.floor(random() * 20)}` : `${caller} ${i}`;
      if (dice < 0.7) {
        const answer = await perform(service, pick([appKey, appKey, second.appKey]), {
          idempotencyKey,
          hold: dice > 0.5,
        });
        if (!count(answer, 'callApi')) return;
        tally.accepted += 1;
        actions[index]?.push(answer.data.callApi.action.id as string);
      } else if (dice < 0.88) {
        const actionId = pick(actions[index] ?? []);
        const mutation = pick<Resolution>(['captureAction', 'voidAction', 'refundAction']);
        if (actionId === undefined) return;
        const answer = await resolve(service, appKey, mutation, { actionId });
        if (count(answer, mutation) && mutation !== 'captureAction') tally.returned += 1;
      } else if (dice < 0.93) {
        const source = pick(['BONUS', 'TOP_UP'] as const);
        if (count(await grantCredits(service, { ownerId, amount: 5, source, idempotencyKey }), 'grantCredits')) {
          tally.granted += 5;
        }
      } else if (dice < 0.95) {
        const grantId = pick(await grantsOf(service, ownerId))?.id;
        if (grantId && random() < 0.3) count(await revokeGrant(service, { grantId }), 'revokeGrant');
      } else if (dice < 0.98) await changeApp(service, appId, { status: pick(['PAUSED', 'ACTIVE', 'ACTIVE']) });
      else clock.advance(TRUST_AGAIN_MS);
    };
    await acquaint(...tenants);
    const callers = Array.from({ length: 20 }, async (_, caller) => {
      for (let i = 0; i < 50; i += 1) await step(caller, i);
    });
    await Promise.all(callers);
    for (const code of tally.codes) expect(EXPECTED_CODES).toContain(code);
    expect([...tally.codes]).toEqual(expect.arrayContaining(['APP_PAUSED', 'INSUFFICIENT_CREDITS']));
    const balances = await Promise.all(tenants.map(({ ownerId }) => balanceOf(services[1], ownerId)));
    const used = balances.reduce((sum, { usedThisPeriod }) => sum + usedThisPeriod, 0);
    // Each of the four was debited twice to begin with.
    expect(used).toBe(8 + tally.accepted - tally.returned);
    expect(tally.granted).toBeGreaterThan(0);
  });
});

const EXPECTED_CODES = [
  undefined,
  'INSUFFICIENT_CREDITS',
  'APP_PAUSED',
  'IDEMPOTENCY_KEY_REUSED',
  'ACTION_ALREADY_RESOLVED',
  'ACTION_NOT_CAPTURED',
  'NOT_FOUND',
];

function debit(ownerId: number, text: string): OpenAction {
  return {
    kind: 'DEBIT',
    ownerId,
    appId: 1,
    key: { text, hash: hashKey(text), fingerprint: '0'.repeat(64) },
    facts: { type: 'INVOKE_LLM', visitor: null, origin: null, details: '{}', metadata: null },
    holdSeconds: 900,
  };
}

async function untilOneWaits(connection: Connection): Promise<void> {
  for (;;) {
    // Whoever asks more often is shown what was there when it asked first.
    await connection.query('DO SLEEP(0.12)');
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT t.trx_id FROM information_schema.innodb_trx t JOIN information_schema.processlist p
       ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`,
    );
    if (rows.length > 0) return;
  }
}

/** A number from 0 to 1 after the other, the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
