import { addApp, balanceOf, changeApp, changeOwner, perform, performed, resolve, resolved } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type TestService } from '../support/service';

let service: TestService;
const clock = new ManualClock();
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

describe('a refusal', () => {
  it('names the first reason in the order of the contract, and moves nothing', async () => {
    const { ownerId, appId, appKey, ownerKey } = await service.tenant(1);
    await performed(service, appKey, { idempotencyKey: 'known' });
    await changeApp(service, appId, { status: 'PAUSED', creditCap: 1 });
    await changeOwner(service, ownerId, { suspended: true });
    const before = await balanceOf(service, ownerId);
    const codeOf = async (key: string, request: Parameters<typeof perform>[2]) =>
      (await perform(service, key, request)).code;
    const next = { idempotencyKey: 'next' };

    // Every reason is there at once; each is taken away in turn.
    expect(await codeOf(ownerKey, next)).toBe('FORBIDDEN');
    expect(await codeOf(appKey, { idempotencyKey: 'known' })).toBeUndefined();
    expect(await codeOf(appKey, { idempotencyKey: 'known', host: 'other.example' })).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await codeOf(appKey, next)).toBe('OWNER_SUSPENDED');
    expect(await balanceOf(service, ownerId)).toEqual(before);
    await changeOwner(service, ownerId, { suspended: false });
    expect(await codeOf(appKey, next)).toBe('APP_PAUSED');
    await changeApp(service, appId, { status: 'ACTIVE' });
    expect(await codeOf(appKey, next)).toBe('CAP_REACHED');
    await changeApp(service, appId, { creditCap: 2 });
    expect(await codeOf(appKey, next)).toBe('INSUFFICIENT_CREDITS');
    const after = await balanceOf(service, ownerId);
    expect(after).toEqual({ ...before, version: after.version });
  });

  it('of an empty pool says what is left and when it renews', async () => {
    const { ownerId, appKey } = await service.tenant(1);
    await performed(service, appKey, { idempotencyKey: 'last', hold: true });
    const { resetsAt } = await balanceOf(service, ownerId);
    for (const hold of [false, true]) {
      const { data, errors } = await perform(service, appKey, { idempotencyKey: 'next', hold });
      expect(data).toBeNull();
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({ path: ['callApi'], message: 'The owner has no credit left.' });
      expect(errors[0]?.extensions).toEqual({ code: 'INSUFFICIENT_CREDITS', available: 0, resetsAt });
    }
  });

  it('of a plan without credits is the same', async () => {
    const { appKey } = await service.tenant(0);
    expect((await perform(service, appKey, { idempotencyKey: '1' })).code).toBe('INSUFFICIENT_CREDITS');
  });
});

describe('a paused app', () => {
  it('is refused from the next action on, alone among its owner’s apps, until it is active again', async () => {
    const { ownerId, appId, appKey } = await service.tenant(100);
    const other = await addApp(service, ownerId);
    await changeApp(service, appId, { status: 'PAUSED' });
    const { errors } = await perform(service, appKey, { idempotencyKey: '1' });
    expect(errors[0]?.extensions).toEqual({ code: 'APP_PAUSED' });
    await performed(service, other.appKey, { idempotencyKey: '1' });
    await changeApp(service, appId, { status: 'ACTIVE' });
    await performed(service, appKey, { idempotencyKey: '1' });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 98 });
  });

  it('accepts nothing that is sent once the pause is answered, however many actions are under way', async () => {
    const { appId, appKey } = await service.tenant(1_000);
    const before = Array.from({ length: 50 }, (_, i) => perform(service, appKey, { idempotencyKey: `before ${i}` }));
    await changeApp(service, appId, { status: 'PAUSED' });
    const after = Array.from({ length: 50 }, (_, i) => perform(service, appKey, { idempotencyKey: `after ${i}` }));
    expect((await Promise.all(after)).map(({ code }) => code)).toEqual(Array(50).fill('APP_PAUSED'));
    for (const { code } of await Promise.all(before)) expect([undefined, 'APP_PAUSED']).toContain(code);
  });
});

describe('a suspended owner', () => {
  it('is refused in all its apps from the next action on, until it is not suspended any more', async () => {
    const { ownerId, appKey, ownerKey } = await service.tenant(100);
    const other = await addApp(service, ownerId);
    await changeOwner(service, ownerId, { suspended: true });
    for (const key of [appKey, other.appKey]) {
      const { errors } = await perform(service, key, { idempotencyKey: '1' });
      expect(errors[0]?.extensions).toEqual({ code: 'OWNER_SUSPENDED' });
    }
    // It still sees what it has.
    const { balance } = await service.ask('{ balance { available } }', {}, ownerKey);
    expect(balance).toEqual({ available: 100 });
    await changeOwner(service, ownerId, { suspended: false });
    await performed(service, appKey, { idempotencyKey: '1' });
  });
});

describe('a cap', () => {
  it('is refused with the cap and the end of the period, in its own app only', async () => {
    const { ownerId, appId, appKey } = await service.tenant(100);
    const other = await addApp(service, ownerId, { creditCap: 3 });
    await changeApp(service, appId, { creditCap: 2 });
    await performed(service, appKey, { idempotencyKey: '1' });
    await performed(service, appKey, { idempotencyKey: '2', hold: true });
    const { errors } = await perform(service, appKey, { idempotencyKey: '3' });
    const { resetsAt } = await balanceOf(service, ownerId);
    expect(errors[0]?.extensions).toEqual({ code: 'CAP_REACHED', cap: 2, resetsAt });
    await performed(service, other.appKey, { idempotencyKey: '3' });
  });

  it('is exact: of 50 actions at once, as many as it allows are accepted', async () => {
    const { ownerId, appId, appKey } = await service.tenant(100);
    await changeApp(service, appId, { creditCap: 20 });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => perform(service, appKey, { idempotencyKey: `${i}`, hold: i % 2 === 0 })),
    );
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(20);
    expect(answers.filter(({ code }) => code === 'CAP_REACHED')).toHaveLength(30);
    const { app } = await service.ask('query ($id: ID!) { app(id: $id) { creditCap usedThisPeriod } }', { id: appId });
    expect(app).toEqual({ creditCap: 20, usedThisPeriod: 20 });
    expect(await balanceOf(service, ownerId)).toMatchObject({ usedThisPeriod: 20 });
  });

  it.each([
    ['a refund', false, 'refundAction'],
    ['a void', true, 'voidAction'],
  ] as const)('is freed by %s', async (_title, hold, mutation) => {
    const { appId, appKey } = await service.tenant(100);
    await changeApp(service, appId, { creditCap: 1 });
    const { action } = await performed(service, appKey, { idempotencyKey: '1', hold });
    expect((await perform(service, appKey, { idempotencyKey: '2' })).code).toBe('CAP_REACHED');
    await resolved(service, appKey, mutation, { actionId: action.id });
    await performed(service, appKey, { idempotencyKey: '2' });
    expect((await perform(service, appKey, { idempotencyKey: '3' })).code).toBe('CAP_REACHED');
  });

  it('is freed by a hold that expires, but not by a capture', async () => {
    const { appId, appKey } = await service.tenant(100);
    await changeApp(service, appId, { creditCap: 2 });
    await performed(service, appKey, { idempotencyKey: '1', hold: true, holdSeconds: 60 });
    const kept = await performed(service, appKey, { idempotencyKey: '2', hold: true, holdSeconds: 60 });
    await resolved(service, appKey, 'captureAction', { actionId: kept.action.id });
    expect((await perform(service, appKey, { idempotencyKey: '3' })).code).toBe('CAP_REACHED');
    clock.advance(60_000);
    await performed(service, appKey, { idempotencyKey: '3' });
    expect((await perform(service, appKey, { idempotencyKey: '4' })).code).toBe('CAP_REACHED');
  });

  it('is not freed by the refund of an earlier period’s action', async () => {
    const { ownerId, appId, appKey } = await service.tenant(100);
    await changeApp(service, appId, { creditCap: 1 });
    const old = await performed(service, appKey, { idempotencyKey: 'old' });
    clock.set(old.balance.resetsAt);
    await performed(service, appKey, { idempotencyKey: 'new' });
    await resolved(service, appKey, 'refundAction', { actionId: old.action.id });
    expect((await perform(service, appKey, { idempotencyKey: 'newer' })).code).toBe('CAP_REACHED');
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 99, usedThisPeriod: 1 });
  });

  it('holds from the next action on when it is set, lowered below what is used, raised, and taken away', async () => {
    const { appId, appKey } = await service.tenant(100);
    let actions = 0;
    const next = async () => (await perform(service, appKey, { idempotencyKey: `${(actions += 1)}` })).code;
    expect([await next(), await next()]).toEqual([undefined, undefined]);
    await changeApp(service, appId, { creditCap: 1 });
    expect(await next()).toBe('CAP_REACHED');
    await changeApp(service, appId, { creditCap: 3 });
    expect([await next(), await next()]).toEqual([undefined, 'CAP_REACHED']);
    await changeApp(service, appId, { creditCap: 0 });
    expect(await next()).toBe('CAP_REACHED');
    await changeApp(service, appId, { creditCap: null });
    expect(await next()).toBeUndefined();
  });
});

describe('maxApps of a plan', () => {
  const createApp = (ownerId: string, name: string) =>
    service.send('mutation ($input: CreateAppInput!) { createApp(input: $input) { app { id } } }', {
      input: { ownerId, name },
    });
  const createOwner = async (planCode: string): Promise<string> => {
    const answer = await service.ask(
      'mutation ($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }',
      {
        input: { name: 'An owner', planCode },
      },
    );
    return answer.createOwner.owner.id;
  };

  it('is exact: of ten apps created at once, as many as it allows are accepted', async () => {
    const ownerId = await createOwner(await service.plan({ monthlyCredits: 10, maxApps: 3 }));
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => createApp(ownerId, `App ${i}`)));
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(3);
    const refused = answers.filter(({ code }) => code !== undefined);
    expect(refused.map(({ errors }) => errors[0]?.extensions)).toEqual(
      Array(7).fill({ code: 'LIMIT_REACHED', maxApps: 3 }),
    );
    const { owner } = await service.ask('query ($id: ID) { owner(id: $id) { apps { edges { node { name } } } } }', {
      id: ownerId,
    });
    expect(owner.apps.edges).toHaveLength(3);
  });

  it('counts when it is lowered: the apps stay, new ones are refused', async () => {
    const planCode = await service.plan({ monthlyCredits: 10 });
    const ownerId = await createOwner(planCode);
    await createApp(ownerId, 'One');
    await createApp(ownerId, 'Two');
    const { plans } = await service.ask('{ plans { id code } }');
    const { id } = plans.find(({ code }: { code: string }) => code === planCode);
    const updatePlan = (maxApps: number | null) =>
      service.ask('mutation ($input: UpdatePlanInput!) { updatePlan(input: $input) { plan { maxApps } } }', {
        input: { id, maxApps },
      });
    await updatePlan(1);
    expect((await createApp(ownerId, 'Three')).code).toBe('LIMIT_REACHED');
    const { owner } = await service.ask('query ($id: ID) { owner(id: $id) { apps { edges { node { name } } } } }', {
      id: ownerId,
    });
    expect(owner.apps.edges.map(({ node }: { node: { name: string } }) => node.name)).toEqual(['Two', 'One']);
    await updatePlan(null);
    expect((await createApp(ownerId, 'Three')).code).toBeUndefined();
  });
});

describe('what a refusal never is', () => {
  it('a refused resolution moves nothing either', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const { action } = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    const before = await balanceOf(service, ownerId);
    await resolve(service, appKey, 'refundAction', { actionId: action.id });
    expect(await balanceOf(service, ownerId)).toEqual(before);
  });
});
