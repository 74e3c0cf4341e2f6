import { LRUCache } from 'lru-cache';
import { SECOND_MS, type Clock, type Instant } from '../clock';
import type { ApiKeyStore, KnownKey } from './api-keys';

/** For how long a key that was looked up is believed: the longest that another process's revocation takes to hold here. */
const BELIEVED_MS = 3 * SECOND_MS;
/** A key in use that was looked up so long ago is looked up again, while it is believed: nobody waits for that. */
const RENEWED_AFTER_MS = SECOND_MS;
/** For how long keys to be renewed are collected: many are looked up at the cost of a few. */
const COLLECTED_MS = 50;
const KEYS_PER_LOOK_UP = 200;
const CACHED_KEYS = 20_000;

interface Believed {
  readonly key: KnownKey;
  readonly readAt: Instant;
}

/** A look-up that is waited for, by nobody where a key is only renewed. */
interface LookUp {
  readonly hash: Buffer;
  /** When it was sent; what it finds may be as old as that. null: not yet. */
  sentAt: Instant | null;
  readonly found: Promise<KnownKey | null>;
  resolve(key: KnownKey | null): void;
  reject(error: unknown): void;
}

/** Keys by their hashes, as they were within the last three seconds. */
export class KnownKeys {
  private readonly believed = new LRUCache<string, Believed>({ max: CACHED_KEYS });
  /** By hash, until they are answered: who asks for the same key meanwhile waits for the same look-up. */
  private readonly pending = new Map<string, LookUp>();
  private unsent: LookUp[] = [];
  private collecting: NodeJS.Timeout | null = null;
  private sending: NodeJS.Immediate | null = null;

  constructor(
    private readonly store: Pick<ApiKeyStore, 'byHashes'>,
    private readonly clock: Clock,
  ) {}

  /** The key where it is believed; else null. */
  believedByHash(hash: Buffer): KnownKey | null {
    const name = nameOf(hash);
    const believed = this.believed.get(name);
    const ageMs = believed ? this.clock.now() - believed.readAt : NaN;
    if (!believed || !(ageMs >= 0 && ageMs < BELIEVED_MS)) return null;
    if (ageMs >= RENEWED_AFTER_MS) this.renew(name, hash);
    return believed.key;
  }

  /** The key; null where there is none. Rejects where it must be looked up and cannot be. */
  byHash(hash: Buffer): KnownKey | Promise<KnownKey | null> {
    return this.believedByHash(hash) ?? this.lookUp(nameOf(hash), hash, this.clock.now());
  }

  /** Forgets all keys, after one was curtailed or an app's origins changed: also what is on its way. Both are rare. */
  forget(): void {
    this.believed.clear();
    this.pending.clear();
    for (const lookUp of this.unsent) this.pending.set(nameOf(lookUp.hash), lookUp);
  }

  private lookUp(name: string, hash: Buffer, now: Instant): Promise<KnownKey | null> {
    const pending = this.pending.get(name);
    const sentAt = pending?.sentAt ?? now;
    // One that is answered late would tell what may not be believed any more.
    const isFresh = pending && now >= sentAt && now - sentAt < BELIEVED_MS;
    const { found } = isFresh ? pending : this.enqueue(name, hash);
    this.sending ??= setImmediate(() => this.send());
    return found;
  }

  private renew(name: string, hash: Buffer): void {
    if (this.pending.has(name)) return;
    // Where that fails, whoever needs the key when it is not believed any more is told.
    this.enqueue(name, hash).found.catch(() => undefined);
    this.collecting ??= setTimeout(() => this.send(), COLLECTED_MS).unref();
  }

  private enqueue(name: string, hash: Buffer): LookUp {
    let settle!: Pick<LookUp, 'resolve' | 'reject'>;
    const found = new Promise<KnownKey | null>((resolve, reject) => (settle = { resolve, reject }));
    const lookUp: LookUp = { hash, sentAt: null, found, ...settle };
    this.pending.set(name, lookUp);
    this.unsent.push(lookUp);
    return lookUp;
  }

  private send(): void {
    if (this.collecting) clearTimeout(this.collecting);
    if (this.sending) clearImmediate(this.sending);
    this.collecting = this.sending = null;
    const { unsent } = this;
    this.unsent = [];
    for (let start = 0; start < unsent.length; start += KEYS_PER_LOOK_UP) {
      void this.answer(unsent.slice(start, start + KEYS_PER_LOOK_UP));
    }
  }

  private async answer(lookUps: readonly LookUp[]): Promise<void> {
    const readAt = this.clock.now();
    for (const lookUp of lookUps) lookUp.sentAt = readAt;
    try {
      const keys = await this.store.byHashes(lookUps.map(({ hash }) => hash));
      for (const lookUp of lookUps) {
        const key = keys.get(nameOf(lookUp.hash)) ?? null;
        if (this.end(lookUp)) this.remember(lookUp, key && { key, readAt });
        lookUp.resolve(key);
      }
    } catch (error) {
      for (const lookUp of lookUps) {
        this.end(lookUp);
        lookUp.reject(error);
      }
    }
  }

  /** Returns whether nothing was forgotten since it was asked. */
  private end(lookUp: LookUp): boolean {
    const name = nameOf(lookUp.hash);
    return this.pending.get(name) === lookUp && this.pending.delete(name);
  }

  /** Only what exists: guesses must not crowd out the keys in use. */
  private remember({ hash }: LookUp, believed: Believed | null): void {
    if (believed) this.believed.set(nameOf(hash), believed);
    else this.believed.delete(nameOf(hash));
  }
}

/** A hash as the name of its key in a map. */
export function nameOf(hash: Buffer): string {
  return hash.toString('latin1');
}
