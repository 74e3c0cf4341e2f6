import { navigate, usePath, useSearch } from './router';

/** Values of the query; null takes one out. */
type Changes = Readonly<Record<string, string | null>>;

/** What a view keeps in its query, and how it gets to another state of it, or to a view beside it. */
export interface ViewSearch {
  readonly search: URLSearchParams;
  /** The path of this view with these values changed, for a link. */
  withChanges(changes: Changes): string;
  /** Goes there, without scrolling; `replace` leaves no step to go back to. */
  change(changes: Changes, options?: { replace?: boolean }): void;
  /** The path of a view beside this one, of the same owner. */
  beside(segment: string, values?: Readonly<Record<string, string>>): string;
}

/** Filters and what is opened live in the URL's query, so that a reload, a link and the back button keep them. */
export function useViewSearch(): ViewSearch {
  const path = usePath();
  const search = useSearch();
  const withChanges = (changes: Changes) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') next.delete(name);
      else next.set(name, value);
    }
    return withQuery(path, next);
  };
  return {
    search,
    withChanges,
    change: (changes, options = {}) => navigate(withChanges(changes), { stay: true, ...options }),
    beside: (segment, values = {}) => withQuery(path.replace(/[^/]*$/, segment), new URLSearchParams(values)),
  };
}

function withQuery(path: string, search: URLSearchParams): string {
  const query = search.toString();
  return query === '' ? path : `${path}?${query}`;
}
