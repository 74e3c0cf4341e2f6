import { actionIn, balanceOf, BALANCE_FIELDS, perform, performed, resolve, resolved } from '../support/actions';
import { entriesOf, stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import {
  editPlan,
  grantCredits,
  granted,
  grantsOf,
  planChanged,
  revoked,
  revokeGrant,
  spend,
  storyOf,
  tenantOn,
  type GrantRequest,
} from '../support/pools';
import { ManualClock, startTestService, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const DAY_MS = 86_400_000;
const POOL_LIMIT_CREDITS = 2_000_000_000;

let service: TestService;
/** It only ever moves forward: what an example needs of time, it counts from where the clock is. */
const clock = new ManualClock();
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

const instant = (ms: number) => new Date(ms).toISOString();
const inDays = (days: number) => instant(clock.now() + days * DAY_MS);

/** A pool with nothing in it, whose plan allows top-ups or does not. */
const emptyPool = (topUpsAllowed = true) => tenantOn(service, { monthlyCredits: 0, topUpsAllowed });

describe('grantCredits', () => {
  it.each(['BONUS', 'TOP_UP'] as const)('adds %s credits that may be spent at once (rule 6)', async (source) => {
    const { ownerId, appKey } = await emptyPool();
    const input = { ownerId, amount: 2, source, reason: 'Zum Dank 💶', idempotencyKey: 'first' };
    const { grant, balance, replayed } = await granted(service, input);
    expect(grant).toMatchObject({ source, amount: 2, remaining: 2, paused: false, reason: 'Zum Dank 💶' });
    expect(grant.effectiveAt).toBe(instant(clock.now()));
    expect(balance).toMatchObject({ available: 2, paused: 0, held: 0, allowance: 0, lastSequence: 1 });
    expect(replayed).toBe(false);
    expect(await grantsOf(service, ownerId)).toEqual([grant]);
    await spend(service, { appKey }, 2);
    expect((await perform(service, appKey, { idempotencyKey: 'one more' })).code).toBe('INSUFFICIENT_CREDITS');
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 2', 'DEBIT 1', 'DEBIT 1']);
  });

  it('reaches who watches the balance (rule 12)', async () => {
    const { ownerId, ownerKey } = await emptyPool();
    const client = socketClient(service.url, ownerKey);
    const balances = watch(client, `subscription { balanceChanged { ${BALANCE_FIELDS} } }`);
    const before = (await balances.next()).data.balanceChanged;
    const { balance } = await granted(service, { ownerId, amount: 5, source: 'BONUS', idempotencyKey: '1' });
    expect((await balances.next()).data.balanceChanged).toEqual({ ...balance, ownerId });
    expect(balance.version).toBeGreaterThan(before.version);
    await client.dispose();
  });

  describe('expires (rule 6)', () => {
    const year = () => {
      const date = new Date(clock.now());
      return new Date(date.setUTCFullYear(date.getUTCFullYear() + 1)).toISOString();
    };
    it.each<[string, 'BONUS' | 'TOP_UP', () => { expiresAt?: string | null }, () => string | null]>([
      ['a top-up after one year where nothing is said', 'TOP_UP', () => ({}), year],
      ['a bonus never where nothing is said', 'BONUS', () => ({}), () => null],
      ['a top-up never where null is said', 'TOP_UP', () => ({ expiresAt: null }), () => null],
      ['a bonus never where null is said', 'BONUS', () => ({ expiresAt: null }), () => null],
      ['a top-up at the instant that is said', 'TOP_UP', () => ({ expiresAt: inDays(3.5) }), () => inDays(3.5)],
      ['a bonus at the instant that is said', 'BONUS', () => ({ expiresAt: inDays(0.001) }), () => inDays(0.001)],
      [
        'at the instant that is said in another zone',
        'BONUS',
        () => ({ expiresAt: '2045-03-01T02:30:00.5+02:30' }),
        () => '2045-03-01T00:00:00.500Z',
      ],
    ])('%s', async (_title, source, expiry, expected) => {
      const { ownerId } = await emptyPool();
      const { grant } = await granted(service, { ownerId, amount: 1, source, idempotencyKey: '1', ...expiry() });
      expect(grant.expiresAt).toBe(expected());
    });

    it.each<[string, number]>([
      ['a year ago', -365 * DAY_MS],
      ['a millisecond ago', -1],
      ['now', 0],
    ])('never %s: BAD_USER_INPUT', async (_title, ms) => {
      const { ownerId } = await emptyPool();
      const input = { ownerId, amount: 1, source: 'TOP_UP', idempotencyKey: '1' } as const;
      const answer = await grantCredits(service, { ...input, expiresAt: instant(clock.now() + ms) });
      expect(answer.errors[0]?.extensions).toEqual({
        code: 'BAD_USER_INPUT',
        problems: [{ path: 'input.expiresAt', message: 'must be in the future' }],
      });
      // A refusal is not remembered (rule 10).
      await granted(service, { ...input, expiresAt: instant(clock.now() + 1) });
    });
  });

  it('replays the grant of its key, as it is by now, and adds nothing (rule 10)', async () => {
    const { ownerId, appKey } = await emptyPool();
    const input: GrantRequest = { ownerId, amount: 3, source: 'BONUS', idempotencyKey: 'k', expiresAt: inDays(1) };
    const first = await granted(service, input);
    await spend(service, { appKey }, 1);
    const second = await granted(service, input);
    expect(second).toMatchObject({ replayed: true, grant: { ...first.grant, remaining: 2 } });
    expect(second.balance).toMatchObject({ available: 2, lastSequence: 2 });
    // Also when what was in the future is past.
    clock.advance(2 * DAY_MS);
    const third = await granted(service, input);
    expect(third).toMatchObject({ replayed: true, grant: { ...first.grant, remaining: 0 }, balance: { available: 0 } });
    // null and nothing are the same reason.
    expect(await granted(service, { ...input, reason: null })).toMatchObject({ replayed: true });
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 3', 'DEBIT 1', 'EXPIRE 2']);
  });

  it('grants once, however many ask at once with one key (I3)', async () => {
    const { ownerId } = await emptyPool();
    const input = { ownerId, amount: 7, source: 'TOP_UP', idempotencyKey: 'once' } as const;
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => granted(service, input)));
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(outcomes.map(({ grant }) => grant.id)).size).toBe(1);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 7, lastSequence: 1 });
  });

  it.each<[string, Partial<GrantRequest>]>([
    ['amount', { amount: 2 }],
    ['source', { source: 'BONUS' }],
    ['reason', { reason: 'Another.' }],
    ['reason, left out', { reason: null }],
    ['expiry, never', { expiresAt: null }],
    ['expiry, at an instant', { expiresAt: '2045-01-01T00:00:00.000Z' }],
  ])('refuses a known key with another %s: IDEMPOTENCY_KEY_REUSED (rule 10)', async (_title, other) => {
    const { ownerId } = await emptyPool();
    const input: GrantRequest = { ownerId, amount: 1, source: 'TOP_UP', reason: 'One.', idempotencyKey: 'k' };
    await granted(service, input);
    const before = await balanceOf(service, ownerId);
    expect((await grantCredits(service, { ...input, ...other })).code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await balanceOf(service, ownerId)).toEqual(before);
  });

  it('keeps its keys apart per owner, and from the keys of actions (I3)', async () => {
    const [one, two] = [await emptyPool(), await emptyPool()];
    const input = { amount: 2, source: 'BONUS', idempotencyKey: 'shared' } as const;
    for (const { ownerId, appKey } of [one, two]) {
      expect(await granted(service, { ownerId, ...input })).toMatchObject({ replayed: false });
      expect(await performed(service, appKey, { idempotencyKey: 'shared' })).toMatchObject({ replayed: false });
      expect(await granted(service, { ownerId, ...input })).toMatchObject({ replayed: true });
    }
  });

  it('fills a pool up to 2,000,000,000 credits and no further: LIMIT_REACHED (I2)', async () => {
    const { ownerId, appKey } = await service.tenant(10);
    const { action } = await performed(service, appKey, { idempotencyKey: 'held', hold: true });
    const input = { ownerId, amount: POOL_LIMIT_CREDITS - 9, source: 'BONUS', idempotencyKey: 'full' } as const;
    // What is held counts too: 9 + 1 + the limit less 9 is one too many.
    expect((await grantCredits(service, input)).code).toBe('LIMIT_REACHED');
    await resolved(service, appKey, 'captureAction', { actionId: action.id });
    // A refusal is not remembered: there is room now.
    expect((await granted(service, input)).balance).toMatchObject({ available: POOL_LIMIT_CREDITS });
    const one = { ownerId, amount: 1, source: 'TOP_UP', idempotencyKey: 'more' } as const;
    expect((await grantCredits(service, one)).code).toBe('LIMIT_REACHED');
    const refund = await resolve(service, appKey, 'refundAction', { actionId: action.id });
    expect(refund.code).toBe('LIMIT_REACHED');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: POOL_LIMIT_CREDITS, lastSequence: 4 });
  });

  it('counts paused credits under the limit too (I2)', async () => {
    const { ownerId } = await emptyPool(false);
    const input = { ownerId, amount: POOL_LIMIT_CREDITS, source: 'TOP_UP', idempotencyKey: 'full' } as const;
    expect((await granted(service, input)).balance).toMatchObject({ available: 0, paused: POOL_LIMIT_CREDITS });
    const one = { ownerId, amount: 1, source: 'BONUS', idempotencyKey: 'more' } as const;
    expect((await grantCredits(service, one)).code).toBe('LIMIT_REACHED');
  });

  it.each<[string, object, string]>([
    ['an amount of nothing', { amount: 0 }, 'input.amount'],
    ['a negative amount', { amount: -1 }, 'input.amount'],
    ['more than a pool holds', { amount: POOL_LIMIT_CREDITS + 1 }, 'input.amount'],
    ['an empty reason', { reason: '' }, 'input.reason'],
    ['a reason of 501 characters', { reason: 'x'.repeat(501) }, 'input.reason'],
    ['an empty key', { idempotencyKey: '' }, 'input.idempotencyKey'],
    ['a key of 256 characters', { idempotencyKey: 'x'.repeat(256) }, 'input.idempotencyKey'],
  ])('refuses %s: BAD_USER_INPUT', async (_title, wrong, path) => {
    const { ownerId } = await emptyPool();
    const good: GrantRequest = { ownerId, amount: 1, source: 'BONUS', idempotencyKey: 'k' };
    const { errors } = await grantCredits(service, { ...good, ...wrong });
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', problems: [{ path }] });
    expect(await balanceOf(service, ownerId)).toMatchObject({ lastSequence: 0 });
  });

  it('takes the longest reason and key', async () => {
    const { ownerId } = await emptyPool();
    const longest = { reason: 'r'.repeat(500), idempotencyKey: 'k'.repeat(255) };
    const { grant } = await granted(service, { ownerId, amount: 1, source: 'BONUS', ...longest });
    expect(grant.reason).toBe(longest.reason);
  });

  it('never grants PLAN credits, which come from the plan alone', async () => {
    const { ownerId } = await emptyPool();
    const input = { ownerId, amount: 1, source: 'PLAN' as 'BONUS', idempotencyKey: 'k' };
    expect((await grantCredits(service, input)).code).toBe('BAD_USER_INPUT');
  });

  it('is for operators alone, and reads an unknown owner as missing', async () => {
    const { ownerId, appId, ownerKey, appKey } = await emptyPool();
    const input = { ownerId, amount: 1, source: 'BONUS', idempotencyKey: 'k' } as const;
    for (const key of [ownerKey, appKey]) expect((await grantCredits(service, input, key)).code).toBe('FORBIDDEN');
    for (const nobody of ['own_0000000020', 'nonsense', '', appId]) {
      expect((await grantCredits(service, { ...input, ownerId: nobody })).code).toBe('NOT_FOUND');
    }
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, lastSequence: 0 });
  });
});

describe('the burn order (rule 6)', () => {
  it('is PLAN and BONUS before TOP_UP, then the earliest expiry, then the oldest', async () => {
    const tenant = await tenantOn(service, { monthlyCredits: 1 });
    const { ownerId, appKey } = tenant;
    const give = (reason: string, source: 'BONUS' | 'TOP_UP', expiry: { expiresAt?: string | null } = {}) =>
      granted(service, { ownerId, amount: 1, source, reason, idempotencyKey: reason, ...expiry });
    const { resetsAt } = await balanceOf(service, ownerId);
    await give('top-up, never', 'TOP_UP', { expiresAt: null });
    await give('top-up, a year', 'TOP_UP');
    await give('top-up, a year, younger', 'TOP_UP');
    await give('bonus, never', 'BONUS');
    await give('bonus, never, younger', 'BONUS');
    await give('bonus, 60 days', 'BONUS', { expiresAt: inDays(60) });
    await give('top-up, a day', 'TOP_UP', { expiresAt: inDays(1) });
    await give('bonus, with the plan', 'BONUS', { expiresAt: resetsAt });
    await give('bonus, two days', 'BONUS', { expiresAt: inDays(2) });
    const order = [
      'bonus, two days',
      'The plan began.',
      'bonus, with the plan',
      'bonus, 60 days',
      'bonus, never',
      'bonus, never, younger',
      'top-up, a day',
      'top-up, a year',
      'top-up, a year, younger',
      'top-up, never',
    ];
    const reasons = async () => (await grantsOf(service, ownerId)).map(({ reason }) => reason);
    for (let burnt = 0; burnt < order.length; burnt += 1) {
      expect(await reasons()).toEqual(order.slice(burnt));
      await performed(service, appKey, { idempotencyKey: `burns ${order[burnt]}`, hold: burnt % 2 === 1 });
    }
    expect(await reasons()).toEqual([]);
  });

  it('is the same for actions that come at once', async () => {
    const { ownerId, appKey } = await tenantOn(service, { monthlyCredits: 10 });
    await granted(service, { ownerId, amount: 10, source: 'TOP_UP', idempotencyKey: 't' });
    await granted(service, { ownerId, amount: 10, source: 'BONUS', idempotencyKey: 'b' });
    await spend(service, { appKey }, 25);
    expect(await grantsOf(service, ownerId)).toMatchObject([{ source: 'TOP_UP', remaining: 5 }]);
    const debits = (await entriesOf(service.databaseUrl, ownerId)).filter(({ kind }) => kind === 'DEBIT');
    const drawn = debits.map(({ grantSequence }) => grantSequence);
    expect(drawn).toEqual([...Array(10).fill(1), ...Array(10).fill(3), ...Array(5).fill(2)]);
  });

  it('puts a credit that came back where its grant is, to be drawn next', async () => {
    const { ownerId, appKey } = await emptyPool();
    await granted(service, { ownerId, amount: 1, source: 'BONUS', idempotencyKey: 'b' });
    await granted(service, { ownerId, amount: 1, source: 'TOP_UP', idempotencyKey: 't' });
    const { action } = await performed(service, appKey, { idempotencyKey: '1' });
    expect((await grantsOf(service, ownerId)).map(({ source }) => source)).toEqual(['TOP_UP']);
    await resolved(service, appKey, 'refundAction', { actionId: action.id });
    expect((await grantsOf(service, ownerId)).map(({ source }) => source)).toEqual(['BONUS', 'TOP_UP']);
  });
});

describe('a grant that expires (rule 6)', () => {
  it('is usable a millisecond before its instant, and gone at it', async () => {
    const { ownerId, appKey } = await emptyPool();
    const expiresAt = inDays(1);
    await granted(service, { ownerId, amount: 5, source: 'TOP_UP', idempotencyKey: 't', expiresAt });
    clock.set(Date.parse(expiresAt) - 1);
    await performed(service, appKey, { idempotencyKey: 'before' });
    clock.set(expiresAt);
    expect((await perform(service, appKey, { idempotencyKey: 'at' })).code).toBe('INSUFFICIENT_CREDITS');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, lastSequence: 3 });
    const [, , expiry] = await entriesOf(service.databaseUrl, ownerId);
    expect(expiry).toMatchObject({ kind: 'EXPIRE', credits: 4, at: Date.parse(expiresAt) });
  });

  it('expires at its own instant, however late that is found, and before what was granted since', async () => {
    const { ownerId } = await emptyPool();
    const [first, second] = [inDays(1), inDays(2)];
    await granted(service, { ownerId, amount: 1, source: 'BONUS', idempotencyKey: 'b', expiresAt: second });
    await granted(service, { ownerId, amount: 2, source: 'TOP_UP', idempotencyKey: 't', expiresAt: first });
    clock.advance(3 * DAY_MS);
    await granted(service, { ownerId, amount: 4, source: 'BONUS', idempotencyKey: 'c' });
    const entries = (await entriesOf(service.databaseUrl, ownerId)).slice(2);
    expect(entries.map(({ kind, credits, at }) => [kind, credits, instant(at)])).toEqual([
      ['EXPIRE', 2, first],
      ['EXPIRE', 1, second],
      ['GRANT', 4, instant(clock.now())],
    ]);
  });

  it('takes with it the credits that come back to it later; those captured stay spent (rule 9)', async () => {
    const { ownerId, appKey } = await emptyPool();
    const expiresAt = inDays(0.5);
    await granted(service, { ownerId, amount: 4, source: 'BONUS', idempotencyKey: 'b', expiresAt });
    const hold = { hold: true, holdSeconds: 86_400 };
    const voided = await performed(service, appKey, { idempotencyKey: '1', ...hold });
    const captured = await performed(service, appKey, { idempotencyKey: '2', ...hold });
    const refunded = await performed(service, appKey, { idempotencyKey: '3' });
    clock.set(expiresAt);
    const { lastSequence } = await balanceOf(service, ownerId);
    await resolved(service, appKey, 'voidAction', { actionId: voided.action.id });
    await resolved(service, appKey, 'captureAction', { actionId: captured.action.id });
    const { balance } = await resolved(service, appKey, 'refundAction', { actionId: refunded.action.id });
    expect(balance).toMatchObject({ available: 0, held: 0 });
    const story = await storyOf(service, ownerId, lastSequence);
    expect(story).toEqual(['VOID 1', 'EXPIRE 1', 'CAPTURE 1', 'REFUND 1', 'EXPIRE 1']);
  });

  it('reaches who watches the balance, although nobody reads (rule 12)', async () => {
    const { ownerId, ownerKey } = await emptyPool();
    const client = socketClient(service.url, ownerKey);
    const balances = watch(client, `subscription { balanceChanged { ${BALANCE_FIELDS} } }`);
    await balances.next();
    const expiresAt = inDays(1);
    await granted(service, { ownerId, amount: 5, source: 'BONUS', idempotencyKey: 'b', expiresAt });
    await balances.until(({ balanceChanged }) => balanceChanged.available === 5);
    clock.set(expiresAt);
    await balances.until(({ balanceChanged }) => balanceChanged.available === 0);
    await client.dispose();
  });

  it('that never does outlives the renewals, a top-up of the default a year to the day', async () => {
    const { ownerId } = await emptyPool();
    await granted(service, { ownerId, amount: 3, source: 'BONUS', idempotencyKey: 'b' });
    const { grant } = await granted(service, { ownerId, amount: 5, source: 'TOP_UP', idempotencyKey: 't' });
    clock.set(Date.parse(grant.expiresAt as string) - 1);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 8 });
    clock.advance(1);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 3 });
  });
});

describe('revokeGrant', () => {
  it('takes what remains of a grant, and nothing of another', async () => {
    const { ownerId, appKey } = await emptyPool();
    const { grant } = await granted(service, { ownerId, amount: 5, source: 'BONUS', idempotencyKey: '1' });
    await granted(service, { ownerId, amount: 3, source: 'BONUS', idempotencyKey: '2' });
    await spend(service, { appKey }, 2);
    const outcome = await revoked(service, { grantId: grant.id, reason: 'Paid back.' });
    expect(outcome).toMatchObject({ grant: { ...grant, remaining: 0 }, balance: { available: 3, lastSequence: 5 } });
    const entry = (await entriesOf(service.databaseUrl, ownerId)).at(-1);
    expect(entry).toMatchObject({ kind: 'REVOKE', credits: 3, grantSequence: 1, reason: 'Paid back.' });
    expect(await grantsOf(service, ownerId)).toMatchObject([{ amount: 3, remaining: 3 }]);
  });

  it('takes the credits that come back to it later too, and lets captures be (rule 9)', async () => {
    const { ownerId, appKey } = await emptyPool();
    const { grant } = await granted(service, { ownerId, amount: 4, source: 'TOP_UP', idempotencyKey: '1' });
    const voided = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    const captured = await performed(service, appKey, { idempotencyKey: '2', hold: true });
    const refunded = await performed(service, appKey, { idempotencyKey: '3' });
    const { balance: after } = await revoked(service, { grantId: grant.id });
    expect(after).toMatchObject({ available: 0, held: 2 });
    await resolved(service, appKey, 'voidAction', { actionId: voided.action.id });
    await resolved(service, appKey, 'captureAction', { actionId: captured.action.id });
    const { balance } = await resolved(service, appKey, 'refundAction', { actionId: refunded.action.id });
    expect(balance).toMatchObject({ available: 0, held: 0, usedThisPeriod: 1 });
    const story = await storyOf(service, ownerId, after.lastSequence);
    expect(story).toEqual(['VOID 1', 'REVOKE 1', 'CAPTURE 1', 'REFUND 1', 'REVOKE 1']);
  });

  it('takes a credit that comes back also where nothing had remained (rule 9)', async () => {
    const { ownerId, appKey } = await emptyPool();
    const { grant } = await granted(service, { ownerId, amount: 1, source: 'BONUS', idempotencyKey: '1' });
    const { action } = await actionIn(service, appKey, 'CAPTURED', 'spent');
    await revoked(service, { grantId: grant.id });
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 1', 'DEBIT 1']);
    const { balance } = await resolved(service, appKey, 'refundAction', { actionId: action.id });
    expect(balance).toMatchObject({ available: 0 });
    expect(await storyOf(service, ownerId, 2)).toEqual(['REFUND 1', 'REVOKE 1']);
  });

  it('takes once, however often it is asked; again changes nothing', async () => {
    const { ownerId } = await emptyPool();
    const { grant } = await granted(service, { ownerId, amount: 4, source: 'BONUS', idempotencyKey: '1' });
    await Promise.all(Array.from({ length: 20 }, () => revoked(service, { grantId: grant.id })));
    const before = await balanceOf(service, ownerId);
    expect(before).toMatchObject({ available: 0, lastSequence: 2 });
    const again = await revoked(service, { grantId: grant.id, reason: 'Again.' });
    expect(again).toMatchObject({ grant: { ...grant, remaining: 0 }, balance: before });
    expect(await balanceOf(service, ownerId)).toEqual(before);
  });

  it('leaves its key used: the same grantCredits replays the revoked grant (rule 10)', async () => {
    const { ownerId } = await emptyPool();
    const input = { ownerId, amount: 4, source: 'BONUS', idempotencyKey: '1' } as const;
    const { grant } = await granted(service, input);
    await revoked(service, { grantId: grant.id });
    expect(await granted(service, input)).toMatchObject({ replayed: true, balance: { available: 0 } });
  });

  it('takes plan credits for this period only', async () => {
    const { ownerId } = await service.tenant(10);
    const [plan] = await grantsOf(service, ownerId);
    const { balance } = await revoked(service, { grantId: plan?.id as string });
    expect(balance).toMatchObject({ available: 0, allowance: 10 });
    clock.set(balance.resetsAt);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 10, allowance: 10 });
  });

  it('of an expired grant takes nothing, and what comes back is taken as revoked', async () => {
    const { ownerId, appKey } = await emptyPool();
    const expiresAt = inDays(1);
    const { grant } = await granted(service, { ownerId, amount: 2, source: 'BONUS', idempotencyKey: '1', expiresAt });
    const { action } = await performed(service, appKey, { idempotencyKey: '1' });
    clock.set(expiresAt);
    await revoked(service, { grantId: grant.id });
    await resolved(service, appKey, 'refundAction', { actionId: action.id });
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 2', 'DEBIT 1', 'EXPIRE 1', 'REFUND 1', 'REVOKE 1']);
  });

  it('reads as missing what is no grant: of no owner, of another kind, or made up', async () => {
    const { ownerId, appKey } = await service.tenant(10);
    const { action } = await performed(service, appKey, { idempotencyKey: '1' });
    const before = await balanceOf(service, ownerId);
    const grantId = ((await grantsOf(service, ownerId))[0]?.id ?? '').slice(0, -1);
    // The sequence of a debit is the number of no grant; that of the owner itself is 0.
    const debit = action.id.replace(/^act_/, 'grt_');
    for (const id of [`${grantId}9`, debit, `${grantId}0`, action.id, ownerId, 'grt_0000000021', 'nonsense', '']) {
      expect([id, (await revokeGrant(service, { grantId: id })).code]).toEqual([id, 'NOT_FOUND']);
    }
    expect(await balanceOf(service, ownerId)).toEqual(before);
  });

  it('is for operators alone, also for what is another’s', async () => {
    const [mine, theirs] = [await service.tenant(10), await service.tenant(10)];
    const [grant] = await grantsOf(service, theirs.ownerId);
    for (const key of [mine.ownerKey, mine.appKey, theirs.ownerKey, theirs.appKey]) {
      expect((await revokeGrant(service, { grantId: grant?.id as string }, key)).code).toBe('FORBIDDEN');
    }
    expect(await balanceOf(service, theirs.ownerId)).toMatchObject({ available: 10 });
  });

  it.each([
    ['none at all', ''],
    ['501', 'x'.repeat(501)],
  ])('takes a reason of 1 to 500 characters, not of %s', async (_title, reason) => {
    const { ownerId } = await service.tenant(10);
    const [grant] = await grantsOf(service, ownerId);
    const { errors } = await revokeGrant(service, { grantId: grant?.id as string, reason });
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', problems: [{ path: 'input.reason' }] });
  });
});

describe('top-ups on a plan that does not allow them (rule 6)', () => {
  it('are granted, then paused: shown, but not spent', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const { grant, balance } = await granted(service, { ownerId, amount: 7, source: 'TOP_UP', idempotencyKey: '1' });
    expect(grant).toMatchObject({ amount: 7, remaining: 7, paused: true });
    expect(balance).toMatchObject({ available: 100, paused: 7, held: 0 });
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 100', 'GRANT 7', 'PAUSE 7']);
    expect(await grantsOf(service, ownerId)).toMatchObject([{ source: 'PLAN', paused: false }, grant]);
    await spend(service, { appKey }, 100);
    const { errors } = await perform(service, appKey, { idempotencyKey: 'one more' });
    expect(errors[0]?.extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS', available: 0 });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, paused: 7 });
  });

  it('are resumed by an upgrade, burnt last, and paused again when the downgrade takes effect', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const larger = await service.plan({ monthlyCredits: 102 });
    await spend(service, { appKey }, 100, 'of the free plan');
    await granted(service, { ownerId, amount: 4, source: 'TOP_UP', idempotencyKey: '1' });
    await granted(service, { ownerId, amount: 5, source: 'TOP_UP', idempotencyKey: '2' });
    let { lastSequence } = await balanceOf(service, ownerId);

    const upgraded = await planChanged(service, ownerId, larger);
    expect(upgraded.balance).toMatchObject({ available: 11, paused: 0 });
    expect(await storyOf(service, ownerId, lastSequence)).toEqual(['GRANT 2', 'RESUME 4', 'RESUME 5']);
    await spend(service, { appKey }, 3, 'after the upgrade');
    expect(await grantsOf(service, ownerId)).toMatchObject([
      { source: 'TOP_UP', remaining: 3, paused: false },
      { source: 'TOP_UP', remaining: 5, paused: false },
    ]);

    // The downgrade is only announced: what may be spent may be spent until the end of the period.
    const { balance } = await planChanged(service, ownerId, 'free');
    expect(balance).toMatchObject({ available: 8, paused: 0 });
    ({ lastSequence } = balance);
    clock.set(Date.parse(balance.resetsAt) - 1);
    await spend(service, { appKey }, 1, 'at the last moment');
    clock.set(balance.resetsAt);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 100, paused: 7, allowance: 100 });
    const story = await storyOf(service, ownerId, lastSequence);
    expect(story).toEqual(['DEBIT 1', 'GRANT 100', 'PAUSE 2', 'PAUSE 5']);
  });

  it('expire, and are revoked, out of what is paused', async () => {
    const { ownerId } = await emptyPool(false);
    const expiresAt = inDays(1);
    await granted(service, { ownerId, amount: 2, source: 'TOP_UP', idempotencyKey: '1', expiresAt });
    const { grant } = await granted(service, { ownerId, amount: 3, source: 'TOP_UP', idempotencyKey: '2' });
    clock.set(expiresAt);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, paused: 3 });
    const outcome = await revoked(service, { grantId: grant.id });
    expect(outcome).toMatchObject({ grant: { remaining: 0, paused: false }, balance: { available: 0, paused: 0 } });
    expect(await storyOf(service, ownerId, 4)).toEqual(['EXPIRE 2', 'REVOKE 3']);
  });

  it('that expire while they are paused never come back (issue 3.1: usable again if allowed before they expire)', async () => {
    const { ownerId } = await emptyPool(false);
    const larger = await service.plan({ monthlyCredits: 1 });
    await granted(service, { ownerId, amount: 2, source: 'TOP_UP', idempotencyKey: '1', expiresAt: inDays(1) });
    await granted(service, { ownerId, amount: 3, source: 'TOP_UP', idempotencyKey: '2', expiresAt: inDays(2) });
    clock.advance(1.5 * DAY_MS);
    expect((await planChanged(service, ownerId, larger)).balance).toMatchObject({ available: 4, paused: 0 });
  });

  it('keep a credit that comes back paused, expired or revoked: the ledger shows both (rule 9)', async () => {
    const { ownerId, appKey, planCode } = await emptyPool();
    const none = await service.plan({ monthlyCredits: 0, topUpsAllowed: false });
    const hold = { hold: true, holdSeconds: 86_400 };
    const { grant } = await granted(service, { ownerId, amount: 3, source: 'TOP_UP', idempotencyKey: '1' });
    const refunded = await performed(service, appKey, { idempotencyKey: '1' });
    await planChanged(service, ownerId, none);
    clock.set(Date.parse((await balanceOf(service, ownerId)).resetsAt) - 1);
    const voided = await performed(service, appKey, { idempotencyKey: '2', ...hold });
    clock.advance(1);
    const before = await balanceOf(service, ownerId);
    expect(before).toMatchObject({ available: 0, paused: 1, held: 1 });
    await resolved(service, appKey, 'voidAction', { actionId: voided.action.id });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, paused: 2, held: 0 });
    await revoked(service, { grantId: grant.id });
    const { balance } = await resolved(service, appKey, 'refundAction', { actionId: refunded.action.id });
    expect(balance).toMatchObject({ available: 0, paused: 0 });
    expect(await storyOf(service, ownerId, before.lastSequence)).toEqual([
      'VOID 1',
      'PAUSE 1',
      'REVOKE 2',
      'REFUND 1',
      'PAUSE 1',
      'REVOKE 1',
    ]);
    expect(planCode).not.toBe(none);
  });

  it('are paused and resumed by an edit of the plan from the next renewal, not before (rule 5)', async () => {
    const { ownerId, planCode } = await emptyPool();
    await granted(service, { ownerId, amount: 3, source: 'TOP_UP', idempotencyKey: '1' });
    for (const topUpsAllowed of [false, true]) {
      const before = await balanceOf(service, ownerId);
      clock.advance(DAY_MS);
      await editPlan(service, planCode, { topUpsAllowed });
      expect(await balanceOf(service, ownerId)).toEqual(before);
      clock.set(before.resetsAt);
      const after = await balanceOf(service, ownerId);
      expect(after).toMatchObject(topUpsAllowed ? { available: 3, paused: 0 } : { available: 0, paused: 3 });
    }
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 3', 'PAUSE 3', 'RESUME 3']);
  });

  it('leave a bonus alone: it is never paused', async () => {
    const { ownerId, appKey } = await emptyPool(false);
    const { grant } = await granted(service, { ownerId, amount: 1, source: 'BONUS', idempotencyKey: '1' });
    expect(grant.paused).toBe(false);
    await performed(service, appKey, { idempotencyKey: '1' });
  });
});

// Last, for it moves the clock by years.
it('a top-up of 29 February expires on 28 February (rule 6)', async () => {
  clock.set('2032-02-29T12:00:00.000Z');
  const { ownerId } = await emptyPool();
  const { grant } = await granted(service, { ownerId, amount: 1, source: 'TOP_UP', idempotencyKey: 'leap' });
  expect(grant.expiresAt).toBe('2033-02-28T12:00:00.000Z');
});
