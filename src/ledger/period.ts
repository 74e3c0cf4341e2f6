import type { Instant } from '../clock';

/**
 * The first renewal instant after `after` of a subscription that began at `anchor`: the same time of day, in UTC, on the
 * anchor's day of a later month, or on that month's last day where it is shorter (31 January, 28 February, 31 March: rule 4).
 */
export function renewalAfter(anchor: Instant, after: Instant): Instant {
  const anchorDate = new Date(anchor);
  const afterDate = new Date(after);
  const monthsBetween =
    (afterDate.getUTCFullYear() - anchorDate.getUTCFullYear()) * 12 +
    afterDate.getUTCMonth() -
    anchorDate.getUTCMonth();
  let months = Math.max(1, monthsBetween);
  while (renewal(anchor, months) <= after) months += 1;
  return renewal(anchor, months);
}

/** The instant `months` months after `anchor`. Counted from the anchor each time, so that a short month shifts nothing. */
export function renewal(anchor: Instant, months: number): Instant {
  const date = new Date(anchor);
  const month = date.getUTCMonth() + months;
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const midnight = Date.UTC(date.getUTCFullYear(), month, Math.min(date.getUTCDate(), lastDay));
  return midnight + (anchor - Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()));
}
