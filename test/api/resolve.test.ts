import {
  ACTION_FIELDS,
  actionIn,
  addApp,
  balanceOf,
  BALANCE_FIELDS,
  changeApp,
  changeOwner,
  perform,
  performed,
  resolve,
  resolved,
  type Resolution,
  type Status,
} from '../support/actions';
import { entriesOf, stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type TestService } from '../support/service';
import { socketClient, watch } from '../support/socket';

const HOLD_EXPIRED = 'The hold expired.';

let service: TestService;
const clock = new ManualClock();
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

/** Reads an action past its app’s key, with what is due settled. */
async function actionOf(id: string) {
  const { node } = await service.ask(
    `query ($id: ID!) { node(id: $id) { ... on IntegrationAction { ${ACTION_FIELDS} } } }`,
    { id },
  );
  return node;
}

/** The table of the public contract: what each mutation comes to in each status. */
type Expected =
  | { becomes: Status; available: number; held: number; used: number }
  | { replays: Status }
  | { refused: 'ACTION_ALREADY_RESOLVED' | 'ACTION_NOT_CAPTURED' };

const TABLE: Record<Status, Record<Resolution, Expected>> = {
  HELD: {
    captureAction: { becomes: 'CAPTURED', available: 0, held: -1, used: 0 },
    voidAction: { becomes: 'VOIDED', available: 1, held: -1, used: -1 },
    refundAction: { refused: 'ACTION_NOT_CAPTURED' },
  },
  CAPTURED: {
    captureAction: { replays: 'CAPTURED' },
    voidAction: { refused: 'ACTION_ALREADY_RESOLVED' },
    refundAction: { becomes: 'REFUNDED', available: 1, held: 0, used: -1 },
  },
  VOIDED: {
    captureAction: { refused: 'ACTION_ALREADY_RESOLVED' },
    voidAction: { replays: 'VOIDED' },
    refundAction: { refused: 'ACTION_ALREADY_RESOLVED' },
  },
  REFUNDED: {
    captureAction: { refused: 'ACTION_ALREADY_RESOLVED' },
    voidAction: { refused: 'ACTION_ALREADY_RESOLVED' },
    refundAction: { replays: 'REFUNDED' },
  },
};
const CASES = Object.entries(TABLE).flatMap(([status, row]) =>
  Object.entries(row).map(([mutation, expected]) => [mutation as Resolution, status as Status, expected] as const),
);

describe('resolving an action', () => {
  it.each(CASES)('%s of one that is %s: %j', async (mutation, status, expected) => {
    const { ownerId, appKey } = await service.tenant(100);
    const { action } = await actionIn(service, appKey, status, 'key');
    const before = await balanceOf(service, ownerId);

    const answer = await resolve(service, appKey, mutation, { actionId: action.id });

    if ('refused' in expected) {
      const known = expected.refused === 'ACTION_ALREADY_RESOLVED' ? { status } : {};
      expect(answer.errors[0]?.extensions).toEqual({ code: expected.refused, actionId: action.id, ...known });
      expect(await balanceOf(service, ownerId)).toEqual(before);
      return;
    }
    const outcome = answer.data[mutation];
    const after = await balanceOf(service, ownerId);
    expect(outcome.balance).toEqual(after);
    if ('replays' in expected) {
      expect(outcome).toEqual({ replayed: true, action, balance: before });
      return;
    }
    expect(outcome.replayed).toBe(false);
    expect(outcome.action).toEqual({
      ...action,
      status: expected.becomes,
      resolvedAt: new Date(clock.now()).toISOString(),
    });
    expect(after).toMatchObject({
      available: before.available + expected.available,
      held: before.held + expected.held,
      usedThisPeriod: before.usedThisPeriod + expected.used,
    });
    expect(after.version).toBeGreaterThan(before.version);
  });

  it('refunds also an action that was held first, and never twice', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const { action } = await performed(service, appKey, { idempotencyKey: 'key', hold: true });
    await resolved(service, appKey, 'captureAction', { actionId: action.id });
    const refunds = await Promise.all(
      Array.from({ length: 20 }, () => resolved(service, appKey, 'refundAction', { actionId: action.id })),
    );
    expect(refunds.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 100, held: 0, usedThisPeriod: 0 });
    const kinds = (await entriesOf(service.databaseUrl, ownerId)).map(({ kind }) => kind);
    expect(kinds).toEqual(['GRANT', 'HOLD', 'CAPTURE', 'REFUND']);
  });

  it('captures or voids a hold, whichever comes first, and never both', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const { action } = await performed(service, appKey, { idempotencyKey: 'key', hold: true });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        resolve(service, appKey, i % 2 ? 'captureAction' : 'voidAction', { actionId: action.id }),
      ),
    );
    const refused = answers.filter(({ code }) => code === 'ACTION_ALREADY_RESOLVED');
    const accepted = answers.flatMap(({ data }) => (data ? [data.captureAction ?? data.voidAction] : []));
    expect([refused.length, accepted.length]).toEqual([10, 10]);
    expect(accepted.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect((await entriesOf(service.databaseUrl, ownerId)).map(({ kind }) => kind)).toHaveLength(3);
  });

  it('keeps the reason of the first time, in the action and on every later reading', async () => {
    const { appKey } = await service.tenant(100);
    const voided = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    const refunded = await performed(service, appKey, { idempotencyKey: '2' });
    const silent = await performed(service, appKey, { idempotencyKey: '3' });
    const why = async (mutation: Resolution, id: string, reason?: string) =>
      (await resolved(service, appKey, mutation, { actionId: id, ...(reason && { reason }) })).action.reason;

    expect(await why('voidAction', voided.action.id, 'The model timed out.')).toBe('The model timed out.');
    expect(await why('voidAction', voided.action.id, 'Another reason.')).toBe('The model timed out.');
    expect(await why('refundAction', refunded.action.id, 'Zurück 💶')).toBe('Zurück 💶');
    expect(await why('refundAction', silent.action.id)).toBeNull();
    expect(await actionOf(voided.action.id)).toMatchObject({ status: 'VOIDED', reason: 'The model timed out.' });
    expect(await actionOf(refunded.action.id)).toMatchObject({ status: 'REFUNDED', reason: 'Zurück 💶' });
  });

  it('bounds the reason to 500 characters', async () => {
    const { appKey } = await service.tenant(100);
    const { action } = await performed(service, appKey, { idempotencyKey: 'key' });
    const long = await resolve(service, appKey, 'refundAction', { actionId: action.id, reason: 'x'.repeat(501) });
    expect(long.errors[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      problems: [{ path: 'input.reason', message: 'must have 1 to 500 characters' }],
    });
    const longest = { actionId: action.id, reason: 'x'.repeat(500) };
    expect((await resolved(service, appKey, 'refundAction', longest)).action.reason).toHaveLength(500);
  });

  it('goes on while the app is paused, the owner suspended and the cap lowered', async () => {
    const { ownerId, appId, appKey } = await service.tenant(100);
    const one = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    const two = await performed(service, appKey, { idempotencyKey: '2', hold: true });
    const three = await performed(service, appKey, { idempotencyKey: '3' });
    await changeApp(service, appId, { status: 'PAUSED', creditCap: 0 });
    await changeOwner(service, ownerId, { suspended: true });
    await resolved(service, appKey, 'captureAction', { actionId: one.action.id });
    await resolved(service, appKey, 'voidAction', { actionId: two.action.id });
    await resolved(service, appKey, 'refundAction', { actionId: three.action.id });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 99, held: 0, usedThisPeriod: 1 });
  });
});

describe('who resolves an action', () => {
  it.each<Resolution>(['captureAction', 'voidAction', 'refundAction'])(
    '%s: not another app of the same owner, nor another owner, for whom it reads as missing',
    async (mutation) => {
      const { ownerId, appKey } = await service.tenant(100);
      const sibling = await addApp(service, ownerId);
      const stranger = await service.tenant(100);
      const status = mutation === 'refundAction' ? 'CAPTURED' : 'HELD';
      const { action } = await actionIn(service, appKey, status, 'key');
      for (const key of [sibling.appKey, stranger.appKey]) {
        const answer = await resolve(service, key, mutation, { actionId: action.id });
        expect(answer.code).toBe('NOT_FOUND');
      }
      const foreign = await resolve(service, stranger.ownerKey, mutation, { actionId: action.id });
      expect(foreign.code).toBe(mutation === 'captureAction' ? 'FORBIDDEN' : 'NOT_FOUND');
      expect(await actionOf(action.id)).toMatchObject({ status });
    },
  );

  it('an owner voids and refunds what its apps did, but never captures', async () => {
    const { appKey, ownerKey } = await service.tenant(100);
    const held = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    const spent = await performed(service, appKey, { idempotencyKey: '2' });
    const capture = await resolve(service, ownerKey, 'captureAction', { actionId: held.action.id });
    expect(capture.code).toBe('FORBIDDEN');
    await resolved(service, ownerKey, 'voidAction', { actionId: held.action.id });
    await resolved(service, ownerKey, 'refundAction', { actionId: spent.action.id });
  });

  it('an operator resolves any action', async () => {
    const { appKey } = await service.tenant(100);
    const { action } = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    await resolved(service, service.adminKey, 'captureAction', { actionId: action.id });
    await resolved(service, service.adminKey, 'refundAction', { actionId: action.id });
  });

  it('an id that no action has reads as missing: of a grant, of another kind, or made up', async () => {
    const { ownerId, appId, appKey } = await service.tenant(100);
    const { balance } = await service.ask('query ($id: ID) { balance(ownerId: $id) { grants { id } } }', {
      id: ownerId,
    });
    const grantId = balance.grants[0].id as string;
    const sameNumber = grantId.replace(/^grt_/, 'act_');
    for (const actionId of [grantId, sameNumber, appId, ownerId, 'act_1', 'nonsense', '']) {
      const answer = await resolve(service, appKey, 'refundAction', { actionId });
      expect(answer.code).toBe('NOT_FOUND');
    }
  });
});

describe('a hold', () => {
  it('takes its credit out of available at once, and opens with a receipt', async () => {
    const { appKey } = await service.tenant(2);
    const { action, balance } = await performed(service, appKey, { idempotencyKey: '1', hold: true });
    expect(action).toMatchObject({ status: 'HELD', availableAfter: 1, heldAfter: 1, resolvedAt: null });
    expect(balance).toMatchObject({ available: 1, held: 1, usedThisPeriod: 1 });
    await performed(service, appKey, { idempotencyKey: '2', hold: true });
    expect((await perform(service, appKey, { idempotencyKey: '3', hold: true })).code).toBe('INSUFFICIENT_CREDITS');
  });

  it.each([
    ['15 minutes by default', {}, 900],
    ['as long as asked, one second', { holdSeconds: 1 }, 1],
    ['at most a day', { holdSeconds: 86_400 }, 86_400],
  ])('lasts %s', async (_title, asked, seconds) => {
    const { appKey } = await service.tenant(100);
    const { action } = await performed(service, appKey, { idempotencyKey: 'key', hold: true, ...asked });
    expect(action.holdExpiresAt).toBe(new Date(clock.now() + seconds * 1_000).toISOString());
  });

  it.each([0, -1, 86_401])('cannot last %d seconds', async (holdSeconds) => {
    const { appKey } = await service.tenant(100);
    const answer = await perform(service, appKey, { idempotencyKey: 'key', hold: true, holdSeconds });
    expect(answer.errors[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      problems: [{ path: 'input.holdSeconds' }],
    });
  });

  it('is voided by itself at its instant: one millisecond before it may be captured, at it no more', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const early = await performed(service, appKey, { idempotencyKey: '1', hold: true, holdSeconds: 60 });
    const late = await performed(service, appKey, { idempotencyKey: '2', hold: true, holdSeconds: 60 });
    clock.advance(59_999);
    await resolved(service, appKey, 'captureAction', { actionId: early.action.id });
    clock.advance(1);
    const answer = await resolve(service, appKey, 'captureAction', { actionId: late.action.id });
    expect(answer.errors[0]?.extensions).toEqual({
      code: 'ACTION_ALREADY_RESOLVED',
      status: 'VOIDED',
      actionId: late.action.id,
    });
    expect(await actionOf(late.action.id)).toEqual({
      ...late.action,
      status: 'VOIDED',
      reason: HOLD_EXPIRED,
      resolvedAt: late.action.holdExpiresAt,
    });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 99, held: 0, usedThisPeriod: 1 });
  });

  interface Ids {
    ownerId: string;
    appId: string;
    actionId: string;
  }
  it.each<[string, (ids: Ids) => string, unknown]>([
    ['balance', ({ ownerId }) => `{ balance(ownerId: "${ownerId}") { held } }`, { balance: { held: 0 } }],
    [
      'the balance of an owner',
      ({ ownerId }) => `{ owner(id: "${ownerId}") { balance { held } } }`,
      { owner: { balance: { held: 0 } } },
    ],
    [
      'what an app has used',
      ({ appId }) => `{ app(id: "${appId}") { usedThisPeriod } }`,
      { app: { usedThisPeriod: 0 } },
    ],
    [
      'what the apps of an owner have used',
      ({ ownerId }) => `{ owner(id: "${ownerId}") { apps { edges { node { usedThisPeriod } } } } }`,
      { owner: { apps: { edges: [{ node: { usedThisPeriod: 0 } }] } } },
    ],
    [
      'the action as a node',
      ({ actionId }) => `{ node(id: "${actionId}") { ... on IntegrationAction { status reason } } }`,
      { node: { status: 'VOIDED', reason: HOLD_EXPIRED } },
    ],
    [
      'a list of actions',
      ({ appId }) => `{ actions(appId: "${appId}") { edges { node { status } } } }`,
      { actions: { edges: [{ node: { status: 'VOIDED' } }] } },
    ],
  ])('that has expired reads as voided at once: %s', async (_title, queryOf, expected) => {
    const { ownerId, appId, appKey } = await service.tenant(100);
    const { action } = await performed(service, appKey, { idempotencyKey: 'key', hold: true, holdSeconds: 60 });
    clock.advance(60_000);
    expect(await service.ask(queryOf({ ownerId, appId, actionId: action.id }))).toEqual(expected);
  });

  it('that expires is told to watchers although nobody reads', async () => {
    const { appKey, ownerKey } = await service.tenant(100);
    const client = socketClient(service.url, ownerKey);
    const actions = watch(client, `subscription { actionRecorded { ${ACTION_FIELDS} } }`);
    const balances = watch(client, `subscription { balanceChanged { ${BALANCE_FIELDS} } }`);
    const recorded = actions.until(({ actionRecorded }) => actionRecorded.status === 'VOIDED');
    await balances.until(({ balanceChanged }) => balanceChanged.held === 0);
    const { action } = await performed(service, appKey, { idempotencyKey: 'key', hold: true, holdSeconds: 60 });
    await balances.until(({ balanceChanged }) => balanceChanged.held === 1);
    clock.advance(60_000);
    const { balanceChanged } = await balances.until(({ balanceChanged: { held } }) => held === 0);
    expect(balanceChanged).toMatchObject({ available: 100, usedThisPeriod: 0 });
    expect((await recorded).actionRecorded).toMatchObject({ id: action.id, reason: HOLD_EXPIRED });
    await client.dispose();
  });

  it('expires in the order of the instants, even where all are found late', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const start = clock.now();
    for (const holdSeconds of [30, 10, 20]) {
      await performed(service, appKey, { idempotencyKey: `${holdSeconds}`, hold: true, holdSeconds });
    }
    clock.advance(3_600_000);
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 100, held: 0, lastSequence: 7 });
    const voids = (await entriesOf(service.databaseUrl, ownerId)).filter(({ kind }) => kind === 'VOID');
    expect(voids.map(({ at, actionSequence }) => [at - start, actionSequence])).toEqual([
      [10_000, 3],
      [20_000, 4],
      [30_000, 2],
    ]);
  });

  it('frees the pool for the action that comes right then', async () => {
    const { appKey } = await service.tenant(1);
    await performed(service, appKey, { idempotencyKey: 'held', hold: true, holdSeconds: 60 });
    clock.advance(59_999);
    expect((await perform(service, appKey, { idempotencyKey: 'next' })).code).toBe('INSUFFICIENT_CREDITS');
    clock.advance(1);
    expect(await performed(service, appKey, { idempotencyKey: 'next' })).toMatchObject({
      balance: { available: 0, held: 0, usedThisPeriod: 1 },
    });
  });

  it('expires with 1,100 others before the next action, more than one transaction settles', async () => {
    const { ownerId, appKey } = await service.tenant(1_100);
    for (let hundred = 0; hundred < 11; hundred += 1) {
      const holds = Array.from({ length: 100 }, (_, i) => ({
        idempotencyKey: `${hundred * 100 + i}`,
        hold: true,
        holdSeconds: 60 + (i % 3),
      }));
      await Promise.all(holds.map((request) => performed(service, appKey, request)));
    }
    expect((await perform(service, appKey, { idempotencyKey: 'next' })).code).toBe('INSUFFICIENT_CREDITS');
    clock.advance(62_000);
    expect(await performed(service, appKey, { idempotencyKey: 'next' })).toMatchObject({
      replayed: false,
      balance: { available: 1_099, held: 0, usedThisPeriod: 1, lastSequence: 2_202 },
    });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 1_099, held: 0 });
  });
});
