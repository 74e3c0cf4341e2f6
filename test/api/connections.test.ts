import { addApp, performed, resolved } from '../support/actions';
import { stopSound } from '../support/books';
import { databaseKindOf } from '../support/database';
import { ManualClock, startTestService, type Answer, type TestService } from '../support/service';

let service: TestService;
const clock = new ManualClock(Date.parse('2026-05-01T00:00:00.000Z'));
beforeAll(async () => {
  service = await startTestService(databaseKindOf(), { clock });
});
afterAll(() => stopSound(service));

interface Page<Node = { id: string }> {
  readonly edges: readonly { cursor: string; node: Node }[];
  readonly pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
}

const PAGE = '{ edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }';
const idsOf = (page: Page) => page.edges.map(({ node }) => node.id);

/** A list, read page by page. */
interface List {
  /** Adds `count` rows and returns their ids, oldest first. */
  grow(count: number): Promise<string[]>;
  read(page: { first?: unknown; after?: unknown }): Promise<Answer>;
  pageIn(answer: Answer): Page;
}

async function listOfActions(): Promise<List> {
  const { appKey } = await service.tenant(1_000);
  let rows = 0;
  return {
    grow: async (count) => {
      const ids: string[] = [];
      while (ids.length < count) {
        ids.push((await performed(service, appKey, { idempotencyKey: `${(rows += 1)}` })).action.id);
      }
      return ids;
    },
    read: ({ first = 20, after = null }) =>
      service.send(
        `query ($first: Int!, $after: String) { actions(first: $first, after: $after) ${PAGE} }`,
        { first, after },
        appKey,
      ),
    pageIn: ({ data }) => data.actions,
  };
}

async function listOfOwners(): Promise<List> {
  // Owners of this list alone, by a word that only they have.
  const word = `list${Math.random().toString(36).slice(2)}`;
  return {
    grow: async (count) => {
      const ids: string[] = [];
      while (ids.length < count) {
        // Ids of owners rise by the millisecond.
        clock.advance(1);
        const { createOwner } = await service.ask(
          'mutation ($input: CreateOwnerInput!) { createOwner(input: $input) { owner { id } } }',
          { input: { name: word } },
        );
        ids.push(createOwner.owner.id);
      }
      return ids;
    },
    read: ({ first = 20, after = null }) =>
      service.send(
        `query ($first: Int!, $after: String, $word: String) { owners(first: $first, after: $after, search: $word) ${PAGE} }`,
        { first, after, word },
      ),
    pageIn: ({ data }) => data.owners,
  };
}

async function listOfApps(): Promise<List> {
  const { createOwner } = await service.ask('mutation { createOwner(input: { name: "Apps" }) { owner { id } } }');
  const ownerId = createOwner.owner.id as string;
  return {
    grow: async (count) => {
      const ids: string[] = [];
      while (ids.length < count) ids.push((await addApp(service, ownerId)).appId);
      return ids;
    },
    read: ({ first = 20, after = null }) =>
      service.send(
        `query ($id: ID, $first: Int!, $after: String) { owner(id: $id) { apps(first: $first, after: $after) ${PAGE} } }`,
        { id: ownerId, first, after },
      ),
    pageIn: ({ data }) => data.owner.apps,
  };
}

describe.each([
  ['actions', listOfActions],
  ['owners', listOfOwners],
  ['apps of an owner', listOfApps],
])('a list of %s', (_title, create) => {
  it('is read without a gap or a repeat while rows are added', async () => {
    const list = await create();
    const there = await list.grow(23);
    const seen: string[] = [];
    let after: string | null = null;
    for (let pages = 1; ; pages += 1) {
      const page: Page = list.pageIn(await list.read({ first: 5, after }));
      seen.push(...idsOf(page));
      expect(page.pageInfo).toEqual({
        hasNextPage: pages < 5,
        hasPreviousPage: pages > 1,
        startCursor: page.edges[0]?.cursor,
        endCursor: page.edges.at(-1)?.cursor,
      });
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
      await list.grow(2);
    }
    expect(seen).toEqual(there.reverse());
    // Those that were added meanwhile are at the top, where newest first begins.
    const [newest] = (await list.grow(1)) as [string];
    expect(idsOf(list.pageIn(await list.read({ first: 1 })))).toEqual([newest]);
  });

  it('ends exactly where it is full, and is empty after its last row', async () => {
    const list = await create();
    await list.grow(4);
    const full: Page = list.pageIn(await list.read({ first: 4 }));
    expect(full.pageInfo.hasNextPage).toBe(false);
    expect(list.pageIn(await list.read({ first: 3 })).pageInfo.hasNextPage).toBe(true);
    const beyond = list.pageIn(await list.read({ after: full.pageInfo.endCursor }));
    expect(beyond).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
    });
    // Any edge's cursor may be continued after, not only the last one's.
    const afterSecond = list.pageIn(await list.read({ after: full.edges[1]?.cursor }));
    expect(idsOf(afterSecond)).toEqual(idsOf(full).slice(2));
  });

  it('that is empty has an empty page', async () => {
    const list = await create();
    expect(list.pageIn(await list.read({}))).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  it('has pages of 1 to 100 rows', async () => {
    const list = await create();
    await list.grow(2);
    expect(idsOf(list.pageIn(await list.read({ first: 1 })))).toHaveLength(1);
    expect(idsOf(list.pageIn(await list.read({ first: 100 })))).toHaveLength(2);
    for (const first of [0, -1, 101, 2_147_483_647]) {
      const { errors } = await list.read({ first });
      expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', problems: [{ path: 'first' }] });
    }
  });

  it('takes only cursors that it gave', async () => {
    const list = await create();
    await list.grow(2);
    const { cursor } = list.pageIn(await list.read({})).edges[0] as { cursor: string };
    const made = (text: string) => Buffer.from(text).toString('base64url');
    const bad = [
      '',
      'nonsense',
      `${cursor}=`,
      ` ${cursor}`,
      cursor.slice(1),
      '0',
      'null',
      made('at:-1'),
      made('at:1.5'),
    ];
    for (const after of [...bad, made('at:01'), made(`at:${2n ** 64n}`), made("at:1' OR 1=1"), 'ü', '😀']) {
      const { errors, code } = await list.read({ after });
      expect([after, code]).toEqual([after, 'BAD_USER_INPUT']);
      expect(errors[0]?.extensions).toMatchObject({ problems: [{ path: 'after' }] });
    }
  });
});

describe('a page size written in the document', () => {
  it.each(['0', '101', '-1', '99999'])('of %s is refused by its bounds, not as too complex', async (first) => {
    const { ownerKey } = await service.tenant(1);
    for (const query of [
      `{ actions(first: ${first}) { edges { node { id } } } }`,
      `{ owner { apps(first: ${first}) { edges { node { id } } } } }`,
    ]) {
      const { errors } = await service.send(query, {}, ownerKey);
      expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', problems: [{ path: 'first' }] });
    }
  });

  it('is 20 where none is given', async () => {
    const list = await listOfActions();
    await list.grow(21);
    const page = list.pageIn(await list.read({}));
    expect([idsOf(page).length, page.pageInfo.hasNextPage]).toEqual([20, true]);
  });
});

describe('the filters of actions', () => {
  const DAY_MS = 86_400_000;
  const start = Date.parse('2026-06-01T00:00:00.000Z');
  const day = (number: number, ms = 0) => new Date(start + number * DAY_MS + ms).toISOString();
  let tenant: Awaited<ReturnType<TestService['tenant']>>;
  let other: { appId: string; appKey: string };

  /** Six actions, one a day at midnight, named by their keys. */
  beforeAll(async () => {
    clock.set(start);
    tenant = await service.tenant(100);
    other = await addApp(service, tenant.ownerId);
    const sms = async (key: string, visitor: string) => {
      const { sendSms } = await service.ask(
        `mutation { sendSms(input: { idempotencyKey: "${key}", visitor: "${visitor}" }) { action { id } } }`,
        {},
        tenant.appKey,
      );
      return sendSms.action.id as string;
    };
    await performed(service, tenant.appKey, { idempotencyKey: 'call', visitor: 'ann' });
    clock.set(day(1));
    await sms('sms', 'ann');
    clock.set(day(2));
    const refunded = await sms('sms refunded', 'bob');
    await resolved(service, tenant.appKey, 'refundAction', { actionId: refunded });
    clock.set(day(3));
    await performed(service, tenant.appKey, { idempotencyKey: 'held', hold: true, holdSeconds: 86_400 });
    const voided = await performed(service, tenant.appKey, { idempotencyKey: 'voided', hold: true, visitor: 'ANN' });
    await resolved(service, tenant.appKey, 'voidAction', { actionId: voided.action.id });
    clock.set(day(3, 1));
    await performed(service, other.appKey, { idempotencyKey: 'other app', visitor: 'ann' });
  });

  async function keysOf(filter: object, key = tenant.ownerKey): Promise<string[]> {
    const { actions } = await service.ask(
      `query ($appId: ID, $ownerId: ID, $type: ActionType, $status: ActionStatus, $visitor: String, $from: DateTime, $to: DateTime) {
        actions(appId: $appId, ownerId: $ownerId, type: $type, status: $status, visitor: $visitor, from: $from, to: $to) {
          edges { node { idempotencyKey } }
        }
      }`,
      { ...filter },
      key,
    );
    return actions.edges.map(({ node }: { node: { idempotencyKey: string } }) => node.idempotencyKey);
  }

  it.each<[string, object, string[]]>([
    ['nothing', {}, ['other app', 'voided', 'held', 'sms refunded', 'sms', 'call']],
    ['a type', { type: 'SEND_SMS' }, ['sms refunded', 'sms']],
    ['a type that nobody used', { type: 'GENERATE_IMAGE' }, []],
    ['captured', { status: 'CAPTURED' }, ['other app', 'sms', 'call']],
    ['held', { status: 'HELD' }, ['held']],
    ['voided', { status: 'VOIDED' }, ['voided']],
    ['refunded', { status: 'REFUNDED' }, ['sms refunded']],
    ['a visitor, exactly', { visitor: 'ann' }, ['other app', 'sms', 'call']],
    ['a visitor with a wildcard, literally', { visitor: 'a%' }, []],
    ['an instant on', { from: day(3) }, ['other app', 'voided', 'held']],
    ['just after an instant on', { from: day(3, 1) }, ['other app']],
    ['up to an instant, without it', { to: day(1) }, ['call']],
    ['up to just after an instant', { to: day(1, 1) }, ['sms', 'call']],
    ['a span', { from: day(1), to: day(3) }, ['sms refunded', 'sms']],
    ['an empty span', { from: day(3), to: day(1) }, []],
    ['an instant in another time zone', { to: '2026-06-02T02:00:00.000+02:00' }, ['call']],
    ['all at once', { type: 'SEND_SMS', status: 'CAPTURED', visitor: 'ann', from: day(1), to: day(2) }, ['sms']],
    ['all at once, but for one', { type: 'SEND_SMS', status: 'CAPTURED', visitor: 'bob' }, []],
  ])('by %s', async (_title, filter, keys) => {
    expect(await keysOf(filter)).toEqual(keys);
  });

  it('by app, for the owner and the operator; an APP key sees its own app only', async () => {
    expect(await keysOf({ appId: other.appId })).toEqual(['other app']);
    expect(await keysOf({ appId: other.appId }, service.adminKey)).toEqual(['other app']);
    expect(await keysOf({ ownerId: tenant.ownerId, appId: other.appId }, service.adminKey)).toEqual(['other app']);
    expect(await keysOf({ ownerId: tenant.ownerId }, service.adminKey)).toHaveLength(6);
    expect(await keysOf({}, other.appKey)).toEqual(['other app']);
    expect(await keysOf({}, tenant.appKey)).toHaveLength(5);
  });

  it('of what is not the caller’s read as missing', async () => {
    const stranger = await service.tenant(1);
    const codeOf = async (filter: object, key: string) =>
      (
        await service.send(
          'query ($appId: ID, $ownerId: ID) { actions(appId: $appId, ownerId: $ownerId) { edges { cursor } } }',
          { ...filter },
          key,
        )
      ).code;
    expect(await codeOf({ appId: other.appId }, stranger.ownerKey)).toBe('NOT_FOUND');
    expect(await codeOf({ ownerId: tenant.ownerId }, stranger.ownerKey)).toBe('NOT_FOUND');
    expect(await codeOf({ appId: other.appId }, tenant.appKey)).toBe('NOT_FOUND');
    expect(await codeOf({ ownerId: stranger.ownerId, appId: other.appId }, service.adminKey)).toBe('NOT_FOUND');
    expect(await codeOf({ appId: `${other.appId}0` }, service.adminKey)).toBe('NOT_FOUND');
    expect(await codeOf({ ownerId: 'own_0000000010' }, service.adminKey)).toBe('NOT_FOUND');
  });

  it('go on from page to page', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const { actions } = await service.ask(
        `query ($after: String) {
          actions(status: CAPTURED, first: 1, after: $after) {
            edges { node { idempotencyKey } } pageInfo { hasNextPage endCursor }
          }
        }`,
        { after },
        tenant.ownerKey,
      );
      const { edges, pageInfo } = actions as Page<{ idempotencyKey: string }>;
      seen.push(...edges.map(({ node }) => node.idempotencyKey));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);
    expect(seen).toEqual(['other app', 'sms', 'call']);
  });
});
