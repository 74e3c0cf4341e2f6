import {
  ACTION_FIELDS,
  addApp,
  balanceOf,
  changeApp,
  changeOwner,
  perform,
  performed,
  resolved,
} from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type TestService } from '../support/service';

describe('an idempotency key', () => {
  let service: TestService;
  const clock = new ManualClock();
  beforeAll(async () => {
    service = await startTestService(databaseKindOf(), { clock });
  });
  afterAll(() => stopSound(service));

  it('debits once however often it is sent: 100 times in parallel, one debit, 100 equal receipts', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () => performed(service, appKey, { idempotencyKey: 'once' })),
    );
    expect(outcomes.filter(({ replayed }) => replayed)).toHaveLength(99);
    expect(new Set(outcomes.map(({ action }) => JSON.stringify(action))).size).toBe(1);
    expect(outcomes[0]?.action).toMatchObject({ availableAfter: 99, heldAfter: 0, status: 'CAPTURED' });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 99, usedThisPeriod: 1 });
  });

  it('replays the original receipt beside the balance of now', async () => {
    const { appKey } = await service.tenant(100);
    const first = await performed(service, appKey, { idempotencyKey: 'first' });
    await performed(service, appKey, { idempotencyKey: 'second' });
    await performed(service, appKey, { idempotencyKey: 'third', hold: true });

    const replay = await performed(service, appKey, { idempotencyKey: 'first' });

    expect(replay.replayed).toBe(true);
    expect(replay.action).toEqual(first.action);
    expect(replay.action).toMatchObject({ availableAfter: 99, heldAfter: 0 });
    expect(replay.balance).toMatchObject({ available: 97, held: 1, usedThisPeriod: 3 });
  });

  it('replays a hold, and the hold once it is captured, with the receipt of its opening', async () => {
    const { appKey } = await service.tenant(100);
    const hold = { idempotencyKey: 'hold', hold: true, holdSeconds: 60 };
    const { action } = await performed(service, appKey, hold);
    expect(await performed(service, appKey, hold)).toMatchObject({ replayed: true, action });
    await resolved(service, appKey, 'captureAction', { actionId: action.id });
    expect(await performed(service, appKey, hold)).toMatchObject({
      replayed: true,
      action: { id: action.id, status: 'CAPTURED', availableAfter: 99, heldAfter: 1, sequence: action.sequence },
      balance: { available: 99, held: 0 },
    });
  });

  it('replays on an empty pool, in a paused app, of a suspended owner, and above the cap', async () => {
    const { ownerId, appId, appKey } = await service.tenant(1);
    const { action } = await performed(service, appKey, { idempotencyKey: 'last' });
    await changeApp(service, appId, { status: 'PAUSED', creditCap: 0 });
    await changeOwner(service, ownerId, { suspended: true });
    const replay = await performed(service, appKey, { idempotencyKey: 'last' });
    expect(replay).toMatchObject({ replayed: true, action, balance: { available: 0 } });
  });

  const sent = { idempotencyKey: 'key', visitor: 'v-1', origin: 'https://shop.example', metadata: { order: 7 } };
  it.each<[string, object]>([
    ['another fact', { host: 'other.example' }],
    ['another visitor', { visitor: 'v-2' }],
    ['no visitor', { visitor: null }],
    ['another origin', { origin: 'http://shop.example' }],
    ['other metadata', { metadata: { order: 8 } }],
    ['more metadata', { metadata: { order: 7, item: null } }],
    ['a hold instead of a charge', { hold: true }],
    ['another hold time', { holdSeconds: 60 }],
  ])('is refused with another input: %s', async (_title, change) => {
    const { ownerId, appKey } = await service.tenant(100);
    await performed(service, appKey, sent);
    const answer = await perform(service, appKey, { ...sent, ...change });
    expect(answer.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(answer.data).toBeNull();
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 99, lastSequence: 2 });
  });

  it('is refused with another mutation', async () => {
    const { appKey } = await service.tenant(100);
    await service.ask('mutation { sendSms(input: { idempotencyKey: "key" }) { replayed } }', {}, appKey);
    const answer = await service.send(
      'mutation { sendEmail(input: { idempotencyKey: "key" }) { replayed } }',
      {},
      appKey,
    );
    expect(answer.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('is another action in another app of the same owner', async () => {
    const { ownerId, appKey } = await service.tenant(100);
    const other = await addApp(service, ownerId);
    const one = await performed(service, appKey, { idempotencyKey: 'shared' });
    const two = await performed(service, other.appKey, { idempotencyKey: 'shared', host: 'other.example' });
    expect([one.replayed, two.replayed]).toEqual([false, false]);
    expect(two.action.id).not.toBe(one.action.id);
    expect(two.balance.available).toBe(98);
  });

  it('is compared exactly: case, accents and blanks at the end make another key', async () => {
    const { appKey } = await service.tenant(100);
    for (const idempotencyKey of ['key', 'KEY', 'kéy', 'key ', ' key']) {
      expect(await performed(service, appKey, { idempotencyKey })).toMatchObject({ replayed: false });
    }
  });

  it.each([
    ['quotes and an end of the statement', `'); DROP TABLE pools; -- "`],
    ['backslashes', String.raw`\' \\ \n \0 \Z \% \_`],
    ['placeholders', '? ?? :name @x {{y}} $1'],
    ['comments', '/* */ # -- /*! SLEEP(1) */'],
    ['letters of all lengths', 'é ß 漢字 🎈 \u2028 ﷽'],
  ])('is kept, beside other text, as it was sent: %s', async (_what, text) => {
    const { appKey } = await service.tenant(100);
    // Several in one batch, so that their texts stand beside one another.
    const outcomes = await Promise.all(
      [1, 2, 3].map((n) =>
        performed(service, appKey, { idempotencyKey: `${text}${n}`, visitor: text, metadata: { [text]: text } }),
      ),
    );
    for (const [index, { action }] of outcomes.entries()) {
      const kept = { idempotencyKey: `${text}${index + 1}`, visitor: text, metadata: { [text]: text } };
      expect(action).toMatchObject(kept);
      const { node } = await service.ask(
        'query ($id: ID!) { node(id: $id) { ... on IntegrationAction { idempotencyKey visitor metadata } } }',
        { id: action.id },
      );
      expect(node).toEqual(kept);
    }
    expect(
      (await performed(service, appKey, { idempotencyKey: `${text}1`, visitor: text, metadata: { [text]: text } }))
        .replayed,
    ).toBe(true);
  });

  it('means the same input whichever way metadata is ordered, at every depth', async () => {
    const { appKey } = await service.tenant(100);
    const metadata = { a: 1, b: { c: [1, { d: 2, e: 3 }], f: null } };
    const reordered = { b: { f: null, c: [1, { e: 3, d: 2 }] }, a: 1 };
    await performed(service, appKey, { idempotencyKey: 'key', metadata });
    expect(await performed(service, appKey, { idempotencyKey: 'key', metadata: reordered })).toMatchObject({
      replayed: true,
    });
    const otherList = { a: 1, b: { c: [{ d: 2, e: 3 }, 1], f: null } };
    expect((await perform(service, appKey, { idempotencyKey: 'key', metadata: otherList })).code).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
  });

  it('means the same input with defaults and nulls given explicitly', async () => {
    const { appKey } = await service.tenant(100);
    const sendSms = (input: object) =>
      service.ask(
        'mutation ($input: SendSmsInput!) { sendSms(input: $input) { replayed } }',
        { input: { idempotencyKey: 'key', ...input } },
        appKey,
      );
    expect((await sendSms({})).sendSms.replayed).toBe(false);
    const explicit = { hold: false, holdSeconds: 900, segments: 1 };
    const absent = { countryCode: null, visitor: null, origin: null, metadata: null };
    expect((await sendSms(explicit)).sendSms.replayed).toBe(true);
    expect((await sendSms(absent)).sendSms.replayed).toBe(true);
    expect((await sendSms({ ...explicit, ...absent })).sendSms.replayed).toBe(true);
  });

  it('means the same input whether an APP key or an ADMIN key with appId sends it', async () => {
    const { appId, appKey } = await service.tenant(100);
    await performed(service, appKey, { idempotencyKey: 'key' });
    const replay = await performed(service, service.adminKey, { idempotencyKey: 'key', appId });
    expect(replay.replayed).toBe(true);
  });

  it('does not remember a refusal: once there is a reason no more, the same key succeeds', async () => {
    const { ownerId, appId, appKey } = await service.tenant(1);
    const request = { idempotencyKey: 'again' };
    const other = await performed(service, appKey, { idempotencyKey: 'other' });
    expect((await perform(service, appKey, request)).code).toBe('INSUFFICIENT_CREDITS');
    await changeApp(service, appId, { status: 'PAUSED' });
    expect((await perform(service, appKey, request)).code).toBe('APP_PAUSED');
    // Not even the input of a refusal is remembered.
    expect((await perform(service, appKey, { ...request, host: 'other.example' })).code).toBe('APP_PAUSED');
    await changeApp(service, appId, { status: 'ACTIVE' });
    await resolved(service, appKey, 'refundAction', { actionId: other.action.id });
    expect(await performed(service, appKey, request)).toMatchObject({ replayed: false, balance: { available: 0 } });
    expect(await balanceOf(service, ownerId)).toMatchObject({ available: 0, usedThisPeriod: 1 });
  });

  it.each([
    ['voided', true, 'voidAction', 'VOIDED'],
    ['refunded', false, 'refundAction', 'REFUNDED'],
  ] as const)(
    'of an action that was %s is refused, since its credit is back',
    async (_title, hold, mutation, status) => {
      const { ownerId, appKey } = await service.tenant(100);
      const request = { idempotencyKey: 'returned', hold };
      const { action } = await performed(service, appKey, request);
      await resolved(service, appKey, mutation, { actionId: action.id });
      const answer = await perform(service, appKey, request);
      expect(answer.errors[0]?.extensions).toEqual({ code: 'ACTION_ALREADY_RESOLVED', status, actionId: action.id });
      // With another input it is a reused key first: which action it would have been says nothing about this one.
      const reused = await perform(service, appKey, { ...request, host: 'other.example' });
      expect(reused.code).toBe('IDEMPOTENCY_KEY_REUSED');
      expect(await balanceOf(service, ownerId)).toMatchObject({ available: 100, usedThisPeriod: 0 });
    },
  );

  it('of a hold that expired is refused from the instant of its expiry', async () => {
    const { appKey } = await service.tenant(100);
    const request = { idempotencyKey: 'expiring', hold: true, holdSeconds: 30 };
    const { action } = await performed(service, appKey, request);
    clock.advance(29_999);
    expect(await performed(service, appKey, request)).toMatchObject({ replayed: true, action: { status: 'HELD' } });
    clock.advance(1);
    const answer = await perform(service, appKey, request);
    expect(answer.errors[0]?.extensions).toEqual({
      code: 'ACTION_ALREADY_RESOLVED',
      status: 'VOIDED',
      actionId: action.id,
    });
  });
});

describe('an idempotency key and a restart', () => {
  it('outlives the server: the next one replays it', async () => {
    const before = await startTestService(databaseKindOf());
    const { appKey } = await before.tenant(100);
    const { action } = await performed(before, appKey, { idempotencyKey: 'kept', metadata: { note: 'ü 😀' } });
    await before.service.stop();

    const after = await startTestService(databaseKindOf(), {
      databaseUrl: before.databaseUrl,
      config: { adminKey: before.adminKey },
    });
    try {
      const replay = await performed(after, appKey, { idempotencyKey: 'kept', metadata: { note: 'ü 😀' } });
      expect(replay).toMatchObject({ replayed: true, action, balance: { available: 99 } });
      const { node } = await after.ask(
        `query ($id: ID!) { node(id: $id) { ... on IntegrationAction { ${ACTION_FIELDS} } } }`,
        { id: action.id },
      );
      expect(node).toEqual(action);
    } finally {
      await after.stop();
      await before.stop();
    }
  });
});
