import type { Client } from 'graphql-ws';
import { MINUTE_MS, SECOND_MS } from '../../src/clock';
import { performed, resolved } from '../support/actions';
import { databaseKindOf } from '../support/database';
import { granted, grantsOf, revoked, spend, tenantOn } from '../support/pools';
import { ManualClock, startTestService, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START = Date.parse('2026-03-10T12:00:00.000Z');
const RUNWAY = 'runway { creditsPerHour emptyAt lastsUntilReset }';

let service: TestService;
const clock = new ManualClock();
const clients: Client[] = [];
beforeAll(async () => {
  clock.set(START);
  service = await startTestService(databaseKindOf(), { clock });
});
// Each test has owners of its own, whose time begins here.
beforeEach(() => clock.set(START));
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  expect(service.failures).toEqual([]);
});
afterAll(() => service.stop());

interface Runway {
  readonly creditsPerHour: number;
  readonly emptyAt: string | null;
  readonly lastsUntilReset: boolean;
}

async function runwayOf(key: string): Promise<Runway> {
  return (await service.ask(`{ balance { ${RUNWAY} } }`, {}, key)).balance.runway as Runway;
}

/** When it is so many hours from now. */
function inHours(hours: number): string {
  return new Date(clock.now() + hours * HOUR_MS).toISOString();
}

/** Debits one credit; returns the balance in its payload. */
async function debited(appKey: string, idempotencyKey: string) {
  const { callApi } = await service.ask(
    `mutation ($key: ID!) {
       callApi(input: { idempotencyKey: $key, method: "GET", host: "api.example" }) {
         balance { usedThisPeriod ${RUNWAY} }
       }
     }`,
    { key: idempotencyKey },
    appKey,
  );
  return callApi.balance as { usedThisPeriod: number; runway: Runway };
}

describe('the runway in a query', () => {
  it('of 1,000 credits, ten of them used in the first minutes, is 99 hours', async () => {
    const tenant = await service.tenant(1_000);
    expect(await runwayOf(tenant.ownerKey)).toEqual({ creditsPerHour: 0, emptyAt: null, lastsUntilReset: true });
    clock.advance(5 * MINUTE_MS);
    await spend(service, tenant, 10);
    // A new owner's pace is that of one hour at least.
    expect(await runwayOf(tenant.ownerKey)).toEqual({
      creditsPerHour: 10,
      emptyAt: inHours(99),
      lastsUntilReset: false,
    });
  });

  it('lasts until the reset where the credits do', async () => {
    const tenant = await service.tenant(1_000);
    await spend(service, tenant, 10);
    clock.advance(10 * HOUR_MS);
    // 990 credits at one an hour are 41 days; the reset is in less than 31.
    expect(await runwayOf(tenant.ownerKey)).toEqual({ creditsPerHour: 1, emptyAt: null, lastsUntilReset: true });
  });

  it('follows the pace of the last 24 hours', async () => {
    const tenant = await service.tenant(1_000);
    await spend(service, tenant, 120);
    const paces: number[] = [];
    for (const hours of [0, 2, 10, 24]) {
      clock.set(START + hours * HOUR_MS);
      paces.push((await runwayOf(tenant.ownerKey)).creditsPerHour);
    }
    expect(paces).toEqual([120, 60, 12, 5]);
    clock.set(START + DAY_MS + 15 * MINUTE_MS);
    expect((await runwayOf(tenant.ownerKey)).creditsPerHour).toBe(0);
  });

  it('is longer by what was refunded or voided, now and when the minute is over', async () => {
    const tenant = await service.tenant(1_000);
    await spend(service, tenant, 8);
    const charged = await performed(service, tenant.appKey, { idempotencyKey: 'charged' });
    const held = await performed(service, tenant.appKey, { idempotencyKey: 'held', hold: true, holdSeconds: 86_400 });
    expect((await runwayOf(tenant.ownerKey)).creditsPerHour).toBe(10);
    await resolved(service, tenant.appKey, 'refundAction', { actionId: charged.action.id });
    await resolved(service, tenant.appKey, 'voidAction', { actionId: held.action.id });
    expect((await runwayOf(tenant.ownerKey)).creditsPerHour).toBe(8);
    clock.advance(2 * MINUTE_MS);
    expect(await runwayOf(tenant.ownerKey)).toEqual({
      creditsPerHour: 8,
      emptyAt: inHours(992 / 8),
      lastsUntilReset: false,
    });
  });

  it('of an empty pool ends now', async () => {
    const tenant = await service.tenant(10);
    await spend(service, tenant, 10);
    clock.advance(3 * SECOND_MS);
    expect(await runwayOf(tenant.ownerKey)).toMatchObject({ emptyAt: inHours(0), lastsUntilReset: false });
  });

  it('counts other grants, less what expires unused or may not be used', async () => {
    const terms = { monthlyCredits: 100, topUpsAllowed: false };
    const tenant = await tenantOn(service, terms);
    await spend(service, tenant, 10);
    expect(await runwayOf(tenant.ownerKey)).toMatchObject({ emptyAt: inHours(9) });
    const { ownerId } = tenant;
    await granted(service, { ownerId, amount: 500, source: 'TOP_UP', idempotencyKey: 'paused' });
    expect(await runwayOf(tenant.ownerKey)).toMatchObject({ emptyAt: inHours(9) });
    const expiresAt = inHours(2);
    await granted(service, { ownerId, amount: 500, source: 'BONUS', idempotencyKey: 'short', expiresAt });
    expect(await runwayOf(tenant.ownerKey)).toMatchObject({ emptyAt: inHours(11) });
    const [bonus] = await grantsOf(service, ownerId);
    await revoked(service, { grantId: bonus?.id as string });
    expect(await runwayOf(tenant.ownerKey)).toMatchObject({ emptyAt: inHours(9) });
  });

  it('goes on over a renewal: what was used before it counts, and credits are there again', async () => {
    const tenant = await service.tenant(100);
    clock.set('2026-04-10T11:00:00.000Z');
    await spend(service, tenant, 100);
    expect(await runwayOf(tenant.ownerKey)).toMatchObject({ emptyAt: inHours(0), lastsUntilReset: false });
    clock.set('2026-04-10T12:00:00.000Z');
    expect(await runwayOf(tenant.ownerKey)).toEqual({
      creditsPerHour: 100 / 24,
      emptyAt: inHours(24),
      lastsUntilReset: false,
    });
    await spend(service, tenant, 20, 'new period');
    expect(await runwayOf(tenant.ownerKey)).toEqual({
      creditsPerHour: 120 / 24,
      emptyAt: inHours(80 / 5),
      lastsUntilReset: false,
    });
  });

  it('is read by a publishable key too, from an allowed origin', async () => {
    const tenant = await service.tenant(1_000);
    await spend(service, tenant, 10);
    const origin = 'https://shop.example';
    await service.ask('mutation ($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
      input: { id: tenant.appId, allowedOrigins: [origin] },
    });
    const { createApiKey } = await service.ask(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
      { input: { name: 'page', role: 'PUBLISHABLE', appId: tenant.appId } },
    );
    const response = await fetch(`${service.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${createApiKey.secret}`, origin },
      body: JSON.stringify({ query: `{ balance { ${RUNWAY} } }` }),
    });
    expect(await response.json()).toMatchObject({ data: { balance: { runway: { creditsPerHour: 10 } } } });
  });
});

describe('the runway in a payload', () => {
  it('has the debit in it, the first one and each that follows', async () => {
    const { appKey } = await service.tenant(1_000);
    for (let debits = 1; debits <= 3; debits++) {
      const { runway } = await debited(appKey, `${debits}`);
      expect(runway).toEqual({
        creditsPerHour: debits,
        emptyAt: debits === 1 ? null : inHours((1_000 - debits) / debits),
        lastsUntilReset: debits === 1,
      });
    }
  });

  it('counts each debit once while many come at once', async () => {
    const { ownerKey, appKey } = await service.tenant(1_000);
    const balances = await Promise.all(Array.from({ length: 60 }, (_, index) => debited(appKey, `${index}`)));
    for (const { usedThisPeriod, runway } of balances) expect(runway.creditsPerHour).toBe(usedThisPeriod);
    expect((await runwayOf(ownerKey)).creditsPerHour).toBe(60);
  });

  it('of a grant and of a refund is that of the balance after it', async () => {
    const tenant = await service.tenant(100);
    const { ownerId, appKey } = tenant;
    await spend(service, tenant, 9);
    const last = await performed(service, appKey, { idempotencyKey: 'last' });
    const { grantCredits } = await service.ask(
      `mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { balance { ${RUNWAY} } } }`,
      { input: { ownerId, amount: 100, source: 'BONUS', idempotencyKey: 'bonus' } },
    );
    expect(grantCredits.balance.runway).toMatchObject({ creditsPerHour: 10, emptyAt: inHours(19) });
    const { refundAction } = await service.ask(
      `mutation ($input: RefundActionInput!) { refundAction(input: $input) { balance { ${RUNWAY} } } }`,
      { input: { actionId: last.action.id } },
    );
    expect(refundAction.balance.runway).toMatchObject({ creditsPerHour: 9 });
  });
});

describe('the live runway', () => {
  it('has a new pace with each debit, without waiting for anything', async () => {
    const tenant = await service.tenant(1_000);
    const client = socketClient(service.url, tenant.ownerKey);
    clients.push(client);
    const watcher = watch(client, `subscription { balanceChanged { available ${RUNWAY} } }`);
    const next = async () => (await watcher.next()).data.balanceChanged;
    expect(await next()).toMatchObject({ available: 1_000, runway: { creditsPerHour: 0, lastsUntilReset: true } });
    for (let debits = 1; debits <= 5; debits++) {
      await performed(service, tenant.appKey, { idempotencyKey: `${debits}` });
      expect(await next()).toMatchObject({ available: 1_000 - debits, runway: { creditsPerHour: debits } });
    }
    clock.advance(5 * HOUR_MS);
    await performed(service, tenant.appKey, { idempotencyKey: 'later' });
    expect(await next()).toMatchObject({ available: 994, runway: { creditsPerHour: 6 / 5 } });
  });

  it('tells all watchers the same while debits come in parallel, and ends with all of them', async () => {
    const tenant = await service.tenant(1_000);
    const watchers = Array.from({ length: 10 }, () => {
      const client = socketClient(service.url, tenant.ownerKey);
      clients.push(client);
      return watch(client, `subscription { balanceChanged { available usedThisPeriod ${RUNWAY} } }`);
    });
    await Promise.all(watchers.map((watcher) => watcher.next()));
    const seen = watchers.map((watcher) =>
      watcher.until(({ balanceChanged: { usedThisPeriod, runway } }) => {
        expect(runway.creditsPerHour).toBe(usedThisPeriod);
        return usedThisPeriod === 100;
      }),
    );
    await Promise.all([...seen, spend(service, tenant, 100)]);
  });
});
