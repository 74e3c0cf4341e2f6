import { MINUTE_MS, type Clock, type Instant } from '../clock';
import type { DomainError } from '../errors';
import { hashSecret, isWellFormedSecret } from './api-key-secret';
import type { ApiKeyStore, KnownKey } from './api-keys';
import { type Caller, forbidden, unauthenticated } from './caller';
import { KnownKeys } from './known-keys';

const TOUCHED_AT_ONCE = 200;

/** The explorer's header before a key is pasted into it is no credential. */
const NO_CREDENTIAL = /^(Bearer)?\s*$/i;
const BEARER = /^Bearer ([\w]+)$/i;

/** What a request says of itself. `origin` is the Origin header of the request, or of the WebSocket handshake. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly origin: string | undefined;
}

/** Turns credentials into a caller, the same way on both transports. */
export class Authentication {
  private readonly keys: KnownKeys;
  /** The minute in which a use was last noted, by the key as it was looked up. */
  private readonly noted = new WeakMap<KnownKey, Instant>();
  private readonly lastUsed = new Map<string, { ownerId: number; id: number; at: Instant }>();

  constructor(
    private readonly store: ApiKeyStore,
    private readonly clock: Clock,
  ) {
    this.keys = new KnownKeys(store, clock);
  }

  /** The caller; null without credentials; or, as a value, why the credentials are refused. */
  async authenticate({ authorization, origin }: Credentials): Promise<Caller | DomainError | null> {
    if (authorization === undefined || NO_CREDENTIAL.test(authorization)) return null;
    const secret = BEARER.exec(authorization)?.[1];
    if (!secret) return unauthenticated();
    const hash = hashSecret(secret);
    // A typing error is refused by the checksum, without a look-up.
    const key = this.keys.believedByHash(hash) ?? (isWellFormedSecret(secret) ? await this.keys.byHash(hash) : null);
    if (!key) return unauthenticated();
    const now = this.clock.now();
    if (key.revokedAt !== null || (key.expiresAt !== null && key.expiresAt <= now)) return unauthenticated();
    // Made for browsers, which always say where a page is from; a sandboxed page's `null` never matches.
    if (key.role === 'PUBLISHABLE' && !(origin && key.allowedOrigins.includes(origin))) return forbidden();
    this.markUsed(key, now);
    return {
      role: key.role,
      keyOwnerId: key.ownerId,
      keyNumber: key.id,
      ownerId: key.role === 'ADMIN' ? null : key.ownerId,
      appId: key.appId,
      expiresAt: key.expiresAt,
    };
  }

  /** Forgets what is known of keys, after one was curtailed or an app's origins changed. Both are rare. */
  forget(): void {
    this.keys.forget();
  }

  /** Writes when keys were last used, to the minute, at most once a minute for each. */
  async flushLastUsed(): Promise<void> {
    // In one order in all processes, so that none waits for another in a circle; in pieces, so that none waits long.
    const used = [...this.lastUsed.entries()].sort(([, a], [, b]) => a.ownerId - b.ownerId || a.id - b.id);
    for (let start = 0; start < used.length; start += TOUCHED_AT_ONCE) {
      const piece = used.slice(start, start + TOUCHED_AT_ONCE);
      await this.store.touch(piece.map(([, use]) => use));
      for (const [name, use] of piece) if (this.lastUsed.get(name) === use) this.lastUsed.delete(name);
    }
  }

  private markUsed(key: KnownKey, now: Instant): void {
    const at = now - (now % MINUTE_MS);
    if (this.noted.get(key) === at) return;
    this.noted.set(key, at);
    const id = `${key.ownerId}:${key.id}`;
    if ((this.lastUsed.get(id)?.at ?? key.lastUsedAt ?? 0) < at)
      this.lastUsed.set(id, { ownerId: key.ownerId, id: key.id, at });
  }
}
