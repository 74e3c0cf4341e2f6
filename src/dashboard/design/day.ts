/**
 * The last instant of a day of the viewer's calendar, as the API writes instants. `day` is as date inputs have it, such as
 * 2026-12-03; null where there is no such day.
 */
export function endOfDay(day: string): string | null {
  const date = new Date(`${day}T00:00:00`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(date.getTime())) return null;
  date.setHours(23, 59, 59, 999);
  return date.toISOString();
}
