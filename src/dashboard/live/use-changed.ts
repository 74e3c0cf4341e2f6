import { useEffect, useRef } from 'react';

/**
 * Calls `refresh` when `mark` changes: at once if the last call is `intervalMs` ago, else as soon as it is. However often
 * the mark moves, there is at most one call per interval, and the last change is never left out.
 */
export function useChanged(mark: unknown, intervalMs: number, refresh: () => void): void {
  const calledAt = useRef(0);
  const timer = useRef<number | undefined>(undefined);
  const latest = useRef(refresh);
  const first = useRef(true);
  useEffect(() => void (latest.current = refresh));
  useEffect(() => {
    if (first.current) return void (first.current = false);
    if (timer.current !== undefined) return;
    const waitMs = Math.max(0, calledAt.current + intervalMs - Date.now());
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      calledAt.current = Date.now();
      latest.current();
    }, waitMs);
  }, [mark, intervalMs]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
}
