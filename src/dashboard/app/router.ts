import { useSyncExternalStore } from 'react';

const BASE = '/dashboard';
const listeners = new Set<() => void>();
window.addEventListener('popstate', tell);

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The path below /dashboard, such as `/actions`; `/` for its root. */
function readPath(): string {
  return location.pathname.slice(BASE.length).replace(/\/+$/, '') || '/';
}

/** The path below /dashboard, such as `/owners/own_1/ledger`. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, readPath);
}

/** The values after `?`, for filters that a reload or a shared link should keep. Never a key. */
export function useSearch(): URLSearchParams {
  return new URLSearchParams(useSyncExternalStore(subscribe, () => location.search));
}

/** Where a path below /dashboard is for the browser. */
export function hrefOf(path: string): string {
  return path === '/' ? `${BASE}/` : `${BASE}${path}`;
}

/** Goes to a path below /dashboard, with its search; `replace` leaves no step to go back to, `stay` does not scroll to the top. */
export function navigate(path: string, options: { replace?: boolean; stay?: boolean } = {}): void {
  history[options.replace ? 'replaceState' : 'pushState'](null, '', hrefOf(path));
  if (!options.replace && !options.stay) window.scrollTo(0, 0);
  tell();
}
