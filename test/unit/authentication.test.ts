import { Authentication } from '../../src/access/authentication';
import { createSecret, hashSecret } from '../../src/access/api-key-secret';
import type { ApiKeyStore, KnownKey } from '../../src/access/api-keys';
import { nameOf } from '../../src/access/known-keys';
import { DomainError } from '../../src/errors';
import { ManualClock } from '../support/service';

const SECRET = createSecret('APP');
const KEY: KnownKey = {
  ownerId: 1,
  id: 2,
  role: 'APP',
  appId: 3,
  lastUsedAt: null,
  expiresAt: null,
  revokedAt: null,
  allowedOrigins: [],
};

/** Authentication over a store that knows one key, and counts what it is asked. */
function authenticationOf(parts: { byHash?: (hash: Buffer) => Promise<KnownKey | null> } = {}) {
  const clock = new ManualClock(Date.parse('2026-01-31T12:00:30.000Z'));
  const looked: string[] = [];
  const touched: number[] = [];
  let key = KEY;
  const known = (hash: Buffer) => Promise.resolve(hash.equals(hashSecret(SECRET)) ? key : null);
  const { byHash = known } = parts;
  const store = {
    byHashes: async (hashes: readonly Buffer[]) => {
      const found = new Map<string, KnownKey>();
      for (const hash of hashes) {
        looked.push(hash.toString('hex'));
        const one = await byHash(hash);
        if (one) found.set(nameOf(hash), one);
      }
      return found;
    },
    touch: (used: readonly { at: number }[]) => {
      for (const { at } of used) {
        touched.push(at);
        key = { ...key, lastUsedAt: at };
      }
      return Promise.resolve();
    },
  };
  const authentication = new Authentication(store as Partial<ApiKeyStore> as ApiKeyStore, clock);
  const ask = (authorization: string | undefined = `Bearer ${SECRET}`) =>
    authentication.authenticate({ authorization, origin: undefined });
  return { clock, looked, touched, authentication, ask };
}

describe('a key that was looked up', () => {
  it('is believed for three seconds, also by requests that come while it is looked up', async () => {
    const { ask, looked, clock } = authenticationOf();
    const callers = await Promise.all([ask(), ask(), ask()]);
    clock.advance(2_999);
    for (const caller of [...callers, await ask()]) expect(caller).toMatchObject({ role: 'APP', ownerId: 1, appId: 3 });
    expect(looked).toHaveLength(1);
    clock.advance(1);
    await ask();
    expect(looked).toHaveLength(2);
  });

  it('is looked up again after the clock was set back, and after somebody said so', async () => {
    const { ask, looked, clock, authentication } = authenticationOf();
    await ask();
    clock.advance(-1);
    await ask();
    expect(looked).toHaveLength(2);
    authentication.forget();
    await ask();
    expect(looked).toHaveLength(3);
  });

  it('is not remembered where there is none, nor where the look-up fails', async () => {
    const guess = createSecret('APP');
    const { ask, looked } = authenticationOf();
    for (let time = 0; time < 2; time += 1) expect(await ask(`Bearer ${guess}`)).toBeInstanceOf(DomainError);
    expect(looked).toHaveLength(2);

    let fails = true;
    const unsteady = authenticationOf({
      byHash: () => (fails ? Promise.reject(new Error('away')) : Promise.resolve(KEY)),
    });
    await expect(unsteady.ask()).rejects.toThrow('away');
    fails = false;
    expect(await unsteady.ask()).toMatchObject({ role: 'APP' });
  });

  it('is noted as used once a minute', async () => {
    const { ask, touched, clock, authentication } = authenticationOf();
    const noon = Date.parse('2026-01-31T12:00:00.000Z');
    for (const [advanceMs, expected] of [
      [0, [noon]],
      [10_000, [noon]],
      [20_000, [noon, noon + 60_000]],
      [1_000, [noon, noon + 60_000]],
    ] as const) {
      clock.advance(advanceMs);
      await ask();
      await ask();
      await authentication.flushLastUsed();
      expect(touched).toEqual(expected);
    }
  });
});

it('a header without a well-formed key is refused without a look-up, and one without any is no credential', async () => {
  const { ask, looked } = authenticationOf();
  for (const header of ['', 'Bearer', 'bearer ']) expect(await ask(header)).toBeNull();
  for (const header of [SECRET, `Basic ${SECRET}`, `Bearer ${SECRET.slice(0, -1)}_`, `Bearer  ${SECRET}`]) {
    expect(await ask(header)).toBeInstanceOf(DomainError);
  }
  expect(looked).toEqual([]);
  expect(await ask(`bearer ${SECRET}`)).toMatchObject({ role: 'APP' });
});
