import { MINUTE_MS } from '../../src/clock';
import { addApp, performed, resolved } from '../support/actions';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type TestService } from '../support/service';

let service: TestService;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock(Date.parse('2026-03-27T10:00:00.000Z'));
  service = await startTestService(databaseKindOf(), { clock });
});
afterEach(async () => {
  expect(service.failures).toEqual([]);
  await service.stop();
});

interface Bucket {
  readonly start: string;
  readonly group: string | null;
  readonly credits: number;
  readonly refunded: number;
}

async function usageOf(key: string, variables: Record<string, unknown>): Promise<Bucket[]> {
  const { usage } = await service.ask(
    `query ($ownerId: ID, $appId: ID, $from: DateTime!, $to: DateTime!, $interval: UsageInterval!, $groupBy: UsageGroup, $timeZone: String! = "UTC") {
       usage(ownerId: $ownerId, appId: $appId, from: $from, to: $to, interval: $interval, groupBy: $groupBy, timeZone: $timeZone) {
         start group credits refunded
       }
     }`,
    variables,
    key,
  );
  return usage as Bucket[];
}

describe('usage', () => {
  it('counts an action where it was opened, with the newest debit, and knows what came back', async () => {
    const { ownerKey, appKey } = await service.tenant();
    await performed(service, appKey, { idempotencyKey: 'a' });
    const held = await performed(service, appKey, { idempotencyKey: 'b', hold: true, holdSeconds: 3600 });
    clock.advance(40 * MINUTE_MS);
    const charged = await performed(service, appKey, { idempotencyKey: 'c' });
    const asked = { from: '2026-03-27T09:00:00Z', to: '2026-03-27T12:00:00Z', interval: 'HOUR' };
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
    const asked = { from: '2026-03-27T10:00:00Z', to: '2026-03-28T00:00:00Z', interval: 'DAY' };
    const grouped = async (groupBy: string) =>
      (await usageOf(ownerKey, { ...asked, groupBy })).map(({ group, credits }) => [group, credits]);
    expect(await grouped('APP')).toEqual([
      [appId, 1],
      [other.appId, 2],
    ]);
    expect(await grouped('TYPE')).toEqual([['CALL_API', 3]]);
    expect(await grouped('CATEGORY')).toEqual([['API', 3]]);
    expect(await usageOf(ownerKey, { ...asked, appId: other.appId })).toMatchObject([{ credits: 2 }]);
  });
});
