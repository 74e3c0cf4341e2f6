import { Ledger, type Committed, type LedgerStore } from '../../src/ledger/ledger';
import type { Command } from '../../src/ledger/commands';
import type { LedgerEntry } from '../../src/ledger/pool';
import type { Instant } from '../../src/clock';
import { NaiveCredits } from '../support/naive-credits';
import { NaivePlan } from '../support/naive-plans';
import { commandOf, meant } from './commands';
import { brokenInvariants } from './invariants';
import type { Books, Cast, Stage } from './stage';
import * as views from './views';
import { commandInWords, instant, openingInWords, outcomeInWords, stepInWords } from './words';
import type { DrawnCommand, Step, World } from './world';

/** Wraps the store of the ledger, to see whether faults are found out, or to make some. */
export type StoreWrapper = (store: LedgerStore) => LedgerStore;

export interface Played {
  /** What happened and what the ledger said, one line for each: the same seed gives the same lines. */
  readonly history: readonly string[];
  /** What the ledger did and must not do; empty: nothing. */
  readonly violations: readonly string[];
  /** How many steps were played: no more after one that is a violation. */
  readonly steps: number;
  readonly commands: number;
  readonly entries: number;
}

/** Plays a world on the real ledger and on the model, and compares them after every step until they differ. */
export async function playWorld(world: World, stage: Stage, wrap: StoreWrapper = (store) => store): Promise<Played> {
  const cast = await stage.begin(world);
  try {
    const play = new Play(world, { stage, cast, store: wrap(stage.store) });
    return await play.run();
  } finally {
    await stage.end(cast);
  }
}

/** One owner: the model of it, and what has been seen of the ledger so far. */
interface Actor {
  readonly number: number;
  readonly ownerId: number;
  readonly model: NaiveCredits;
  readonly entries: LedgerEntry[];
  version: number;
  /** What watchers were told during the step. */
  told: Committed[];
}

class Play {
  private now: Instant;
  private readonly history: string[];
  private readonly violations: string[] = [];
  private readonly plans: readonly NaivePlan[];
  private readonly actors: readonly Actor[];
  private readonly ledger: Ledger;
  private commands = 0;

  constructor(
    private readonly world: World,
    private readonly place: { stage: Stage; cast: Cast; store: LedgerStore },
  ) {
    const { plans, owners, beginning } = world;
    this.now = beginning;
    this.history = openingInWords(world);
    this.plans = plans.map((terms) => new NaivePlan(terms));
    this.actors = owners.map(({ plan, apps }, number) => ({
      number,
      ownerId: place.cast.owners[number] as number,
      model: new NaiveCredits(this.plans, plan, { at: beginning, apps }),
      entries: [],
      version: 0,
      told: [],
    }));
    this.ledger = new Ledger(place.store, { now: () => this.now });
    this.ledger.onCommitted((committed) => {
      this.actors.find(({ ownerId }) => ownerId === committed.balance.ownerId)?.told.push(committed);
    });
  }

  async run(): Promise<Played> {
    let steps = 0;
    await this.compareBooks(false);
    while (steps < this.world.steps.length && this.violations.length === 0) {
      const step = this.world.steps[steps] as Step;
      steps += 1;
      this.moveClock(step);
      this.history.push(`step ${steps} at ${instant(this.now)}`);
      await this.take(step).catch((error: unknown) => this.violations.push(`the step failed: ${String(error)}`));
      await this.compareBooks(step.what === 'commands' || step.what === 'read' || step.what === 'sweep');
    }
    if (this.violations.length === 0) await this.compareWhole();
    const entries = this.actors.reduce((sum, actor) => sum + actor.entries.length, 0);
    return { history: this.history, violations: this.violations, steps, commands: this.commands, entries };
  }

  private moveClock({ clock }: Step): void {
    if ('by' in clock) this.now += clock.by;
    else this.now = Math.min(...this.actors.map(({ model }) => model.nextDueAt())) + clock.toDueAnd;
  }

  private async take(step: Step): Promise<void> {
    const { stage, cast } = this.place;
    if (step.what === 'commands') return this.submit(step.commands);
    this.history.push(`  ${stepInWords(step)}`);
    switch (step.what) {
      case 'read':
        return this.read(this.actor(step.owner));
      case 'sweep':
        await this.ledger.sweep();
        for (const { model } of this.actors) model.perform({ kind: 'READ' }, this.now);
        return;
      case 'app': {
        const { model, ownerId } = this.actor(step.owner);
        const { status, creditCap } = step;
        await stage.setApp(ownerId, step.app, { status, creditCap });
        model.setApp({ id: step.app, status, creditCap });
        return;
      }
      case 'suspension': {
        const { model, ownerId } = this.actor(step.owner);
        await stage.setSuspended(ownerId, step.suspended ? this.now : null);
        model.suspended = step.suspended;
        return;
      }
      case 'plan edit':
        await stage.editPlan(cast.plans[step.plan] as number, step.terms, this.now);
        this.plans[step.plan]?.edit(step.terms, this.now);
    }
  }

  /**
   * Submits all commands at once, so that the ledger decides them in one batch. The model takes them one after the
   * other and goes first: what a command is about is chosen among what is there when its turn comes.
   */
  private async submit(drawn: readonly DrawnCommand[]): Promise<void> {
    const { cast } = this.place;
    const expected = drawn.map((command) => {
      const actor = this.actor(command.owner);
      const naive = meant(command, actor.model, this.now);
      const view = views.outcomeOfModel(actor.model, actor.model.perform(naive, this.now));
      return { actor, naive, view, nextDueAt: actor.model.nextDueAt() };
    });
    const commands = expected.map(({ actor, naive }) => commandOf(naive, actor.ownerId, cast));
    const settled = await Promise.allSettled(commands.map((command) => this.ledger.submit<Command>(command)));
    for (const [index, result] of settled.entries()) {
      const { actor, naive, view, nextDueAt } = expected[index] as (typeof expected)[number];
      const said = views.outcomeOfLedger(result);
      const words = `owner ${actor.number}: ${commandInWords(naive)}`;
      this.history.push(`  ${words} -> ${outcomeInWords(said)}`);
      this.compare({ what: words, said, expected: view });
      if (result.status === 'fulfilled') this.checkDue(words, result.value.balance.nextDueAt, nextDueAt);
    }
    this.commands += drawn.length;
  }

  private async read({ ownerId, number, model }: Actor): Promise<void> {
    const balance = await this.ledger.balance(ownerId);
    model.perform({ kind: 'READ' }, this.now);
    const what = `the balance of owner ${number}`;
    this.compare({ what, said: views.balanceOfLedger(balance), expected: views.balanceOfModel(model) });
    this.checkDue(what, balance.nextDueAt, model.nextDueAt());
  }

  /** Whoever waits for what falls due next must not come too late, nor be called for what has been settled already. */
  private checkDue(what: string, said: Instant, latest: Instant): void {
    if (said <= latest && said > this.now) return;
    this.violations.push(`${what}: nextDueAt is ${instant(said)}; it falls due at ${instant(latest)}`);
  }

  /** What is kept after a step, and what watchers were told of it. */
  private async compareBooks(byLedger: boolean): Promise<void> {
    for (const actor of this.actors) {
      const { model, entries, number, ownerId } = actor;
      const books = await this.place.stage.books(ownerId, entries.length);
      const name = `owner ${number}`;
      for (const [index, entry] of books.entries.entries()) {
        const expected = model.entries[entries.length + index];
        this.compare({ what: `${name}, entry ${entry.sequence}`, said: views.entryOfLedger(entry), expected });
      }
      this.checkTime(name, [...entries.slice(-1), ...books.entries]);
      entries.push(...books.entries);
      const said = views.keptByLedger(books, this.place.cast);
      this.compare({ what: name, said, expected: views.keptByModel(model) });
      this.checkVersion(actor, books, byLedger);
    }
  }

  /**
   * By the ledger's own word, whatever the model says: to find entries by their time rests on it (sequence-
   * at.store.ts).
   */
  private checkTime(name: string, entries: readonly LedgerEntry[]): void {
    for (const [index, entry] of entries.entries()) {
      const before = entries[index - 1];
      if (!before || entry.at >= before.at) continue;
      const [earlier, later] = [instant(entry.at), instant(before.at)];
      this.violations.push(`${name}: entry ${entry.sequence} of ${earlier} follows one of ${later}: time goes back`);
    }
  }

  /** Rule 12 and I6: the version rises with every change, and what was told last is what is committed. */
  private checkVersion(actor: Actor, { pool, entries, openGrants }: Books, byLedger: boolean): void {
    const { number, told } = actor;
    const name = `owner ${number}`;
    const versions = told.map(({ balance }) => balance.version);
    if (pool.version < actor.version) this.violations.push(`${name}: the version fell from ${actor.version}`);
    if (entries.length > 0 && actor.version > 0 && pool.version === actor.version) {
      this.violations.push(`${name}: there are new entries, but the version is still ${pool.version}`);
    }
    if (byLedger && pool.version !== actor.version && versions.at(-1) !== pool.version) {
      this.violations.push(`${name}: version ${pool.version} is committed, but told was ${versions.join(', ')}`);
    }
    if (versions.some((version, i) => version <= (versions[i - 1] ?? actor.version) || version > pool.version)) {
      this.violations.push(
        `${name}: told were versions ${versions.join(', ')} between ${actor.version} and ${pool.version}`,
      );
    }
    const last = told.at(-1)?.balance;
    if (last) {
      const expected = views.balanceOfLedger({ ...last, ...pool, grants: openGrants });
      this.compare({ what: `${name}, told (I6)`, said: views.balanceOfLedger(last), expected });
    }
    actor.version = pool.version;
    actor.told = [];
  }

  /** At the end: every action, and the invariants over all that was written. */
  private async compareWhole(): Promise<void> {
    for (const { model, number, ownerId } of this.actors) {
      const actions = await this.place.stage.actions(ownerId);
      const books = await this.place.stage.books(ownerId, 0);
      this.compare({
        what: `owner ${number}, actions`,
        said: actions.map(views.actionOfLedger),
        expected: model.actions.map(views.actionOfModel),
      });
      this.violations.push(...brokenInvariants(`owner ${number}`, { ...books, actions }));
    }
  }

  private compare(compared: views.Compared): void {
    this.violations.push(...views.differences(compared));
  }

  private actor(number: number): Actor {
    return this.actors[number] as Actor;
  }
}
