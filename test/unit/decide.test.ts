import { hashKey } from '../../src/idempotency';
import { MINUTE_MS, SECOND_MS, type Instant } from '../../src/clock';
import { DomainError } from '../../src/errors';
import type {
  ActionOutcome,
  ChangePlan,
  Command,
  GrantCredits,
  GrantOutcome,
  OpenAction,
  ResolveAction,
} from '../../src/ledger/commands';
import { POOL_LIMIT_CREDITS, type DatedPlanTerms, type PlanTerms } from '../../src/ledger/pool';
import { publicId } from '../../src/public-id';
import { InMemoryLedger, type Book } from '../support/in-memory-ledger';

const OWNER = 7;
const APP = 1;
const OTHER_APP = 2;
const [SMALL, LARGE, OTHER, ROLLING] = [1, 2, 3, 4];
const DAY_MS = 24 * 60 * MINUTE_MS;

const PLANS: Record<number, PlanTerms> = {
  [SMALL]: { monthlyCredits: 2, topUpsAllowed: false, rolloverLimit: 0 },
  [LARGE]: { monthlyCredits: 5, topUpsAllowed: true, rolloverLimit: 0 },
  [OTHER]: { monthlyCredits: 2, topUpsAllowed: true, rolloverLimit: 0 },
  [ROLLING]: { monthlyCredits: 5, topUpsAllowed: true, rolloverLimit: 2 },
};

/** One owner with a ledger and a clock, and a command a line. */
class Owner {
  readonly ledger: InMemoryLedger;
  readonly book: Book;
  now: Instant;
  private keys = 0;

  constructor({ plan = LARGE, since = '2026-03-10T12:00:00Z', dueHoldsPerBatch = 1_000 } = {}) {
    const plans = Object.entries(PLANS).map(([planId, terms]): [number, DatedPlanTerms[]] => [
      Number(planId),
      [{ ...terms, effectiveFrom: 0 }],
    ]);
    this.ledger = new InMemoryLedger(new Map(plans), dueHoldsPerBatch);
    this.now = Date.parse(since);
    this.book = this.ledger.open({ ownerId: OWNER, planId: plan, at: this.now, apps: [APP, OTHER_APP] });
  }

  debit(change: Partial<OpenAction> & { text?: string } = {}): ActionOutcome {
    return this.submit(this.opening({ kind: 'DEBIT', ...change })) as ActionOutcome;
  }

  hold(holdSeconds = 900, change: Partial<OpenAction> & { text?: string } = {}): ActionOutcome {
    return this.submit(this.opening({ kind: 'HOLD', holdSeconds, ...change })) as ActionOutcome;
  }

  opening({ text = `key-${(this.keys += 1)}`, ...change }: Partial<OpenAction> & { text?: string }): OpenAction {
    const facts = { type: 'CALL_API', visitor: null, origin: null, details: '{}', metadata: null };
    const key = { text, hash: hashKey(text), fingerprint: 'a'.repeat(64) };
    return { kind: 'DEBIT', ownerId: OWNER, appId: APP, key, facts, holdSeconds: 900, ...change };
  }

  resolve(kind: ResolveAction['kind'], { action }: ActionOutcome, withinAppId: number | null = null): ActionOutcome {
    const { sequence: actionSequence } = action;
    return this.submit({ kind, ownerId: OWNER, actionSequence, withinAppId, reason: null }) as ActionOutcome;
  }

  grant(source: GrantCredits['source'], amount: number, change: Partial<GrantCredits> = {}): GrantOutcome {
    const text = `grant-${(this.keys += 1)}`;
    const key = { text, hash: hashKey(text), fingerprint: 'b'.repeat(64) };
    const grant = { kind: 'GRANT', ownerId: OWNER, source, amount, expiresAt: undefined, reason: null, key } as const;
    return this.submit({ ...grant, ...change }) as GrantOutcome;
  }

  revoke(grantSequence: number): GrantOutcome {
    return this.submit({ kind: 'REVOKE', ownerId: OWNER, grantSequence, reason: null }) as GrantOutcome;
  }

  changePlan(planId: ChangePlan['planId']): void {
    this.submit({ kind: 'CHANGE_PLAN', ownerId: OWNER, planId });
  }

  editPlan(planId: number, terms: Partial<PlanTerms>): void {
    const dated = this.ledger.plans.get(planId) as DatedPlanTerms[];
    const edited = { ...(dated.at(-1) as DatedPlanTerms), ...terms, effectiveFrom: this.now };
    this.ledger.plans.set(planId, [...dated, edited]);
  }

  settleAt(instant: string): void {
    this.now = Date.parse(instant);
    this.submit({ kind: 'SETTLE', ownerId: OWNER });
  }

  submit(command: Command): unknown {
    const [decided] = this.ledger.submit([command], this.now);
    if (decided?.status === 'REFUSED') throw decided.error;
    return decided?.status === 'ACCEPTED' ? decided.outcome : decided;
  }

  get pool() {
    return this.book.pool;
  }

  /** The entries since a sequence number, as 'KIND credits'. */
  movements(since = 0): string[] {
    return this.book.entries.slice(since).map(({ kind, credits }) => `${kind} ${credits}`);
  }

  /** The same with their instants. */
  datedMovements(since = 0): string[] {
    return this.book.entries
      .slice(since)
      .map(({ kind, credits, at }) => `${new Date(at).toISOString().slice(0, 16)} ${kind} ${credits}`);
  }
}

/** The code that a command is refused with; fails where it is accepted. */
function refusalOf(command: () => unknown): DomainError {
  try {
    command();
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    return error as DomainError;
  }
  throw new Error('It was accepted.');
}

const codeOf = (command: () => unknown): string => refusalOf(command).code;

describe('an action (rule 1)', () => {
  it('costs one credit, and its receipt is the pool right after it', () => {
    const owner = new Owner();
    const { action, balance, replayed } = owner.debit();
    expect(action).toMatchObject({ sequence: 2, status: 'CAPTURED', availableAfter: 4, heldAfter: 0, pausedAfter: 0 });
    expect(balance).toMatchObject({ available: 4, held: 0, usedThisPeriod: 1, lastSequence: 2 });
    expect(replayed).toBe(false);
    expect(owner.movements()).toEqual(['GRANT 5', 'DEBIT 1']);
  });

  it('draws on the owner’s one pool, whichever app performs it (rule 2)', () => {
    const owner = new Owner({ plan: SMALL });
    owner.debit({ appId: APP });
    owner.debit({ appId: OTHER_APP });
    expect(codeOf(() => owner.debit({ appId: APP }))).toBe('INSUFFICIENT_CREDITS');
  });

  it('is NOT_FOUND for an app that is not the owner’s', () => {
    expect(codeOf(() => new Owner().debit({ appId: 99 }))).toBe('NOT_FOUND');
  });
});

describe('renewal (rule 4)', () => {
  it('of a subscription on the 31st falls on the last day of shorter months, at the same time of day', () => {
    const owner = new Owner({ since: '2027-12-31T08:30:00Z', plan: SMALL });
    owner.settleAt('2028-04-30T08:30:00Z');
    expect(owner.datedMovements(1)).toEqual([
      '2028-01-31T08:30 EXPIRE 2',
      '2028-01-31T08:30 GRANT 2',
      '2028-02-29T08:30 EXPIRE 2',
      '2028-02-29T08:30 GRANT 2',
      '2028-03-31T08:30 EXPIRE 2',
      '2028-03-31T08:30 GRANT 2',
      '2028-04-30T08:30 EXPIRE 2',
      '2028-04-30T08:30 GRANT 2',
    ]);
    expect(new Date(owner.pool.resetsAt).toISOString()).toBe('2028-05-31T08:30:00.000Z');
  });

  it('is applied at its instant, and not a millisecond before', () => {
    const owner = new Owner();
    owner.debit();
    owner.settleAt('2026-04-10T11:59:59.999Z');
    expect(owner.pool.available).toBe(4);
    owner.settleAt('2026-04-10T12:00:00.000Z');
    expect(owner.pool).toMatchObject({ available: 5, usedThisPeriod: 0, allowance: 5 });
    expect(owner.movements(2)).toEqual(['EXPIRE 4', 'GRANT 5']);
  });

  it('comes before the movement that is asked for, and takes the credits of the new period', () => {
    const owner = new Owner({ plan: SMALL });
    owner.debit();
    owner.debit();
    owner.now = Date.parse('2026-04-10T12:00:00Z');
    const { action } = owner.debit();
    expect(owner.movements(3)).toEqual(['GRANT 2', 'DEBIT 1']);
    expect(action.availableAfter).toBe(1);
    expect(owner.pool.usedThisPeriod).toBe(1);
  });

  it('is caught up one by one, each with the plan’s terms in force at its own instant (rule 5)', () => {
    const owner = new Owner({ plan: LARGE });
    owner.now = Date.parse('2026-04-20T00:00:00Z');
    owner.editPlan(LARGE, { monthlyCredits: 50 });
    owner.now = Date.parse('2026-06-01T00:00:00Z');
    owner.editPlan(LARGE, { monthlyCredits: 9 });
    owner.settleAt('2026-06-10T12:00:00Z');
    expect(owner.datedMovements(1)).toEqual([
      '2026-04-10T12:00 EXPIRE 5',
      '2026-04-10T12:00 GRANT 5',
      '2026-05-10T12:00 EXPIRE 5',
      '2026-05-10T12:00 GRANT 50',
      '2026-06-10T12:00 EXPIRE 50',
      '2026-06-10T12:00 GRANT 9',
    ]);
    expect(owner.pool.allowance).toBe(9);
  });

  it('of a plan without credits grants none, and opens no action before its period when a clock goes back', () => {
    const owner = new Owner();
    owner.editPlan(LARGE, { monthlyCredits: 0 });
    owner.settleAt('2026-05-10T12:00:00Z');
    owner.grant('BONUS', 2);
    owner.settleAt('2026-06-10T12:00:00Z');
    expect(owner.movements(2)).toEqual(['GRANT 2']);
    owner.now = Date.parse('2026-06-10T11:00:00Z');
    const opened = owner.debit();
    expect(new Date(opened.action.createdAt).toISOString()).toBe('2026-06-10T12:00:00.000Z');
    owner.resolve('REFUND', opened);
    expect(owner.pool.usedThisPeriod).toBe(0);
  });

  it('rolls over what is left up to the limit, for one period only', () => {
    const owner = new Owner({ plan: ROLLING });
    owner.debit();
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.movements(2)).toEqual(['EXPIRE 4', 'GRANT 5', 'GRANT 2']);
    expect(owner.pool).toMatchObject({ available: 7, allowance: 5 });
    // Nothing is used in the second period: the rolled-over credits do not pile up.
    owner.settleAt('2026-05-10T12:00:00Z');
    expect(owner.movements(5)).toEqual(['EXPIRE 5', 'EXPIRE 2', 'GRANT 5', 'GRANT 2']);
  });

  it('rolls over no more than what was left', () => {
    const owner = new Owner({ plan: ROLLING });
    for (let i = 0; i < 4; i++) owner.debit();
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.movements(5)).toEqual(['EXPIRE 1', 'GRANT 5', 'GRANT 1']);
  });

  it('rolls over by the terms of the period that ends, not by those of the next one (rule 5)', () => {
    const owner = new Owner({ plan: ROLLING });
    owner.editPlan(ROLLING, { rolloverLimit: 0 });
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.pool.available).toBe(5 + 2);
    owner.settleAt('2026-05-10T12:00:00Z');
    expect(owner.pool.available).toBe(5);
  });

  it('never takes a BONUS or a TOP_UP', () => {
    const owner = new Owner();
    owner.grant('BONUS', 3);
    owner.grant('TOP_UP', 4);
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.movements(3)).toEqual(['EXPIRE 5', 'GRANT 5']);
    expect(owner.pool.available).toBe(5 + 3 + 4);
  });
});

describe('a change of plan (rule 5)', () => {
  it('to more monthly credits takes effect at once: the difference is granted, what was used stays used', () => {
    const owner = new Owner({ plan: SMALL });
    owner.debit();
    owner.changePlan(LARGE);
    expect(owner.movements(2)).toEqual(['GRANT 3']);
    expect(owner.pool).toMatchObject({
      planId: LARGE,
      nextPlanId: null,
      available: 4,
      allowance: 5,
      usedThisPeriod: 1,
    });
    expect(owner.book.grants.get(3)).toMatchObject({ source: 'PLAN', amount: 3, expiresAt: owner.pool.resetsAt });
    expect(new Date(owner.pool.resetsAt).toISOString()).toBe('2026-04-10T12:00:00.000Z');
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.movements(3)).toEqual(['EXPIRE 1', 'EXPIRE 3', 'GRANT 5']);
  });

  it('to fewer or as many takes effect at the end of the period', () => {
    const owner = new Owner({ plan: LARGE });
    owner.changePlan(OTHER);
    expect(owner.pool).toMatchObject({ planId: LARGE, nextPlanId: OTHER, available: 5, allowance: 5 });
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.pool).toMatchObject({ planId: OTHER, nextPlanId: null, available: 2, allowance: 2 });
  });

  it('to the current plan cancels a pending one', () => {
    const owner = new Owner({ plan: LARGE });
    owner.changePlan(OTHER);
    owner.changePlan(LARGE);
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.pool).toMatchObject({ planId: LARGE, available: 5 });
  });

  it('twice in a period grants the difference to this period’s allowance, and never twice', () => {
    const owner = new Owner({ plan: SMALL });
    owner.changePlan(LARGE);
    owner.changePlan(SMALL);
    owner.changePlan(LARGE);
    owner.changePlan(ROLLING);
    expect(owner.movements(1)).toEqual(['GRANT 3']);
    expect(owner.pool).toMatchObject({ planId: LARGE, nextPlanId: ROLLING });
  });

  it('is not made by editing the plan: the running period keeps its terms', () => {
    const owner = new Owner({ plan: LARGE });
    owner.editPlan(LARGE, { monthlyCredits: 100, topUpsAllowed: false });
    owner.debit();
    expect(owner.pool).toMatchObject({ available: 4, monthlyCredits: 5, topUpsAllowed: true });
  });
});

describe('grants (rule 6)', () => {
  it('burn PLAN and BONUS before TOP_UP, then by expiry, then the oldest first', () => {
    const owner = new Owner({ plan: OTHER });
    const inDays = (days: number) => owner.now + days * DAY_MS;
    const topUp = owner.grant('TOP_UP', 1, { expiresAt: inDays(1) });
    const laterTopUp = owner.grant('TOP_UP', 1, { expiresAt: inDays(1) });
    const never = owner.grant('BONUS', 1, { expiresAt: null });
    const late = owner.grant('BONUS', 1, { expiresAt: inDays(60) });
    const soon = owner.grant('BONUS', 1, { expiresAt: inDays(2) });
    const plan = 1;
    const burned = Array.from({ length: 7 }, () => owner.debit().action.grantSequence);
    expect(burned).toEqual([
      soon.grant.sequence,
      plan,
      plan,
      late.grant.sequence,
      never.grant.sequence,
      topUp.grant.sequence,
      laterTopUp.grant.sequence,
    ]);
  });

  it('of a TOP_UP are valid for one year, of a BONUS for ever, unless something else is said', () => {
    const owner = new Owner({ since: '2028-02-29T12:00:00Z' });
    expect(owner.grant('TOP_UP', 1).grant.expiresAt).toBe(Date.parse('2029-02-28T12:00:00Z'));
    expect(owner.grant('TOP_UP', 1, { expiresAt: null }).grant.expiresAt).toBeNull();
    expect(owner.grant('BONUS', 1).grant.expiresAt).toBeNull();
  });

  it('expire at their instant, whether or not anybody looked', () => {
    const owner = new Owner();
    owner.grant('BONUS', 3, { expiresAt: owner.now + DAY_MS });
    owner.now += 5 * DAY_MS;
    owner.debit();
    expect(owner.datedMovements(2)).toEqual(['2026-03-11T12:00 EXPIRE 3', '2026-03-15T12:00 DEBIT 1']);
  });

  it('that would expire at once are refused', () => {
    const owner = new Owner();
    expect(refusalOf(() => owner.grant('BONUS', 1, { expiresAt: owner.now }))).toMatchObject({
      code: 'BAD_USER_INPUT',
      details: { problems: [{ path: 'input.expiresAt', message: 'must be in the future' }] },
    });
  });

  it('of a TOP_UP are granted, then paused, while the terms do not allow them, and cannot be spent', () => {
    const owner = new Owner({ plan: SMALL });
    owner.grant('TOP_UP', 4);
    expect(owner.movements(1)).toEqual(['GRANT 4', 'PAUSE 4']);
    expect(owner.pool).toMatchObject({ available: 2, paused: 4 });
    owner.debit();
    owner.debit();
    expect(codeOf(() => owner.debit())).toBe('INSUFFICIENT_CREDITS');
  });

  it('of a TOP_UP are resumed by an upgrade that allows them, and paused by a renewal that does not', () => {
    const owner = new Owner({ plan: SMALL });
    owner.grant('TOP_UP', 4);
    owner.changePlan(LARGE);
    expect(owner.movements(3)).toEqual(['GRANT 3', 'RESUME 4']);
    owner.changePlan(SMALL);
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.movements(5)).toEqual(['EXPIRE 2', 'EXPIRE 3', 'GRANT 2', 'PAUSE 4']);
    expect(owner.pool).toMatchObject({ available: 2, paused: 4 });
  });

  it('of a paused TOP_UP expire from paused', () => {
    const owner = new Owner({ plan: SMALL });
    owner.grant('TOP_UP', 4, { expiresAt: owner.now + DAY_MS });
    owner.now += 2 * DAY_MS;
    owner.debit();
    expect(owner.movements(3)).toEqual(['EXPIRE 4', 'DEBIT 1']);
    expect(owner.pool).toMatchObject({ available: 1, paused: 0, expired: 4 });
  });

  it('are repeated with their key, and refused with it for another input (rule 10)', () => {
    const owner = new Owner();
    const key = { text: 'once', hash: hashKey('once'), fingerprint: 'c'.repeat(64) };
    const first = owner.grant('BONUS', 3, { key });
    expect(owner.grant('BONUS', 3, { key })).toMatchObject({ replayed: true, grant: first.grant });
    expect(codeOf(() => owner.grant('BONUS', 3, { key: { ...key, fingerprint: 'd'.repeat(64) } }))).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
    expect(owner.movements(1)).toEqual(['GRANT 3']);
  });

  it('do not share keys with apps (I3)', () => {
    const owner = new Owner();
    const key = { text: 'same', hash: hashKey('same'), fingerprint: 'a'.repeat(64) };
    owner.grant('BONUS', 3, { key });
    expect(owner.debit({ key, appId: APP }).replayed).toBe(false);
    expect(owner.debit({ key, appId: OTHER_APP }).replayed).toBe(false);
  });

  it('are revoked as far as they remain; again changes nothing', () => {
    const owner = new Owner({ plan: OTHER });
    const { grant } = owner.grant('BONUS', 4, { expiresAt: owner.now + DAY_MS });
    owner.debit();
    expect(owner.revoke(grant.sequence)).toMatchObject({ replayed: false, grant: { remaining: 0 } });
    expect(owner.revoke(grant.sequence).replayed).toBe(true);
    expect(owner.movements(3)).toEqual(['REVOKE 3']);
    expect(owner.pool).toMatchObject({ available: 2, revoked: 3 });
    expect(codeOf(() => owner.revoke(99))).toBe('NOT_FOUND');
  });
});

describe('an empty pool (rule 7)', () => {
  it('refuses an action, tells when it renews, and debits nothing', () => {
    const owner = new Owner({ plan: SMALL });
    owner.debit();
    owner.debit();
    expect(refusalOf(() => owner.debit())).toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      details: { available: 0, resetsAt: '2026-04-10T12:00:00.000Z' },
    });
    expect(owner.movements(3)).toEqual([]);
  });

  it('commits what had fallen due with the refusal', () => {
    const owner = new Owner({ plan: SMALL });
    owner.debit();
    owner.debit();
    owner.editPlan(SMALL, { monthlyCredits: 0 });
    owner.grant('BONUS', 1, { expiresAt: owner.now + MINUTE_MS });
    owner.now += 2 * MINUTE_MS;
    expect(codeOf(() => owner.debit())).toBe('INSUFFICIENT_CREDITS');
    expect(owner.movements(4)).toEqual(['EXPIRE 1']);
  });

  it('remembers no refusal: after a top-up the same key succeeds (rule 10)', () => {
    const owner = new Owner({ plan: OTHER });
    owner.debit();
    owner.debit();
    expect(codeOf(() => owner.debit({ text: 'again' }))).toBe('INSUFFICIENT_CREDITS');
    owner.grant('TOP_UP', 1);
    expect(owner.debit({ text: 'again' }).replayed).toBe(false);
  });
});

describe('a hold (rule 8)', () => {
  it('takes the credit at once, and spends it when it is captured', () => {
    const owner = new Owner();
    const held = owner.hold();
    expect(held).toMatchObject({ action: { status: 'HELD', availableAfter: 4, heldAfter: 1 } });
    expect(held.balance).toMatchObject({ available: 4, held: 1, usedThisPeriod: 1 });
    expect(owner.resolve('CAPTURE', held).balance).toMatchObject({ available: 4, held: 0, usedThisPeriod: 1 });
    expect(owner.pool.spent).toBe(1);
  });

  it('gives the credit back when it is voided', () => {
    const owner = new Owner();
    expect(owner.resolve('VOID', owner.hold()).balance).toMatchObject({ available: 5, held: 0, usedThisPeriod: 0 });
  });

  it('is voided by itself at its expiry, and not a millisecond before', () => {
    const owner = new Owner();
    const { action } = owner.hold(60);
    const expiry = owner.now + 60 * SECOND_MS;
    expect(owner.pool.nextDueAt).toBe(expiry);
    owner.now = expiry - 1;
    owner.submit({ kind: 'SETTLE', ownerId: OWNER });
    expect(owner.pool.held).toBe(1);
    owner.now = expiry + 5 * MINUTE_MS;
    owner.submit({ kind: 'SETTLE', ownerId: OWNER });
    expect(owner.book.actions.get(action.sequence)).toMatchObject({
      status: 'VOIDED',
      resolvedAt: expiry,
      reason: 'The hold expired.',
    });
    expect(owner.book.entries.at(-1)).toMatchObject({ kind: 'VOID', at: expiry });
  });

  it('cannot be captured any more at its expiry', () => {
    const owner = new Owner();
    const held = owner.hold(60);
    owner.now += 60 * SECOND_MS;
    expect(refusalOf(() => owner.resolve('CAPTURE', held))).toMatchObject({
      code: 'ACTION_ALREADY_RESOLVED',
      details: { status: 'VOIDED', actionId: publicId('action', OWNER, held.action.sequence) },
    });
  });

  it('that is resolved does not keep the pool due: the next one is waited for', () => {
    const owner = new Owner();
    const short = owner.hold(60);
    owner.hold(3_600);
    const longExpiry = owner.now + 3_600 * SECOND_MS;
    owner.resolve('CAPTURE', short);
    owner.now += 61 * SECOND_MS;
    const { balance } = owner.submit({ kind: 'SETTLE', ownerId: OWNER }) as ActionOutcome;
    expect(balance.nextDueAt).toBe(longExpiry);
    expect(owner.pool.nextDueAt).toBe(longExpiry);
  });

  it('expires before the grant that it came from does at the same instant, and its credit with that grant', () => {
    const owner = new Owner();
    const { grant } = owner.grant('BONUS', 2, { expiresAt: owner.now + 60 * SECOND_MS });
    expect(owner.hold(60).action.grantSequence).toBe(grant.sequence);
    owner.now += 60 * SECOND_MS;
    owner.submit({ kind: 'SETTLE', ownerId: OWNER });
    expect(owner.movements(3)).toEqual(['VOID 1', 'EXPIRE 1', 'EXPIRE 1']);
  });
});

describe('a hold that expires at the renewal', () => {
  it('comes back before it, and expires with the grant that it came from, which ends at that instant', () => {
    const owner = new Owner({ plan: ROLLING });
    owner.now = Date.parse('2026-04-10T11:59:00Z');
    for (let i = 0; i < 3; i++) owner.debit();
    owner.hold(60);
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.movements(5)).toEqual(['VOID 1', 'EXPIRE 1', 'EXPIRE 1', 'GRANT 5', 'GRANT 1']);
    expect(owner.pool.usedThisPeriod).toBe(0);
  });
});

describe('a credit that comes back (rule 9)', () => {
  it('to a grant that has expired by now is expired, and the ledger shows both', () => {
    const owner = new Owner();
    const { grant } = owner.grant('BONUS', 1, { expiresAt: owner.now + MINUTE_MS });
    const held = owner.hold(900);
    expect(held.action.grantSequence).toBe(grant.sequence);
    owner.now += 2 * MINUTE_MS;
    owner.resolve('VOID', held);
    expect(owner.movements(3)).toEqual(['VOID 1', 'EXPIRE 1']);
    expect(owner.pool).toMatchObject({ available: 5, held: 0, expired: 1 });
  });

  it('to a revoked grant is revoked', () => {
    const owner = new Owner();
    const opened = owner.debit();
    owner.revoke(opened.action.grantSequence);
    owner.resolve('REFUND', opened);
    expect(owner.movements(2)).toEqual(['REVOKE 4', 'REFUND 1', 'REVOKE 1']);
    expect(owner.pool).toMatchObject({ available: 0, revoked: 5 });
  });

  it('to a grant that was revoked when it was empty is revoked too', () => {
    const owner = new Owner();
    const { grant } = owner.grant('BONUS', 1, { expiresAt: owner.now + MINUTE_MS });
    const opened = owner.debit();
    owner.revoke(grant.sequence);
    owner.resolve('REFUND', opened);
    expect(owner.movements(3)).toEqual(['REFUND 1', 'REVOKE 1']);
  });

  it('to a paused top-up is paused, and to a paused one that has expired is expired from there', () => {
    const owner = new Owner({ plan: OTHER });
    owner.grant('TOP_UP', 2, { expiresAt: Date.parse('2026-05-01T00:00:00Z') });
    owner.debit();
    owner.debit();
    const [first, second] = [owner.debit(), owner.debit()];
    owner.changePlan(SMALL);
    owner.settleAt('2026-04-10T12:00:00Z');
    const before = owner.pool.lastSequence;
    owner.resolve('REFUND', first);
    expect(owner.movements(before)).toEqual(['REFUND 1', 'PAUSE 1']);
    expect(owner.pool).toMatchObject({ available: 2, paused: 1 });
    owner.now = Date.parse('2026-05-02T00:00:00Z');
    owner.resolve('REFUND', second);
    expect(owner.movements(before + 2)).toEqual(['EXPIRE 1', 'REFUND 1', 'PAUSE 1', 'EXPIRE 1']);
    expect(owner.pool).toMatchObject({ available: 2, paused: 0 });
  });

  it('to a PLAN grant of an earlier period is expired', () => {
    const owner = new Owner();
    const opened = owner.debit();
    owner.settleAt('2026-04-10T12:00:00Z');
    owner.resolve('REFUND', opened);
    expect(owner.movements(4)).toEqual(['REFUND 1', 'EXPIRE 1']);
    expect(owner.pool.available).toBe(5);
  });
});

describe('resolving an action (the table of the public contract)', () => {
  const states = {
    HELD: (owner: Owner) => owner.hold(),
    CAPTURED: (owner: Owner) => owner.debit(),
    'CAPTURED after a hold': (owner: Owner) => owner.resolve('CAPTURE', owner.hold()),
    VOIDED: (owner: Owner) => owner.resolve('VOID', owner.hold()),
    REFUNDED: (owner: Owner) => owner.resolve('REFUND', owner.debit()),
  };
  const table: [state: keyof typeof states, kind: ResolveAction['kind'], result: string][] = [
    ['HELD', 'CAPTURE', 'CAPTURED'],
    ['HELD', 'VOID', 'VOIDED'],
    ['HELD', 'REFUND', 'ACTION_NOT_CAPTURED'],
    ['CAPTURED', 'CAPTURE', 'replayed'],
    ['CAPTURED', 'VOID', 'ACTION_ALREADY_RESOLVED'],
    ['CAPTURED', 'REFUND', 'REFUNDED'],
    ['CAPTURED after a hold', 'CAPTURE', 'replayed'],
    ['CAPTURED after a hold', 'VOID', 'ACTION_ALREADY_RESOLVED'],
    ['CAPTURED after a hold', 'REFUND', 'REFUNDED'],
    ['VOIDED', 'CAPTURE', 'ACTION_ALREADY_RESOLVED'],
    ['VOIDED', 'VOID', 'replayed'],
    ['VOIDED', 'REFUND', 'ACTION_ALREADY_RESOLVED'],
    ['REFUNDED', 'CAPTURE', 'ACTION_ALREADY_RESOLVED'],
    ['REFUNDED', 'VOID', 'ACTION_ALREADY_RESOLVED'],
    ['REFUNDED', 'REFUND', 'replayed'],
  ];

  test.each(table)('%s: %s comes to %s', (state, kind, result) => {
    const owner = new Owner();
    const opened = states[state](owner);
    const before = owner.pool;
    if (result === 'replayed') {
      expect(owner.resolve(kind, opened)).toMatchObject({ replayed: true, action: opened.action });
    } else if (result.startsWith('ACTION_')) {
      expect(codeOf(() => owner.resolve(kind, opened))).toBe(result);
    } else {
      expect(owner.resolve(kind, opened)).toMatchObject({ replayed: false, action: { status: result } });
      return;
    }
    expect(owner.pool).toEqual(before);
  });

  it('is allowed while the app is paused and the owner suspended', () => {
    const owner = new Owner();
    const [first, second, third] = [owner.hold(), owner.hold(), owner.debit()];
    owner.ledger.setApp(OWNER, APP, { status: 'PAUSED' });
    owner.ledger.setPool(OWNER, { suspendedAt: owner.now });
    expect(owner.resolve('CAPTURE', first).action.status).toBe('CAPTURED');
    expect(owner.resolve('VOID', second).action.status).toBe('VOIDED');
    expect(owner.resolve('REFUND', third).action.status).toBe('REFUNDED');
  });

  it('is NOT_FOUND for another app’s action, and for none', () => {
    const owner = new Owner();
    const held = owner.hold();
    expect(codeOf(() => owner.resolve('CAPTURE', held, OTHER_APP))).toBe('NOT_FOUND');
    expect(owner.resolve('CAPTURE', held, APP).action.status).toBe('CAPTURED');
    const none = { ...held, action: { ...held.action, sequence: 99 } };
    expect(codeOf(() => owner.resolve('CAPTURE', none))).toBe('NOT_FOUND');
  });

  it('is NOT_FOUND for an entry that opened no action', () => {
    const owner = new Owner();
    const held = owner.hold();
    const grant = { ...held, action: { ...held.action, sequence: 1 } };
    expect(codeOf(() => owner.resolve('VOID', grant))).toBe('NOT_FOUND');
  });
});

describe('a cap (rule 11)', () => {
  function capped(creditCap: number | null): Owner {
    const owner = new Owner();
    owner.ledger.setApp(OWNER, APP, { creditCap });
    return owner;
  }

  it('refuses the app’s next action when it is reached, and no other app’s', () => {
    const owner = capped(2);
    owner.debit();
    owner.hold();
    expect(refusalOf(() => owner.debit())).toMatchObject({
      code: 'CAP_REACHED',
      details: { cap: 2, resetsAt: '2026-04-10T12:00:00.000Z' },
    });
    expect(owner.debit({ appId: OTHER_APP }).replayed).toBe(false);
  });

  it('of zero refuses every action', () => {
    expect(codeOf(() => capped(0).debit())).toBe('CAP_REACHED');
  });

  it('counts anew in each period', () => {
    const owner = capped(1);
    owner.debit();
    expect(codeOf(() => owner.debit())).toBe('CAP_REACHED');
    owner.now = Date.parse('2026-04-10T12:00:00Z');
    expect(owner.debit().replayed).toBe(false);
    expect(codeOf(() => owner.debit())).toBe('CAP_REACHED');
  });

  it('is freed by a refund or a void of an action of this period', () => {
    const owner = capped(1);
    owner.resolve('REFUND', owner.debit());
    owner.resolve('VOID', owner.hold());
    expect(owner.debit().replayed).toBe(false);
  });

  it('is not freed by a refund or a void of an action of an older period', () => {
    const owner = capped(2);
    owner.now = Date.parse('2026-04-10T11:59:00Z');
    const [older, held] = [owner.debit(), owner.hold(86_400)];
    owner.now = Date.parse('2026-04-10T12:00:00Z');
    owner.debit();
    owner.debit();
    owner.resolve('REFUND', older);
    owner.resolve('VOID', held);
    expect(codeOf(() => owner.debit())).toBe('CAP_REACHED');
    expect(owner.pool.usedThisPeriod).toBe(2);
  });

  it('holds within one batch too', () => {
    const owner = capped(1);
    const decided = owner.ledger.submit([owner.opening({}), owner.opening({})], owner.now);
    expect(decided).toMatchObject([{ status: 'ACCEPTED' }, { status: 'REFUSED', error: { code: 'CAP_REACHED' } }]);
  });
});

describe('an action is checked in this order', () => {
  /** An owner for whom everything is wrong; each test puts right what is checked first. */
  function refused(): { owner: Owner; spent: ActionOutcome; voided: ActionOutcome } {
    const owner = new Owner({ plan: SMALL });
    const voided = owner.resolve('VOID', owner.hold(900, { text: 'voided' }));
    const spent = owner.debit({ text: 'spent' });
    owner.debit();
    owner.ledger.setApp(OWNER, APP, { status: 'PAUSED', creditCap: 2 });
    owner.ledger.setPool(OWNER, { suspendedAt: owner.now });
    return { owner, spent, voided };
  }
  const lift = (owner: Owner) => owner.ledger.setPool(OWNER, { suspendedAt: null });
  const activate = (owner: Owner) => owner.ledger.setApp(OWNER, APP, { status: 'ACTIVE' });
  const uncap = (owner: Owner) => owner.ledger.setApp(OWNER, APP, { creditCap: null });

  it('first its key: a known one is replayed, with its receipt, on an empty pool, a paused app, a suspended owner', () => {
    const { owner, spent } = refused();
    const replay = owner.debit({ text: 'spent' });
    expect(replay).toMatchObject({ replayed: true, action: spent.action, balance: { available: 0 } });
    expect(replay.action.availableAfter).toBe(1);
    expect(owner.movements(spent.action.sequence)).toEqual(['DEBIT 1']);
  });

  it('a known key with another input is an error', () => {
    const { owner } = refused();
    const { key } = owner.opening({ text: 'spent' });
    const other = { ...key, fingerprint: 'f'.repeat(64) };
    expect(codeOf(() => owner.debit({ key: other }))).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('a known key whose action was voided is no leave to act', () => {
    const { owner, voided } = refused();
    expect(refusalOf(() => owner.hold(900, { text: 'voided' }))).toMatchObject({
      code: 'ACTION_ALREADY_RESOLVED',
      details: { status: 'VOIDED', actionId: publicId('action', OWNER, voided.action.sequence) },
    });
  });

  it('then OWNER_SUSPENDED, APP_PAUSED, CAP_REACHED, INSUFFICIENT_CREDITS', () => {
    const { owner } = refused();
    expect(codeOf(() => owner.debit())).toBe('OWNER_SUSPENDED');
    lift(owner);
    expect(codeOf(() => owner.debit())).toBe('APP_PAUSED');
    activate(owner);
    expect(codeOf(() => owner.debit())).toBe('CAP_REACHED');
    uncap(owner);
    expect(codeOf(() => owner.debit())).toBe('INSUFFICIENT_CREDITS');
    owner.grant('BONUS', 1);
    expect(owner.debit().replayed).toBe(false);
  });
});

describe('a batch', () => {
  it('opens one action for a key that it holds twice (I3)', () => {
    const owner = new Owner();
    const twice = [owner.opening({ text: 'twice' }), owner.opening({ text: 'twice' })];
    expect(owner.ledger.submit(twice, owner.now)).toMatchObject([
      { outcome: { replayed: false, action: { sequence: 2 } } },
      { outcome: { replayed: true, action: { sequence: 2 } } },
    ]);
    expect(owner.movements()).toEqual(['GRANT 5', 'DEBIT 1']);
  });

  it('spends the last credit once', () => {
    const owner = new Owner({ plan: SMALL });
    owner.debit();
    const decided = owner.ledger.submit([owner.opening({}), owner.opening({}), owner.opening({})], owner.now);
    expect(decided.map(({ status }) => status)).toEqual(['ACCEPTED', 'REFUSED', 'REFUSED']);
    expect(owner.pool.available).toBe(0);
  });

  it('opens and resolves an action in one transaction', () => {
    const owner = new Owner();
    const resolve = { kind: 'REFUND', ownerId: OWNER, actionSequence: 2, withinAppId: null, reason: 'failed' } as const;
    const decided = owner.ledger.submit([owner.opening({}), resolve, owner.opening({})], owner.now);
    expect(decided.map(({ status }) => status)).toEqual(['ACCEPTED', 'ACCEPTED', 'ACCEPTED']);
    expect(owner.movements(1)).toEqual(['DEBIT 1', 'REFUND 1', 'DEBIT 1']);
    expect(owner.book.actions.get(2)).toMatchObject({ status: 'REFUNDED', reason: 'failed' });
  });

  it('to an owner that does not exist is refused, and its neighbours are not', () => {
    const owner = new Owner();
    const decided = owner.ledger.submit([owner.opening({ ownerId: 8 }), owner.opening({})], owner.now);
    expect(decided).toMatchObject([{ status: 'REFUSED', error: { code: 'NOT_FOUND' } }, { status: 'ACCEPTED' }]);
  });
});

describe('the bound of a pool (I2)', () => {
  it('is 2,000,000,000: a grant beyond it is refused with LIMIT_REACHED, one up to it is not', () => {
    const owner = new Owner();
    expect(codeOf(() => owner.grant('BONUS', POOL_LIMIT_CREDITS - 4))).toBe('LIMIT_REACHED');
    expect(owner.grant('BONUS', POOL_LIMIT_CREDITS - 5).balance.available).toBe(2_000_000_000);
    expect(codeOf(() => owner.grant('TOP_UP', 1))).toBe('LIMIT_REACHED');
  });

  it('counts what is held and paused', () => {
    const owner = new Owner({ plan: SMALL });
    owner.hold();
    owner.grant('TOP_UP', POOL_LIMIT_CREDITS - 2);
    expect(owner.pool).toMatchObject({ available: 1, held: 1, paused: POOL_LIMIT_CREDITS - 2 });
    expect(codeOf(() => owner.grant('BONUS', 1))).toBe('LIMIT_REACHED');
  });

  it('refuses a refund and an upgrade that have no room', () => {
    const owner = new Owner({ plan: SMALL });
    const opened = owner.debit();
    owner.grant('BONUS', POOL_LIMIT_CREDITS - 1);
    expect(codeOf(() => owner.resolve('REFUND', opened))).toBe('LIMIT_REACHED');
    expect(codeOf(() => owner.changePlan(LARGE))).toBe('LIMIT_REACHED');
    expect(owner.pool).toMatchObject({ planId: SMALL, allowance: 2 });
  });

  it('cuts what a renewal grants, which cannot be refused; the allowance stays the plan’s', () => {
    const owner = new Owner({ plan: SMALL });
    owner.grant('BONUS', POOL_LIMIT_CREDITS - 2);
    owner.editPlan(SMALL, { monthlyCredits: 10 });
    owner.settleAt('2026-04-10T12:00:00Z');
    expect(owner.pool).toMatchObject({ available: POOL_LIMIT_CREDITS, allowance: 10 });
    expect(owner.movements(2)).toEqual(['EXPIRE 2', 'GRANT 2']);
  });
});

describe('more expired holds than one transaction settles', () => {
  it('defer the commands, and are settled in passes', () => {
    const owner = new Owner({ dueHoldsPerBatch: 2 });
    for (let i = 0; i < 5; i++) owner.hold(60 + i);
    owner.now += 10 * MINUTE_MS;
    const command = owner.opening({});
    const passes: unknown[] = [];
    for (let pass = 0; pass < 3; pass++) {
      const [decided] = owner.ledger.submit([command], owner.now);
      passes.push([decided?.status, owner.pool.held, owner.pool.nextDueAt <= owner.now]);
    }
    expect(passes).toEqual([
      ['DEFERRED', 3, true],
      ['DEFERRED', 1, true],
      ['ACCEPTED', 0, false],
    ]);
    expect(owner.pool.available).toBe(4);
  });

  it('all come back before what falls due at their instant, however many passes it takes', () => {
    const owner = new Owner({ dueHoldsPerBatch: 2 });
    owner.now = Date.parse('2026-04-10T11:59:00Z');
    for (let i = 0; i < 3; i++) owner.hold(60);
    owner.now = Date.parse('2026-04-10T12:00:00Z');
    const settle = { kind: 'SETTLE', ownerId: OWNER } as const;
    expect(owner.ledger.submit([settle], owner.now)).toEqual([{ status: 'DEFERRED' }]);
    expect(owner.movements(4)).toEqual(['VOID 1', 'EXPIRE 1', 'VOID 1', 'EXPIRE 1']);
    expect(owner.ledger.submit([settle], owner.now)).toMatchObject([{ status: 'ACCEPTED' }]);
    expect(owner.movements(8)).toEqual(['VOID 1', 'EXPIRE 1', 'EXPIRE 2', 'GRANT 5']);
  });

  it('do not let a renewal pass them that fell due in between', () => {
    const owner = new Owner({ dueHoldsPerBatch: 2 });
    owner.now = Date.parse('2026-04-10T11:59:00Z');
    for (const seconds of [30, 30, 30, 90]) owner.hold(seconds);
    owner.now = Date.parse('2026-04-10T12:10:00Z');
    const settle = { kind: 'SETTLE', ownerId: OWNER } as const;
    expect(owner.ledger.submit([settle], owner.now)).toEqual([{ status: 'DEFERRED' }]);
    expect(owner.movements(5)).toEqual(['VOID 1', 'VOID 1']);
    expect(owner.ledger.submit([settle], owner.now)).toMatchObject([{ status: 'ACCEPTED' }]);
    // The third comes back before the renewal, the fourth after it, to a grant that has expired.
    expect(owner.movements(7)).toEqual(['VOID 1', 'EXPIRE 4', 'GRANT 5', 'VOID 1', 'EXPIRE 1']);
  });
});
