import type { Ledger, Committed } from '../../src/ledger/ledger';
import type { Command } from '../../src/ledger/commands';
import type { LedgerEntry } from '../../src/ledger/pool';
import type { Instant } from '../../src/clock';
import { NaiveCredits, type NaiveCommand } from '../support/naive-credits';
import { NaivePlan } from '../support/naive-plans';
import { commandOf, meant } from './commands';
import type { Struck } from './faults';
import { brokenInvariants } from './invariants';
import { Processes, type Answers, type StoreWrapper } from './processes';
import type { Books, Cast, Stage } from './stage';
import * as views from './views';
import { commandInWords, faultInWords, instant, openingInWords, outcomeInWords, stepInWords } from './words';
import type { DrawnCommand, Step, World } from './world';

export interface Played {
  /** What happened and what the ledger said, one line for each: the same seed gives the same lines. */
  readonly history: readonly string[];
  /** What the ledger did and must not do; empty: nothing. */
  readonly violations: readonly string[];
  /** How many steps were played: no more after one that is a violation. */
  readonly steps: number;
  readonly commands: number;
  readonly entries: number;
  /** Those that struck. */
  readonly faults: readonly Struck[];
}

/** Plays a world on the real ledger and on the model, and compares them after every step until they differ. */
export async function playWorld(world: World, stage: Stage, wrap: StoreWrapper = (store) => store): Promise<Played> {
  const cast = await stage.begin(world);
  try {
    const play = new Play(world, { stage, cast, wrap });
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
  /** The version that watchers have: a step ago, or since they came back to a process that was started again. */
  watched: number;
  /** What watchers were told since then. */
  told: Committed[];
}

/** A command that waits for its answer. */
interface Asked {
  readonly actor: Actor;
  readonly naive: NaiveCommand;
  readonly command: Command;
}

class Play {
  private now: Instant;
  private readonly history: string[];
  private readonly violations: string[] = [];
  private readonly plans: readonly NaivePlan[];
  private readonly actors: readonly Actor[];
  private readonly processes: Processes;
  private readonly faults: Struck[] = [];
  private commands = 0;

  constructor(
    private readonly world: World,
    private readonly place: { stage: Stage; cast: Cast; wrap: StoreWrapper },
  ) {
    const { plans, owners, beginning, processes } = world;
    this.now = beginning;
    this.history = openingInWords(world);
    this.plans = plans.map((terms) => new NaivePlan(terms));
    this.actors = owners.map(({ plan, apps }, number) => ({
      number,
      ownerId: place.cast.owners[number] as number,
      model: new NaiveCredits(this.plans, plan, { at: beginning, apps }),
      entries: [],
      version: 0,
      watched: 0,
      told: [],
    }));
    this.processes = new Processes(processes, {
      ...place,
      clock: { now: () => this.now },
      onCommitted: (committed) => {
        this.actors.find(({ ownerId }) => ownerId === committed.balance.ownerId)?.told.push(committed);
      },
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
      this.processes.calm();
      await this.compareBooks(step.what === 'commands' || step.what === 'read' || step.what === 'sweep');
    }
    if (this.violations.length === 0) await this.compareWhole();
    const entries = this.actors.reduce((sum, actor) => sum + actor.entries.length, 0);
    const { history, violations, commands, faults } = this;
    return { history, violations, steps, commands, entries, faults };
  }

  private moveClock({ clock }: Step): void {
    if ('by' in clock) this.now += clock.by;
    else this.now = Math.min(...this.actors.map(({ model }) => model.nextDueAt())) + clock.toDueAnd;
  }

  private async take(step: Step): Promise<void> {
    const { stage, cast } = this.place;
    if (['commands', 'read', 'sweep'].includes(step.what)) this.processes.layInWait(step.faults);
    if (step.what === 'commands') return this.submit(step.commands, step.process);
    this.history.push(`  ${stepInWords(step)}`);
    switch (step.what) {
      case 'read':
        return this.read(this.actor(step.owner), step.process);
      case 'sweep':
        return this.sweep(step.process);
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
   * Submits all commands at once, so that the ledger decides them in one batch. Who is not answered asks again with the
   * same keys, of this process or another one; or gives up, and the sweep tells watchers what came of it.
   */
  private async submit(drawn: readonly DrawnCommand[], process: number): Promise<void> {
    this.commands += drawn.length;
    let waiting = this.rehearse(drawn);
    let asked = process;
    let givenUp = false;
    while (waiting.length > 0 && !givenUp) {
      const questions = waiting.map((one) => (ledger: Ledger) => ledger.submit(one.command));
      const { given, struck } = await this.ask(asked, questions);
      // The simulator knows what callers do not: which of the transactions that ended without an answer are committed.
      for (const { tookEffect } of struck) {
        if (tookEffect) for (const { actor, naive } of waiting) actor.model.perform(naive, this.now);
      }
      waiting = waiting.filter((one, index) => !this.hear(one, given[index] ?? null));
      const last = struck.at(-1);
      if (waiting.length === 0 || !last) break;
      this.history.push(`  no answer; ${last.then}, ${last.awayMs} ms later`);
      this.now += last.awayMs;
      givenUp = last.then === 'give up';
      if (last.then === 'retry elsewhere') asked = (asked + 1) % this.world.processes;
    }
    this.processes.calm();
    if (!givenUp && asked === process) return;
    for (let number = 0; number < this.world.processes; number += 1) await this.sweep(number);
  }

  /**
   * What the commands are about is chosen among what is there when their turn comes, so the model takes them before the
   * ledger does: a copy of it, since which of them will happen how often is not known yet.
   */
  private rehearse(drawn: readonly DrawnCommand[]): Asked[] {
    const copies = new Map<Actor, NaiveCredits>();
    return drawn.map((command, index) => {
      const actor = this.actor(command.owner);
      const naive = meant(command, copies.get(actor) ?? actor.model, this.now);
      if (drawn.slice(index + 1).some(({ owner }) => owner === command.owner)) {
        const copy = copies.get(actor) ?? actor.model.copy();
        copies.set(actor, copy);
        copy.perform(naive, this.now);
      }
      return { actor, naive, command: commandOf(naive, actor.ownerId, this.place.cast) };
    });
  }

  /** Compares an answer with what the model says; false: there was none. */
  private hear({ actor, naive }: Asked, result: PromiseSettledResult<views.LedgerOutcome> | null): boolean {
    if (!result) return false;
    const { model, number } = actor;
    const expected = views.outcomeOfModel(model, model.perform(naive, this.now));
    const said = views.outcomeOfLedger(result);
    const words = `owner ${number}: ${commandInWords(naive)}`;
    this.history.push(`  ${words} -> ${outcomeInWords(said)}`);
    this.compare({ what: words, said, expected });
    if (result.status === 'fulfilled') this.checkDue(words, result.value.balance.nextDueAt, model.nextDueAt());
    return true;
  }

  private async read({ ownerId, number, model }: Actor, process: number): Promise<void> {
    const before = this.faults.length;
    const balance = await this.untilAnswered(process, (ledger) => ledger.balance(ownerId));
    model.perform({ kind: 'READ' }, this.now);
    const what = `the balance of owner ${number}`;
    this.compare({ what, said: views.balanceOfLedger(balance), expected: views.balanceOfModel(model) });
    this.checkDue(what, balance.nextDueAt, model.nextDueAt());
    // Where it was asked more than once, nothing may be left to settle: then it is the sweep that tells watchers.
    if (this.faults.length > before) await this.sweep(process);
  }

  private async sweep(process: number): Promise<void> {
    await this.untilAnswered(process, (ledger) => ledger.sweep());
    for (const { model } of this.actors) model.perform({ kind: 'READ' }, this.now);
  }

  /** For what only settles what is due: that may happen as often as it likes. */
  private async untilAnswered<T>(process: number, question: (ledger: Ledger) => Promise<T>): Promise<T> {
    for (;;) {
      const { given, struck } = await this.ask(process, [question]);
      const [result] = given;
      if (result?.status === 'fulfilled') return result.value;
      if (result) throw result.reason;
      this.now += struck.at(-1)?.awayMs ?? 0;
    }
  }

  private async ask<T>(process: number, questions: readonly ((ledger: Ledger) => Promise<T>)[]): Promise<Answers<T>> {
    const answers = await this.processes.ask(process, questions);
    this.faults.push(...answers.struck);
    this.history.push(...answers.struck.map((fault) => `  ${faultInWords(fault)}`));
    if (answers.denied && answers.struck.some(({ tookEffect }) => tookEffect)) {
      this.violations.push('a caller was told that nothing was done, and it is committed');
    }
    if (answers.restarted) await this.watchAgain();
    return answers;
  }

  /** Watchers of a process that is gone come back and read the balance. What they had been told must have been true (I6). */
  private async watchAgain(): Promise<void> {
    this.history.push('  the process is started again');
    for (const actor of this.actors) {
      const books = await this.place.stage.books(actor.ownerId, actor.entries.length);
      this.checkTold(actor, books);
      actor.watched = books.pool.version;
    }
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

  /** Rule 12: the version rises with every change, and who watches is told of it. */
  private checkVersion(actor: Actor, books: Books, byLedger: boolean): void {
    const { pool, entries } = books;
    const { number, told, watched } = actor;
    const name = `owner ${number}`;
    if (pool.version < actor.version) this.violations.push(`${name}: the version fell from ${actor.version}`);
    if (entries.length > 0 && actor.version > 0 && pool.version === actor.version) {
      this.violations.push(`${name}: there are new entries, but the version is still ${pool.version}`);
    }
    if (byLedger && pool.version !== watched && told.at(-1)?.balance.version !== pool.version) {
      const versions = told.map(({ balance }) => balance.version);
      this.violations.push(`${name}: version ${pool.version} is committed, but told was ${versions.join(', ')}`);
    }
    this.checkTold(actor, books);
    actor.version = pool.version;
    actor.watched = pool.version;
  }

  /** I6: what was told is committed, in its order. After a fault the same may be told twice. */
  private checkTold(actor: Actor, { pool, openGrants }: Books): void {
    const { number, told, watched } = actor;
    const name = `owner ${number}`;
    const versions = told.map(({ balance }) => balance.version);
    const step = this.faults.length > 0 ? 0 : 1;
    if (versions.some((version, i) => version < (versions[i - 1] ?? watched) + step || version > pool.version)) {
      this.violations.push(`${name}: told were versions ${versions.join(', ')} between ${watched} and ${pool.version}`);
    }
    const last = told.at(-1)?.balance;
    if (last?.version === pool.version) {
      const expected = views.balanceOfLedger({ ...last, ...pool, grants: openGrants });
      this.compare({ what: `${name}, told (I6)`, said: views.balanceOfLedger(last), expected });
    }
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
