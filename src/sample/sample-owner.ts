import type { ActionInput } from '../actions/perform-action';
import type { Caller } from '../access/caller';
import { DomainError } from '../errors';
import type { ActionOutcome, ResolveAction } from '../ledger/commands';
import { publicId } from '../public-id';
import { cumulativeOf, type SeededRandom } from './random';
import { SAMPLE_APPS, sampleFacts } from './sample-apps';
import type { SampleEvent } from './sample-cast';
import type { SampleWorld } from './sample-world';

/**
 * How often an owner's actions are held, come to nothing, and are refunded: shares of its actions, each from 0 to 1.
 */
export interface Habits {
  readonly held: number;
  /** Of those that are held: given back. */
  readonly voided: number;
  /** Of those that are held: left to expire. */
  readonly forgotten: number;
  readonly refunded: number;
  /** Of those that an end user caused. */
  readonly visited: number;
}

/** What became of the actions that an owner tried. */
export interface Tried {
  accepted: number;
  refused: number;
  /** Those on their way. */
  undecided: number;
}

interface AppInUse {
  readonly id: number;
  readonly types: readonly string[];
  readonly cumulative: readonly number[];
}

/** Longer than the longest pause of a history, so that a hold is resolved at a later instant if it is to be. */
const HOLD_SECONDS = 43_200;
const VISITORS = 5_000;
const OPERATOR: Caller = {
  role: 'ADMIN',
  keyOwnerId: 0,
  keyNumber: 0,
  ownerId: null,
  appId: null,
  expiresAt: null,
};

/**
 * One owner of a sample: it acts, resolves what it holds, and tops up before its pool is empty, if it is of that
 * kind.
 */
export class SampleOwner {
  private readonly apps: readonly AppInUse[];
  private readonly appShares: readonly number[];
  /** Commands that resolve earlier actions, for the next instant. */
  private pending: ResolveAction[] = [];
  private acted = 0;
  private toppedUp = 0;
  private toppingUp = false;
  private available = 0;
  private bonuses = 0;
  private resting = false;

  constructor(
    private readonly world: SampleWorld,
    readonly id: number,
    private readonly parts: {
      readonly random: SeededRandom;
      readonly habits: Habits;
      readonly appIds: readonly number[];
      /** How many credits it buys at a time; null: it never does, and its pool runs empty. */
      readonly topUpCredits: number | null;
    },
  ) {
    this.apps = parts.appIds.map((appId, index) => {
      const { mix } = SAMPLE_APPS[index % SAMPLE_APPS.length] as (typeof SAMPLE_APPS)[number];
      return { id: appId, types: Object.keys(mix), cumulative: cumulativeOf(Object.values(mix)) };
    });
    this.appShares = cumulativeOf(this.apps.map((_, index) => SAMPLE_APPS[index % SAMPLE_APPS.length]?.share ?? 1));
  }

  get appIds(): readonly number[] {
    return this.parts.appIds;
  }

  /** Tries `count` actions at the clock's instant and resolves earlier ones; ends when all of it is decided. */
  async act(count: number, tried: Tried): Promise<void> {
    if (this.resting) return;
    const commands: Promise<unknown>[] = [];
    const { topUpCredits } = this.parts;
    // Before the actions, so that the batch that needs the credits has them.
    if (topUpCredits !== null && !this.toppingUp && this.available < 4 * count)
      commands.push(this.topUp(topUpCredits, count));
    commands.push(this.resolvePending());
    for (let index = 0; index < count; index += 1) commands.push(this.actOnce(tried));
    await Promise.all(commands);
  }

  /** Does what happens to it at the clock's instant; ends when it is decided. */
  async undergo(event: SampleEvent, tried: Tried): Promise<void> {
    const { owners, apps } = this.world;
    const ownerId = publicId('owner', this.id);
    if (event.kind === 'CHANGE_PLAN') await owners.changePlan({ ownerId, planCode: event.planCode });
    else if (event.kind === 'BONUS') await this.grantBonus(event.amount, event.reason);
    else if (event.kind === 'SUSPEND') await owners.update(OPERATOR, ownerId, { suspended: true });
    else if (event.kind === 'DRAW_DOWN') await this.drawDown(event, tried);
    else if (event.kind === 'HOLD') {
      await Promise.all(Array.from({ length: event.count }, () => this.actOnce(tried, 'LEFT_HELD')));
    } else {
      const appId = publicId('app', this.id, this.appIds[event.appIndex]);
      await apps.update(OPERATOR, appId, { status: 'PAUSED' });
    }
  }

  /** Ends with exactly so many credits available, which needs some where there are fewer. */
  private async drawDown({ to, part }: { to: number; part: number }, tried: Tried): Promise<void> {
    await this.resolvePending();
    const { available } = await this.world.ledger.balance(this.id);
    if (available < to) await this.grantBonus(2 * to, 'A gesture of support');
    const above = (await this.world.ledger.balance(this.id)).available - to;
    await Promise.all(Array.from({ length: Math.ceil(above * part) }, () => this.actOnce(tried, 'CHARGED')));
    this.resting = part === 1;
  }

  private async grantBonus(amount: number, reason: string): Promise<void> {
    this.bonuses += 1;
    const idempotencyKey = `sample-bonus-${this.bonuses}`;
    await this.world.grants.grant({
      ownerId: publicId('owner', this.id),
      amount,
      source: 'BONUS',
      reason,
      idempotencyKey,
    });
  }

  private async resolvePending(): Promise<void> {
    const { ledger } = this.world;
    await Promise.all(this.pending.splice(0).map((command) => accept(ledger.submit(command))));
  }

  private async actOnce(tried: Tried, end: 'AS_USUAL' | 'CHARGED' | 'LEFT_HELD' = 'AS_USUAL'): Promise<void> {
    const { random, habits } = this.parts;
    const app = this.apps[random.weighted(this.appShares)] as AppInUse;
    const type = app.types[random.weighted(app.cumulative)] as string;
    const perform = this.world.perform.get(type);
    if (!perform) throw new Error(`The catalogue has no ${type}.`);
    this.acted += 1;
    const input: ActionInput = {
      ...sampleFacts(random, type),
      idempotencyKey: `sample-${this.acted.toString(36)}`,
      hold: random.fraction() < { AS_USUAL: habits.held, CHARGED: 0, LEFT_HELD: 1 }[end],
      holdSeconds: HOLD_SECONDS,
      visitor: random.fraction() < habits.visited ? visitorOf(random) : null,
    };
    const fate = random.fraction();
    tried.undecided += 1;
    const outcome = await accept(perform(this.callerOf(app), input));
    tried.undecided -= 1;
    if (!outcome) return void (tried.refused += 1);
    tried.accepted += 1;
    this.available = outcome.balance.available;
    if (end === 'AS_USUAL') this.planResolution(outcome, fate);
  }

  private planResolution({ action }: ActionOutcome, fate: number): void {
    const { habits } = this.parts;
    const { ownerId, sequence } = action;
    const command = { ownerId, actionSequence: sequence, withinAppId: null };
    if (action.status === 'CAPTURED') {
      if (fate < habits.refunded)
        this.pending.push({ ...command, kind: 'REFUND', reason: 'The user was not satisfied.' });
    } else if (fate < habits.voided) this.pending.push({ ...command, kind: 'VOID', reason: 'The integration failed.' });
    else if (fate >= habits.voided + habits.forgotten) this.pending.push({ ...command, kind: 'CAPTURE', reason: null });
  }

  private async topUp(credits: number, count: number): Promise<void> {
    this.toppingUp = true;
    this.toppedUp += 1;
    const { balance } = await this.world.grants.grant({
      ownerId: publicId('owner', this.id),
      amount: Math.max(credits, 10 * count),
      source: 'TOP_UP',
      idempotencyKey: `sample-top-up-${this.toppedUp}`,
    });
    this.available = balance.available;
    this.toppingUp = false;
  }

  private callerOf(app: AppInUse): Caller {
    const { id: ownerId } = this;
    return { role: 'APP', keyOwnerId: ownerId, keyNumber: 0, ownerId, appId: app.id, expiresAt: null };
  }
}

/**
 * What a command comes to; undefined where the ledger refuses it, as it does when a pool is empty or a hold has
 * expired.
 */
async function accept<T>(command: Promise<T>): Promise<T | undefined> {
  try {
    return await command;
  } catch (error) {
    if (error instanceof DomainError && error.code !== 'UNAVAILABLE') return undefined;
    throw error;
  }
}

/** A few visitors come often and most come rarely. */
function visitorOf(random: SeededRandom): string {
  return `visitor-${Math.floor(VISITORS * random.fraction() ** 3).toString(36)}`;
}
