import type { Balance, Reading } from './live-balance';

/** What a meter shows when it has no balance. Quiet, since visitors of a page can do nothing about it. */
export const DASH = '–';
export const NOT_SET_UP = 'This meter has no key, or its endpoint is not a URL.';

const WITHOUT_BALANCE: Readonly<Record<Reading['status'], string>> = {
  CONNECTING: 'Loading the balance.',
  LIVE: '',
  DELAYED: '',
  RECONNECTING: 'The balance is out of reach at the moment.',
  REFUSED: 'The balance may not be shown on this page.',
};

/** A reading in a sentence, for screen readers and as a tooltip. */
export function sentenceOf({ status, balance }: Reading, format: (credits: number) => string): string {
  if (!balance) return WITHOUT_BALANCE[status];
  const held = balance.held > 0 ? `, ${format(balance.held)} held` : '';
  const known = `${format(balance.available)} of ${format(fullOf(balance))} credits available${held}.`;
  return status === 'RECONNECTING' ? `Last known: ${known} Reconnecting.` : known;
}

/** What fills the meter: the period's allowance, or more where bonuses and top-ups make it more. In credits. */
export function fullOf({ available, held, allowance }: Balance): number {
  return Math.max(allowance, available + held);
}

/** Numbers as a language writes them; one that is not known is the browser's own. */
export function numberFormat(locale: string | null): (credits: number) => string {
  const wanted = locale?.trim() || undefined;
  try {
    return bound(new Intl.NumberFormat(wanted));
  } catch {
    return bound(new Intl.NumberFormat());
  }
}

function bound(format: Intl.NumberFormat): (credits: number) => string {
  return (credits) => format.format(credits);
}
