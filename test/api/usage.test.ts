import * as fc from 'fast-check';
import { MINUTE_MS, SECOND_MS } from '../../src/clock';
import { parsePublicId } from '../../src/public-id';
import { addApp, performed, resolve, resolved } from '../support/actions';
import { entriesOf, tamper } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type Answer, type Tenant, type TestService } from '../support/service';
import { WallClock } from '../support/wall-clock';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START = '2026-03-27T10:00:00.000Z';
const onMysqlOnly = databaseKindOf() === 'mysql' ? it : it.skip;

let service: TestService;
const clock = new ManualClock();
beforeAll(async () => {
  clock.set(START);
  service = await startTestService(databaseKindOf(), { clock });
});
// Each test has owners of its own, whose time begins here.
beforeEach(() => clock.set(START));
afterEach(() => expect(service.failures).toEqual([]));
afterAll(() => service.stop());

type Interval = 'HOUR' | 'DAY' | 'MONTH';
type Group = 'APP' | 'TYPE' | 'CATEGORY';

interface Bucket {
  readonly start: string;
  readonly group: string | null;
  readonly credits: number;
  readonly refunded: number;
}

interface Asked {
  readonly ownerId?: string | null;
  readonly appId?: string | null;
  readonly from: string;
  readonly to: string;
  readonly interval: Interval;
  readonly groupBy?: Group | null;
  readonly timeZone?: string;
}

/** From before the tests' time to after it. */
const ALL: Asked = { from: '2026-03-01T00:00:00Z', to: '2026-05-01T00:00:00Z', interval: 'MONTH' };

function askUsage(key: string, asked: Asked, asks = service): Promise<Answer> {
  return asks.send(
    `query ($ownerId: ID, $appId: ID, $from: DateTime!, $to: DateTime!, $interval: UsageInterval!,
            $groupBy: UsageGroup, $timeZone: String! = "UTC") {
       usage(ownerId: $ownerId, appId: $appId, from: $from, to: $to, interval: $interval,
             groupBy: $groupBy, timeZone: $timeZone) { start group credits refunded }
     }`,
    { ...asked },
    key,
  );
}

/** The same, of which the test knows that it succeeds. */
async function usageOf(key: string, asked: Asked, asks = service): Promise<Bucket[]> {
  const { data, errors } = await askUsage(key, asked, asks);
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data.usage as Bucket[];
}

async function creditsOf(key: string, asked: Asked, asks = service): Promise<number> {
  return (await usageOf(key, asked, asks)).reduce((sum, { credits }) => sum + credits, 0);
}

/** Sends so many debits, as many at once as there are lanes. */
async function debit(
  appKey: string,
  credits: number,
  options: { label?: string; lanes?: number; to?: TestService } = {},
): Promise<void> {
  const { label = 'debit', lanes = 32, to = service } = options;
  let next = 0;
  const lane = async () => {
    while (next < credits) await performed(to, appKey, { idempotencyKey: `${label} ${(next += 1)}` });
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** As if the ledger had been written before usage was counted. */
async function forgetCounts(databaseUrl: string, counted: number): Promise<void> {
  await tamper(databaseUrl, 'UPDATE owners SET usage_sequence = 0 WHERE usage_sequence >= ?', [counted]);
  await tamper(databaseUrl, 'DELETE FROM usage_counts', []);
}

describe('usage', () => {
  it('counts an action where it was opened, with the newest debit, and knows what came back', async () => {
    const { ownerKey, appKey } = await service.tenant();
    await performed(service, appKey, { idempotencyKey: 'a' });
    const held = await performed(service, appKey, { idempotencyKey: 'b', hold: true, holdSeconds: 3600 });
    clock.advance(40 * MINUTE_MS);
    const charged = await performed(service, appKey, { idempotencyKey: 'c' });
    const asked: Asked = { from: '2026-03-27T09:00:00Z', to: '2026-03-27T12:00:00Z', interval: 'HOUR' };
    expect(await usageOf(ownerKey, asked)).toEqual([
      { start: '2026-03-27T09:00:00.000Z', group: null, credits: 0, refunded: 0 },
      { start: '2026-03-27T10:00:00.000Z', group: null, credits: 3, refunded: 0 },
      { start: '2026-03-27T11:00:00.000Z', group: null, credits: 0, refunded: 0 },
    ]);
    clock.advance(40 * MINUTE_MS);
    await resolved(service, appKey, 'refundAction', { actionId: charged.action.id });
    await performed(service, appKey, { idempotencyKey: 'd' });
    expect(clock.now()).toBeGreaterThan(Date.parse(held.action.holdExpiresAt as string));
    expect((await usageOf(ownerKey, asked)).map(({ credits, refunded }) => [credits, refunded])).toEqual([
      [0, 0],
      [2, 1],
      [1, 0],
    ]);
  });

  it('keeps apps, types and categories apart', async () => {
    const { ownerId, ownerKey, appId, appKey } = await service.tenant();
    const other = await addApp(service, ownerId);
    await performed(service, appKey, { idempotencyKey: 'a' });
    await performed(service, other.appKey, { idempotencyKey: 'a' });
    await performed(service, other.appKey, { idempotencyKey: 'b' });
    const asked: Asked = { from: '2026-03-27T10:00:00Z', to: '2026-03-28T00:00:00Z', interval: 'DAY' };
    const grouped = async (groupBy: Group) =>
      (await usageOf(ownerKey, { ...asked, groupBy })).map(({ group, credits }) => [group, credits]);
    expect(await grouped('APP')).toEqual([
      [appId, 1],
      [other.appId, 2],
    ]);
    expect(await grouped('TYPE')).toEqual([['CALL_API', 3]]);
    expect(await grouped('CATEGORY')).toEqual([['API', 3]]);
    expect(await usageOf(ownerKey, { ...asked, appId: other.appId })).toMatchObject([{ credits: 2 }]);
  });

  it('has every bucket with zero and no group where nothing was used, or all of it was voided', async () => {
    const { ownerKey, appKey } = await service.tenant();
    const asked: Asked = { from: '2026-03-26T00:00:00Z', to: '2026-03-28T00:00:00Z', interval: 'DAY', groupBy: 'TYPE' };
    const empty = ['2026-03-26', '2026-03-27'].map((day) => {
      return { start: `${day}T00:00:00.000Z`, group: null, credits: 0, refunded: 0 };
    });
    expect(await usageOf(ownerKey, asked)).toEqual(empty);
    const { action } = await performed(service, appKey, { idempotencyKey: 'a', hold: true });
    expect(await usageOf(ownerKey, asked)).toMatchObject([{ credits: 0 }, { group: 'CALL_API', credits: 1 }]);
    await resolved(service, appKey, 'voidAction', { actionId: action.id });
    expect(await usageOf(ownerKey, asked)).toEqual(empty);
  });

  it('takes a hold out that has expired by itself, without anyone touching the pool', async () => {
    const { ownerKey, appKey } = await service.tenant();
    await performed(service, appKey, { idempotencyKey: 'a', hold: true, holdSeconds: 60 });
    expect(await creditsOf(ownerKey, ALL)).toBe(1);
    clock.advance(60 * SECOND_MS);
    expect(await creditsOf(ownerKey, ALL)).toBe(0);
  });

  it('counts a replay once, and a refused action not at all', async () => {
    const { ownerKey, appKey } = await service.tenant(1);
    await performed(service, appKey, { idempotencyKey: 'a' });
    await performed(service, appKey, { idempotencyKey: 'a' });
    await expect(performed(service, appKey, { idempotencyKey: 'b' })).rejects.toThrow('INSUFFICIENT_CREDITS');
    expect(await creditsOf(ownerKey, ALL)).toBe(1);
  });

  it('is from its beginning on and before its end, to the millisecond', async () => {
    const { ownerKey, appKey } = await service.tenant();
    const instant = '2026-03-27T10:07:30.500Z';
    clock.set(instant);
    await performed(service, appKey, { idempotencyKey: 'a' });
    const [before, after] = ['2026-03-27T10:07:30.499Z', '2026-03-27T10:07:30.501Z'];
    const counted = async () => [
      await creditsOf(ownerKey, { from: instant, to: after, interval: 'HOUR' }),
      await creditsOf(ownerKey, { from: before, to: instant, interval: 'HOUR' }),
      await creditsOf(ownerKey, { from: '2026-03-27T10:00:00Z', to: instant, interval: 'HOUR' }),
      await creditsOf(ownerKey, { from: '2026-03-27T10:00:00Z', to: after, interval: 'HOUR' }),
      await creditsOf(ownerKey, { from: instant, to: '2026-03-27T10:15:00Z', interval: 'HOUR' }),
      await creditsOf(ownerKey, { from: after, to: '2026-03-27T10:15:00Z', interval: 'HOUR' }),
    ];
    expect(await counted()).toEqual([1, 0, 0, 1, 1, 0]);
    // And the same when something newer is there: then the quarter as a whole is not what happened until then.
    clock.set('2026-03-27T10:09:00.000Z');
    await performed(service, appKey, { idempotencyKey: 'b' });
    expect(await counted()).toEqual([1, 0, 0, 1, 2, 1]);
  });
});

/** What each mutation of the random histories needs, and what its actions count as. */
const ACTIONS = [
  { mutation: 'callApi', facts: { method: 'GET', host: 'api.example' }, type: 'CALL_API', category: 'API' },
  { mutation: 'invokeLlm', facts: { model: 'm' }, type: 'INVOKE_LLM', category: 'AI' },
  { mutation: 'generateImage', facts: { model: 'm' }, type: 'GENERATE_IMAGE', category: 'IMAGES' },
  { mutation: 'analyzeImage', facts: { model: 'm' }, type: 'ANALYZE_IMAGE', category: 'IMAGES' },
  { mutation: 'sendSms', facts: {}, type: 'SEND_SMS', category: 'COMMUNICATION' },
] as const;

const STEPS = fc.record({
  app: fc.nat(2),
  action: fc.constantFrom(...ACTIONS),
  what: fc.constantFrom('DEBIT', 'DEBIT', 'DEBIT', 'HOLD', 'captureAction', 'voidAction', 'refundAction'),
  /** Which of the actions so far is resolved. */
  pick: fc.double({ min: 0, max: 0.999, noNaN: true }),
  holdSeconds: fc.constantFrom(60, 900, 86_400),
  pauseMs: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 * MINUTE_MS }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 9 * HOUR_MS }) },
    { weight: 3, arbitrary: fc.constant(0) },
  ),
  asks: fc.nat(40).map((chance) => chance === 0),
});
type Step = typeof STEPS extends fc.Arbitrary<infer T> ? T : never;

interface Opened {
  readonly at: number;
  readonly appId: string;
  readonly type: string;
  readonly category: string;
  readonly voided: boolean;
  readonly refunded: boolean;
}

class History {
  readonly apps: { appId: string; appKey: string }[] = [];
  private readonly ids: string[] = [];
  private readonly facts = new Map<number, (typeof ACTIONS)[number]>();

  constructor(readonly tenant: Tenant) {
    this.apps.push(tenant);
  }

  /** Does a step; whether a resolution is refused does not matter. */
  async take({ app, action, what, pick, holdSeconds, pauseMs }: Step): Promise<void> {
    const { appKey } = this.apps[app] as { appKey: string };
    clock.advance(pauseMs);
    if (what !== 'DEBIT' && what !== 'HOLD') {
      const actionId = this.ids[Math.floor(pick * this.ids.length)];
      if (actionId) await resolve(service, service.adminKey, what, { actionId });
      return;
    }
    const { mutation, facts } = action;
    const input = { ...facts, idempotencyKey: `${this.ids.length}`, hold: what === 'HOLD', holdSeconds };
    const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
    const data = await service.ask(
      `mutation ($input: ${type}!) { ${mutation}(input: $input) { action { id sequence } } }`,
      { input },
      appKey,
    );
    this.ids.push(data[mutation].action.id as string);
    this.facts.set(data[mutation].action.sequence as number, action);
  }

  /** All actions, by the entries as the table holds them. */
  async actions(): Promise<Opened[]> {
    const entries = await entriesOf(service.databaseUrl, this.tenant.ownerId);
    const named = (kind: string) =>
      new Set(entries.filter((entry) => entry.kind === kind).map(({ actionSequence }) => actionSequence));
    const [voided, refunded] = [named('VOID'), named('REFUND')];
    return entries
      .filter(({ kind }) => kind === 'DEBIT' || kind === 'HOLD')
      .map(({ sequence, at, appId }) => ({
        ...(this.facts.get(sequence) as (typeof ACTIONS)[number]),
        ...{ at, voided: voided.has(sequence), refunded: refunded.has(sequence) },
        appId: this.apps.find((app) => parsePublicId(app.appId)?.number === appId)?.appId as string,
      }));
  }
}

/** The naive count: each action is looked at, and put where the wall clock says. */
function countedByHand(actions: readonly Opened[], asked: Asked): Map<string, { credits: number; refunded: number }> {
  const { interval, groupBy, timeZone = 'UTC' } = asked;
  const wallClock = WallClock.of(timeZone);
  const counts = new Map<string, { credits: number; refunded: number }>();
  for (const { at, voided, refunded, ...names } of actions) {
    if (voided || at < Date.parse(asked.from) || at >= Date.parse(asked.to)) continue;
    if (asked.appId && names.appId !== asked.appId) continue;
    const group = groupBy === 'APP' ? names.appId : groupBy === 'TYPE' ? names.type : groupBy && names.category;
    const key = `${wallClock.label(interval, at)} ${group ?? ''}`;
    const count = counts.get(key) ?? { credits: 0, refunded: 0 };
    counts.set(key, { credits: count.credits + 1, refunded: count.refunded + Number(refunded) });
  }
  return counts;
}

/** Compares an answer with the naive count, and that its buckets are all there, in order, each with every group. */
function expectUsage(buckets: readonly Bucket[], actions: readonly Opened[], asked: Asked): void {
  const { interval, timeZone = 'UTC' } = asked;
  const wallClock = WallClock.of(timeZone);
  const starts = [...new Set(buckets.map(({ start }) => start))];
  const groups = buckets.filter(({ start }) => start === starts[0]).map(({ group }) => group);
  expect(buckets.map(({ start, group }) => [start, group])).toEqual(
    starts.flatMap((start) => groups.map((group) => [start, group])),
  );
  expect([...starts].sort()).toEqual(starts);
  // None is missing: each instant of the span, looked at every quarter of an hour, has its bucket.
  const labels = new Set<string>();
  for (let at = Date.parse(asked.from); at < Date.parse(asked.to); at += 15 * MINUTE_MS) {
    labels.add(wallClock.label(interval, at));
  }
  labels.add(wallClock.label(interval, Date.parse(asked.to) - 1));
  expect(starts.map((start) => wallClock.label(interval, Date.parse(start)))).toEqual([...labels]);

  const used = buckets.filter(({ credits, refunded }) => credits > 0 || refunded > 0);
  const answered = used.map(({ start, group, credits, refunded }): [string, object] => [
    `${wallClock.label(interval, Date.parse(start))} ${group ?? ''}`,
    { credits, refunded },
  ]);
  const byHand = countedByHand(actions, asked);
  expect(Object.fromEntries(answered)).toEqual(Object.fromEntries(byHand));
  const usedGroups = new Set([...byHand.keys()].map((key) => key.slice(key.lastIndexOf(' ') + 1)));
  expect(new Set(groups.map((group) => group ?? ''))).toEqual(usedGroups.size > 0 ? usedGroups : new Set(['']));
}

/**
 * Spans with ends of every kind: on quarters or not, in one quarter, on the same instant as an action, in the future.
 */
function spansOf(actions: readonly Opened[], seed: number): { from: string; to: string }[] {
  const [first, last] = [actions[0]?.at as number, actions.at(-1)?.at as number];
  const instant = fc.integer({ min: first - HOUR_MS, max: last + 2 * HOUR_MS });
  const ofAction = fc.constantFrom(...actions.map(({ at }) => at));
  const onQuarter = instant.map((at) => at - (at % (15 * MINUTE_MS)));
  const end = fc.oneof(instant, ofAction, onQuarter);
  const longest = 30 * DAY_MS;
  const spans = fc.oneof(
    fc.tuple(end, end).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) + 1 })),
    fc.tuple(end, fc.integer({ min: 1, max: 20 * MINUTE_MS })).map(([from, ms]) => ({ from, to: from + ms })),
    fc.tuple(end, fc.constant(clock.now())).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) + 1 })),
    fc.constant({ from: first, to: last }),
    fc.constant({ from: first - DAY_MS, to: first - DAY_MS + longest }),
  );
  return fc
    .sample(spans, { seed, numRuns: 10 })
    .map(({ from, to }) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() }));
}

const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns'];

describe('usage of a random history', () => {
  test.each([1, 2])(
    'is what counting action by action comes to, for every interval, group and zone (seed %i)',
    async (seed) => {
      const history = new History(await service.tenant(5_000));
      for (let more = 0; more < 2; more++) history.apps.push(await addApp(service, history.tenant.ownerId));
      for (const step of fc.sample(STEPS, { seed, numRuns: 400 })) {
        await history.take(step);
        if (!step.asks) continue;
        // Counts a part of it: what is resolved later belongs to what is counted already.
        const asked: Asked = { ...ALL, groupBy: 'TYPE' };
        expectUsage(await usageOf(history.tenant.ownerKey, asked), await history.actions(), asked);
      }
      // Over the night in which Berlin’s clocks change.
      expect(clock.now() - Date.parse(START)).toBeGreaterThan(3 * DAY_MS);
      // Holds may still expire while it is compared: the clock stands still.
      await usageOf(history.tenant.ownerKey, ALL);
      const actions = await history.actions();
      for (const interval of ['HOUR', 'DAY', 'MONTH'] as const) {
        for (const groupBy of ['APP', 'TYPE', 'CATEGORY', null] as const) {
          for (const [index, timeZone] of ZONES.entries()) {
            const [one, other] = [...spansOf(actions, seed * 1_000 + index * 7 + (groupBy ?? '').length)].slice(
              index % 5,
            );
            for (const span of [one, other]) {
              const appId = index === 2 ? (history.apps[1]?.appId as string) : null;
              const asked: Asked = { ...(span as { from: string; to: string }), interval, groupBy, timeZone, appId };
              expectUsage(await usageOf(history.tenant.ownerKey, asked), actions, asked);
            }
          }
        }
      }
      for (const span of spansOf(actions, seed)) {
        const asked: Asked = { ...span, interval: 'HOUR', groupBy: 'TYPE', timeZone: 'Europe/Berlin' };
        expectUsage(await usageOf(history.tenant.ownerKey, asked), actions, asked);
      }
    },
    120_000,
  );
});

describe('usage of much that is not counted yet', () => {
  it('is all of it, counted once by many who ask at once; 2,000 entries are counted without being asked', async () => {
    const stopped = await startTestService(databaseKindOf(), { clock });
    const { ownerKey, appKey } = await stopped.tenant(10_000);
    await debit(appKey, 4_200, { to: stopped });
    // A stop waits for what is being counted.
    await stopped.service.stop();
    const { databaseUrl, adminKey } = stopped;
    await forgetCounts(databaseUrl, 4_000);
    const restarted = await startTestService(databaseKindOf(), { clock, databaseUrl, config: { adminKey } });
    try {
      const counts = await Promise.all(Array.from({ length: 20 }, () => creditsOf(ownerKey, ALL, restarted)));
      expect(new Set(counts)).toEqual(new Set([4_200]));
      expect([...stopped.failures, ...restarted.failures]).toEqual([]);
    } finally {
      await restarted.stop();
      await stopped.stop();
    }
  }, 60_000);
});

describe('usage while debits go on', () => {
  it('never misses an acknowledged debit and counts none twice, with 20 who ask in parallel', async () => {
    const { ownerKey, appKey } = await service.tenant(10_000);
    const progress = { sent: 0, acknowledged: 0 };
    const lane = async (name: number) => {
      for (let i = 0; i < 60; i++) {
        progress.sent += 1;
        await performed(service, appKey, { idempotencyKey: `${name} ${i}` });
        progress.acknowledged += 1;
      }
    };
    // One ends with a quarter, one within the quarter of the debits: both ways to count.
    const spans: Asked[] = [ALL, { ...ALL, from: '2026-03-27T09:59:00Z', to: '2026-03-27T10:01:00Z' }];
    const ask = async (asker: number) => {
      for (let i = 0; i < 10; i++) {
        const { acknowledged } = progress;
        const credits = await creditsOf(ownerKey, spans[(asker + i) % 2] as Asked);
        expect(credits).toBeGreaterThanOrEqual(acknowledged);
        expect(credits).toBeLessThanOrEqual(progress.sent);
      }
    };
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
    await Promise.all([...numbers(8).map(lane), ...numbers(20).map(ask)]);
    for (const span of spans) expect(await creditsOf(ownerKey, span)).toBe(480);
  }, 60_000);

  onMysqlOnly(
    'is counted once by two services that share a database and count at the same time',
    async () => {
      const { ownerKey, appKey } = await service.tenant(20_000);
      const { databaseUrl, adminKey } = service;
      const second = await startTestService(databaseKindOf(), { clock, databaseUrl, config: { adminKey } });
      try {
        const progress = { acknowledged: 0, sent: 0 };
        const bothDebit = [service, second].map(async (to, index) => {
          for (let round = 0; round < 8; round++) {
            progress.sent += 300;
            await debit(appKey, 300, { label: `${index} ${round}`, to });
            progress.acknowledged += 300;
          }
        });
        const bothAsk = [service, second, service, second].map(async (from) => {
          while (progress.acknowledged < 2 * 8 * 300) {
            const { acknowledged } = progress;
            const credits = await creditsOf(ownerKey, ALL, from);
            expect(credits).toBeGreaterThanOrEqual(acknowledged);
            expect(credits).toBeLessThanOrEqual(progress.sent);
          }
        });
        await Promise.all([...bothDebit, ...bothAsk]);
        await forgetCounts(databaseUrl, 1);
        const counts = await Promise.all(
          Array.from({ length: 20 }, (_, index) => creditsOf(ownerKey, ALL, index % 2 ? service : second)),
        );
        expect(new Set(counts)).toEqual(new Set([4_800]));
        expect(second.failures).toEqual([]);
      } finally {
        await second.stop();
      }
    },
    120_000,
  );
});

describe('usage refuses', () => {
  it('not a thousand months, of which one is used', async () => {
    const { ownerKey, appKey } = await service.tenant();
    const asked: Asked = { from: '1990-01-01T00:00:00Z', to: '2073-05-01T00:00:00Z', interval: 'MONTH' };
    expect(await creditsOf(ownerKey, asked)).toBe(0);
    await performed(service, appKey, { idempotencyKey: 'a' });
    const months = await usageOf(ownerKey, { ...asked, timeZone: 'Asia/Kathmandu', to: '2073-04-30T00:00:00Z' });
    expect(months).toHaveLength(1_000);
    expect(months.filter(({ credits }) => credits > 0)).toMatchObject([{ start: '2026-02-28T18:15:00.000Z' }]);
  });

  it('more than 1,000 buckets', async () => {
    const { ownerKey } = await service.tenant();
    const asked: Asked = { from: '2026-01-01T00:00:00Z', to: '2026-02-11T16:00:00Z', interval: 'HOUR' };
    expect(await usageOf(ownerKey, asked)).toHaveLength(1_000);
    const answer = await askUsage(ownerKey, { ...asked, to: '2026-02-11T16:00:00.001Z' });
    expect(answer.errors).toMatchObject([
      {
        message: 'The input is not valid: to must be at most 1000 buckets after from.',
        extensions: { code: 'BAD_USER_INPUT', problems: [{ path: 'to' }] },
      },
    ]);
  });

  it('more than 10,000 buckets times groups', async () => {
    const { ownerId, ownerKey, appKey } = await service.tenant(1_000);
    await performed(service, appKey, { idempotencyKey: 'a' });
    for (let more = 0; more < 10; more++) {
      await performed(service, (await addApp(service, ownerId)).appKey, { idempotencyKey: 'a' });
    }
    const hours = (count: number): Asked => {
      const to = new Date(Date.parse(START) + HOUR_MS);
      return { from: new Date(to.getTime() - count * HOUR_MS).toISOString(), to: to.toISOString(), interval: 'HOUR' };
    };
    expect(await usageOf(ownerKey, { ...hours(909), groupBy: 'APP' })).toHaveLength(909 * 11);
    const refused = await askUsage(ownerKey, { ...hours(910), groupBy: 'APP' });
    expect(refused.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', problems: [{ path: 'groupBy' }] } }]);
    expect(await usageOf(ownerKey, { ...hours(910), groupBy: 'TYPE' })).toHaveLength(910);
  });

  it('what is not the caller’s: it reads like what does not exist', async () => {
    const [mine, foreign] = [await service.tenant(), await service.tenant()];
    const missing = { ownerId: `${foreign.ownerId.slice(0, -3)}zz0`, appId: `${foreign.appId.slice(0, -3)}zz0` };
    const code = async (asked: Partial<Asked>, key = mine.ownerKey) =>
      (await askUsage(key, { ...ALL, ...asked })).code ?? 'none';
    expect(await code({ ownerId: foreign.ownerId })).toBe('NOT_FOUND');
    expect(await code({ appId: foreign.appId })).toBe('NOT_FOUND');
    expect(await code({ ownerId: mine.ownerId, appId: foreign.appId })).toBe('NOT_FOUND');
    expect(await code({ ownerId: mine.ownerId, appId: mine.appId })).toBe('none');
    const { adminKey } = service;
    expect(await code(missing, adminKey)).toBe('NOT_FOUND');
    expect(await code({ ownerId: missing.ownerId }, adminKey)).toBe('NOT_FOUND');
    expect(await code({ ownerId: mine.ownerId, appId: foreign.appId }, adminKey)).toBe('NOT_FOUND');
    expect(await code({ ownerId: foreign.ownerId }, adminKey)).toBe('none');
    expect(await code({ appId: foreign.appId }, adminKey)).toBe('none');
    expect(await code({}, adminKey)).toBe('BAD_USER_INPUT');
  });

  test.each(['', '+05:37', 'Mars/Base'])('the zone %j', async (timeZone) => {
    const { ownerKey } = await service.tenant();
    const answer = await askUsage(ownerKey, { ...ALL, timeZone });
    expect(answer).toMatchObject({ status: 200, code: 'BAD_USER_INPUT' });
    expect(answer.errors[0]?.extensions['problems']).toMatchObject([{ path: 'timeZone' }]);
  });

  it('and answers at the ends of the calendar without a failure', async () => {
    const { ownerKey, appKey } = await service.tenant();
    await performed(service, appKey, { idempotencyKey: 'a' });
    const ends = [
      '0001-01-01T00:00:00Z',
      '0001-01-01T00:00:00+23:59',
      '9999-12-31T23:59:59Z',
      '9999-12-31T23:59:59-23:59',
    ];
    const spans = [
      ...ends.map((end) => [end, new Date(Date.parse(end) + 90 * SECOND_MS).toISOString()]),
      ...ends.map((end) => [new Date(Date.parse(end) - 90 * SECOND_MS).toISOString(), end]),
      ...ends.flatMap((end) => [[START, end] as const, [end, START] as const]),
    ].filter(([from, to]) => /^\d{4}-/.test(`${from}`) && /^\d{4}-/.test(`${to}`));
    expect(spans.length).toBeGreaterThan(8);
    for (const [from, to] of spans as [string, string][]) {
      for (const interval of ['HOUR', 'DAY', 'MONTH'] as const) {
        for (const timeZone of ['UTC', 'Europe/Berlin', 'Pacific/Apia']) {
          const { status, code, data } = await askUsage(ownerKey, { from, to, interval, timeZone });
          expect([status, code ?? data.usage.length > 0]).toEqual([200, code === undefined ? true : 'BAD_USER_INPUT']);
        }
      }
    }
  });
});
