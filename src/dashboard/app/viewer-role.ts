import { useQuery } from 'urql';
import { ViewerDocument, type ViewerQuery } from './viewer.generated';

/** What the viewer's key may do; null before it is known, which in a view it always is. */
export function useViewerRole(): ViewerQuery['viewer']['role'] | null {
  const [{ data }] = useQuery({ query: ViewerDocument, requestPolicy: 'cache-first' });
  return data?.viewer.role ?? null;
}
