/** Digits, or digits in groups of three as people and spreadsheets write them: 12,000, 12.000, 12 000 or 12’000. */
const WRITTEN = /^(\d+|\d{1,3}([,.'’\u0020\u00a0\u202f])\d{3}(\2\d{3})*)$/;

/** The whole number that somebody typed; null where it is none. */
export function wholeNumberOf(text: string): number | null {
  const trimmed = text.trim();
  if (!WRITTEN.test(trimmed)) return null;
  const value = Number(trimmed.replace(/\D/g, ''));
  return Number.isSafeInteger(value) ? value : null;
}
