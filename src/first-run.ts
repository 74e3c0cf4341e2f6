import type { ApiKeys } from './access/api-keys';
import type { Caller } from './access/caller';
import type { Apps } from './apps/apps';
import type { Config } from './config';
import type { DatabaseKind } from './database/connection-options';
import type { Owners } from './owners/owners';
import type { Plans } from './plans/plans';
import { publicId } from './public-id';
import type { SampleStart } from './sample/seed';

/** What an empty database was given, to be printed once. */
export interface FirstRun {
  /** The generated ADMIN key; null where ADMIN_KEY was set, which is never printed. */
  readonly adminSecret: string | null;
  /** A sample owner on the free plan with one app; on an embedded database only. */
  readonly sample: {
    readonly ownerId: string;
    readonly appId: string;
    readonly ownerSecret: string;
    readonly appSecret: string;
  } | null;
  /** An owner with a past and keys of each role; only where it was asked for. */
  readonly history: SampleStart | null;
}

/** Creates the plan catalogue and one ADMIN key where there are none, and something to try at once. */
export async function firstRun(
  parts: { plans: Plans; owners: Owners; apps: Apps; apiKeys: ApiKeys },
  config: Pick<Config, 'adminKey'>,
  database: {
    readonly kind: DatabaseKind;
    /** Writes an owner with a history; null where nobody asked for one. */
    readonly writeHistory: (() => Promise<SampleStart>) | null;
  },
): Promise<FirstRun | null> {
  const { plans, owners, apps, apiKeys } = parts;
  await plans.createFirst();
  const first = await apiKeys.createFirstAdmin(config.adminKey);
  if (!first) return null;
  const adminSecret = config.adminKey === null ? first.secret : null;
  if (database.writeHistory) return { adminSecret, sample: null, history: await database.writeHistory() };
  if (database.kind !== 'sqlite') return { adminSecret, sample: null, history: null };
  const operator: Caller = {
    role: 'ADMIN',
    keyOwnerId: 0,
    keyNumber: first.apiKey.id,
    ownerId: null,
    appId: null,
    expiresAt: null,
  };
  const owner = await owners.create({ name: 'Sample owner', planCode: 'free' });
  const ownerId = publicId('owner', owner.id);
  const app = await apps.create(operator, { ownerId, name: 'Sample app', allowedOrigins: [] });
  const appId = publicId('app', app.ownerId, app.id);
  const { secret } = await apiKeys.create(operator, { name: 'Sample key', role: 'APP', appId });
  const { secret: ownerSecret } = await apiKeys.create(operator, { name: 'Sample owner', role: 'OWNER', ownerId });
  return { adminSecret, sample: { ownerId, appId, ownerSecret, appSecret: secret }, history: null };
}
