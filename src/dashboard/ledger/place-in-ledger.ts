/** How many entries are seen at once. */
export const PAGE_ENTRIES = 50;
const NEWER_THAN_MARKED = 5;

/** Which entries are shown: the newest, live; or those up to `upTo`, with `marked` among them where one was asked for. */
export type LedgerPlace =
  { readonly upTo: null; readonly marked: null } | { readonly upTo: number; readonly marked: number | null };

const AT_END: LedgerPlace = { upTo: null, marked: null };

/** The place that a URL's query names: `entry`, the one that was looked for, or `upTo`, the newest of an older page. */
export function placeInLedger(search: URLSearchParams): LedgerPlace {
  const marked = sequenceOf(search.get('entry'));
  // The entry that is looked for is in sight at once, and so is what came right after it.
  if (marked !== null) return { upTo: marked + NEWER_THAN_MARKED, marked };
  const upTo = sequenceOf(search.get('upTo'));
  return upTo === null ? AT_END : { upTo, marked: null };
}

function sequenceOf(text: string | null): number | null {
  const sequence = text !== null && /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return sequence > 0 ? sequence : null;
}
