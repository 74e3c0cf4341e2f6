import { createHash } from 'node:crypto';
import { createSecret } from '../../src/access/api-key-secret';
import { MINUTE_MS, SECOND_MS } from '../../src/clock';
import { Database } from '../../src/database/database';
import { entities } from '../../src/database/entities';
import { databaseKindOf } from '../support/database';
import { connectSocket, openSocket } from '../support/raw-socket';
import { ManualClock, startTestService, type Answer, type Tenant, type TestService } from '../support/service';

const CREATE = `mutation($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    apiKey { id name role hint createdAt lastUsedAt expiresAt revokedAt owner { id } app { id } }
    secret
  }
}`;
const ROTATE = `mutation($id: ID!, $overlapSeconds: Int! = 0) {
  rotateApiKey(input: { id: $id, overlapSeconds: $overlapSeconds }) {
    apiKey { id name role hint expiresAt revokedAt owner { id } app { id } }
    secret
  }
}`;
const REVOKE = 'mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id revokedAt } } }';
const WHO = '{ viewer { role } }';

let clock: ManualClock;
let service: TestService;
let tenant: Tenant;

beforeAll(async () => {
  clock = new ManualClock();
  service = await startTestService(databaseKindOf(), { clock });
  tenant = await service.tenant(100);
});
afterEach(() => expect(service.failures).toEqual([]));
afterAll(() => service.stop());

describe('createApiKey', () => {
  it('returns a secret with a prefix that names the role, and a hint of it', async () => {
    const { ownerId, appId } = tenant;
    const scopes = {
      ADMIN: ['adm', {}, { owner: null, app: null }],
      OWNER: ['own', { ownerId }, { owner: { id: ownerId }, app: null }],
      APP: ['app', { appId }, { owner: { id: ownerId }, app: { id: appId } }],
      PUBLISHABLE: ['pub', { appId }, { owner: { id: ownerId }, app: { id: appId } }],
    } as const;
    for (const [role, [tag, input, scope]] of Object.entries(scopes)) {
      const { createApiKey } = await service.ask(CREATE, { input: { name: `A key of ${role}`, role, ...input } });
      const { apiKey, secret } = createApiKey;
      expect(secret).toMatch(new RegExp(`^icr_${tag}_[0-9A-Za-z]{38}$`));
      expect(apiKey).toEqual({
        id: expect.stringMatching(/^key_/),
        name: `A key of ${role}`,
        role,
        hint: `icr_${tag}_…${secret.slice(-4)}`,
        createdAt: new Date(clock.now()).toISOString(),
        lastUsedAt: null,
        expiresAt: null,
        revokedAt: null,
        ...scope,
      });
    }
  });

  it('keeps only the SHA-256 of the secret, and never shows the secret again', async () => {
    const { createApiKey } = await service.ask(CREATE, {
      input: { name: 'Hashed', role: 'APP', appId: tenant.appId },
    });
    const { apiKey, secret } = createApiKey;

    const database = await Database.open(service.databaseUrl, entities);
    const rows = await database.reader.query<{ name: string; hash: Uint8Array }>('SELECT * FROM api_keys');
    await database.close();
    const row = rows.find(({ name }) => name === 'Hashed');
    expect(Buffer.from(row?.hash ?? []).toString('hex')).toBe(createHash('sha256').update(secret).digest('hex'));
    const random = secret.slice('icr_app_'.length, -4);
    expect(JSON.stringify(rows)).not.toContain(random);

    const { node, owner } = await service.ask(
      `query($id: ID!, $ownerId: ID!) {
        node(id: $id) { ... on ApiKey { id hint } }
        owner(id: $ownerId) { apiKeys { id hint name } }
      }`,
      { id: apiKey.id, ownerId: tenant.ownerId },
    );
    expect(node).toEqual({ id: apiKey.id, hint: apiKey.hint });
    expect(owner.apiKeys).toContainEqual({ id: apiKey.id, hint: apiKey.hint, name: 'Hashed' });
    expect(JSON.stringify([node, owner])).not.toContain(random);
  });

  it.each<[string, (tenant: Tenant) => object]>([
    ['APP without appId', () => ({ role: 'APP' })],
    ['PUBLISHABLE without appId', () => ({ role: 'PUBLISHABLE' })],
    ['APP with ownerId', ({ ownerId, appId }) => ({ role: 'APP', appId, ownerId })],
    ['PUBLISHABLE with ownerId', ({ ownerId, appId }) => ({ role: 'PUBLISHABLE', appId, ownerId })],
    ['OWNER without ownerId', () => ({ role: 'OWNER' })],
    ['OWNER with appId', ({ ownerId, appId }) => ({ role: 'OWNER', ownerId, appId })],
    ['ADMIN with ownerId', ({ ownerId }) => ({ role: 'ADMIN', ownerId })],
    ['ADMIN with appId', ({ appId }) => ({ role: 'ADMIN', appId })],
    ['APP with an empty name', ({ appId }) => ({ role: 'APP', appId, name: '' })],
    ['APP with a name of 256 characters', ({ appId }) => ({ role: 'APP', appId, name: 'n'.repeat(256) })],
    ['APP that has expired', ({ appId }) => ({ role: 'APP', appId, expiresAt: new Date(clock.now()) })],
  ])('refuses a key of role %s with BAD_USER_INPUT', async (_title, input) => {
    const answer = await service.send(CREATE, { input: { name: 'Wrong', ...input(tenant) } });
    expect(answer.code).toBe('BAD_USER_INPUT');
    expect(answer.errors[0]?.extensions['problems']).toEqual([
      { path: expect.stringMatching(/^input\.(name|appId|ownerId|expiresAt)$/), message: expect.any(String) },
    ]);
  });

  it('takes an OWNER key’s own owner and apps, and no other: NOT_FOUND', async () => {
    const other = await service.tenant(100);
    const ask = (input: object) => service.send(CREATE, { input: { name: 'Mine', ...input } }, tenant.ownerKey);
    expect(await ask({ role: 'OWNER' })).toMatchObject({ data: { createApiKey: { apiKey: { role: 'OWNER' } } } });
    expect((await ask({ role: 'OWNER', ownerId: tenant.ownerId })).errors).toEqual([]);
    expect((await ask({ role: 'PUBLISHABLE', appId: tenant.appId })).errors).toEqual([]);
    expect((await ask({ role: 'OWNER', ownerId: other.ownerId })).code).toBe('NOT_FOUND');
    expect((await ask({ role: 'APP', appId: other.appId })).code).toBe('NOT_FOUND');
    expect((await ask({ role: 'PUBLISHABLE', appId: other.appId })).code).toBe('NOT_FOUND');
  });

  it('lets only ADMIN keys create ADMIN keys: FORBIDDEN', async () => {
    for (const input of [{}, { ownerId: tenant.ownerId }, { name: '' }]) {
      const answer = await service.send(
        CREATE,
        { input: { name: 'Higher', role: 'ADMIN', ...input } },
        tenant.ownerKey,
      );
      expect(answer.code).toBe('FORBIDDEN');
    }
    const { createApiKey } = await service.ask(CREATE, { input: { name: 'Second', role: 'ADMIN' } });
    expect(await roleOf(createApiKey.secret)).toBe('ADMIN');
  });
});

describe('a key', () => {
  it('is taken as "Authorization: Bearer", in any case of that word', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect((await sendWith({ authorization: `${scheme} ${tenant.appKey}` })).data.viewer.role).toBe('APP');
    }
    for (const value of [tenant.appKey, `Basic ${tenant.appKey}`, `Bearer  ${tenant.appKey}`, 'Bearer', 'Bearer ']) {
      expect(await sendWith({ authorization: value })).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    }
  });

  it('with a typing error is refused like one that nobody has: UNAUTHENTICATED', async () => {
    const typo = tenant.appKey.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    const unknown = createSecret('APP');
    const answers = await Promise.all(
      [typo, unknown, tenant.appKey.slice(0, -1), ''].map((key) => service.send(WHO, {}, key)),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
      expect(answer.errors).toEqual(answers[0]?.errors);
    }
  });

  it('does not work any more once it is revoked; revoking it again changes nothing', async () => {
    const { id, secret } = await createKey({ role: 'APP', appId: tenant.appId });
    expect(await roleOf(secret)).toBe('APP');
    const { revokeApiKey } = await service.ask(REVOKE, { id });
    expect(revokeApiKey.apiKey.revokedAt).toBe(new Date(clock.now()).toISOString());
    expect((await service.send(WHO, {}, secret)).code).toBe('UNAUTHENTICATED');
    clock.advance(MINUTE_MS);
    expect((await service.ask(REVOKE, { id })).revokeApiKey).toEqual(revokeApiKey);
    expect((await service.send(ROTATE, { id })).code).toBe('NOT_FOUND');
  });

  it('works until the instant at which it expires', async () => {
    const expiresAt = new Date(clock.now() + 10 * SECOND_MS);
    const { id, secret } = await createKey({ role: 'APP', appId: tenant.appId, expiresAt });
    clock.advance(10 * SECOND_MS - 1);
    expect(await roleOf(secret)).toBe('APP');
    clock.advance(1);
    expect((await service.send(WHO, {}, secret)).code).toBe('UNAUTHENTICATED');
    expect((await service.send(ROTATE, { id })).code).toBe('NOT_FOUND');
  });

  it('of another owner can neither be revoked nor rotated: NOT_FOUND, as if there were none', async () => {
    const other = await service.tenant(100);
    const { id } = await createKey({ role: 'APP', appId: other.appId });
    const { owner } = await service.ask('query($id: ID!) { owner(id: $id) { apiKeys { id } } }', { id: other.ownerId });
    expect(owner.apiKeys.map((key: { id: string }) => key.id)).toContain(id);
    for (const mutation of [ROTATE, REVOKE]) {
      const answer = await service.send(mutation, { id }, tenant.ownerKey);
      expect(answer.code).toBe('NOT_FOUND');
      expect((await service.send(mutation, { id: `${id}0000` }, tenant.ownerKey)).errors[0]?.message).toBe(
        answer.errors[0]?.message,
      );
    }
    const { createApiKey } = await service.ask(CREATE, { input: { name: 'Operator', role: 'ADMIN' } });
    expect((await service.send(REVOKE, { id: createApiKey.apiKey.id }, tenant.ownerKey)).code).toBe('NOT_FOUND');
    expect(await roleOf(createApiKey.secret)).toBe('ADMIN');
  });

  it('tells when it was last used, to the minute, also after a restart', async () => {
    const timed = new ManualClock(Date.parse('2026-05-01T08:30:12.345Z'));
    const first = await startTestService(databaseKindOf(), { clock: timed });
    const { ownerId, appKey, ownerKey } = await first.tenant(100);
    await first.ask(WHO, {}, appKey);
    timed.set('2026-05-01T08:31:59.999Z');
    await first.ask(WHO, {}, appKey);
    await first.service.stop();

    const restarted = await startTestService(databaseKindOf(), {
      clock: timed,
      databaseUrl: first.databaseUrl,
      config: { adminKey: first.adminKey },
    });
    const { owner } = await restarted.ask('query($id: ID!) { owner(id: $id) { apiKeys { role lastUsedAt } } }', {
      id: ownerId,
    });
    expect(owner.apiKeys).toEqual([
      { role: 'APP', lastUsedAt: '2026-05-01T08:31:00.000Z' },
      { role: 'OWNER', lastUsedAt: null },
    ]);
    expect((await restarted.send(WHO, {}, ownerKey)).data.viewer.role).toBe('OWNER');
    await restarted.stop();
    await first.stop();
  });
});

describe('rotateApiKey', () => {
  it('replaces a key by one of the same name, role and scope, at once', async () => {
    const { id, secret } = await createKey({ role: 'APP', appId: tenant.appId });
    const { rotateApiKey } = await service.ask(ROTATE, { id });
    expect(rotateApiKey.apiKey).toMatchObject({
      name: 'A key',
      role: 'APP',
      owner: { id: tenant.ownerId },
      app: { id: tenant.appId },
      revokedAt: null,
    });
    expect(rotateApiKey.apiKey.id).not.toBe(id);
    expect(rotateApiKey.secret).not.toBe(secret);
    expect(await roleOf(rotateApiKey.secret)).toBe('APP');
    expect((await service.send(WHO, {}, secret)).code).toBe('UNAUTHENTICATED');
  });

  it('lets the old key work for overlapSeconds more', async () => {
    const { id, secret } = await createKey({ role: 'OWNER', ownerId: tenant.ownerId });
    const { rotateApiKey } = await service.ask(ROTATE, { id, overlapSeconds: 60 });
    clock.advance(60 * SECOND_MS - 1);
    expect(await roleOf(secret)).toBe('OWNER');
    expect(await roleOf(rotateApiKey.secret)).toBe('OWNER');
    clock.advance(1);
    expect((await service.send(WHO, {}, secret)).code).toBe('UNAUTHENTICATED');
    expect(await roleOf(rotateApiKey.secret)).toBe('OWNER');
  });

  it('never lets the old key work longer than it would have', async () => {
    const expiresAt = new Date(clock.now() + 10 * SECOND_MS);
    const { id, secret } = await createKey({ role: 'APP', appId: tenant.appId, expiresAt });
    const { rotateApiKey } = await service.ask(ROTATE, { id, overlapSeconds: 604_800 });
    expect(rotateApiKey.apiKey.expiresAt).toBe(expiresAt.toISOString());
    clock.set(expiresAt.getTime());
    expect((await service.send(WHO, {}, secret)).code).toBe('UNAUTHENTICATED');
  });

  it.each([-1, 604_801])(
    'refuses an overlap of %d seconds with BAD_USER_INPUT, and the old key goes on',
    async (overlapSeconds) => {
      const { id, secret } = await createKey({ role: 'APP', appId: tenant.appId });
      expect((await service.send(ROTATE, { id, overlapSeconds })).code).toBe('BAD_USER_INPUT');
      expect(await roleOf(secret)).toBe('APP');
    },
  );

  it('lets an OWNER key rotate itself', async () => {
    const { id, secret } = await createKey({ role: 'OWNER', ownerId: tenant.ownerId });
    const { rotateApiKey } = await service.ask(ROTATE, { id }, secret);
    expect(await roleOf(rotateApiKey.secret)).toBe('OWNER');
    expect((await service.send(WHO, {}, secret)).code).toBe('UNAUTHENTICATED');
  });
});

describe('a PUBLISHABLE key', () => {
  const ORIGIN = 'https://shop.example';
  let secret: string;
  beforeAll(async () => {
    await allow([ORIGIN, 'http://localhost:3000']);
    ({ secret } = await createKey({ role: 'PUBLISHABLE', appId: tenant.appId }));
  });

  it('works with an Origin header that its app allows, over HTTP and at the WebSocket handshake', async () => {
    for (const origin of [ORIGIN, 'http://localhost:3000']) {
      expect(await sendWith({ authorization: `Bearer ${secret}`, origin })).toMatchObject({
        data: { viewer: { role: 'PUBLISHABLE' } },
      });
      const socket = await connectSocket(service.url, secret, { origin });
      socket.subscribe('1', 'subscription { balanceChanged { available } }');
      expect(await socket.next()).toMatchObject({ payload: { data: { balanceChanged: { available: 100 } } } });
      socket.socket.close();
    }
  });

  it.each<[string, string | undefined]>([
    ['no origin', undefined],
    ['an empty origin', ''],
    ['the origin of a sandboxed page, null', 'null'],
    ['another origin', 'https://other.example'],
    ['another scheme', 'http://shop.example'],
    ['another port', 'https://shop.example:8443'],
    ['a subdomain', 'https://www.shop.example'],
    ['a longer name', 'https://shop.example.evil.test'],
    ['a path', 'https://shop.example/'],
    ['capitals, which browsers never send', 'https://SHOP.example'],
    ['two origins', 'https://shop.example https://shop.example'],
  ])('is refused with %s: FORBIDDEN over HTTP, 4403 over WebSocket', async (_title, origin) => {
    const headers = { authorization: `Bearer ${secret}`, ...(origin !== undefined && { origin }) };
    expect(await sendWith(headers)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    const socket = await openSocket(service.url, { headers: origin === undefined ? {} : { origin } });
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${secret}` } });
    expect(await socket.closed).toEqual({ code: 4403, reason: 'Forbidden' });
  });

  it('of an app that allows no origin is refused from everywhere', async () => {
    const { appId } = await service.tenant(100);
    const { secret: ofAnother } = await createKey({ role: 'PUBLISHABLE', appId });
    for (const origin of [ORIGIN, 'null', '']) {
      expect(await sendWith({ authorization: `Bearer ${ofAnother}`, origin })).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it.each(['null', '*', 'shop.example', 'https://shop.example/', 'https://*.example', 'file:///x', ''])(
    'can never be allowed from %j: such an origin is BAD_USER_INPUT',
    async (origin) => {
      const answer = await service.send(
        'mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }',
        {
          input: { id: tenant.appId, allowedOrigins: [origin] },
        },
      );
      expect(answer.code).toBe('BAD_USER_INPUT');
    },
  );

  it('is refused from the next request on, once its origin is no longer allowed', async () => {
    const send = () => sendWith({ authorization: `Bearer ${secret}`, origin: ORIGIN });
    expect((await send()).code).toBeUndefined();
    await allow(['http://localhost:3000']);
    expect((await send()).code).toBe('FORBIDDEN');
    await allow([ORIGIN]);
    expect((await send()).code).toBeUndefined();
  });
});

async function createKey(input: object): Promise<{ id: string; secret: string }> {
  const { createApiKey } = await service.ask(CREATE, { input: { name: 'A key', ...input } });
  return { id: createApiKey.apiKey.id, secret: createApiKey.secret };
}

async function roleOf(key: string): Promise<string> {
  return (await service.ask(WHO, {}, key)).viewer.role;
}

async function allow(allowedOrigins: string[]): Promise<void> {
  await service.ask('mutation($input: UpdateAppInput!) { updateApp(input: $input) { app { id } } }', {
    input: { id: tenant.appId, allowedOrigins },
  });
}

/** Asks who the caller is, with exactly these headers. */
async function sendWith(headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: WHO }),
  });
  const { data, errors = [] } = (await response.json()) as Partial<Answer>;
  return { status: response.status, data, errors, code: errors[0]?.extensions['code'] };
}
