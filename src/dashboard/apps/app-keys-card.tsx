import { useState } from 'react';
import { Link } from '../app/link';
import { useViewSearch } from '../app/view-search';
import { Badge } from '../design/badge';
import { Button } from '../design/button';
import { Card } from '../design/card';
import { formatNumber } from '../design/format';
import { RelativeTime } from '../design/number';
import { Skeleton } from '../design/states';
import { CreateKeyDialog } from '../keys/create-key-dialog';
import { isWorking } from '../keys/key-state';
import { ROLE_WORDS } from '../keys/role-words';
import { useNow } from '../live/use-now';
import type { AppDetailQuery } from './app-detail.generated';
import styles from './line-list.module.css';

const MINUTE_MS = 60_000;
const MOST = 5;

/** The keys of an app that work, and a way to make one. */
export function AppKeysCard({ ownerId, app }: { ownerId: string; app: NonNullable<AppDetailQuery['app']> | null }) {
  const now = useNow(MINUTE_MS);
  const { beside } = useViewSearch();
  const [creating, setCreating] = useState(false);
  const working = app?.apiKeys.filter((key) => isWorking(key, now));
  const more = Math.max(0, (working?.length ?? 0) - MOST);
  return (
    <Card
      title="Keys"
      note="What this app acts with"
      controls={
        <Button icon="plus" disabled={!app} onClick={() => setCreating(true)}>
          Create key
        </Button>
      }
    >
      {working?.length === 0 ? (
        <p className={styles.none}>None that works: this app cannot act yet.</p>
      ) : (
        <ul className={styles.list} aria-busy={!working}>
          {working ? (
            working.slice(0, MOST).map(({ id, name, role, lastUsedAt }) => (
              <li key={id}>
                <span className={styles.name} title={name}>
                  {name}
                </span>
                <Badge tone={ROLE_WORDS[role].tone}>{role}</Badge>
                <span className={`${styles.faint} ${styles.end}`}>
                  {lastUsedAt === null ? 'never used' : <RelativeTime at={lastUsedAt} />}
                </span>
              </li>
            ))
          ) : (
            <li>
              <Skeleton width="70%" />
            </li>
          )}
        </ul>
      )}
      {app && (
        <Link to={beside('keys', { app: app.id })} className={styles.all}>
          {more > 0 ? `All keys of this app, ${formatNumber(more)} more` : 'All keys of this app'}
        </Link>
      )}
      {creating && app && (
        <CreateKeyDialog ownerId={ownerId} apps={[app]} appId={app.id} onDone={() => setCreating(false)} />
      )}
    </Card>
  );
}
