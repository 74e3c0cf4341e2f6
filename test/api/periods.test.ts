import { balanceOf, BALANCE_FIELDS, changeApp, perform, performed, resolved } from '../support/actions';
import { entriesOf, stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { createTenant, ManualClock, startTestService, type Tenant, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const START = '2026-01-31T12:34:56.789Z';

/** A server whose clock each example moves as it needs. */
let service: TestService;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock(Date.parse(START));
  service = await startTestService(databaseKindOf(), { clock });
});
afterEach(() => stopSound(service));

/** An owner on a plan of its own with these terms. */
async function tenantOn(terms: Parameters<TestService['plan']>[0]): Promise<Tenant & { planCode: string }> {
  const planCode = await service.plan(terms);
  return { ...(await createTenant(service.ask, planCode)), planCode };
}

async function changePlan(code: string, changes: object): Promise<void> {
  const { plans } = await service.ask('{ plans(includeArchived: true) { id code } }');
  const { id } = plans.find((plan: { code: string }) => plan.code === code);
  await service.ask('mutation ($input: UpdatePlanInput!) { updatePlan(input: $input) { plan { id } } }', {
    input: { id, ...changes },
  });
}

async function spend(tenant: Tenant, credits: number, label: string): Promise<void> {
  await Promise.all(
    Array.from({ length: credits }, (_, i) => performed(service, tenant.appKey, { idempotencyKey: `${label} ${i}` })),
  );
}

async function grantsOf(ownerId: string) {
  const { balance } = await service.ask(
    'query ($ownerId: ID) { balance(ownerId: $ownerId) { grants { source amount remaining effectiveAt expiresAt reason } } }',
    { ownerId },
  );
  return balance.grants as object[];
}

/** The entries of a pool since one of them, as short as they can be told. */
async function storyOf(ownerId: string, afterSequence = 0): Promise<string[]> {
  const entries = await entriesOf(service.databaseUrl, ownerId);
  return entries
    .filter(({ sequence }) => sequence > afterSequence)
    .map(({ kind, credits, at }) => `${kind} ${credits} ${new Date(at).toISOString().slice(0, 10)}`);
}

describe('a renewal', () => {
  it('comes at the instant of subscription, a month later: not a millisecond before, and not after', async () => {
    clock.set('2026-01-15T08:00:00.000Z');
    const tenant = await tenantOn({ monthlyCredits: 10 });
    await spend(tenant, 4, 'first');
    clock.set('2026-02-15T07:59:59.999Z');
    expect(await balanceOf(service, tenant.ownerId)).toMatchObject({
      available: 6,
      usedThisPeriod: 4,
      periodStart: '2026-01-15T08:00:00.000Z',
      resetsAt: '2026-02-15T08:00:00.000Z',
    });
    clock.set('2026-02-15T08:00:00.000Z');
    expect(await balanceOf(service, tenant.ownerId)).toMatchObject({
      available: 10,
      allowance: 10,
      usedThisPeriod: 0,
      periodStart: '2026-02-15T08:00:00.000Z',
      resetsAt: '2026-03-15T08:00:00.000Z',
    });
  });

  it('comes before the action of that instant: an empty pool refuses one just before, and serves one at it', async () => {
    const tenant = await tenantOn({ monthlyCredits: 1 });
    await spend(tenant, 1, 'first');
    const { resetsAt } = await balanceOf(service, tenant.ownerId);
    clock.set(Date.parse(resetsAt) - 1);
    const { errors } = await perform(service, tenant.appKey, { idempotencyKey: 'next' });
    expect(errors[0]?.extensions).toEqual({ code: 'INSUFFICIENT_CREDITS', available: 0, resetsAt });
    clock.set(resetsAt);
    expect(await performed(service, tenant.appKey, { idempotencyKey: 'next' })).toMatchObject({
      action: { createdAt: resetsAt, availableAfter: 0 },
      balance: { available: 0, usedThisPeriod: 1, periodStart: resetsAt },
    });
  });

  it.each([
    ['a common year', START, ['2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31', '2026-06-30']],
    ['a leap year', '2028-01-31T23:59:59.999Z', ['2028-02-29', '2028-03-31', '2028-04-30']],
    ['the turn of a year', '2026-12-30T00:00:00.000Z', ['2027-01-30', '2027-02-28', '2027-03-30']],
  ])('keeps the day and time of subscription, where the month has it: %s', async (_title, start, days) => {
    clock.set(start);
    const { ownerId } = await tenantOn({ monthlyCredits: 10 });
    for (const day of days) {
      const { resetsAt } = await balanceOf(service, ownerId);
      expect(resetsAt).toBe(day + start.slice('2026-01-31'.length));
      clock.set(resetsAt);
    }
  });

  it('expires what is left and grants the month anew, as entries at the due instant however late they are made', async () => {
    const tenant = await tenantOn({ monthlyCredits: 10 });
    await spend(tenant, 4, 'first');
    const { lastSequence } = await balanceOf(service, tenant.ownerId);
    clock.set('2026-03-13T00:00:00.000Z');
    expect(await balanceOf(service, tenant.ownerId)).toMatchObject({ available: 10 });
    expect(await storyOf(tenant.ownerId, lastSequence)).toEqual(['EXPIRE 6 2026-02-28', 'GRANT 10 2026-02-28']);
    expect(await grantsOf(tenant.ownerId)).toEqual([
      {
        source: 'PLAN',
        amount: 10,
        remaining: 10,
        effectiveAt: '2026-02-28T12:34:56.789Z',
        expiresAt: '2026-03-31T12:34:56.789Z',
        reason: 'The plan renewed.',
      },
    ]);
  });

  it('is applied one by one where several were missed', async () => {
    const { ownerId, appKey } = await tenantOn({ monthlyCredits: 10 });
    clock.set('2026-05-01T00:00:00.000Z');
    await performed(service, appKey, { idempotencyKey: 'first in months' });
    expect(await storyOf(ownerId)).toEqual([
      'GRANT 10 2026-01-31',
      'EXPIRE 10 2026-02-28',
      'GRANT 10 2026-02-28',
      'EXPIRE 10 2026-03-31',
      'GRANT 10 2026-03-31',
      'EXPIRE 10 2026-04-30',
      'GRANT 10 2026-04-30',
      'DEBIT 1 2026-05-01',
    ]);
    expect(await balanceOf(service, ownerId)).toMatchObject({
      available: 9,
      periodStart: '2026-04-30T12:34:56.789Z',
      resetsAt: '2026-05-31T12:34:56.789Z',
    });
  });

  it('starts the counts of the owner and of each app again', async () => {
    const tenant = await tenantOn({ monthlyCredits: 10 });
    await spend(tenant, 3, 'first');
    await changeApp(service, tenant.appId, { creditCap: 3 });
    const used = async () => {
      const { app } = await service.ask('query ($id: ID!) { app(id: $id) { usedThisPeriod } }', { id: tenant.appId });
      return app.usedThisPeriod as number;
    };
    expect(await used()).toBe(3);
    expect((await perform(service, tenant.appKey, { idempotencyKey: '4th' })).code).toBe('CAP_REACHED');
    clock.set('2026-02-28T12:34:56.789Z');
    expect(await used()).toBe(0);
    expect(await balanceOf(service, tenant.ownerId)).toMatchObject({ usedThisPeriod: 0 });
    await performed(service, tenant.appKey, { idempotencyKey: '4th' });
    expect(await used()).toBe(1);
  });

  it('reaches watchers although nobody reads', async () => {
    const tenant = await tenantOn({ monthlyCredits: 10 });
    await spend(tenant, 4, 'first');
    const client = socketClient(service.url, tenant.ownerKey);
    const balances = watch(client, `subscription { balanceChanged { ${BALANCE_FIELDS} } }`);
    await balances.until(({ balanceChanged }) => balanceChanged.available === 6);
    clock.set('2026-02-28T12:34:56.789Z');
    const { balanceChanged } = await balances.until(({ balanceChanged: { available } }) => available === 10);
    expect(balanceChanged).toMatchObject({ usedThisPeriod: 0, periodStart: '2026-02-28T12:34:56.789Z' });
    await client.dispose();
  });

  it('is applied by the next server where none was running at the instant', async () => {
    const tenant = await tenantOn({ monthlyCredits: 10 });
    await spend(tenant, 4, 'first');
    await service.service.stop();
    clock.set('2026-03-31T12:34:56.789Z');
    const next = await startTestService(databaseKindOf(), {
      clock,
      databaseUrl: service.databaseUrl,
      config: { adminKey: service.adminKey },
    });
    try {
      const { balance } = await performed(next, tenant.appKey, { idempotencyKey: 'after' });
      expect(balance).toMatchObject({ available: 9, usedThisPeriod: 1, periodStart: '2026-03-31T12:34:56.789Z' });
      expect(await storyOf(tenant.ownerId, 5)).toEqual([
        'EXPIRE 6 2026-02-28',
        'GRANT 10 2026-02-28',
        'EXPIRE 10 2026-03-31',
        'GRANT 10 2026-03-31',
        'DEBIT 1 2026-03-31',
      ]);
    } finally {
      await next.stop();
    }
  });

  it('is applied once, however many ask at its instant', async () => {
    const { ownerId, appKey } = await tenantOn({ monthlyCredits: 30 });
    clock.set('2026-02-28T12:34:56.789Z');
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        i % 2 ? balanceOf(service, ownerId) : performed(service, appKey, { idempotencyKey: `${i}` }),
      ),
    );
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, usedThisPeriod: 30, lastSequence: 33 });
  });
});

describe('credits of an earlier period', () => {
  it('that are refunded return to their grant and expire with it: the ledger shows both, the period counts neither', async () => {
    const { ownerId, appKey } = await tenantOn({ monthlyCredits: 10 });
    const { action } = await performed(service, appKey, { idempotencyKey: 'old' });
    clock.set('2026-03-01T00:00:00.000Z');
    await performed(service, appKey, { idempotencyKey: 'new' });
    const { balance } = await resolved(service, appKey, 'refundAction', { actionId: action.id });
    expect(balance).toMatchObject({ available: 9, usedThisPeriod: 1 });
    expect((await storyOf(ownerId)).slice(-2)).toEqual(['REFUND 1 2026-03-01', 'EXPIRE 1 2026-03-01']);
  });

  it('that are held stay held over the renewal; captured they are spent, voided they expire', async () => {
    const { ownerId, appKey } = await tenantOn({ monthlyCredits: 10 });
    clock.set('2026-02-28T12:00:00.000Z');
    const hold = { hold: true, holdSeconds: 86_400 };
    const captured = await performed(service, appKey, { idempotencyKey: '1', ...hold });
    const voided = await performed(service, appKey, { idempotencyKey: '2', ...hold });
    clock.set('2026-02-28T13:00:00.000Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 10, held: 2, usedThisPeriod: 0 });
    await resolved(service, appKey, 'captureAction', { actionId: captured.action.id });
    const { balance } = await resolved(service, appKey, 'voidAction', { actionId: voided.action.id });
    expect(balance).toMatchObject({ available: 10, held: 0, usedThisPeriod: 0 });
    expect((await storyOf(ownerId)).slice(-3)).toEqual([
      'CAPTURE 1 2026-02-28',
      'VOID 1 2026-02-28',
      'EXPIRE 1 2026-02-28',
    ]);
  });

  it('that were held until the very instant of the renewal come back first, and expire with their grant', async () => {
    const { ownerId, appKey } = await tenantOn({ monthlyCredits: 10 });
    clock.set('2026-02-28T12:24:56.789Z');
    const { balance } = await performed(service, appKey, { idempotencyKey: '1', hold: true, holdSeconds: 600 });
    clock.set('2026-02-28T12:34:56.789Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 10, held: 0, usedThisPeriod: 0 });
    expect((await storyOf(ownerId, balance.lastSequence)).map((line) => line.slice(0, -11))).toEqual([
      'VOID 1',
      'EXPIRE 1',
      'EXPIRE 9',
      'GRANT 10',
    ]);
  });
});

describe('a rollover limit', () => {
  it.each([
    ['all that is left, where it is less than the limit', 8, 2],
    ['no more than the limit', 1, 3],
    ['nothing of an empty pool', 10, 0],
  ])('rolls over %s', async (_title, spent, rolledOver) => {
    const tenant = await tenantOn({ monthlyCredits: 10, rolloverLimit: 3 });
    await spend(tenant, spent, 'first');
    clock.set('2026-02-28T12:34:56.789Z');
    expect(await balanceOf(service, tenant.ownerId)).toMatchObject({ available: 10 + rolledOver, allowance: 10 });
    const amounts = (await grantsOf(tenant.ownerId)) as { source: string; amount: number; expiresAt: string }[];
    expect(amounts.map(({ source, amount, expiresAt }) => [source, amount, expiresAt])).toEqual(
      [10, rolledOver].filter(Boolean).map((amount) => ['PLAN', amount, '2026-03-31T12:34:56.789Z']),
    );
  });

  it('lets a credit live one period more, and what is left never adds up beyond the limit', async () => {
    const { ownerId } = await tenantOn({ monthlyCredits: 10, rolloverLimit: 3 });
    clock.set('2026-06-15T00:00:00.000Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 13 });
    expect((await storyOf(ownerId)).slice(-4)).toEqual([
      'EXPIRE 10 2026-05-31',
      'EXPIRE 3 2026-05-31',
      'GRANT 10 2026-05-31',
      'GRANT 3 2026-05-31',
    ]);
  });
});

describe('an edited plan', () => {
  it('keeps the terms of the running period, and applies from the next renewal', async () => {
    const { ownerId, planCode } = await tenantOn({ monthlyCredits: 10 });
    const before = await balanceOf(service, ownerId);
    clock.advanceMinutes(60);
    await changePlan(planCode, { monthlyCredits: 25 });
    expect(await balanceOf(service, ownerId)).toEqual(before);
    clock.set('2026-02-28T12:34:56.789Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 25, allowance: 25 });
  });

  it('rolls over by the limit that the ending period had', async () => {
    const { ownerId, planCode } = await tenantOn({ monthlyCredits: 10, rolloverLimit: 2 });
    clock.advanceMinutes(60);
    await changePlan(planCode, { rolloverLimit: 5 });
    clock.set('2026-02-28T12:34:56.789Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 12 });
    clock.set('2026-03-31T12:34:56.789Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 15 });
  });

  it('does not reach back: each missed renewal takes the terms of its own instant', async () => {
    const { ownerId, planCode } = await tenantOn({ monthlyCredits: 10 });
    await service.service.stop();
    // Nobody was there to apply the renewal of 28 February when the plan was edited on 10 March.
    clock.set('2026-03-10T00:00:00.000Z');
    const next = await startTestService(databaseKindOf(), {
      clock,
      databaseUrl: service.databaseUrl,
      config: { adminKey: service.adminKey },
    });
    try {
      const { plans } = await next.ask('{ plans { id code } }');
      const { id } = plans.find(({ code }: { code: string }) => code === planCode);
      await next.ask('mutation ($input: UpdatePlanInput!) { updatePlan(input: $input) { plan { id } } }', {
        input: { id, monthlyCredits: 99 },
      });
      expect(await balanceOf(next, ownerId)).toMatchObject({ available: 10, allowance: 10 });
      clock.set('2026-04-30T12:34:56.789Z');
      expect(await balanceOf(next, ownerId)).toMatchObject({ available: 99, allowance: 99 });
      expect((await storyOf(ownerId)).filter((line) => line.startsWith('GRANT'))).toEqual([
        'GRANT 10 2026-01-31',
        'GRANT 10 2026-02-28',
        'GRANT 99 2026-03-31',
        'GRANT 99 2026-04-30',
      ]);
    } finally {
      await next.stop();
    }
  });

  it('takes the amounts in force at the instant, also where it was edited more than once', async () => {
    const { ownerId, planCode } = await tenantOn({ monthlyCredits: 10 });
    clock.set('2026-02-01T00:00:00.000Z');
    for (const monthlyCredits of [20, 30, 40]) await changePlan(planCode, { monthlyCredits });
    clock.set('2026-03-15T00:00:00.000Z');
    await changePlan(planCode, { monthlyCredits: 50 });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 40 });
    clock.set('2026-03-31T12:34:56.789Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 50 });
  });

  it('to no credits leaves an empty pool, and archived it goes on for those who have it', async () => {
    const { ownerId, planCode } = await tenantOn({ monthlyCredits: 10 });
    clock.advanceMinutes(60);
    await changePlan(planCode, { archived: true });
    clock.set('2026-02-28T12:34:56.789Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 10 });
    await changePlan(planCode, { monthlyCredits: 0 });
    clock.set('2026-03-31T12:34:56.789Z');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, allowance: 0 });
    expect(await grantsOf(ownerId)).toEqual([]);
  });
});
