import { DAY_MS, HOUR_MS, type Instant } from '../clock';
import type { Database } from '../database/database';
import { publicId } from '../public-id';
import { cumulativeOf, seededRandom, type SeededRandom } from './random';
import { SAMPLE_APPS } from './sample-apps';
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
  /** Busiest first. */
  readonly owners: readonly { readonly ownerId: number; readonly appIds: readonly number[] }[];
}

const USUAL_HABITS: Habits = { held: 0.05, voided: 0.1, forgotten: 0.02, refunded: 0.005, visited: 0.6 };
const USUAL_FRUGAL_PER_MILLE = 50;
/** Commands of one instant share a batch of group commit, which takes a thousand. */
const ACTIONS_PER_INSTANT = 900;
const PROGRESS_INTERVAL_MS = 2_000;
const OWNERS_AT_ONCE = 16;
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
  const shares = cumulativeOf(owners.map((_, index) => 1 / (index + 4)));
  const report = progressOf(options);
  const tried: Tried = { accepted: 0, refused: 0, undecided: 0 };
  let lastAt = beginsAt;
  let underWay = Promise.resolve<unknown>(undefined);
  for (const { at, actions } of instantsOf(options, beginsAt)) {
    world.clock.moveTo((lastAt = at));
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
  let before = 0;
  for (const [index, hour] of hours.entries()) {
    const until = Math.round((options.actions * (weights[index] as number)) / total);
    const steps = Math.max(1, Math.ceil((until - before) / ACTIONS_PER_INSTANT));
    for (let step = 1; step <= steps; step += 1) {
      const actions = before + Math.round(((until - before) * step) / steps);
      yield { at: hour + Math.floor((HOUR_MS * (step - 0.5)) / steps), actions };
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
  const beginsAt = world.clock.now();
  const { owners: count, habits, frugalPerMille = USUAL_FRUGAL_PER_MILLE } = options;
  const topUpCredits = Math.max(1_000, Math.ceil(options.actions / count / options.days) * 5);
  const owners: SampleOwner[] = [];
  for (let first = 0; first < count; first += OWNERS_AT_ONCE) {
    // Ids are made of the instant and a little chance, which many owners of one instant would use up.
    world.clock.moveTo(beginsAt - count + first);
    const batch = Array.from({ length: Math.min(OWNERS_AT_ONCE, count - first) }, async (_, index) => {
      const number = first + index + 1;
      const frugal = count > 1 && isFrugal(number, frugalPerMille);
      const { id, appIds } = await createOwner(world, { number, planCode: frugal ? 'free' : 'pro' });
      const seed = Math.imul(options.seed, 2_654_435_761) + number;
      return new SampleOwner(world, id, {
        random: count === 1 ? random : seededRandom(seed),
        habits: { ...USUAL_HABITS, ...habits },
        appIds,
        topUpCredits: frugal ? null : topUpCredits,
      });
    });
    owners.push(...(await Promise.all(batch)));
  }
  return owners;
}

/** Spread over the busy and the quiet, but never the busiest. */
function isFrugal(number: number, perMille: number): boolean {
  return (number * 37 + 500) % 1_000 < perMille;
}

async function createOwner(
  { owners, apps }: SampleWorld,
  { number, planCode }: { number: number; planCode: string },
): Promise<{ id: number; appIds: number[] }> {
  const name = `Sample owner ${number}`;
  const { id } = await owners.create({ name, email: `owner${number}@sample.example`, planCode });
  const caller = { role: 'OWNER', keyOwnerId: id, keyNumber: 0, ownerId: id, appId: null, expiresAt: null } as const;
  const appIds: number[] = [];
  for (const app of SAMPLE_APPS) {
    const { id: appId } = await apps.create(caller, {
      ownerId: publicId('owner', id),
      name: app.name,
      allowedOrigins: [],
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
    if (always || now - toldAt >= PROGRESS_INTERVAL_MS) {
      toldAt = now;
      options.onProgress?.(progress);
    }
    return progress;
  };
}
