import { addApp, balanceOf, BALANCE_FIELDS, perform, performed, resolved } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import {
  changePlan,
  editPlan,
  granted,
  grantsOf,
  planChanged,
  plansOf,
  spend,
  storyOf,
  tenantOn,
} from '../support/pools';
import { ManualClock, startTestService, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

let service: TestService;
/** It only ever moves forward: an example that needs a renewal moves it to its own pool's. */
const clock = new ManualClock();
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

const plan = (monthlyCredits: number, terms: object = {}) => service.plan({ monthlyCredits, ...terms });

/** Moves the clock to the pool's next renewal, or as many milliseconds before or after it. */
async function goToRenewal(ownerId: string, ms = 0): Promise<void> {
  const { resetsAt } = await balanceOf(service, ownerId);
  clock.set(Date.parse(resetsAt) + ms);
}

describe('an upgrade (rule 5)', () => {
  it('takes effect at once: the difference is granted until the end of the period, used stays used', async () => {
    const tenant = await tenantOn(service, { monthlyCredits: 100 });
    const { ownerId } = tenant;
    await spend(service, tenant, 100);
    const before = await balanceOf(service, ownerId);
    clock.advanceMinutes(60);
    const larger = await plan(250);
    const { owner, balance } = await planChanged(service, ownerId, larger);
    expect(owner).toEqual({ plan: { code: larger }, nextPlan: null });
    // 100 used of 250; the anchor stays.
    expect(balance).toEqual({
      ...before,
      available: 150,
      allowance: 250,
      usedThisPeriod: 100,
      version: balance.version,
      lastSequence: before.lastSequence + 1,
      ownerId,
    });
    expect(balance.version).toBeGreaterThan(before.version);
    expect(await storyOf(service, ownerId, before.lastSequence)).toEqual(['GRANT 150']);
    expect(await grantsOf(service, ownerId)).toMatchObject([
      {
        source: 'PLAN',
        amount: 150,
        remaining: 150,
        effectiveAt: new Date(clock.now()).toISOString(),
        expiresAt: before.resetsAt,
        reason: 'The plan was upgraded.',
      },
    ]);
    expect(await plansOf(service, ownerId)).toEqual(owner);
  });

  it('keeps the grant of the smaller plan, and renews as the larger one on the same day', async () => {
    const tenant = await tenantOn(service, { monthlyCredits: 10 });
    const { ownerId } = tenant;
    await spend(service, tenant, 4);
    clock.advanceMinutes(24 * 60);
    const { balance } = await planChanged(service, ownerId, await plan(25));
    expect(balance).toMatchObject({ available: 21, usedThisPeriod: 4 });
    expect((await grantsOf(service, ownerId)).map(({ remaining }) => remaining)).toEqual([6, 15]);
    await goToRenewal(ownerId);
    expect(await balanceOf(service, ownerId)).toMatchObject({
      available: 25,
      allowance: 25,
      usedThisPeriod: 0,
      periodStart: balance.resetsAt,
    });
    expect(await storyOf(service, ownerId, balance.lastSequence)).toEqual(['EXPIRE 6', 'EXPIRE 15', 'GRANT 25']);
  });

  it('grants each difference once: step by step, again, and by twenty at once', async () => {
    const { ownerId } = await tenantOn(service, { monthlyCredits: 10 });
    const [middle, top] = [await plan(25), await plan(40)];
    expect((await planChanged(service, ownerId, middle)).balance).toMatchObject({ available: 25, allowance: 25 });
    const again = await planChanged(service, ownerId, middle);
    expect(again.balance).toEqual({ ...(await balanceOf(service, ownerId)), ownerId });
    expect(again.balance).toMatchObject({ available: 25, allowance: 25 });
    await Promise.all(Array.from({ length: 20 }, () => planChanged(service, ownerId, top)));
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 40, allowance: 40 });
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 10', 'GRANT 15', 'GRANT 15']);
  });

  it('grants nothing twice to who goes down and up again within a period', async () => {
    const tenant = await tenantOn(service, { monthlyCredits: 10 });
    const { ownerId, planCode } = tenant;
    const [middle, top] = [await plan(20), await plan(30)];
    await planChanged(service, ownerId, top);
    for (const code of [planCode, top, middle, planCode, middle, top]) await planChanged(service, ownerId, code);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 30, allowance: 30 });
    expect(await plansOf(service, ownerId)).toEqual({ plan: { code: top }, nextPlan: null });
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 10', 'GRANT 20']);
  });

  it('is measured by the allowance of this period, not by what the plan gives by now', async () => {
    const { ownerId, planCode } = await tenantOn(service, { monthlyCredits: 10 });
    const other = await plan(20);
    clock.advanceMinutes(60);
    await editPlan(service, planCode, { monthlyCredits: 90 });
    const { owner, balance } = await planChanged(service, ownerId, other);
    expect(owner).toEqual({ plan: { code: other }, nextPlan: null });
    expect(balance).toMatchObject({ available: 20, allowance: 20 });
  });

  it('copies the other terms too: top-ups and rollover', async () => {
    const tenant = await tenantOn(service, { monthlyCredits: 10, topUpsAllowed: false });
    const { ownerId } = tenant;
    await granted(service, { ownerId, amount: 3, source: 'TOP_UP', idempotencyKey: '1' });
    const { balance } = await planChanged(service, ownerId, await plan(20, { rolloverLimit: 5 }));
    expect(balance).toMatchObject({ available: 23, paused: 0 });
    await goToRenewal(ownerId);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 28 });
  });

  it('serves the action that an empty pool had refused, under the same key (rule 10)', async () => {
    const tenant = await tenantOn(service, { monthlyCredits: 1 });
    await spend(service, tenant, 1);
    expect((await perform(service, tenant.appKey, { idempotencyKey: 'k' })).code).toBe('INSUFFICIENT_CREDITS');
    await planChanged(service, tenant.ownerId, await plan(2));
    await performed(service, tenant.appKey, { idempotencyKey: 'k' });
  });

  it('of a pool that has no room for it is LIMIT_REACHED, and changes nothing (I2)', async () => {
    const { ownerId, planCode } = await tenantOn(service, { monthlyCredits: 10 });
    await granted(service, { ownerId, amount: 2_000_000_000 - 15, source: 'BONUS', idempotencyKey: '1' });
    const before = await balanceOf(service, ownerId);
    const answer = await changePlan(service, { ownerId, planCode: await plan(16) });
    expect(answer.code).toBe('LIMIT_REACHED');
    expect(await balanceOf(service, ownerId)).toEqual(before);
    expect(await plansOf(service, ownerId)).toEqual({ plan: { code: planCode }, nextPlan: null });
    expect((await planChanged(service, ownerId, await plan(15))).balance).toMatchObject({ available: 2_000_000_000 });
  });

  it('that comes with the renewal at one instant comes after it', async () => {
    const { ownerId } = await tenantOn(service, { monthlyCredits: 10 });
    const larger = await plan(25);
    await goToRenewal(ownerId);
    const { balance } = await planChanged(service, ownerId, larger);
    expect(balance).toMatchObject({ available: 25, allowance: 25, periodStart: new Date(clock.now()).toISOString() });
    expect(await storyOf(service, ownerId)).toEqual(['GRANT 10', 'EXPIRE 10', 'GRANT 10', 'GRANT 15']);
  });
});

describe('any other change (rule 5)', () => {
  it.each([
    ['a downgrade', 5],
    ['a downgrade to nothing', 0],
    ['a change sideways', 10],
  ])('%s takes effect at the end of the period, exactly at the renewal', async (_title, monthlyCredits) => {
    const tenant = await tenantOn(service, { monthlyCredits: 10, rolloverLimit: 2 });
    const { ownerId, planCode } = tenant;
    await spend(service, tenant, 3);
    const before = await balanceOf(service, ownerId);
    const next = await plan(monthlyCredits);
    const pending = { plan: { code: planCode }, nextPlan: { code: next } };

    const { owner, balance } = await planChanged(service, ownerId, next);
    expect(owner).toEqual(pending);
    expect(balance).toEqual({ ...before, version: balance.version, ownerId });
    expect(balance.version).toBeGreaterThan(before.version);

    await goToRenewal(ownerId, -1);
    expect(await plansOf(service, ownerId)).toEqual(pending);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 7, allowance: 10 });
    await goToRenewal(ownerId);
    expect(await plansOf(service, ownerId)).toEqual({ plan: { code: next }, nextPlan: null });
    // What rolls over is said by the terms of the ending period.
    expect(await balanceOf(service, ownerId)).toMatchObject({
      available: monthlyCredits + 2,
      allowance: monthlyCredits,
      usedThisPeriod: 0,
      periodStart: before.resetsAt,
    });
    await goToRenewal(ownerId);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: monthlyCredits, allowance: monthlyCredits });
  });

  it('is shown as done by whichever field is read first after the renewal', async () => {
    const next = await plan(5);
    for (const [fields, expected] of [
      ['nextPlan { code }', { nextPlan: null }],
      ['plan { code }', { plan: { code: next } }],
      ['nextPlan { code } plan { code }', { plan: { code: next }, nextPlan: null }],
    ] as const) {
      const { ownerId, ownerKey } = await tenantOn(service, { monthlyCredits: 10 });
      await planChanged(service, ownerId, next);
      await goToRenewal(ownerId);
      const { viewer } = await service.ask(`{ viewer { owner { ${fields} } } }`, {}, ownerKey);
      expect(viewer.owner).toEqual(expected);
    }
  });

  it('takes effect once, at the first of several missed renewals', async () => {
    const { ownerId } = await tenantOn(service, { monthlyCredits: 10 });
    await planChanged(service, ownerId, await plan(5));
    await goToRenewal(ownerId, 70 * 86_400_000);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 5, allowance: 5 });
    expect((await storyOf(service, ownerId)).slice(0, 5)).toEqual([
      'GRANT 10',
      'EXPIRE 10',
      'GRANT 5',
      'EXPIRE 5',
      'GRANT 5',
    ]);
  });

  it('takes the terms that the plan has at the renewal, also if it is archived by then', async () => {
    const { ownerId } = await tenantOn(service, { monthlyCredits: 10 });
    const next = await plan(5);
    await planChanged(service, ownerId, next);
    clock.advanceMinutes(60);
    await editPlan(service, next, { monthlyCredits: 6, archived: true });
    await goToRenewal(ownerId);
    expect(await plansOf(service, ownerId)).toEqual({ plan: { code: next }, nextPlan: null });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 6, allowance: 6 });
  });

  it('is cancelled by a change to the current plan, without a trace in the ledger', async () => {
    const { ownerId, planCode } = await tenantOn(service, { monthlyCredits: 10 });
    const before = await balanceOf(service, ownerId);
    await planChanged(service, ownerId, await plan(5));
    const { owner, balance } = await planChanged(service, ownerId, planCode);
    expect(owner).toEqual({ plan: { code: planCode }, nextPlan: null });
    expect(balance).toEqual({ ...before, version: balance.version, ownerId });
    // With nothing left to cancel, nothing changes.
    expect((await planChanged(service, ownerId, planCode)).balance).toEqual(balance);
    await goToRenewal(ownerId);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 10, allowance: 10 });
    expect(await plansOf(service, ownerId)).toEqual({ plan: { code: planCode }, nextPlan: null });
  });

  it('is cancelled by an upgrade, and replaced by another change of its kind', async () => {
    const { ownerId, planCode } = await tenantOn(service, { monthlyCredits: 10 });
    const [small, smaller, large] = [await plan(5), await plan(3), await plan(20)];
    await planChanged(service, ownerId, small);
    const replaced = await planChanged(service, ownerId, smaller);
    expect(replaced.owner).toEqual({ plan: { code: planCode }, nextPlan: { code: smaller } });
    const again = await planChanged(service, ownerId, smaller);
    expect(again.balance.version).toBe(replaced.balance.version);
    const upgraded = await planChanged(service, ownerId, large);
    expect(upgraded.owner).toEqual({ plan: { code: large }, nextPlan: null });
    await goToRenewal(ownerId);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 20, allowance: 20 });
  });

  it('leaves held credits held, and what is voided afterwards expires with its grant (rule 9)', async () => {
    const { ownerId, appKey } = await tenantOn(service, { monthlyCredits: 10 });
    await planChanged(service, ownerId, await plan(1));
    await goToRenewal(ownerId, -1);
    const { action } = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    clock.advance(1);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 1, held: 1 });
    const { balance } = await resolved(service, appKey, 'voidAction', { actionId: action.id });
    expect(balance).toMatchObject({ available: 1, held: 0, usedThisPeriod: 0 });
  });
});

describe('maxApps after a downgrade (rule 5)', () => {
  const createApp = (ownerId: string, key: string) =>
    service.send(
      'mutation ($input: CreateAppInput!) { createApp(input: $input) { app { id } } }',
      { input: { ownerId, name: 'One more' } },
      key,
    );

  it('lets the apps stay and act, and refuses new ones from when it takes effect', async () => {
    const { ownerId, ownerKey, appKey } = await tenantOn(service, { monthlyCredits: 10, maxApps: 3 });
    const second = await addApp(service, ownerId);
    await planChanged(service, ownerId, await plan(5, { maxApps: 1 }));
    // Until the end of the period the larger plan holds.
    await goToRenewal(ownerId, -1);
    expect((await createApp(ownerId, ownerKey)).errors).toEqual([]);
    expect((await createApp(ownerId, ownerKey)).code).toBe('LIMIT_REACHED');
    await goToRenewal(ownerId);
    for (const key of [ownerKey, service.adminKey]) {
      expect((await createApp(ownerId, key)).errors[0]?.extensions).toEqual({ code: 'LIMIT_REACHED', maxApps: 1 });
    }
    const { owner } = await service.ask('query ($id: ID!) { owner(id: $id) { apps { edges { node { status } } } } }', {
      id: ownerId,
    });
    const statuses = owner.apps.edges.map(({ node }: { node: { status: string } }) => node.status);
    expect(statuses).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE']);
    for (const key of [appKey, second.appKey]) await performed(service, key, { idempotencyKey: 'still here' });
  });

  it('of a larger plan holds at once', async () => {
    const { ownerId, ownerKey } = await tenantOn(service, { monthlyCredits: 10, maxApps: 1 });
    expect((await createApp(ownerId, ownerKey)).code).toBe('LIMIT_REACHED');
    await planChanged(service, ownerId, await plan(20, { maxApps: 2 }));
    expect((await createApp(ownerId, ownerKey)).errors).toEqual([]);
    expect((await createApp(ownerId, ownerKey)).code).toBe('LIMIT_REACHED');
  });
});

describe('whoever watches the balance (rule 12)', () => {
  it('sees an upgrade at once, and a downgrade when it takes effect, although nobody reads', async () => {
    const { ownerId, ownerKey, planCode } = await tenantOn(service, { monthlyCredits: 10 });
    const client = socketClient(service.url, ownerKey);
    const balances = watch(client, `subscription { balanceChanged { ${BALANCE_FIELDS} } }`);
    await balances.next();
    const upgraded = await planChanged(service, ownerId, await plan(25));
    expect((await balances.next()).data.balanceChanged).toEqual(upgraded.balance);
    const pending = await planChanged(service, ownerId, planCode);
    expect((await balances.next()).data.balanceChanged).toEqual(pending.balance);
    clock.set(pending.balance.resetsAt);
    const { balanceChanged } = await balances.until(({ balanceChanged: { allowance } }) => allowance === 10);
    expect(balanceChanged).toMatchObject({ available: 10, periodStart: pending.balance.resetsAt });
    await client.dispose();
  });
});

describe('changePlan refuses', () => {
  it('an archived plan, unless it is the current one: CONFLICT', async () => {
    const { ownerId, planCode } = await tenantOn(service, { monthlyCredits: 10 });
    const [smaller, larger] = [await plan(5), await plan(20)];
    await planChanged(service, ownerId, smaller);
    for (const code of [smaller, larger, planCode]) await editPlan(service, code, { archived: true });
    const before = await balanceOf(service, ownerId);
    for (const code of [smaller, larger]) {
      expect((await changePlan(service, { ownerId, planCode: code })).code).toBe('CONFLICT');
    }
    expect(await balanceOf(service, ownerId)).toEqual(before);
    // Who has an archived plan keeps it, and so may cancel what was to come.
    const { owner } = await planChanged(service, ownerId, planCode);
    expect(owner).toEqual({ plan: { code: planCode }, nextPlan: null });
  });

  it('an unknown plan and an unknown owner: NOT_FOUND', async () => {
    const { ownerId, appId } = await service.tenant(10);
    for (const planCode of ['nobody-s', '', 'FREE', `x${"'"}--`]) {
      expect((await changePlan(service, { ownerId, planCode })).code).toBe('NOT_FOUND');
    }
    for (const nobody of ['own_0000000020', 'nonsense', '', appId]) {
      expect((await changePlan(service, { ownerId: nobody, planCode: 'free' })).code).toBe('NOT_FOUND');
    }
  });

  it('every key but the operator’s: FORBIDDEN', async () => {
    const { ownerId, ownerKey, appKey } = await service.tenant(10);
    const before = await balanceOf(service, ownerId);
    for (const key of [ownerKey, appKey]) {
      expect((await changePlan(service, { ownerId, planCode: 'elite' }, key)).code).toBe('FORBIDDEN');
    }
    expect(await balanceOf(service, ownerId)).toEqual(before);
  });
});
