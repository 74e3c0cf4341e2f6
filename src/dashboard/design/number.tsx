import { useNow } from '../live/use-now';
import { formatCountdown, formatInstant, formatNumber, formatRelative } from './format';

const SECOND_MS = 1_000;
const TICK_MS = 10 * SECOND_MS;

/** A number with the viewer's separators, all digits of one width. */
export function Number({ value }: { value: number }) {
  return <>{formatNumber(value)}</>;
}

/** How long ago, or until when; the exact instant in the viewer's time zone is its title. `at` as the API writes instants. */
export function RelativeTime({ at }: { at: string }) {
  const now = useNow(TICK_MS);
  return (
    <time dateTime={at} title={formatInstant(at)}>
      {formatRelative(Date.parse(at), now)}
    </time>
  );
}

/** The time left until an instant, moving each second. Silent: a screen reader reads the instant beside it. */
export function Countdown({ until }: { until: string }) {
  const now = useNow(SECOND_MS);
  return (
    <time dateTime={until} title={formatInstant(until)} role="timer" aria-live="off">
      {formatCountdown(Date.parse(until) - now)}
    </time>
  );
}
