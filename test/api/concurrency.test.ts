import { createConnection } from 'mysql2/promise';
import {
  addApp,
  balanceOf,
  changeApp,
  changeOwner,
  perform,
  performed,
  resolve,
  type Outcome,
  type Resolution,
} from '../support/actions';
import { problemsOf, readBooks, stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type Answer, type TestService } from '../support/service';
import { parsePublicId } from '../../src/public-id';

const onMysqlOnly = databaseKindOf() === 'mysql' ? it : it.skip;

/** A number from 0 to 1 after the other, the same ones for the same seed: what callers do is repeatable, its timing is not. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Shop {
  readonly ownerId: string;
  readonly appId: string;
  readonly appKey: string;
  /** Of actions that were opened in it. */
  readonly actionIds: string[];
}

/** Codes that a caller of this storm may meet; any other is a bug. */
const EXPECTED_CODES = new Set([
  undefined,
  'INSUFFICIENT_CREDITS',
  'CAP_REACHED',
  'APP_PAUSED',
  'OWNER_SUSPENDED',
  'IDEMPOTENCY_KEY_REUSED',
  'ACTION_ALREADY_RESOLVED',
  'ACTION_NOT_CAPTURED',
]);

const RESOLUTIONS: readonly Resolution[] = ['captureAction', 'voidAction', 'refundAction'];

/** What was answered, as a client counts it. */
class Tally {
  readonly opened = new Set<string>();
  readonly codes = new Map<unknown, number>();
  readonly resolved: Record<Resolution, number> = { captureAction: 0, voidAction: 0, refundAction: 0 };
  readonly opening = { DEBIT: 0, HOLD: 0 };

  count({ code }: Answer): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }
}

class Caller {
  constructor(
    private readonly random: () => number,
    private readonly shops: readonly Shop[],
    private readonly tally: Tally,
    private readonly services: readonly TestService[],
    private readonly clock: ManualClock,
  ) {}

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) await this.step();
  }

  private pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }

  private async step(): Promise<void> {
    const shop = this.pick(this.shops);
    const service = this.pick(this.services);
    const dice = this.random();
    if (dice < 0.62) return this.open(service, shop);
    if (dice < 0.9) return this.resolve(service, shop);
    if (dice < 0.93) return changeApp(service, shop.appId, { status: this.pick(['ACTIVE', 'ACTIVE', 'PAUSED']) });
    if (dice < 0.95) return changeApp(service, shop.appId, { creditCap: this.pick([null, null, 5, 30]) });
    if (dice < 0.96) return changeOwner(service, shop.ownerId, { suspended: this.pick([true, false, false]) });
    if (dice < 0.98) return void (await balanceOf(service, shop.ownerId));
    // From seconds, in which holds expire, to days, in which plans renew.
    this.clock.advance(this.pick([5_000, 60_000, 86_400_000]));
  }

  private async open(service: TestService, shop: Shop): Promise<void> {
    const hold = this.random() < 0.4;
    // Few keys, so that callers meet in them: the same input replays, another one is refused.
    const idempotencyKey = `${Math.floor(this.random() * 300)}`;
    const answer = await perform(service, shop.appKey, { idempotencyKey, hold, holdSeconds: 30 });
    this.tally.count(answer);
    const outcome = answer.data?.callApi as Outcome | undefined;
    if (!outcome || outcome.replayed) return;
    this.tally.opened.add(outcome.action.id);
    this.tally.opening[hold ? 'HOLD' : 'DEBIT'] += 1;
    shop.actionIds.push(outcome.action.id);
  }

  private async resolve(service: TestService, shop: Shop): Promise<void> {
    if (shop.actionIds.length === 0) return;
    const mutation = this.pick(RESOLUTIONS);
    const answer = await resolve(service, shop.appKey, mutation, { actionId: this.pick(shop.actionIds) });
    this.tally.count(answer);
    if (answer.data?.[mutation].replayed === false) this.tally.resolved[mutation] += 1;
  }
}

async function openShops(service: TestService): Promise<Shop[]> {
  const shops: Shop[] = [];
  for (const credits of [15, 60, 400]) {
    const { ownerId, appId, appKey } = await service.tenant(credits);
    const second = await addApp(service, ownerId, { creditCap: 10 });
    shops.push({ ownerId, appId, appKey, actionIds: [] }, { ownerId, ...second, actionIds: [] });
  }
  return shops;
}

const CALLERS = 24;
const STEPS = 40;
const STEPS_BETWEEN_AUDITS = 10;

/** Lets many callers loose on a few pools; one of them looks at the books meanwhile: they are right at every commit. */
async function storm(services: readonly [TestService, ...TestService[]], clock: ManualClock, seed: number) {
  const [service] = services;
  const shops = await openShops(service);
  const tally = new Tally();
  const callers = Array.from(
    { length: CALLERS },
    (_, i) => new Caller(randomFrom(seed * 1_000 + i), shops, tally, services, clock),
  );
  const runs = callers.map(async (caller, i) => {
    if (i > 0) return caller.run(STEPS);
    for (let steps = 0; steps < STEPS; steps += STEPS_BETWEEN_AUDITS) {
      await caller.run(STEPS_BETWEEN_AUDITS);
      expect(problemsOf(await readBooks(service.databaseUrl))).toEqual([]);
    }
  });
  await Promise.all(runs);
  return { shops, tally };
}

async function expectSound(service: TestService, shops: readonly Shop[], tally: Tally): Promise<void> {
  expect([...tally.codes.keys()].filter((code) => !EXPECTED_CODES.has(code as undefined))).toEqual([]);
  // Every kind of trouble was there, else this proves little.
  expect([...tally.codes.keys()]).toEqual(expect.arrayContaining(['INSUFFICIENT_CREDITS', 'ACTION_ALREADY_RESOLVED']));

  const owners = new Set(shops.map(({ ownerId }) => ownerId));
  const balances = await Promise.all([...owners].map((ownerId) => balanceOf(service, ownerId)));
  const books = await readBooks(service.databaseUrl);
  expect(problemsOf(books)).toEqual([]);

  // accepted = rows = debits, by the client, by the rows and by the pools.
  const numbers = new Map([...owners].map((ownerId) => [parsePublicId(ownerId)?.ownerId, ownerId]));
  const entries = books.entries.filter(({ ownerId }) => numbers.has(ownerId));
  const rows = (kind: string) => entries.filter((entry) => entry.kind === kind).length;
  expect({ DEBIT: rows('DEBIT'), HOLD: rows('HOLD') }).toEqual(tally.opening);
  expect(rows('DEBIT') + rows('HOLD')).toBe(tally.opened.size);
  expect(rows('CAPTURE')).toBe(tally.resolved.captureAction);
  expect(rows('REFUND')).toBe(tally.resolved.refundAction);
  // What expired by itself was voided too, and nobody was told in an answer.
  const expired = entries.filter(({ reason }) => reason === 'The hold expired.').length;
  expect(rows('VOID')).toBe(tally.resolved.voidAction + expired);
  const spent = books.pools.filter((pool) => numbers.has(Number(pool['owner_id'])));
  expect(spent.reduce((total, pool) => total + Number(pool['spent']), 0)).toBe(
    rows('DEBIT') + rows('CAPTURE') - rows('REFUND'),
  );
  for (const pool of spent) {
    const ownerId = numbers.get(Number(pool['owner_id']));
    expect(balances.find((balance) => (balance as { ownerId?: string }).ownerId === ownerId)).toMatchObject({
      available: Number(pool['available']),
      held: Number(pool['held']),
      paused: Number(pool['paused']),
      usedThisPeriod: Number(pool['used_this_period']),
      lastSequence: Number(pool['last_sequence']),
      version: Number(pool['version']),
    });
  }
}

describe('many callers at once', () => {
  let service: TestService;
  const clock = new ManualClock();
  beforeAll(async () => {
    service = await startTestService(databaseKindOf(), { clock });
  });
  afterAll(() => stopSound(service));

  it.each([1, 2, 3])('leave books that add up, at every commit and in the end (seed %d)', async (seed) => {
    const { shops, tally } = await storm([service], clock, seed);
    await expectSound(service, shops, tally);
  });

  it('spend the last credit of each of 20 pools once, when 400 actions want it', async () => {
    const tenants = await Promise.all(Array.from({ length: 20 }, () => service.tenant(1)));
    const answers = await Promise.all(
      tenants.flatMap(({ appKey }, pool) =>
        Array.from({ length: 20 }, (_, i) =>
          perform(service, appKey, { idempotencyKey: `${i}`, hold: i % 2 === 0 }).then(({ code }) => ({ pool, code })),
        ),
      ),
    );
    const accepted = answers.filter(({ code }) => code === undefined).map(({ pool }) => pool);
    expect(accepted.sort((a, b) => a - b)).toEqual(tenants.map((_, pool) => pool));
    expect(answers.filter(({ code }) => code === 'INSUFFICIENT_CREDITS')).toHaveLength(380);
  });
});

describe('two servers on one database', () => {
  let services: [TestService, TestService];
  const clock = new ManualClock();
  beforeAll(async () => {
    if (databaseKindOf() !== 'mysql') return;
    const first = await startTestService('mysql', { clock });
    const second = await startTestService('mysql', {
      clock,
      databaseUrl: first.databaseUrl,
      config: { adminKey: first.adminKey },
    });
    services = [first, second];
  });
  afterAll(async () => {
    if (databaseKindOf() !== 'mysql') return;
    const [first, second] = services;
    await second.stop();
    await stopSound(first);
    expect(second.failures).toEqual([]);
  });

  onMysqlOnly('leave books that add up, whichever of them is asked', async () => {
    const { shops, tally } = await storm(services, clock, 4);
    await expectSound(services[0], shops, tally);
  });

  onMysqlOnly('wait for no owner that they do not act for, though one commit acts for many', async () => {
    const [service] = services;
    const [locked, ...acting] = await Promise.all([service.tenant(100), service.tenant(100), service.tenant(100)]);
    const connection = await createConnection(service.databaseUrl);
    try {
      // As an updateApp on another server would, for as long as it takes.
      await connection.beginTransaction();
      const owner = [parsePublicId(locked.ownerId)?.ownerId];
      for (const table of ['pools', 'apps', 'grants']) {
        await connection.query(`SELECT * FROM ${table} WHERE owner_id = ? FOR UPDATE`, owner);
      }
      const answers = await Promise.all(
        acting.flatMap(({ appKey }) =>
          Array.from({ length: 20 }, (_, i) => perform(service, appKey, { idempotencyKey: `${i}` })),
        ),
      );
      expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    } finally {
      await connection.end();
    }
    await performed(service, locked.appKey, { idempotencyKey: '1' });
  });

  onMysqlOnly('accept one key once: 100 times in parallel over both, one debit', async () => {
    const { ownerId, appKey } = await services[0].tenant(100);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        perform(services[i % 2] as TestService, appKey, { idempotencyKey: 'once' }),
      ),
    );
    const outcomes = answers.map(({ data }) => data.callApi as Outcome);
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(outcomes.map(({ action }) => JSON.stringify(action))).size).toBe(1);
    expect(await balanceOf(services[1], ownerId)).toMatchObject({ available: 99, lastSequence: 2 });
  });

  onMysqlOnly('accept the last credit once: 200 actions over both, one accepted', async () => {
    const { appKey } = await services[0].tenant(1);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        perform(services[i % 2] as TestService, appKey, { idempotencyKey: `${i}` }),
      ),
    );
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'INSUFFICIENT_CREDITS')).toHaveLength(199);
  });

  onMysqlOnly('know at once what the other was told: a pause holds from the next action on', async () => {
    const { appId, appKey } = await services[0].tenant(10);
    expect((await perform(services[1], appKey, { idempotencyKey: '1' })).code).toBeUndefined();
    await changeApp(services[0], appId, { status: 'PAUSED' });
    expect((await perform(services[1], appKey, { idempotencyKey: '2' })).code).toBe('APP_PAUSED');
  });
});
