import { ApiKeys } from '../access/api-keys';
import { SqlApiKeyStore } from '../access/api-key.store';
import type { Caller } from '../access/caller';
import { systemClock, type Instant } from '../clock';
import type { Database } from '../database/database';
import { SqlOwnerStore } from '../owners/owner.store';
import { SqlLedgerStore } from '../ledger/ledger.store';
import { publicId } from '../public-id';
import { UsageFold } from '../usage/usage-fold';
import { SqlUsageStore } from '../usage/usage.store';
import { type HistoryProgress, writeHistory } from './history';
import { SAMPLE_ORIGINS, sampleCast, type SampleProfile } from './sample-cast';

export interface SeedOptions {
  readonly owners: number;
  readonly days: number;
  /** undefined: as many as go with the owners' plans. */
  readonly actions?: number | undefined;
  readonly seed: number;
  /** The present. */
  readonly endsAt: Instant;
  /** So many hours at the end are written minute by minute. */
  readonly recentHours?: number;
  readonly progressIntervalMs?: number;
  onProgress?(progress: HistoryProgress): void;
}

export interface SeededOwner {
  /** As the API names it. */
  readonly ownerId: string;
  readonly name: string;
  readonly appIds: readonly string[];
}

export interface SeedSummary {
  readonly added: readonly SeededOwner[];
  /** Owners of the same seed that were there already, of which nothing was touched. */
  readonly skipped: readonly string[];
  readonly actions: number;
  readonly refused: number;
  readonly perSecond: number;
}

/** The operator at the machine itself. */
const OPERATOR: Caller = {
  role: 'ADMIN',
  keyOwnerId: 0,
  keyNumber: 0,
  ownerId: null,
  appId: null,
  expiresAt: null,
};
const USUAL_RECENT_HOURS = 24;

/** Whether there is any owner in a database that is migrated. */
export async function hasOwners(database: Database): Promise<boolean> {
  const page = { search: null, beforeId: Number.MAX_SAFE_INTEGER, limit: 1 };
  return (await ownerStoreOf(database).page(page)).length > 0;
}

/**
 * Adds the sample owners of this seed that are not there yet, with their history up to the present, and counts their
 * usage. The same options give the same owners and actions, but for ids; owners that exist are left as they are.
 */
export async function seedSample(database: Database, options: SeedOptions): Promise<SeedSummary> {
  const cast = sampleCast(options);
  const missing: SampleProfile[] = [];
  const skipped: string[] = [];
  for (const profile of cast.profiles) {
    if (await ownerStoreOf(database).byExternalId(profile.externalId ?? '')) skipped.push(profile.name);
    else missing.push(profile);
  }
  if (missing.length === 0) return { added: [], skipped, actions: 0, refused: 0, perSecond: 0 };
  const shareOf = (profiles: readonly SampleProfile[]) => profiles.reduce((sum, { share }) => sum + share, 0);
  const summary = await writeHistory(database, {
    recentHours: USUAL_RECENT_HOURS,
    ...options,
    owners: missing.length,
    cast: missing,
    actions: Math.round((cast.actions * shareOf(missing)) / shareOf(cast.profiles)),
  });
  const fold = new UsageFold(new SqlUsageStore(database), () => undefined);
  for (const { ownerId } of summary.owners) await fold.upToDate(ownerId, () => Promise.resolve());
  const added = summary.owners.map(({ ownerId, appIds }, index) => ({
    ownerId: publicId('owner', ownerId),
    name: (missing[index] as SampleProfile).name,
    appIds: appIds.map((appId) => publicId('app', ownerId, appId)),
  }));
  const { actions, refused, perSecond } = summary;
  return { added, skipped, actions, refused, perSecond };
}

/** Keys to look at a sample with; secrets are shown once. */
export class SampleKeys {
  private readonly apiKeys: ApiKeys;

  constructor(database: Database) {
    this.apiKeys = new ApiKeys(new SqlApiKeyStore(database), {
      clock: systemClock,
      // They are made for what was just added.
      assertScope: () => Promise.resolve(),
      onCurtailed: () => undefined,
    });
  }

  /** `wanted` is an ADMIN key that an operator has chosen, where there is none yet; null: none was chosen. */
  async admin(wanted: string | null): Promise<string> {
    const first = await this.apiKeys.createFirstAdmin(wanted);
    return (first ?? (await this.apiKeys.createAdmin('Sample data', null))).secret;
  }

  async owner(ownerId: string): Promise<string> {
    return (await this.apiKeys.create(OPERATOR, { name: 'Sample owner', role: 'OWNER', ownerId })).secret;
  }

  async app(appId: string, role: 'APP' | 'PUBLISHABLE'): Promise<string> {
    return (await this.apiKeys.create(OPERATOR, { name: 'Sample key', role, appId })).secret;
  }
}

/** One owner with a history, for a first start, and a key of each role to try it with. */
export interface SampleStart {
  readonly owner: SeededOwner;
  readonly actions: number;
  readonly ownerSecret: string;
  readonly appSecret: string;
  readonly publishableSecret: string;
  /** From where pages may use the PUBLISHABLE key. */
  readonly allowedOrigins: readonly string[];
}

const START = { owners: 1, days: 30, seed: 1, recentHours: 3 };

/** Takes a second or two. */
export async function seedSampleStart(database: Database): Promise<SampleStart> {
  const { added, actions } = await seedSample(database, { ...START, endsAt: systemClock.now() });
  const [owner] = added;
  const appId = owner?.appIds[0];
  if (!owner || !appId) throw new Error('The sample owner was there already, in a database that was empty.');
  const keys = new SampleKeys(database);
  return {
    owner,
    actions,
    ownerSecret: await keys.owner(owner.ownerId),
    appSecret: await keys.app(appId, 'APP'),
    publishableSecret: await keys.app(appId, 'PUBLISHABLE'),
    allowedOrigins: SAMPLE_ORIGINS,
  };
}

function ownerStoreOf(database: Database): SqlOwnerStore {
  return new SqlOwnerStore(database, new SqlLedgerStore(database));
}
