import { lazy, Suspense, useState } from 'react';
import { useViewerRole } from '../app/viewer-role';
import { Badge } from '../design/badge';
import { Button } from '../design/button';
import { Card } from '../design/card';
import { formatDay, formatNumber } from '../design/format';
import { Meter } from '../design/meter';
import { EmptyState, Skeleton } from '../design/states';
import { SOURCE_WORDS } from '../grants/grant-words';
import type { LiveBalance } from '../live/live-balance';
import styles from './grants-card.module.css';

// Forms need popups, and only operators need the forms: neither is part of the first load.
const GrantDialog = lazy(async () => ({ default: (await import('../grants/grant-dialog')).GrantDialog }));
const RevokeGrantDialog = lazy(async () => ({
  default: (await import('../grants/revoke-grant-dialog')).RevokeGrantDialog,
}));

const MOST = 8;

type Grant = LiveBalance['grants'][number];
type Asked = { readonly dialog: 'GRANT' } | { readonly dialog: 'REVOKE'; readonly grant: Grant };

/** What is left of each grant, the one that is used next first. Operators grant and revoke here. */
export function GrantsCard({ ownerId, grants }: { ownerId: string; grants: readonly Grant[] | null }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [all, setAll] = useState(false);
  const mayGrant = useViewerRole() === 'ADMIN';
  const shown = all ? grants : grants?.slice(0, MOST);
  const more = (grants?.length ?? 0) - (shown?.length ?? 0);
  return (
    <Card
      title="Grants"
      note="In the order they are used"
      controls={
        mayGrant && (
          <Button icon="plus" onClick={() => setAsked({ dialog: 'GRANT' })}>
            Grant credits
          </Button>
        )
      }
    >
      {grants?.length === 0 ? (
        <EmptyState icon="plans" title="No grant has credits left" />
      ) : (
        <ol className={styles.list} aria-busy={!grants}>
          {shown ? (
            shown.map((grant) => (
              <GrantLine
                key={grant.id}
                grant={grant}
                onRevoke={mayGrant ? () => setAsked({ dialog: 'REVOKE', grant }) : null}
              />
            ))
          ) : (
            <GrantSkeletons />
          )}
        </ol>
      )}
      {more > 0 && (
        <Button look="quiet" className={styles.more} onClick={() => setAll(true)}>
          Show {formatNumber(more)} more
        </Button>
      )}
      <Suspense fallback={null}>
        {asked?.dialog === 'GRANT' && <GrantDialog ownerId={ownerId} onDone={() => setAsked(null)} />}
        {asked?.dialog === 'REVOKE' && <RevokeGrantDialog grant={asked.grant} onDone={() => setAsked(null)} />}
      </Suspense>
    </Card>
  );
}

function GrantLine({ grant, onRevoke }: { grant: Grant; onRevoke: (() => void) | null }) {
  const { source, remaining, amount, expiresAt, paused, reason } = grant;
  const { words, tone } = SOURCE_WORDS[source];
  const left = `${words}: ${formatNumber(remaining)} of ${formatNumber(amount)} credits left`;
  return (
    <li className={styles.grant}>
      <div className={styles.line}>
        <Badge tone={tone}>{words}</Badge>
        {paused && <Badge tone="warn">Paused</Badge>}
        <span className={styles.left}>
          {formatNumber(remaining)} <span className={styles.of}>of {formatNumber(amount)}</span>
        </span>
      </div>
      <Meter value={remaining} max={amount} words={left} tone={paused ? 'warn' : 'accent'} />
      <div className={styles.line}>
        <p className={styles.expiry} title={reason ?? undefined}>
          {expiresAt === null ? 'Never expires' : `Expires ${formatDay(expiresAt)}`}
          {reason && ` · ${reason}`}
        </p>
        {onRevoke && (
          <button type="button" className={styles.revoke} aria-label={`Revoke: ${left}`} onClick={onRevoke}>
            Revoke
          </button>
        )}
      </div>
    </li>
  );
}

function GrantSkeletons() {
  return Array.from({ length: 3 }, (_, index) => (
    <li key={index} className={styles.grant}>
      <Skeleton height={20} width="70%" />
      <Skeleton height={6} />
      <Skeleton height={14} width="40%" />
    </li>
  ));
}
