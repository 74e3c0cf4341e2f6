import type { Caller } from '../access/caller';
import { actionScope, type ActionScope } from '../actions/list-actions';
import type { Instant } from '../clock';
import { badUserInput } from '../errors';
import {
  bucketRuns,
  bucketStarts,
  quarterFrom,
  quarterOf,
  type BucketRun,
  type TimeSpan,
  type UsageInterval,
} from './calendar';
import type { UsageFold } from './usage-fold';

export type UsageGroup = 'APP' | 'TYPE' | 'CATEGORY';

/** Actions opened from `start` on: all but the voided ones, and those among them that were refunded since. */
export interface UsageCount {
  readonly start: Instant;
  readonly appId: number | null;
  readonly type: string | null;
  readonly credits: number;
  readonly refunded: number;
}

/** What is counted: of one app or all, kept apart by app, by type or not at all. */
export interface UsageScope {
  readonly ownerId: number;
  readonly appId: number | null;
  readonly apart: 'APP' | 'TYPE' | null;
}

/** What an owner used lately, and what its pool says at the same moment: from there a pool carries it on. */
export interface RecentUse {
  /** Credits used and not refunded since the start of a quarter of an hour. */
  readonly credits: number;
  /** Of the owner. */
  readonly createdAt: Instant;
  readonly periodStart: Instant;
  readonly usedThisPeriod: number;
}

export interface UsageStore {
  /**
   * What the quarters of an hour within a span hold, by the buckets of the runs. The span's ends are ends of
   * quarters.
   */
  counted(scope: UsageScope, span: TimeSpan, runs: readonly BucketRun[]): Promise<UsageCount[]>;
  /** The same of a span that need not end with a quarter, all in one bucket, from the ledger itself. */
  listed(scope: UsageScope, span: TimeSpan): Promise<Omit<UsageCount, 'start'>[]>;
  /** Whether an entry took effect at or after an instant. */
  hasEntriesFrom(ownerId: number, instant: Instant): Promise<boolean>;
  /** What was used since the start of a quarter, also what is not counted yet. */
  usedSince(ownerId: number, quarter: Instant): Promise<RecentUse>;
}

export interface UsageQuery extends TimeSpan, ActionScope {
  readonly interval: UsageInterval;
  readonly groupBy: UsageGroup | null;
  readonly timeZone: string;
}

export interface UsageBucket {
  readonly start: Instant;
  readonly appId: number | null;
  /** A type or a category; null where usage is grouped by app, or not grouped. */
  readonly label: string | null;
  readonly credits: number;
  readonly refunded: number;
}

/** Groups times buckets in one answer. */
const MAX_ROWS = 10_000;

/** How many credits were used when, and by what. */
export class Usage {
  constructor(
    private readonly parts: {
      store: UsageStore;
      fold: UsageFold;
      /** NOT_FOUND where there is no such owner, or no such app of it; and settles what is due. */
      assertCurrent(scope: { ownerId: number; appId: number | null }): Promise<void>;
      /** null where there is no such type any more. */
      categoryOf(type: string): string | null;
    },
  ) {}

  /**
   * Every bucket from `from` to `to`, ascending, with the newest debit in it: each with every group that was used in
   * that time, in the order of their names. BAD_USER_INPUT for what `bucketStarts` refuses, and for more than 10,000
   * buckets times groups.
   */
  async buckets(caller: Caller, asked: UsageQuery): Promise<{ ownerId: number; buckets: UsageBucket[] }> {
    const { ownerId, appId } = actionScope(caller, asked);
    const starts = bucketStarts(asked);
    await this.parts.assertCurrent({ ownerId, appId });
    const apart = asked.groupBy === 'CATEGORY' ? 'TYPE' : asked.groupBy;
    // Nobody folds in between, so that what is counted is of one moment.
    const counts = await this.parts.fold.upToDate(ownerId, () => this.counts({ ownerId, appId, apart }, asked, starts));
    return { ownerId, buckets: this.dense(starts, counts, asked.groupBy) };
  }

  /** What was used since the start of a quarter of an hour, with the newest debit. */
  usedSince(ownerId: number, quarter: Instant): Promise<RecentUse> {
    return this.parts.fold.upToDate(ownerId, () => this.parts.store.usedSince(ownerId, quarter));
  }

  private async counts(scope: UsageScope, { from, to }: TimeSpan, starts: readonly Instant[]): Promise<UsageCount[]> {
    const isOver = () => this.parts.store.hasEntriesFrom(scope.ownerId, to);
    if (!(await isOver())) {
      // Nothing happened since `to`, so its quarter as a whole is what happened before: most ask for "until now".
      const counts = await this.countsUpTo(quarterFrom(to), scope, { from, to }, starts);
      // Unless another process counted something newer meanwhile.
      if (!(await isOver())) return counts;
    }
    return this.countsUpTo(quarterOf(to), scope, { from, to }, starts);
  }

  /** What is counted of whole quarters, the last of which ends at `last`; the rest from the ledger. */
  private async countsUpTo(
    last: Instant,
    scope: UsageScope,
    { from, to }: TimeSpan,
    starts: readonly Instant[],
  ): Promise<UsageCount[]> {
    const first = quarterFrom(from);
    // Both are in one quarter.
    if (to <= first) return this.edge(scope, { from, to }, starts);
    return [
      ...(await this.edge(scope, { from, to: first }, starts)),
      ...(await this.parts.store.counted(scope, { from: first, to: last }, bucketRuns(starts))),
      ...(await this.edge(scope, { from: last, to }, starts)),
    ];
  }

  /** A part of one quarter, and so of one bucket. */
  private async edge(scope: UsageScope, span: TimeSpan, starts: readonly Instant[]): Promise<UsageCount[]> {
    if (span.to <= span.from) return [];
    const start = starts.findLast((candidate) => candidate <= span.from) as Instant;
    return (await this.parts.store.listed(scope, span)).map((count) => ({ ...count, start }));
  }

  private dense(starts: readonly Instant[], counts: readonly UsageCount[], groupBy: UsageGroup | null): UsageBucket[] {
    const groups = new Map<string, { appId: number | null; label: string | null }>();
    const sums = new Map<string, { credits: number; refunded: number }>();
    for (const { start, appId, type, credits, refunded } of counts) {
      if (credits === 0 && refunded === 0) continue;
      const label = groupBy === 'CATEGORY' ? this.parts.categoryOf(type as string) : type;
      const group = `${appId ?? ''}:${label ?? ''}`;
      groups.set(group, { appId, label });
      const sum = sums.get(`${start}:${group}`) ?? { credits: 0, refunded: 0 };
      sums.set(`${start}:${group}`, { credits: sum.credits + credits, refunded: sum.refunded + refunded });
    }
    if (groups.size === 0) groups.set(':', { appId: null, label: null });
    const buckets = starts.slice(0, -1);
    if (buckets.length * groups.size > MAX_ROWS) {
      const message = `groups the usage of ${groups.size} apps: ask for at most ${MAX_ROWS} buckets times apps`;
      throw badUserInput([{ path: 'groupBy', message }]);
    }
    const sorted = [...groups].sort(([, a], [, b]) => byName(a, b));
    return buckets.flatMap((start) =>
      sorted.map(([group, names]) => ({
        start,
        ...names,
        ...(sums.get(`${start}:${group}`) ?? { credits: 0, refunded: 0 }),
      })),
    );
  }
}

function byName(a: Pick<UsageBucket, 'appId' | 'label'>, b: Pick<UsageBucket, 'appId' | 'label'>): number {
  return (a.appId ?? 0) - (b.appId ?? 0) || (a.label ?? '').localeCompare(b.label ?? '', 'en');
}
