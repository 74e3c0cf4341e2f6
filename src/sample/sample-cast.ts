import { DAY_MS, HOUR_MS, MINUTE_MS, type Instant } from '../clock';
import { renewal } from '../ledger/period';

/** What happens to an owner of a sample at one instant, besides its actions. */
export type SampleEvent = { readonly at: Instant } & (
  | { readonly kind: 'CHANGE_PLAN'; readonly planCode: string }
  | { readonly kind: 'BONUS'; readonly amount: number; readonly reason: string }
  | { readonly kind: 'PAUSE_APP'; readonly appIndex: number }
  | { readonly kind: 'SUSPEND' }
  /** Uses this part of what is above `to`; of 1, nothing is used afterwards. */
  | { readonly kind: 'DRAW_DOWN'; readonly to: number; readonly part: number }
  /** Opens so many actions that stay held. */
  | { readonly kind: 'HOLD'; readonly count: number }
);

/** Who an owner of a sample is. */
export interface SampleProfile {
  readonly name: string;
  readonly email: string;
  readonly externalId: string | null;
  readonly planCode: string;
  readonly joinedAt: Instant;
  /** Its part of all actions, in relation to the parts of the others. */
  readonly share: number;
  /** How many credits it buys at a time; null: it never does, and its pool runs empty. */
  readonly topUpCredits: number | null;
  /** How many of the sample apps it has, and which of them have a cap, by their index. */
  readonly apps: number;
  readonly creditCaps?: Readonly<Record<number, number>>;
  readonly allowedOrigins?: readonly string[];
  /** Ascending. */
  readonly events?: readonly SampleEvent[];
}

export interface SampleCast {
  readonly profiles: readonly SampleProfile[];
  /** How many actions go with their plans. */
  readonly actions: number;
}

interface CastOptions {
  readonly seed: number;
  readonly owners: number;
  readonly days: number;
  readonly endsAt: Instant;
  /** How many actions there are to be; undefined: as many as go with the plans. */
  readonly actions?: number | undefined;
}

interface Character {
  readonly planCode: string;
  /** Actions in 30 days, in relation to the monthly credits of the plan. */
  readonly pace: number;
  readonly events?: (from: Instant, to: Instant) => SampleEvent[];
  readonly creditCaps?: Readonly<Record<number, number>>;
  /** Into which day of its period the sample ends. */
  readonly dayOfPeriod?: number;
}

const MONTHLY_CREDITS: Readonly<Record<string, number>> = {
  free: 100,
  starter: 2_000,
  builder: 10_000,
  pro: 20_000,
  elite: 50_000,
};
const APPS: Readonly<Record<string, number>> = { free: 2, starter: 3, builder: 4, pro: 5, elite: 5 };
const TOP_UP_CREDITS = 1_000;
const JOINED_APART_MS = 97_003;
/** Where a static server for trying pages usually listens. */
export const SAMPLE_ORIGINS = ['http://127.0.0.1:8080', 'http://localhost:8080'];

const FIRST_NAMES = ['Robot bakery', 'Lighthouse books', 'Fern & Fjord', 'Paper kites', 'Northwind travel'];
const MORE_NAMES = ['Blue door clinic', 'Cedar law', 'Tandem bikes', 'Harbour radio', 'Salt & Stone', 'Quiet maps'];
const LAST_NAMES = [
  'Second shelf',
  'Mill street school',
  'Open window',
  'Small hours',
  'Ninth planet',
  'Orchard software',
];
const NAMES = [...FIRST_NAMES, ...MORE_NAMES, ...LAST_NAMES, 'Plum theatre', 'Iron gardens', 'Wandering chefs'];

/** Those whose stories are worth looking at come first, so that few owners show much. */
const STARS: readonly Character[] = [
  { planCode: 'builder', pace: 0.85, events: storyOfGrowth, creditCaps: { 1: 2_500, 3: 800 } },
  { planCode: 'free', pace: 0.7, events: drawnDownTo(0), dayOfPeriod: 21 },
  { planCode: 'free', pace: 0.7, events: drawnDownTo(6), dayOfPeriod: 17 },
  { planCode: 'starter', pace: 1.3 },
  {
    planCode: 'pro',
    pace: 0.75,
    events: (_from, to) => [{ kind: 'CHANGE_PLAN', at: to - 3 * DAY_MS, planCode: 'builder' }],
  },
  { planCode: 'elite', pace: 0.7 },
  { planCode: 'starter', pace: 0.6, events: (_from, to) => [{ kind: 'SUSPEND', at: to - 2 * DAY_MS }] },
];
const CHORUS: readonly Character[] = [
  { planCode: 'free', pace: 0.6 },
  { planCode: 'starter', pace: 0.8 },
  { planCode: 'free', pace: 0.35 },
  { planCode: 'builder', pace: 0.7 },
  { planCode: 'starter', pace: 0.45, creditCaps: { 0: 600 } },
  { planCode: 'free', pace: 0.9 },
];

/** The owners of `npm run seed`: the same for the same options. Their plans must be those of an empty database. */
export function sampleCast(options: CastOptions): SampleCast {
  const { owners, days, seed } = options;
  const characters = Array.from({ length: owners }, (_, index) => characterOf(index));
  const natural = characters.map(({ planCode, pace }) => (MONTHLY_CREDITS[planCode] ?? 0) * pace * (days / 30));
  const sum = natural.reduce((total, actions) => total + actions, 0);
  const scale = (options.actions ?? sum) / sum;
  const profiles = characters.map((character, index) => {
    const actions = (natural[index] as number) * scale;
    const name = nameOf(index);
    return {
      ...profileOf(character, { ...options, index, actions }),
      name,
      email: `hello@${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.example`,
      externalId: `sample-${seed}-${index + 1}`,
    };
  });
  return { profiles, actions: options.actions ?? Math.round(sum) };
}

function profileOf(
  { planCode, creditCaps = {}, events, dayOfPeriod }: Character,
  { index, actions, days, endsAt }: CastOptions & { readonly index: number; readonly actions: number },
): Omit<SampleProfile, 'name' | 'email' | 'externalId'> {
  const beginsAt = endsAt - days * DAY_MS;
  const daysIntoPeriod = dayOfPeriod ?? 3 + ((index * 7) % 24);
  // No two of one instant, which their ids are made of.
  const lastRenewal = endsAt - daysIntoPeriod * DAY_MS - index * JOINED_APART_MS;
  let joinedAt = lastRenewal;
  for (let months = 1; joinedAt > beginsAt; months += 1) joinedAt = renewal(lastRenewal, -months);
  return {
    planCode,
    joinedAt,
    share: actions,
    topUpCredits: planCode === 'free' ? null : Math.max(TOP_UP_CREDITS, Math.ceil(actions / days) * 5),
    apps: APPS[planCode] ?? 1,
    creditCaps,
    allowedOrigins: SAMPLE_ORIGINS,
    events: (events?.(beginsAt, endsAt) ?? []).sort((one, other) => one.at - other.at),
  };
}

function characterOf(index: number): Character {
  return (STARS[index] ?? CHORUS[(index - STARS.length) % CHORUS.length]) as Character;
}

function nameOf(index: number): string {
  const round = Math.floor(index / NAMES.length);
  return `${NAMES[index % NAMES.length]}${round > 0 ? ` ${round + 1}` : ''}`;
}

/** It outgrows its first plan, was given something for a fault of ours, and has an app paused and actions under way. */
function storyOfGrowth(from: Instant, to: Instant): SampleEvent[] {
  return [
    { kind: 'CHANGE_PLAN', at: from + (to - from) * 0.4, planCode: 'pro' },
    { kind: 'BONUS', at: from + (to - from) * 0.7, amount: 500, reason: 'For the outage' },
    { kind: 'PAUSE_APP', at: to - 5 * HOUR_MS, appIndex: 3 },
    { kind: 'HOLD', at: to - 4 * MINUTE_MS, count: 3 },
    { kind: 'HOLD', at: to - MINUTE_MS, count: 1 },
  ];
}

/** Over the last hours, so that the pool is as low as this at the end, however it came that far. */
function drawnDownTo(credits: number): (from: Instant, to: Instant) => SampleEvent[] {
  const steps = 12;
  return (_from, to) =>
    Array.from({ length: steps }, (_, step) => ({
      kind: 'DRAW_DOWN',
      at: to - (steps - step) * 37 * MINUTE_MS,
      to: credits,
      part: 1 / (steps - step),
    }));
}
