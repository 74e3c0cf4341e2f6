import type { Instant } from '../../src/clock';
import type { ErrorCode } from '../../src/errors';
import { dayOneYearAfter, renewalAfter, type NaivePlan, type NaiveTerms } from './naive-plans';

/** Where a credit is: the six parts of I1. */
export type NaiveState = 'AVAILABLE' | 'PAUSED' | 'HELD' | 'SPENT' | 'EXPIRED' | 'REVOKED';

export interface NaiveGrant {
  /** The number of the entry that opened it. */
  readonly sequence: number;
  readonly source: 'PLAN' | 'BONUS' | 'TOP_UP';
  readonly amount: number;
  readonly expiresAt: Instant | null;
  revoked: boolean;
}

export interface NaiveCredit {
  readonly grant: NaiveGrant;
  state: NaiveState;
}

export interface NaiveAction {
  /** The number of the entry that opened it; with the three numbers after it, the receipt of rule 10. */
  readonly sequence: number;
  readonly availableAfter: number;
  readonly heldAfter: number;
  readonly pausedAfter: number;
  readonly app: number;
  readonly key: string;
  readonly input: number;
  readonly credit: NaiveCredit;
  readonly createdAt: Instant;
  readonly holdExpiresAt: Instant | null;
  status: 'HELD' | 'CAPTURED' | 'VOIDED' | 'REFUNDED';
  resolvedAt: Instant | null;
}

export interface NaiveEntry {
  readonly sequence: number;
  readonly kind: string;
  readonly credits: number;
  readonly grant: number;
  readonly action: number | null;
  readonly at: Instant;
  readonly available: number;
  readonly held: number;
  readonly paused: number;
}

export interface NaiveApp {
  readonly id: number;
  readonly status: 'ACTIVE' | 'PAUSED';
  readonly creditCap: number | null;
}

/** `input` stands for all that a key's fingerprint covers: equal numbers are equal inputs. */
export type NaiveCommand =
  | { kind: 'DEBIT' | 'HOLD'; app: number; key: string; input: number; holdSeconds: number }
  | { kind: 'CAPTURE' | 'VOID' | 'REFUND'; action: number; withinApp: number | null }
  | {
      kind: 'GRANT';
      source: 'BONUS' | 'TOP_UP';
      amount: number;
      /** null: never; undefined: one year for TOP_UP, never for BONUS. */
      expiresAt: Instant | null | undefined;
      key: string;
      input: number;
    }
  | { kind: 'REVOKE'; grant: number }
  | { kind: 'CHANGE_PLAN'; plan: number }
  | { kind: 'READ' };

export interface NaiveAccepted {
  readonly replayed: boolean;
  readonly action?: NaiveAction;
  readonly grant?: NaiveGrant;
}

export type NaiveOutcome = NaiveAccepted | { readonly refused: ErrorCode };

const POOL_LIMIT_CREDITS = 2_000_000_000;

/**
 * The credits of one owner as product.md has them, written to be read beside it: the rules that a method follows
 * are cited by their numbers. It shares no code with src/ledger. Each credit is an object with a grant and a state,
 * every number is counted by looking at all of them, and nothing is ever remembered that can be counted. So it is
 * slow, and amounts must be small.
 */
export class NaiveCredits {
  readonly grants: NaiveGrant[] = [];
  readonly credits: NaiveCredit[] = [];
  readonly actions: NaiveAction[] = [];
  readonly entries: NaiveEntry[] = [];
  apps: readonly NaiveApp[];
  suspended = false;
  allowance: number;
  periodStart: Instant;
  resetsAt: Instant;
  nextPlan: number | null = null;
  terms: NaiveTerms;
  private readonly grantKeys: { key: string; input: number; grant: NaiveGrant }[] = [];
  private readonly anchor: Instant;

  /** Rule 4: the period begins, and renews, at the instant of the subscription. */
  constructor(
    private readonly plans: readonly NaivePlan[],
    public plan: number,
    opening: { at: Instant; apps: readonly number[] },
  ) {
    const { at, apps } = opening;
    this.apps = apps.map((id) => ({ id, status: 'ACTIVE', creditCap: null }));
    this.anchor = at;
    this.periodStart = at;
    this.resetsAt = renewalAfter(at, at);
    this.terms = this.planOf(plan).termsAt(at);
    this.allowance = this.terms.monthlyCredits;
    this.openPlanGrant(this.allowance, at);
  }

  /**
   * Rule 4: what has fallen due happens before any movement or read. A clock that went back does not turn the pool's
   * time back.
   */
  perform(command: NaiveCommand, clock: Instant): NaiveOutcome {
    const now = Math.max(clock, this.lastAt());
    while (this.nextDueAt() <= now) this.letHappen(this.nextDueAt());
    switch (command.kind) {
      case 'DEBIT':
      case 'HOLD':
        return this.act(command, now);
      case 'CAPTURE':
      case 'VOID':
      case 'REFUND':
        return this.resolve(command, now);
      case 'GRANT':
        return this.grant(command, now);
      case 'REVOKE':
        return this.revoke(command.grant, now);
      case 'CHANGE_PLAN':
        return this.changePlan(command.plan, now);
      case 'READ':
        return { replayed: false };
    }
  }

  /** One that goes on alone, on the same plans: to see what would come of something. */
  copy(): NaiveCredits {
    const { plans, ...own } = this;
    return Object.assign(Object.create(NaiveCredits.prototype), structuredClone(own), { plans }) as NaiveCredits;
  }

  /** Rule 11: holds from the next action on. */
  setApp(changed: NaiveApp): void {
    this.apps = this.apps.map((app) => (app.id === changed.id ? changed : app));
  }

  count(state: NaiveState): number {
    return this.credits.filter((credit) => credit.state === state).length;
  }

  /** What is left of a grant: I5 counts it to available or, where it is paused, to paused. */
  leftOf(grant: NaiveGrant): NaiveCredit[] {
    return this.credits.filter((credit) => credit.grant === grant && ['AVAILABLE', 'PAUSED'].includes(credit.state));
  }

  /**
   * Rule 6: PLAN and BONUS before TOP_UP, then the earliest expiry (none is last), then the oldest. Empty grants are
   * left out.
   */
  grantsInBurnOrder(): NaiveGrant[] {
    const last = (grant: NaiveGrant) => (grant.source === 'TOP_UP' ? 1 : 0);
    const expiry = (grant: NaiveGrant) => grant.expiresAt ?? Number.MAX_SAFE_INTEGER;
    return this.grants
      .filter((grant) => this.leftOf(grant).length > 0)
      .sort((a, b) => last(a) - last(b) || expiry(a) - expiry(b) || a.sequence - b.sequence);
  }

  /** Rule 11: actions opened in this period that are held or captured, of all apps or of one. */
  usedThisPeriod(app?: number): number {
    return this.actions.filter(
      (action) =>
        (app === undefined || action.app === app) &&
        action.createdAt >= this.periodStart &&
        (action.status === 'HELD' || action.status === 'CAPTURED'),
    ).length;
  }

  /** Rules 4, 6 and 8: the earliest renewal, expiry of a grant with something left, or expiry of a hold. */
  nextDueAt(): Instant {
    const holds = this.actions.filter(({ status }) => status === 'HELD').map(({ holdExpiresAt }) => holdExpiresAt);
    const grants = this.grantsInBurnOrder().map(({ expiresAt }) => expiresAt);
    return Math.min(this.resetsAt, ...[...holds, ...grants].filter((instant) => instant !== null));
  }

  /**
   * Rules 4 and 8: at one instant holds expire first, so that their credits share the fate of their grants, then it
   * renews.
   */
  private letHappen(at: Instant): void {
    for (const action of this.actions) {
      if (action.status === 'HELD' && action.holdExpiresAt === at) this.giveBack(action, 'VOID', at);
    }
    if (this.resetsAt === at) this.renew(at);
    for (const grant of this.grantsInBurnOrder()) if (grant.expiresAt === at) this.expire(grant, at);
  }

  /**
   * Rule 4: EXPIRE what is left, GRANT the month's credits, GRANT the rollover. Rule 5: the next plan and its terms
   * take over.
   */
  private renew(at: Instant): void {
    const oldGrants = this.grantsInBurnOrder().filter(({ source }) => source === 'PLAN');
    const left = oldGrants.flatMap((grant) => this.leftOf(grant)).length;
    for (const grant of oldGrants) this.expire(grant, at);
    const rollover = Math.min(left, this.terms.rolloverLimit);
    this.plan = this.nextPlan ?? this.plan;
    this.nextPlan = null;
    this.periodStart = at;
    this.resetsAt = renewalAfter(this.anchor, at);
    const terms = this.planOf(this.plan).termsAt(at);
    this.allowance = terms.monthlyCredits;
    this.openPlanGrant(terms.monthlyCredits, at);
    this.openPlanGrant(rollover, at);
    this.adopt(terms, at);
  }

  /** Rules 5 and 6: the terms are copied; top-ups pause while they do not allow them, and resume when they do. */
  private adopt(terms: NaiveTerms, at: Instant): void {
    const before = this.terms.topUpsAllowed;
    this.terms = terms;
    if (before === terms.topUpsAllowed) return;
    for (const grant of this.grantsInBurnOrder()) {
      if (grant.source !== 'TOP_UP') continue;
      if (terms.topUpsAllowed) this.move('RESUME', this.leftOf(grant), 'AVAILABLE', at);
      else this.move('PAUSE', this.leftOf(grant), 'PAUSED', at);
    }
  }

  private expire(grant: NaiveGrant, at: Instant): void {
    this.move('EXPIRE', this.leftOf(grant), 'EXPIRED', at);
  }

  /** Rules 1, 7, 8, 10 and 11; refusals in the order of the API's contract. */
  private act(command: NaiveCommand & { kind: 'DEBIT' | 'HOLD' }, now: Instant): NaiveOutcome {
    const { kind, key, input } = command;
    const app = this.apps.find(({ id }) => id === command.app);
    if (!app) return { refused: 'NOT_FOUND' };
    const seen = this.actions.find((action) => action.app === app.id && action.key === key);
    if (seen && seen.input !== input) return { refused: 'IDEMPOTENCY_KEY_REUSED' };
    if (seen?.status === 'VOIDED' || seen?.status === 'REFUNDED') return { refused: 'ACTION_ALREADY_RESOLVED' };
    if (seen) return { replayed: true, action: seen };
    if (this.suspended) return { refused: 'OWNER_SUSPENDED' };
    if (app.status === 'PAUSED') return { refused: 'APP_PAUSED' };
    if (app.creditCap !== null && this.usedThisPeriod(app.id) >= app.creditCap) return { refused: 'CAP_REACHED' };
    const [credit] = this.grantsInBurnOrder()
      .flatMap((grant) => this.leftOf(grant))
      .filter(({ state }) => state === 'AVAILABLE');
    if (!credit) return { refused: 'INSUFFICIENT_CREDITS' };
    const sequence = this.entries.length + 1;
    this.move(kind, [credit], kind === 'HOLD' ? 'HELD' : 'SPENT', now, sequence);
    const action: NaiveAction = {
      sequence,
      availableAfter: this.count('AVAILABLE'),
      heldAfter: this.count('HELD'),
      pausedAfter: this.count('PAUSED'),
      app: app.id,
      key,
      input,
      credit,
      createdAt: now,
      holdExpiresAt: kind === 'HOLD' ? now + command.holdSeconds * 1_000 : null,
      status: kind === 'HOLD' ? 'HELD' : 'CAPTURED',
      resolvedAt: null,
    };
    this.actions.push(action);
    return { replayed: false, action };
  }

  /** Rules 8 and 9. What is done already is replayed; whatever else does not fit the action's status is refused. */
  private resolve(command: NaiveCommand & { kind: 'CAPTURE' | 'VOID' | 'REFUND' }, now: Instant): NaiveOutcome {
    const { kind, withinApp } = command;
    const action = this.actions.find(({ sequence }) => sequence === command.action);
    if (!action || (withinApp !== null && action.app !== withinApp)) return { refused: 'NOT_FOUND' };
    const aim = { CAPTURE: 'CAPTURED', VOID: 'VOIDED', REFUND: 'REFUNDED' }[kind];
    if (action.status === aim) return { replayed: true, action };
    if (kind === 'REFUND' && action.status === 'HELD') return { refused: 'ACTION_NOT_CAPTURED' };
    if (action.status !== (kind === 'REFUND' ? 'CAPTURED' : 'HELD')) return { refused: 'ACTION_ALREADY_RESOLVED' };
    if (kind === 'CAPTURE') {
      this.move('CAPTURE', [action.credit], 'SPENT', now, action.sequence);
      action.status = 'CAPTURED';
      action.resolvedAt = now;
    } else this.giveBack(action, kind, now);
    return { replayed: false, action };
  }

  /**
   * Rule 9: the credit returns to its grant; if that is paused, revoked or expired by now, so is the credit, by an
   * entry of its own.
   */
  private giveBack(action: NaiveAction, kind: 'VOID' | 'REFUND', at: Instant): void {
    const { credit } = action;
    const { grant } = credit;
    this.move(kind, [credit], 'AVAILABLE', at, action.sequence);
    if (grant.source === 'TOP_UP' && !this.terms.topUpsAllowed) this.move('PAUSE', [credit], 'PAUSED', at);
    // Where it is both, it is revoked: an operator took it.
    if (grant.revoked) this.move('REVOKE', [credit], 'REVOKED', at);
    else if (grant.expiresAt !== null && grant.expiresAt <= at) this.move('EXPIRE', [credit], 'EXPIRED', at);
    action.status = kind === 'VOID' ? 'VOIDED' : 'REFUNDED';
    action.resolvedAt = at;
  }

  /** Rules 6 and 10, I2. A top-up that the terms do not allow is granted, then paused (I4). */
  private grant(command: NaiveCommand & { kind: 'GRANT' }, now: Instant): NaiveOutcome {
    const { source, amount, key, input } = command;
    const seen = this.grantKeys.find((known) => known.key === key);
    if (seen && seen.input !== input) return { refused: 'IDEMPOTENCY_KEY_REUSED' };
    if (seen) return { replayed: true, grant: seen.grant };
    const usual = source === 'TOP_UP' ? dayOneYearAfter(now) : null;
    const expiresAt = command.expiresAt === undefined ? usual : command.expiresAt;
    if (expiresAt !== null && expiresAt <= now) return { refused: 'BAD_USER_INPUT' };
    const inPool = this.count('AVAILABLE') + this.count('PAUSED') + this.count('HELD');
    if (inPool + amount > POOL_LIMIT_CREDITS) return { refused: 'LIMIT_REACHED' };
    const grant = this.open(source, amount, expiresAt, now);
    if (source === 'TOP_UP' && !this.terms.topUpsAllowed) this.move('PAUSE', this.leftOf(grant), 'PAUSED', now);
    this.grantKeys.push({ key, input, grant });
    return { replayed: false, grant };
  }

  /** REVOKE takes what remains; what is held or spent is revoked when it comes back (rule 9). */
  private revoke(sequence: number, now: Instant): NaiveOutcome {
    const grant = this.grants.find((one) => one.sequence === sequence);
    if (!grant) return { refused: 'NOT_FOUND' };
    if (grant.revoked) return { replayed: true, grant };
    this.move('REVOKE', this.leftOf(grant), 'REVOKED', now);
    grant.revoked = true;
    return { replayed: false, grant };
  }

  /**
   * Rule 5: more than this period's allowance at once, anything else at its end; the current plan cancels what was to
   * come.
   */
  private changePlan(plan: number, now: Instant): NaiveOutcome {
    const terms = this.planOf(plan).termsAt(now);
    if (plan === this.plan) this.nextPlan = null;
    else if (terms.monthlyCredits <= this.allowance) this.nextPlan = plan;
    else {
      const difference = terms.monthlyCredits - this.allowance;
      this.plan = plan;
      this.nextPlan = null;
      this.allowance = terms.monthlyCredits;
      this.openPlanGrant(difference, now);
      this.adopt(terms, now);
    }
    return { replayed: false };
  }

  /** Rules 4 and 5: credits of a plan live until the period ends. Where there are none to give, there is no grant. */
  private openPlanGrant(amount: number, at: Instant): void {
    if (amount > 0) this.open('PLAN', amount, this.resetsAt, at);
  }

  private open(source: NaiveGrant['source'], amount: number, expiresAt: Instant | null, at: Instant): NaiveGrant {
    const grant: NaiveGrant = { sequence: this.entries.length + 1, source, amount, expiresAt, revoked: false };
    const credits = Array.from({ length: amount }, (): NaiveCredit => ({ grant, state: 'AVAILABLE' }));
    this.grants.push(grant);
    this.credits.push(...credits);
    this.move('GRANT', credits, 'AVAILABLE', at);
    return grant;
  }

  /**
   * I4: credits of one grant change their state together, and one entry tells it. Where there are none, there is none.
   */
  private move(
    kind: string,
    credits: readonly NaiveCredit[],
    to: NaiveState,
    at: Instant,
    action: number | null = null,
  ): void {
    const [first] = credits;
    if (!first) return;
    for (const credit of credits) credit.state = to;
    this.entries.push({
      sequence: this.entries.length + 1,
      kind,
      credits: credits.length,
      grant: first.grant.sequence,
      action,
      at,
      available: this.count('AVAILABLE'),
      held: this.count('HELD'),
      paused: this.count('PAUSED'),
    });
  }

  /** The pool's time: that of its last entry, or of a renewal that moved nothing. */
  private lastAt(): Instant {
    return Math.max(this.periodStart, ...this.entries.map(({ at }) => at));
  }

  private planOf(plan: number): NaivePlan {
    const found = this.plans[plan];
    if (!found) throw new Error(`There is no plan ${plan}.`);
    return found;
  }
}
