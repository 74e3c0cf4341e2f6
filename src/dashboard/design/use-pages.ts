import { useState } from 'react';

interface Pages {
  /** The cursor for the query's `after`; null for the first page. */
  readonly after: string | null;
  readonly page: number;
  /** For Paging's onPage, given the end cursor of the page that is shown. */
  goTo(page: number, endCursor: string | null | undefined): void;
}

/**
 * Remembers the cursors of the pages that were seen, so that one can go back. Another `key`, such as other filters,
 * begins at the first page.
 */
export function usePages(key: string): Pages {
  const [seen, setSeen] = useState<{ key: string; cursors: readonly string[] }>({ key, cursors: [] });
  const cursors = seen.key === key ? seen.cursors : [];
  return {
    after: cursors.at(-1) ?? null,
    page: cursors.length + 1,
    goTo: (page, endCursor) => {
      const next = page > cursors.length + 1 && endCursor ? [...cursors, endCursor] : cursors.slice(0, page - 1);
      setSeen({ key, cursors: next });
    },
  };
}
