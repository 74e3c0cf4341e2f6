import { DAY_MS, HOUR_MS, type Instant } from '../clock';
import type { Database } from '../database/database';
import { publicId } from '../public-id';
import { cumulativeOf, seededRandom, type SeededRandom } from './random';
import { SAMPLE_APPS } from './sample-apps';
import type { SampleEvent, SampleProfile } from './sample-cast';
import { type Habits, SampleOwner, type Tried } from './sample-owner';
import { createSampleWorld, type SampleWorld } from './sample-world';

export interface HistoryOptions {
  /** The same seed gives the same history, but for the owners' ids. */
  readonly seed: number;
  readonly owners: number;
  readonly days: number;
  /** How many actions to record in all, by all owners together. */
  readonly actions: number;
  /** The history ends here, and begins `days` earlier. */
  readonly endsAt: Instant;
  readonly habits?: Partial<Habits>;
  /** Of a thousand owners, how many never top up, so that their pools run empty. One owner alone always does. */
  readonly frugalPerMille?: number;
  /** Who the owners are, as many as `owners`; without it, they differ by little more than how busy they are. */
  readonly cast?: readonly SampleProfile[];
  /** So many hours at the end are written minute by minute rather than hour by hour; none of it takes longer. */
  readonly recentHours?: number;
  readonly progressIntervalMs?: number;
  onProgress?(progress: HistoryProgress): void;
}

export interface HistoryProgress {
  readonly actions: number;
  readonly refused: number;
  /** How many actions were recorded per second so far, in real time. */
  readonly perSecond: number;
  /** How far the history has come. */
  readonly at: Instant;
}

export interface HistorySummary extends HistoryProgress {
  /** In the order of the cast; without one, busiest first. */
  readonly owners: readonly { readonly ownerId: number; readonly appIds: readonly number[] }[];
}

const USUAL_HABITS: Habits = { held: 0.05, voided: 0.1, forgotten: 0.02, refunded: 0.005, visited: 0.6 };
const USUAL_FRUGAL_PER_MILLE = 50;
/** Commands of one instant share a batch of group commit, which takes a thousand. */
const ACTIONS_PER_INSTANT = 900;
const PROGRESS_INTERVAL_MS = 2_000;
const OWNERS_AT_ONCE = 16;
const MINUTES_PER_HOUR = 60;
/** What a busy hour has more than a quiet one, by the hour in UTC. */
const HOURS = [2, 1, 1, 1, 2, 4, 8, 14, 22, 28, 30, 29, 25, 27, 30, 29, 26, 21, 16, 13, 11, 8, 5, 3];
const WEEKEND_SHARE = 0.35;

/**
 * Writes a believable past through the use cases and the ledger's own commands, so that every rule and invariant
 * holds in it: a daily and a weekly rhythm, apps with different mixes, visitors, holds that are captured, voided or
 * forgotten, refunds, top-ups, and pools that run empty. How durable each commit is, is the caller's choice. The
 * database must be migrated.
 */
export async function writeHistory(database: Database, options: HistoryOptions): Promise<HistorySummary> {
  const random = seededRandom(options.seed);
  const beginsAt = options.endsAt - options.days * DAY_MS;
  const world = createSampleWorld(database, beginsAt);
  await world.plans.createFirst();
  const owners = await createOwners(world, options, random);
  const shares = cumulativeOf(castOf(options).map(({ share }) => share));
  const events = eventsOf(options);
  const report = progressOf(options);
  const tried: Tried = { accepted: 0, refused: 0, undecided: 0 };
  let lastAt = beginsAt;
  let underWay = Promise.resolve<unknown>(undefined);
  for (const { at, actions } of instantsOf(options, beginsAt)) {
    world.clock.moveTo((lastAt = at));
    while ((events.at(-1)?.event.at ?? Infinity) <= at) {
      const { index, event } = events.pop() as (typeof events)[number];
      await underWay;
      await (owners[index] as SampleOwner).undergo(event, tried);
    }
    // What was refused so far is made up for, so that the history has as many actions as were asked for.
    const missing = Math.max(0, Math.min(actions - tried.accepted - tried.undecided, ACTIONS_PER_INSTANT));
    const counts = countsByOwner(owners.length, () => random.weighted(shares), missing);
    // One instant is prepared while the database writes the one before it.
    const before = underWay;
    underWay = Promise.all([...counts].map(([index, count]) => (owners[index] as SampleOwner).act(count, tried)));
    // If the one before it fails, that is what is thrown; this one must not fail unheard.
    underWay.catch(() => undefined);
    await before;
    report(tried, at, false);
  }
  await underWay;
  await world.ledger.sweep();
  await world.ledger.idle();
  const progress = report(tried, lastAt, true);
  return { ...progress, owners: owners.map(({ id, appIds }) => ({ ownerId: id, appIds })) };
}

/** Instants from the beginning to the end, each with how many actions there must be by then. */
function* instantsOf(options: HistoryOptions, beginsAt: Instant): Generator<{ at: Instant; actions: number }> {
  const hours = Array.from({ length: options.days * 24 }, (_, hour) => beginsAt + hour * HOUR_MS);
  const weights = cumulativeOf(hours.map(weightOf));
  const total = weights.at(-1) ?? 1;
  const { recentHours = 0 } = options;
  const jitter = recentHours > 0 ? seededRandom(options.seed) : { fraction: () => 0.5 };
  let before = 0;
  for (const [index, hour] of hours.entries()) {
    const until = Math.round((options.actions * (weights[index] as number)) / total);
    const leastSteps = index >= hours.length - recentHours ? MINUTES_PER_HOUR : 1;
    const steps = Math.max(leastSteps, Math.ceil((until - before) / ACTIONS_PER_INSTANT));
    for (let step = 1; step <= steps; step += 1) {
      const actions = before + Math.round(((until - before) * step) / steps);
      yield { at: hour + Math.floor((HOUR_MS * (step - 1 + jitter.fraction())) / steps), actions };
    }
    before = until;
  }
  // The last refusals are made up for in the last hour, a second at a time, while the owners still have credits.
  for (let second = 0; second < 100; second += 1)
    yield { at: options.endsAt - 100_000 + second * 1_000, actions: options.actions };
}

function weightOf(instant: Instant): number {
  const date = new Date(instant);
  const weekend = date.getUTCDay() === 0 || date.getUTCDay() === 6;
  return (HOURS[date.getUTCHours()] as number) * (weekend ? WEEKEND_SHARE : 1);
}

function countsByOwner(owners: number, choose: () => number, actions: number): Map<number, number> {
  if (owners === 1) return new Map([[0, actions]]);
  const counts = new Map<number, number>();
  for (let action = 0; action < actions; action += 1) {
    const index = choose();
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return counts;
}

async function createOwners(world: SampleWorld, options: HistoryOptions, random: SeededRandom): Promise<SampleOwner[]> {
  const { habits, seed } = options;
  const profiles = castOf(options);
  const owners: SampleOwner[] = [];
  while (owners.length < profiles.length) {
    const first = owners.length;
    const joinedAt = (profiles[first] as SampleProfile).joinedAt;
    const together = profiles.slice(first, first + OWNERS_AT_ONCE).filter((profile) => profile.joinedAt === joinedAt);
    world.clock.moveTo(joinedAt);
    const batch = together.map(async (profile, index) => {
      const { id, appIds } = await createOwner(world, profile);
      return new SampleOwner(world, id, {
        random: profiles.length === 1 ? random : seededRandom(Math.imul(seed, 2_654_435_761) + first + index + 1),
        habits: { ...USUAL_HABITS, ...habits },
        appIds,
        topUpCredits: profile.topUpCredits,
      });
    });
    owners.push(...(await Promise.all(batch)));
  }
  return owners;
}

function castOf(options: HistoryOptions): readonly SampleProfile[] {
  if (options.cast) return options.cast;
  const { owners: count, frugalPerMille = USUAL_FRUGAL_PER_MILLE } = options;
  const beginsAt = options.endsAt - options.days * DAY_MS;
  const topUpCredits = Math.max(1_000, Math.ceil(options.actions / count / options.days) * 5);
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const frugal = count > 1 && isFrugal(number, frugalPerMille);
    return {
      name: `Sample owner ${number}`,
      email: `owner${number}@sample.example`,
      externalId: null,
      planCode: frugal ? 'free' : 'pro',
      // Ids are made of the instant and a little chance, which many owners of one instant would use up.
      joinedAt: beginsAt - count + (index - (index % OWNERS_AT_ONCE)),
      share: 1 / (index + 4),
      topUpCredits: frugal ? null : topUpCredits,
      apps: SAMPLE_APPS.length,
    };
  });
}

/** Of all owners, latest first. */
function eventsOf(options: HistoryOptions): { readonly index: number; readonly event: SampleEvent }[] {
  const events = castOf(options).flatMap(({ events: own = [] }, index) => own.map((event) => ({ index, event })));
  return events.sort((one, other) => other.event.at - one.event.at);
}

/** Spread over the busy and the quiet, but never the busiest. */
function isFrugal(number: number, perMille: number): boolean {
  return (number * 37 + 500) % 1_000 < perMille;
}

async function createOwner(
  { owners, apps }: SampleWorld,
  profile: SampleProfile,
): Promise<{ id: number; appIds: number[] }> {
  const { id } = await owners.create(profile);
  const caller = { role: 'OWNER', keyOwnerId: id, keyNumber: 0, ownerId: id, appId: null, expiresAt: null } as const;
  const appIds: number[] = [];
  for (const [index, app] of SAMPLE_APPS.slice(0, profile.apps).entries()) {
    const { id: appId } = await apps.create(caller, {
      ownerId: publicId('owner', id),
      name: app.name,
      creditCap: profile.creditCaps?.[index] ?? null,
      allowedOrigins: [...(profile.allowedOrigins ?? [])],
    });
    appIds.push(appId);
  }
  return { id, appIds };
}

function progressOf(options: HistoryOptions): (tried: Tried, at: Instant, always: boolean) => HistoryProgress {
  const startedAt = performance.now();
  let toldAt = startedAt;
  return ({ accepted, refused }, at, always) => {
    const now = performance.now();
    const progress = { actions: accepted, refused, perSecond: (accepted * 1_000) / (now - startedAt), at };
    if (always || now - toldAt >= (options.progressIntervalMs ?? PROGRESS_INTERVAL_MS)) {
      toldAt = now;
      options.onProgress?.(progress);
    }
    return progress;
  };
}
