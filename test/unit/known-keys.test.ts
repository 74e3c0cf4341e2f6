import { setImmediate as nextRound } from 'node:timers/promises';
import { KnownKeys, nameOf } from '../../src/access/known-keys';
import type { KnownKey } from '../../src/access/api-keys';
import { ManualClock } from '../support/service';

/** A store whose look-ups are answered when the test says so. */
class Keys {
  readonly lookUps: { hashes: readonly string[]; answer(): void; fail(): void }[] = [];
  readonly kept = new Map<string, KnownKey>();
  private onLookUp: () => void = () => undefined;

  byHashes(hashes: readonly Buffer[]): Promise<ReadonlyMap<string, KnownKey>> {
    const names = hashes.map(nameOf);
    const found = new Map(names.flatMap((name) => (this.kept.has(name) ? [[name, this.kept.get(name)!]] : [])));
    return new Promise((resolve, reject) => {
      this.lookUps.push({ hashes: names, answer: () => resolve(found), fail: () => reject(new Error('away')) });
      this.onLookUp();
    });
  }

  /** The look-up with this number, as soon as it is made. */
  async lookUp(number: number) {
    while (this.lookUps.length < number) await new Promise<void>((resolve) => (this.onLookUp = resolve));
    return this.lookUps[number - 1]!;
  }

  keep(name: string, changes: Partial<KnownKey> = {}): Buffer {
    const key = {
      ownerId: 1,
      id: 1,
      role: 'APP',
      appId: 1,
      lastUsedAt: null,
      expiresAt: null,
      revokedAt: null,
    } as const;
    this.kept.set(name, { ...key, allowedOrigins: [], ...changes });
    return Buffer.from(name, 'latin1');
  }
}

let store: Keys;
let clock: ManualClock;
let known: KnownKeys;
beforeEach(() => {
  store = new Keys();
  clock = new ManualClock();
  known = new KnownKeys(store, clock);
});

/** Looks a key up, answered at once. */
async function learn(hash: Buffer): Promise<KnownKey | null> {
  const found = known.byHash(hash);
  (await store.lookUp(store.lookUps.length + 1)).answer();
  return found;
}

describe('keys that are known', () => {
  it('are looked up once for all who ask meanwhile, and many together', async () => {
    const [first, second] = [store.keep('first'), store.keep('second', { id: 2 })];
    const found = Promise.all([known.byHash(first), known.byHash(second), known.byHash(first)]);
    (await store.lookUp(1)).answer();
    expect((await found).map((key) => key?.id)).toEqual([1, 2, 1]);
    expect(store.lookUps.map(({ hashes }) => hashes)).toEqual([['first', 'second']]);
  });

  it('are believed for three seconds, and looked up again before, while nobody waits', async () => {
    const hash = store.keep('first');
    await learn(hash);
    clock.advance(999);
    expect(known.byHash(hash)).toMatchObject({ id: 1 });
    clock.advance(1);
    store.keep('first', { revokedAt: 5 });
    expect(known.byHash(hash)).toMatchObject({ revokedAt: null });
    const renewal = await store.lookUp(2);
    expect(known.byHash(hash)).toMatchObject({ revokedAt: null });
    renewal.answer();
    await nextRound();
    expect(await known.byHash(hash)).toMatchObject({ revokedAt: 5 });
    expect(store.lookUps).toHaveLength(2);
  });

  it('are not believed for longer where they cannot be looked up', async () => {
    const hash = store.keep('first');
    await learn(hash);
    clock.advance(2_999);
    expect(known.byHash(hash)).toMatchObject({ id: 1 });
    (await store.lookUp(2)).fail();
    await nextRound();
    clock.advance(1);
    const found = known.byHash(hash);
    (await store.lookUp(3)).fail();
    await expect(found).rejects.toThrow('away');
  });

  it('are not told by an answer that comes too late to be believed', async () => {
    const hash = store.keep('first');
    void known.byHash(hash);
    const late = await store.lookUp(1);
    store.keep('first', { revokedAt: 5 });
    clock.advance(3_000);
    const found = known.byHash(hash);
    (await store.lookUp(2)).answer();
    late.answer();
    expect(await found).toMatchObject({ revokedAt: 5 });
    expect(known.byHash(hash)).toMatchObject({ revokedAt: 5 });
  });

  it('are looked up again where the clock was turned back', async () => {
    const hash = store.keep('first');
    await learn(hash);
    clock.advance(-1);
    await learn(hash);
    expect(store.lookUps).toHaveLength(2);
  });

  it('are forgotten at once, and what was on its way is not believed', async () => {
    const hash = store.keep('first');
    const asked = known.byHash(hash);
    const before = await store.lookUp(1);
    store.keep('first', { revokedAt: 5 });
    known.forget();
    const afterwards = known.byHash(hash);
    (await store.lookUp(2)).answer();
    expect(await afterwards).toMatchObject({ revokedAt: 5 });
    before.answer();
    expect(await asked).toMatchObject({ revokedAt: null });
    expect(known.byHash(hash)).toMatchObject({ revokedAt: 5 });
  });

  it('are not remembered where they do not exist', async () => {
    expect(await learn(Buffer.from('a guess'))).toBeNull();
    expect(await learn(Buffer.from('a guess'))).toBeNull();
    expect(store.lookUps).toHaveLength(2);
  });
});
