import type { Instant } from '../../src/clock';

export interface NaiveTerms {
  readonly monthlyCredits: number;
  readonly topUpsAllowed: boolean;
  readonly rolloverLimit: number;
}

/**
 * A plan and its edits. An edit never touches a running period (rule 5), nor a renewal that was due before it (ADR 6).
 */
export class NaivePlan {
  private readonly editions: { from: Instant; terms: NaiveTerms }[];

  constructor(terms: NaiveTerms) {
    this.editions = [{ from: 0, terms }];
  }

  /** Takes effect when it is made, but after every edit that was made before it, whatever the clock says. */
  edit(terms: NaiveTerms, at: Instant): void {
    const last = this.editions.at(-1);
    if (last && JSON.stringify(last.terms) === JSON.stringify(terms)) return;
    this.editions.push({ from: Math.max(at, (last?.from ?? -1) + 1), terms });
  }

  /** The last edit that was in effect at `instant`. */
  termsAt(instant: Instant): NaiveTerms {
    const terms = this.editions.filter(({ from }) => from <= instant).at(-1)?.terms;
    if (!terms) throw new Error('A plan has terms from the beginning of time.');
    return terms;
  }
}

/**
 * Rule 4: month by month from the anchor, on its day, or on the last day of a month that has no such day, at its time
 * in UTC.
 */
export function renewalAfter(anchor: Instant, after: Instant): Instant {
  let year = new Date(anchor).getUTCFullYear();
  let month = new Date(anchor).getUTCMonth();
  for (;;) {
    month += 1;
    if (month === 12) {
      month = 0;
      year += 1;
    }
    const renewal = sameDayIn(anchor, year, month);
    if (renewal > after) return renewal;
  }
}

/** Rule 6: a year later, on the same day and at the same time; from 29 February on 28 February. */
export function dayOneYearAfter(instant: Instant): Instant {
  const date = new Date(instant);
  return sameDayIn(instant, date.getUTCFullYear() + 1, date.getUTCMonth());
}

function sameDayIn(instant: Instant, year: number, month: number): Instant {
  const date = new Date(instant);
  const day = Math.min(date.getUTCDate(), daysIn(year, month));
  return Date.UTC(
    year,
    month,
    day,
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCMilliseconds(),
  );
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] as number;
}
