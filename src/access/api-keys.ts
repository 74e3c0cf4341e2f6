import { checkBounds, text, wholeNumber } from '../bounds';
import { SECOND_MS, type Clock, type Instant } from '../clock';
import { badUserInput, notFound } from '../errors';
import { createSecret, hashSecret, hintOf, type ApiKeyRole } from './api-key-secret';
import { type Caller, forbidden, idOf, ownerScope, ownIdOf } from './caller';

/** An API key without its secret, which is shown once and stored only as a hash. The owner of an ADMIN key is 0. */
export interface ApiKey {
  readonly ownerId: number;
  readonly id: number;
  readonly name: string;
  readonly role: ApiKeyRole;
  readonly appId: number | null;
  readonly hint: string;
  readonly createdAt: Instant;
  readonly lastUsedAt: Instant | null;
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
}

export type NewApiKey = Omit<ApiKey, 'id' | 'lastUsedAt' | 'revokedAt'> & { readonly hash: Buffer };

/** What a request must know of the key that it carries. */
export interface KnownKey extends Pick<
  ApiKey,
  'ownerId' | 'id' | 'role' | 'appId' | 'lastUsedAt' | 'expiresAt' | 'revokedAt'
> {
  readonly allowedOrigins: readonly string[];
}

export interface ApiKeyStore {
  /** Those of the hashes that exist, by `nameOf(hash)`. */
  byHashes(hashes: readonly Buffer[]): Promise<ReadonlyMap<string, KnownKey>>;
  insert(key: NewApiKey): Promise<ApiKey>;
  byId(ownerId: number, id: number): Promise<ApiKey | null>;
  /** Newest first; of one app, or with null of the owner and all its apps. */
  list(ownerId: number, appId: number | null): Promise<ApiKey[]>;
  update(ownerId: number, id: number, changes: Partial<Pick<ApiKey, 'expiresAt' | 'revokedAt'>>): Promise<void>;
  touch(used: readonly { ownerId: number; id: number; at: Instant }[]): Promise<void>;
  countAdmin(): Promise<number>;
}

export interface CreatedApiKey {
  readonly apiKey: ApiKey;
  /** Shown this once. */
  readonly secret: string;
}

export interface ApiKeyInput {
  name: string;
  role: ApiKeyRole;
  ownerId?: string | null | undefined;
  appId?: string | null | undefined;
  expiresAt?: Instant | null | undefined;
}

export const API_KEY_BOUNDS = { name: text({ max: 255 }) };
export const ROTATION_BOUNDS = { overlapSeconds: wholeNumber({ min: 0, max: 604_800 }) };

export class ApiKeys {
  constructor(
    private readonly store: ApiKeyStore,
    private readonly parts: {
      clock: Clock;
      /** NOT_FOUND where there is no such owner, or no such app of it. */
      assertScope(scope: { ownerId: number; appId: number | null }): Promise<void>;
      /** Told when a key stops working sooner than before. */
      onCurtailed(key: ApiKey): void;
    },
  ) {}

  list(ownerId: number, appId: number | null): Promise<ApiKey[]> {
    return this.store.list(ownerId, appId);
  }

  /** NOT_FOUND where there is none, or where it is not the caller's. */
  async byId(caller: Caller, id: string): Promise<ApiKey> {
    const { ownerId, number } = ownIdOf(caller, 'apiKey', id);
    const key = await this.store.byId(ownerId, number);
    if (!key) throw notFound('API key');
    return key;
  }

  /** ownerId with role OWNER, appId with role APP or PUBLISHABLE, neither with role ADMIN, which only an ADMIN may create. */
  async create(caller: Caller, input: ApiKeyInput): Promise<CreatedApiKey> {
    if (input.role === 'ADMIN' && caller.role !== 'ADMIN') throw forbidden();
    checkBounds(input, API_KEY_BOUNDS);
    const { clock, assertScope } = this.parts;
    const expiresAt = input.expiresAt ?? null;
    if (expiresAt !== null && expiresAt <= clock.now()) {
      throw badUserInput([{ path: 'input.expiresAt', message: 'must be in the future' }]);
    }
    const scope = scopeOf(caller, input);
    // An ADMIN key belongs to no owner.
    if (input.role !== 'ADMIN') await assertScope(scope);
    return this.insert({ ...scope, name: input.name, role: input.role, expiresAt });
  }

  /** Creates the key that an empty database starts with; null where there is one. `secret` is well-formed, or null. */
  async createFirstAdmin(secret: string | null): Promise<CreatedApiKey | null> {
    return (await this.store.countAdmin()) > 0 ? null : this.createAdmin('First key', secret);
  }

  /** Creates an ADMIN key for whoever is at the machine itself. */
  createAdmin(name: string, secret: string | null): Promise<CreatedApiKey> {
    return this.insert({ ownerId: 0, appId: null, name, role: 'ADMIN', expiresAt: null }, secret);
  }

  /** A new key of the same name, role and scope; the old one works for `overlapSeconds` (0 to 604,800) more. */
  async rotate(caller: Caller, id: string, overlapSeconds: number): Promise<CreatedApiKey> {
    checkBounds({ overlapSeconds }, ROTATION_BOUNDS);
    const old = await this.byId(caller, id);
    const now = this.parts.clock.now();
    if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt <= now)) throw notFound('API key');
    const { ownerId, appId, name, role, expiresAt } = old;
    const created = await this.insert({ ownerId, appId, name, role, expiresAt });
    const endsAt = now + overlapSeconds * SECOND_MS;
    if (overlapSeconds === 0) await this.curtail(old, { revokedAt: now });
    else if (expiresAt === null || endsAt < expiresAt) await this.curtail(old, { expiresAt: endsAt });
    return created;
  }

  /** The key stops working at once and its sockets are closed. Revoking it again changes nothing. */
  async revoke(caller: Caller, id: string): Promise<ApiKey> {
    const key = await this.byId(caller, id);
    return key.revokedAt === null ? this.curtail(key, { revokedAt: this.parts.clock.now() }) : key;
  }

  private async curtail(key: ApiKey, change: Partial<Pick<ApiKey, 'expiresAt' | 'revokedAt'>>): Promise<ApiKey> {
    await this.store.update(key.ownerId, key.id, change);
    const curtailed = { ...key, ...change };
    this.parts.onCurtailed(curtailed);
    return curtailed;
  }

  private async insert(
    key: Pick<ApiKey, 'ownerId' | 'appId' | 'name' | 'role' | 'expiresAt'>,
    secret: string | null = null,
  ): Promise<CreatedApiKey> {
    const ownSecret = secret ?? createSecret(key.role);
    const createdAt = this.parts.clock.now();
    const hash = hashSecret(ownSecret);
    const apiKey = await this.store.insert({ ...key, createdAt, hash, hint: hintOf(ownSecret) });
    return { apiKey, secret: ownSecret };
  }
}

function scopeOf(caller: Caller, input: ApiKeyInput): { ownerId: number; appId: number | null } {
  const { role } = input;
  const ownerId = input.ownerId ?? null;
  const appId = input.appId ?? null;
  const problems = [];
  const forApp = role === 'APP' || role === 'PUBLISHABLE';
  if (forApp && appId === null) problems.push({ path: 'input.appId', message: `is required with role ${role}` });
  if (forApp && ownerId !== null) problems.push({ path: 'input.ownerId', message: `does not go with role ${role}` });
  if (!forApp && appId !== null) problems.push({ path: 'input.appId', message: `does not go with role ${role}` });
  if (role === 'ADMIN' && ownerId !== null) {
    problems.push({ path: 'input.ownerId', message: 'does not go with role ADMIN' });
  }
  if (problems.length > 0) throw badUserInput(problems);
  if (role === 'ADMIN') return { ownerId: 0, appId: null };
  if (role === 'OWNER') return { ownerId: ownerScope(caller, ownerId, 'input.ownerId'), appId: null };
  const app = caller.ownerId === null ? idOf('app', appId as string) : ownIdOf(caller, 'app', appId as string);
  return { ownerId: app.ownerId, appId: app.number };
}
