import type { Decision } from './decide';
import type { PoolDraft, PoolState } from './draft';
import { burnOrder, isPaused, type AppMeter, type Grant, type Pool } from './pool';

/*
 * A plain debit writes its entry and its pool, and nothing else: what it takes from its grant and adds to its app's
 * counter follows from the pool (docs/adr/0016-a-debit-writes-its-pool.md). The grant and the counter are written when
 * something happens that does not follow.
 */

type Terms = Pick<Pool, 'topUpsAllowed'>;
type Totals = Terms & Pick<Pool, 'available'>;
type Counting = Pick<Pool, 'periodStart' | 'uncountedAppId' | 'uncountedActions'>;

/**
 * Grants as they are, of all of a pool's open grants as they were last written: what they have more than the pool was
 * taken from the one in use (I5).
 */
export function currentGrants(pool: Totals, written: readonly Grant[]): readonly Grant[] {
  let unwritten = -pool.available;
  for (const grant of written) if (!isPaused(grant, pool)) unwritten += grant.remaining;
  if (unwritten <= 0) return written;
  const inUse = grantInUse(pool, written);
  return written.map((grant) => (grant === inUse ? { ...grant, remaining: grant.remaining - unwritten } : grant));
}

/** Those with something left, in burn order, as they are. */
export function openGrantsOf(pool: Totals, written: readonly Grant[]): Grant[] {
  return currentGrants(pool, written)
    .filter(({ remaining }) => remaining > 0)
    .sort(burnOrder);
}

/** The grant that the next debit burns; undefined where nothing is available. */
function grantInUse(terms: Terms, grants: readonly Grant[]): Grant | undefined {
  let inUse: Grant | undefined;
  for (const grant of grants) {
    if (grant.remaining === 0 || isPaused(grant, terms)) continue;
    if (!inUse || burnOrder(grant, inUse) < 0) inUse = grant;
  }
  return inUse;
}

/** What an app has used of this period, of its counter as it was last written. */
export function currentMeter<
  Meter extends Pick<AppMeter, 'usedThisPeriod' | 'countedFrom'> & { readonly appId: number },
>(pool: Counting, written: Meter): Meter {
  if (pool.uncountedActions === 0 || pool.uncountedAppId !== written.appId) return written;
  return {
    ...written,
    usedThisPeriod: countedIn(pool, written) + pool.uncountedActions,
    countedFrom: pool.periodStart,
  };
}

/** A counter of an earlier period counts nothing of this one. */
function countedIn(
  { periodStart }: Counting,
  { countedFrom, usedThisPeriod }: Pick<AppMeter, 'usedThisPeriod' | 'countedFrom'>,
): number {
  return countedFrom === periodStart ? usedThisPeriod : 0;
}

/**
 * The grants that must be written with what was decided: none while only the grant in use was burnt, and not to its end.
 * Else that one too, whose remainder would otherwise be taken for another's.
 */
export function grantsToWrite(draft: PoolDraft): Grant[] {
  const inUse = grantInUse(draft.initial.pool, draft.initialGrants);
  const touched = [...draft.touchedGrants.values()];
  const follows = touched.every(({ sequence, remaining }) => sequence === inUse?.sequence && remaining > 0);
  if (draft.onlyOpenedActions && follows) return [];
  return inUse && !draft.touchedGrants.has(inUse.sequence) ? [inUse, ...touched] : touched;
}

/**
 * The counters that must be written with what was decided. Where one app has only opened actions, they are left to the pool,
 * which then does not count them for another app any more.
 */
export function metersToWrite(draft: PoolDraft): AppMeter[] {
  const { pool, initial } = draft;
  const touched = [...draft.touchedMeters.values()];
  const [meter, ...others] = touched;
  if (!meter) return [];
  const before = pool.uncountedActions === 0 ? null : pool.uncountedAppId;
  const written = initial.apps.find(({ appId }) => appId === meter.appId);
  const displaced = initial.apps.find(({ appId }) => appId === before && appId !== meter.appId);
  const hasRoom = before === null || before === meter.appId || displaced !== undefined;
  if (draft.onlyOpenedActions && others.length === 0 && written && hasRoom) {
    pool.uncountedAppId = meter.appId;
    pool.uncountedActions = meter.usedThisPeriod - countedIn(pool, written);
    return displaced ? [currentMeter(initial.pool, displaced)] : [];
  }
  if (touched.some(({ appId }) => appId === before)) leaveNothingUncounted(pool);
  return touched;
}

/** Where the counters say all, or begin again. */
export function leaveNothingUncounted(pool: PoolDraft['pool']): void {
  pool.uncountedAppId = null;
  pool.uncountedActions = 0;
}

/** What a debit that follows from the pool changes of it. */
export const MOVED_BY_DEBITS = [
  'version',
  'lastSequence',
  'available',
  'spent',
  'usedThisPeriod',
  'uncountedActions',
] as const satisfies readonly (keyof Pool)[];
const NO_SHAPE: ReadonlySet<string> = new Set([...MOVED_BY_DEBITS, 'lastAt', 'shape']);

/** Whether the pool has changed in anything that debits do not change. */
export function hasAnotherShape({ pool, initial }: PoolDraft): boolean {
  for (const property in pool) {
    if (!NO_SHAPE.has(property) && pool[property as keyof Pool] !== initial.pool[property as keyof Pool]) return true;
  }
  return false;
}

/** How far the clock of another process that writes to the same pool may be ahead; one less than a power of two. */
export const MOST_AHEAD_MS = 1_023;

/** A pool of this shape, once `debits` more have been made of it. */
export function afterDebits(state: PoolState, debits: number): PoolState {
  const { pool } = state;
  return {
    ...state,
    pool: {
      ...pool,
      version: pool.version + debits,
      lastSequence: pool.lastSequence + debits,
      available: pool.available - debits,
      spent: pool.spent + debits,
      usedThisPeriod: pool.usedThisPeriod + debits,
      uncountedActions: pool.uncountedActions + debits,
    },
  };
}

/**
 * What a pool of this shape must have before debits that were decided by other numbers of it: so much that its grant in use
 * is not used up by them, and no more actions than leave the app within its cap. Null: there is no cap.
 */
export function boundsOf({ before, pool, balance, apps }: Decision): {
  availableAtLeast: number;
  uncountedAtMost: number | null;
} {
  const inUse = balance.grants.find((grant) => !isPaused(grant, pool));
  const ofOtherGrants = pool.available - (inUse?.remaining ?? 0);
  const app = apps.find(({ appId }) => appId === pool.uncountedAppId);
  const cap = app?.creditCap ?? null;
  const left = app && cap !== null ? cap - currentMeter(pool, app).usedThisPeriod : null;
  return {
    availableAtLeast: before.available - pool.available + ofOtherGrants + 1,
    uncountedAtMost: left === null ? null : before.uncountedActions + left,
  };
}
