import type { ExportFormat } from './export-ledger';
import type { Period } from './export-period';

const DAY_MS = 24 * 60 * 60 * 1_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

export type PeriodName = 'all' | 'this-period' | 'last-30-days' | 'days';

/** What somebody chose to export. Days as a date field has them, such as 2026-11-30; empty: no limit. */
export interface ExportChoice {
  readonly format: ExportFormat;
  readonly period: PeriodName;
  readonly firstDay: string;
  readonly lastDay: string;
}

export const FIRST_CHOICE: ExportChoice = { format: 'csv', period: 'this-period', firstDay: '', lastDay: '' };

/** The instants of what was chosen; days are those of the viewer's calendar, the last one whole. */
export function periodOf(choice: ExportChoice, now: number, periodStart: string): Period {
  if (choice.period === 'all') return { from: null, to: null };
  if (choice.period === 'this-period') return { from: Date.parse(periodStart), to: null };
  if (choice.period === 'last-30-days') return { from: now - 30 * DAY_MS, to: null };
  return { from: midnightOf(choice.firstDay, 0), to: midnightOf(choice.lastDay, 1) };
}

/** What is wrong with the days; undefined: nothing. */
export function daysProblem({ period, firstDay, lastDay }: ExportChoice): string | undefined {
  if (period !== 'days' || firstDay === '' || lastDay === '' || firstDay <= lastDay) return undefined;
  return 'It ends before it begins.';
}

/** The name says whose ledger it is and what part of it, so that two files can be told apart. */
export function fileNameOf(
  ownerId: string,
  { after, upTo }: { after: number; upTo: number },
  format: ExportFormat,
): string {
  return `ledger-${ownerId}-entries-${after + 1}-to-${upTo}.${format}`;
}

/** Midnight at the begin of a day, or so many days later, where the clocks change too. */
function midnightOf(day: string, daysLater: number): number | null {
  if (!DAY.test(day)) return null;
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + daysLater).getTime();
}
