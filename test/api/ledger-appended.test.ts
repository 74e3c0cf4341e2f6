import type { Client } from 'graphql-ws';
import { performed, resolved } from '../support/actions';
import { entriesOf, stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { granted, spend } from '../support/pools';
import { ManualClock, startTestService, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const APPENDED = `subscription ($ownerId: ID, $afterSequence: SafeInt!) {
  ledgerAppended(ownerId: $ownerId, afterSequence: $afterSequence) {
    sequence kind credits available held paused at grant { source } action { idempotencyKey status }
  }
}`;
/** The same with one field, for long histories. */
const SEQUENCES = `subscription ($ownerId: ID, $afterSequence: SafeInt!) {
  ledgerAppended(ownerId: $ownerId, afterSequence: $afterSequence) { sequence }
}`;

let service: TestService;
/** It only ever moves forward. */
const clock = new ManualClock();
const clients: Client[] = [];
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
});
afterAll(() => stopSound(service));

type Watcher = ReturnType<typeof watch>;

function connected(key: string): Client {
  const client = socketClient(service.url, key);
  clients.push(client);
  return client;
}

function watchLedger(key: string, variables: { afterSequence: number; ownerId?: string }, query = SEQUENCES): Watcher {
  return watch(connected(key), query, variables);
}

/** The next entries, as many as are asked for. */
async function take(watcher: Watcher, count: number) {
  const entries = [];
  while (entries.length < count) {
    const { data, errors } = await watcher.next();
    expect(errors).toBeUndefined();
    entries.push(data.ledgerAppended);
  }
  return entries;
}

async function sequences(watcher: Watcher, count: number): Promise<number[]> {
  return (await take(watcher, count)).map(({ sequence }) => sequence as number);
}

interface Refusal {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly problems?: object[] };
}

/** What a subscription is refused with: as its only value or, where it is not begun at all, as its end. */
async function refusalOf(key: string, variables: object): Promise<Refusal> {
  const errors: Refusal[] = await watch(connected(key), SEQUENCES, { ...variables })
    .next()
    .then((value) => value.errors)
    .catch((error) => error);
  return errors[0] as Refusal;
}

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => from + i);

describe('ledgerAppended', () => {
  it('sends what was missed, and then each entry as it is committed', async () => {
    const tenant = await service.tenant(100);
    const { ownerId, ownerKey, appKey } = tenant;
    await spend(service, tenant, 2);
    const watcher = watchLedger(ownerKey, { afterSequence: 0 }, APPENDED);
    const missed = await take(watcher, 3);
    const { action } = await performed(service, appKey, { idempotencyKey: 'held', hold: true });
    const [held] = await take(watcher, 1);
    await resolved(service, appKey, 'voidAction', { actionId: action.id });
    await granted(service, { ownerId, amount: 5, source: 'TOP_UP', idempotencyKey: 't' });
    const rest = await take(watcher, 3);

    const told = [...missed, held, ...rest];
    expect(told.map(({ kind }) => kind)).toEqual(['GRANT', 'DEBIT', 'DEBIT', 'HOLD', 'VOID', 'GRANT', 'PAUSE']);
    // As the table holds them, with their grant and their action.
    const entries = await entriesOf(service.databaseUrl, ownerId);
    expect(told).toMatchObject(
      entries.map(({ sequence, kind, credits, available, held: isHeld, paused, at }) => {
        return { sequence, kind, credits, available, held: isHeld, paused, at: new Date(at).toISOString() };
      }),
    );
    expect(told.map(({ grant }) => grant.source)).toEqual([...Array(5).fill('PLAN'), 'TOP_UP', 'TOP_UP']);
    expect(held.action).toEqual({ idempotencyKey: 'held', status: 'HELD' });
    expect(rest.map((entry) => entry.action)).toEqual([{ idempotencyKey: 'held', status: 'VOIDED' }, null, null]);
  });

  it.each([
    ['from the beginning', 0],
    ['from the middle', 60],
  ])('has no gap and no repeat while debits are committed during the switch, %s', async (_title, afterSequence) => {
    const tenant = await service.tenant(400);
    await spend(service, tenant, 99, 'missed');
    // Each subscribes at another moment: some amid the history, some amid what is live.
    const debits: Promise<void>[] = [];
    const watchers: Promise<number[]>[] = [];
    for (let moment = 0; moment < 10; moment += 1) {
      debits.push(spend(service, tenant, 20, `at moment ${moment}`));
      watchers.push(sequences(watchLedger(tenant.ownerKey, { afterSequence }), 300 - afterSequence));
      await debits[moment - 2];
    }
    await Promise.all(debits);
    for (const seen of await Promise.all(watchers)) expect(seen).toEqual(upTo(300, afterSequence + 1));
  });

  it('goes on without a gap beyond what one read of the database brings', async () => {
    const tenant = await service.tenant(1_500);
    for (let batch = 0; batch < 11; batch += 1) await spend(service, tenant, 100, `batch ${batch}`);
    const watcher = watchLedger(tenant.ownerKey, { afterSequence: 0 });
    const [seen] = await Promise.all([sequences(watcher, 1_301), spend(service, tenant, 200, 'live')]);
    expect(seen).toEqual(upTo(1_301));
  });

  it('resumes after a lost socket from the last entry that the client has', async () => {
    const tenant = await service.tenant(200);
    let running = true;
    const load = async () => {
      for (let round = 0; running; round += 1) await spend(service, tenant, 3, `round ${round}`);
    };
    const loading = load();
    const seen: number[] = [];
    for (const entries of [7, 1, 12, 5]) {
      const client = socketClient(service.url, tenant.ownerKey);
      const watcher = watch(client, SEQUENCES, { afterSequence: seen.at(-1) ?? 0 });
      seen.push(...(await sequences(watcher, entries)));
      client.terminate();
      await expect(readToEnd(watcher)).rejects.toBeDefined();
    }
    running = false;
    await loading;
    expect(seen).toEqual(upTo(25));
  });

  it('sends two subscribers the same, and goes on for one when the other ends', async () => {
    const tenant = await service.tenant(100);
    const client = connected(tenant.ownerKey);
    const first = watch(client, SEQUENCES, { afterSequence: 0 });
    const second = watch(client, SEQUENCES, { afterSequence: 0 });
    const operator = watchLedger(service.adminKey, { ownerId: tenant.ownerId, afterSequence: 1 });
    await spend(service, tenant, 10, 'for both');
    expect(await sequences(first, 11)).toEqual(upTo(11));
    await first.stop();
    await spend(service, tenant, 10, 'for one');
    expect(await sequences(second, 21)).toEqual(upTo(21));
    expect(await sequences(operator, 20)).toEqual(upTo(21, 2));
  });

  it('begins with the first entry after a number that is yet to come', async () => {
    const tenant = await service.tenant(100);
    const watcher = watchLedger(tenant.ownerKey, { afterSequence: 4 });
    await spend(service, tenant, 6);
    expect(await sequences(watcher, 3)).toEqual([5, 6, 7]);
  });

  it('tells what falls due by itself, although nobody reads (rule 12)', async () => {
    const { ownerKey, appKey } = await service.tenant(10);
    const watcher = watchLedger(ownerKey, { afterSequence: 0 }, APPENDED);
    const { balance } = await performed(service, appKey, { idempotencyKey: '1', hold: true, holdSeconds: 60 });
    await take(watcher, 2);
    clock.set(balance.resetsAt);
    expect((await take(watcher, 3)).map(({ kind, credits }) => `${kind} ${credits}`)).toEqual([
      'VOID 1',
      'EXPIRE 10',
      'GRANT 10',
    ]);
  });

  it('has settled what was due when it begins', async () => {
    const { ownerId, ownerKey } = await service.tenant(10);
    const { balance } = await service.ask('query ($id: ID) { balance(ownerId: $id) { resetsAt } }', { id: ownerId });
    clock.set(balance.resetsAt);
    expect(await sequences(watchLedger(ownerKey, { afterSequence: 1 }), 2)).toEqual([2, 3]);
  });

  it('never sends what belongs to another owner', async () => {
    const [mine, theirs] = [await service.tenant(100), await service.tenant(100)];
    const watchers = [mine, theirs].map(({ ownerKey }) => watchLedger(ownerKey, { afterSequence: 1 }, APPENDED));
    await Promise.all([spend(service, mine, 20, 'mine'), spend(service, theirs, 20, 'theirs')]);
    for (const [watcher, label] of [
      [watchers[0] as Watcher, 'mine'],
      [watchers[1] as Watcher, 'theirs'],
    ] as const) {
      const keys = (await take(watcher, 20)).map(({ action }) => action.idempotencyKey as string);
      expect(keys.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `${label} ${i}`).sort());
    }
  });
});

describe('ledgerAppended refuses', () => {
  it('another’s ledger in the words of one that does not exist: NOT_FOUND', async () => {
    const [mine, theirs] = [await service.tenant(10), await service.tenant(10)];
    const refusal = await refusalOf(mine.ownerKey, { ownerId: theirs.ownerId, afterSequence: 0 });
    expect(refusal.extensions.code).toBe('NOT_FOUND');
    for (const nobody of ['own_0000000020', 'nonsense', mine.appId]) {
      expect(await refusalOf(mine.ownerKey, { ownerId: nobody, afterSequence: 0 })).toEqual(refusal);
      expect(await refusalOf(service.adminKey, { ownerId: nobody, afterSequence: 0 })).toEqual(refusal);
    }
  });

  it('an app: FORBIDDEN, and an operator who names nobody: BAD_USER_INPUT', async () => {
    const { ownerId, appKey } = await service.tenant(10);
    for (const variables of [{ afterSequence: 0 }, { ownerId, afterSequence: 0 }]) {
      expect((await refusalOf(appKey, variables)).extensions.code).toBe('FORBIDDEN');
    }
    const refusal = await refusalOf(service.adminKey, { afterSequence: 0 });
    expect(refusal.extensions).toMatchObject({ code: 'BAD_USER_INPUT', problems: [{ path: 'ownerId' }] });
  });

  it('a negative sequence number: BAD_USER_INPUT', async () => {
    const { ownerKey } = await service.tenant(10);
    const refusal = await refusalOf(ownerKey, { afterSequence: -1 });
    expect(refusal.extensions).toEqual({
      code: 'BAD_USER_INPUT',
      problems: [{ path: 'afterSequence', message: 'must not be negative' }],
    });
  });

  it.each([
    ['a fraction', 1.5],
    ['more than a safe integer', 2 ** 53],
    ['text', 'three'],
    ['nothing', null],
  ])('a sequence number that is %s: BAD_USER_INPUT', async (_title, afterSequence) => {
    const { ownerKey } = await service.tenant(10);
    expect((await refusalOf(ownerKey, { afterSequence })).extensions.code).toBe('BAD_USER_INPUT');
  });
});

async function readToEnd(watcher: Watcher): Promise<never> {
  for (;;) await watcher.next();
}
