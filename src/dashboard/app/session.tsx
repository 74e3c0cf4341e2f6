import { useCallback, useEffect, useState } from 'react';
import { Provider, useQuery } from 'urql';
import { ErrorState } from '../design/states';
import { ApiContext } from '../live/api-context';
import { createApi, type Api } from '../live/client';
import { errorWords } from '../live/error-words';
import { keyStore } from './key-store';
import { Shell, ShellSkeleton } from './shell';
import { SignIn } from './sign-in';
import styles from './session.module.css';
import { ViewerDocument } from './viewer.generated';

/** Who is signed in: the sign-in page, or the dashboard. There is one API client per key, from its sign-in to its sign-out. */
export function Session() {
  const [refusals, setRefusals] = useState(0);
  const connect = useCallback((key: string) => createApi(key, () => setRefusals((count) => count + 1)), []);
  const [api, setApi] = useState<Api | null>(() => {
    const key = keyStore.read();
    return key === null ? null : connect(key);
  });
  const [notice, setNotice] = useState<string | null>(null);
  const signIn = (key: string, remember: boolean) => {
    keyStore.write(key, remember);
    setNotice(null);
    setApi(connect(key));
  };
  const signOut = useCallback(
    (why: string | null) => {
      keyStore.clear();
      api?.close();
      setNotice(why);
      setApi(null);
    },
    [api],
  );
  if (api === null) return <SignIn notice={notice} onSignIn={signIn} />;
  return (
    <ApiContext value={api}>
      <Provider value={api.client}>
        <WithViewer refusals={refusals} onSignOut={signOut} />
      </Provider>
    </ApiContext>
  );
}

/** Asks who the key is, and again whenever a socket was refused. */
function WithViewer({ refusals, onSignOut }: { refusals: number; onSignOut: (why: string | null) => void }) {
  const [{ data, error }, ask] = useQuery({ query: ViewerDocument });
  useEffect(() => {
    if (refusals > 0) ask({ requestPolicy: 'network-only' });
  }, [refusals, ask]);
  const refused = error && errorWords(error).code === 'UNAUTHENTICATED';
  useEffect(() => {
    if (refused) onSignOut('That key does not work any more: it was revoked or has expired.');
  }, [refused, onSignOut]);
  if (data) return <Shell viewer={data.viewer} onSignOut={() => onSignOut(null)} />;
  if (!error || refused) return <ShellSkeleton />;
  return (
    <main className={styles.failure}>
      <ErrorState error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
    </main>
  );
}
