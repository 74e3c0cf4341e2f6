import { createConnection } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { connectionOptions } from '../../src/database/connection-options';
import { entities } from '../../src/database/entities';
import { migrations } from '../../src/database/migrations';
import { CountBehind1764000300000 } from '../../src/database/migrations/1764000300000-count-behind';
import { parsePublicId } from '../../src/public-id';
import { perform, performed, resolved } from '../support/actions';
import { problemsOf, readBooks, stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { granted, grantsOf, spend } from '../support/pools';
import { startTestService, type Tenant, type TestService } from '../support/service';

/** A debit writes its entry and its pool; what its grant and its app's counter lack follows (docs/adr/0016). */
let service: TestService;
beforeAll(async () => {
  service = await startTestService(databaseKindOf());
});
afterAll(() => stopSound(service));

async function rowsOf({ ownerId }: Tenant) {
  return readBooks(service.databaseUrl, [parsePublicId(ownerId)?.ownerId ?? 0]);
}

async function anotherApp(tenant: Tenant): Promise<Pick<Tenant, 'appId' | 'appKey'>> {
  const { createApp } = await service.ask(
    'mutation ($input: CreateAppInput!) { createApp(input: $input) { app { id } } }',
    { input: { ownerId: tenant.ownerId, name: 'another' } },
  );
  const appId = createApp.app.id as string;
  const { createApiKey } = await service.ask(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input: { name: 'another', role: 'APP', appId } },
  );
  return { appId, appKey: createApiKey.secret as string };
}

async function usedBy(appId: string): Promise<number> {
  const { app } = await service.ask('query ($id: ID!) { app(id: $id) { usedThisPeriod } }', { id: appId });
  return app.usedThisPeriod as number;
}

describe('the grant in use', () => {
  it('is told as it is while its row is as it was, and written when something else than a debit happens', async () => {
    const tenant = await service.tenant(100);
    await spend(service, tenant, 3);
    expect(await grantsOf(service, tenant.ownerId)).toMatchObject([{ remaining: 97 }]);
    expect((await rowsOf(tenant)).grants).toMatchObject([{ remaining: 100 }]);

    const { action } = await performed(service, tenant.appKey, { idempotencyKey: 'refunded' });
    await resolved(service, tenant.ownerKey, 'refundAction', { actionId: action.id });
    expect((await rowsOf(tenant)).grants).toMatchObject([{ remaining: 97 }]);
  });

  it('keeps what it lost when a grant is opened that burns before it', async () => {
    const tenant = await service.tenant(10);
    await spend(service, tenant, 4);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const bonus = { ownerId: tenant.ownerId, amount: 5, source: 'BONUS', expiresAt: tomorrow } as const;
    await granted(service, { ...bonus, idempotencyKey: 'bonus' });
    await spend(service, tenant, 2, 'of the bonus');
    expect(await grantsOf(service, tenant.ownerId)).toMatchObject([
      { source: 'BONUS', remaining: 3 },
      { source: 'PLAN', remaining: 6 },
    ]);
  });

  it('is written when it is used up, and the next one takes over', async () => {
    const tenant = await service.tenant(2);
    await granted(service, { ownerId: tenant.ownerId, amount: 5, source: 'BONUS', idempotencyKey: 'bonus' });
    for (const credits of [1, 1, 1, 1]) await spend(service, tenant, credits, `${Math.random()}`);
    expect(await grantsOf(service, tenant.ownerId)).toMatchObject([{ source: 'BONUS', remaining: 3 }]);
    const remaining = (await rowsOf(tenant)).grants.map((grant) => Number(grant['remaining']));
    expect(remaining[0]).toBe(0);
  });
});

describe('an app’s counter', () => {
  it('is told as it is while its pool counts for it', async () => {
    const tenant = await service.tenant(100);
    await spend(service, tenant, 3);
    expect(await usedBy(tenant.appId)).toBe(3);
    const { apps, pools } = await rowsOf(tenant);
    expect(apps.map((app) => Number(app['used_this_period']))).toEqual([0]);
    expect(pools.map((pool) => Number(pool['uncounted_actions']))).toEqual([3]);
  });

  it('is right for each of two apps that take turns, with refunds between', async () => {
    const tenant = await service.tenant(100);
    const other = await anotherApp(tenant);
    for (const round of [1, 2, 3]) {
      await spend(service, tenant, 2, `first ${round}`);
      await spend(service, other, 3, `second ${round}`);
      const { action } = await performed(service, tenant.appKey, { idempotencyKey: `refunded ${round}` });
      await resolved(service, tenant.ownerKey, 'refundAction', { actionId: action.id });
      expect([await usedBy(tenant.appId), await usedBy(other.appId)]).toEqual([2 * round, 3 * round]);
    }
    expect(problemsOf(await rowsOf(tenant))).toEqual([]);
  });

  it('caps at once, whatever its pool has counted for it, or for another app', async () => {
    const tenant = await service.tenant(100);
    const other = await anotherApp(tenant);
    await spend(service, tenant, 3);
    const input = { id: tenant.appId, creditCap: 4 };
    await service.ask('mutation ($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', { input });
    await spend(service, tenant, 1, 'the last');
    await spend(service, other, 1, 'of another app');
    const refused = await perform(service, tenant.appKey, { idempotencyKey: 'too many' });
    expect(refused.code).toBe('CAP_REACHED');
    expect(await usedBy(tenant.appId)).toBe(4);
  });
});

describe('the migration', () => {
  const onMysql = databaseKindOf() === 'mysql' ? it : it.skip;
  onMysql('may fail on its way back, and changes nothing that is told then', async () => {
    const tenant = await service.tenant(10);
    await spend(service, tenant, 3);
    const reader = await createConnection({ uri: service.databaseUrl });
    const dataSource = await new DataSource(connectionOptions(service.databaseUrl, { entities })).initialize();
    const runner = dataSource.createQueryRunner();
    try {
      // As a long dump does: the ALTER waits for it in vain.
      await reader.beginTransaction();
      await reader.query('SELECT COUNT(*) FROM pools');
      await runner.query('SET SESSION lock_wait_timeout = 1');
      await expect(new CountBehind1764000300000().down(runner)).rejects.toMatchObject({
        code: 'ER_LOCK_WAIT_TIMEOUT',
      });
      expect(await usedBy(tenant.appId)).toBe(3);
      expect(await grantsOf(service, tenant.ownerId)).toMatchObject([{ remaining: 7 }]);
    } finally {
      await reader.end();
      await runner.release();
      await dataSource.destroy();
    }
  });

  it('writes what follows when it is taken back', async () => {
    const tenant = await service.tenant(10);
    await granted(service, { ownerId: tenant.ownerId, amount: 5, source: 'TOP_UP', idempotencyKey: 'topped up' });
    const other = await anotherApp(tenant);
    await spend(service, tenant, 2);
    await spend(service, other, 3, 'of another app');
    await spend(service, tenant, 1, 'once more');
    const dataSource = await new DataSource(connectionOptions(service.databaseUrl, { entities })).initialize();
    try {
      const later = migrations.length - migrations.indexOf(CountBehind1764000300000);
      for (let count = 0; count < later; count += 1) await dataSource.undoLastMigration({ transaction: 'each' });
      const { grants, apps } = await rowsOf(tenant);
      expect(grants.map((grant) => Number(grant['remaining']))).toEqual([4, 5]);
      expect(apps.map((app) => Number(app['used_this_period']))).toEqual([3, 3]);
    } finally {
      await dataSource.runMigrations({ transaction: 'each' });
      await dataSource.destroy();
    }
    await spend(service, tenant, 1, 'afterwards');
    expect(await grantsOf(service, tenant.ownerId)).toMatchObject([{ remaining: 3 }, { remaining: 5 }]);
  });
});
