import { useState, type ReactNode } from 'react';
import { useQuery } from 'urql';
import { Link } from '../app/link';
import { useViewerRole } from '../app/viewer-role';
import type { ViewSearch } from '../app/view-search';
import { Badge } from '../design/badge';
import { Button } from '../design/button';
import { formatDay, formatInstant, formatNumber } from '../design/format';
import { Countdown, RelativeTime } from '../design/number';
import { Sheet } from '../design/sheet';
import { EmptyState, ErrorState, Skeleton } from '../design/states';
import { useChanged } from '../live/use-changed';
import { SOURCE_WORDS } from '../grants/grant-words';
import styles from './action-detail.module.css';
import { STATUS_WORDS, typeWords } from './action-words';
import { ActionDocument, ActionGrantDocument, type ActionQuery } from './action.generated';
import { factName, factsOf, factText } from './fact-words';
import { ResolveDialog, type Resolution } from './resolve-dialog';

const REFRESH_MS = 1_000;

type Action = Extract<NonNullable<ActionQuery['node']>, { readonly sequence: number }>;

/** Everything about the action that the query's `action` names, read again when `mark` moves; and what can become of it. */
export function ActionDetail({ ownerId, view, mark }: { ownerId: string; view: ViewSearch; mark: unknown }) {
  const opened = view.search.get('action');
  const close = () => view.change({ action: null }, { replace: true });
  // While it slides away it still shows what it showed.
  const [shown, setShown] = useState(opened);
  if (opened !== null && opened !== shown) setShown(opened);
  const [{ data, error, fetching }, ask] = useQuery({
    query: ActionDocument,
    variables: { id: shown ?? '' },
    pause: shown === null,
  });
  useChanged(mark, REFRESH_MS, () => shown !== null && ask({ requestPolicy: 'network-only' }));
  const [resolution, setResolution] = useState<Resolution | null>(null);
  const action = data?.node && data.node.id === shown && isAction(data.node) ? data.node : null;
  return (
    <Sheet
      open={opened !== null}
      onClose={close}
      title={
        action ? (
          <>
            {typeWords(action.type)}
            <Badge tone={STATUS_WORDS[action.status].tone}>{STATUS_WORDS[action.status].words}</Badge>
          </>
        ) : (
          'Action'
        )
      }
      note={action ? `By ${action.app.name}` : '\u00a0'}
      actions={action && <Resolutions status={action.status} onChoose={setResolution} />}
    >
      {action ? (
        <Facts action={action} ownerId={ownerId} view={view} />
      ) : fetching || !(error || data) ? (
        <FactsSkeleton />
      ) : error ? (
        <ErrorState error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />
      ) : (
        <EmptyState icon="actions" title="There is no such action" />
      )}
      {action && resolution && (
        <ResolveDialog action={action} resolution={resolution} onDone={() => setResolution(null)} />
      )}
    </Sheet>
  );
}

/** An id of something else, from a link that somebody wrote, has no facts of an action. */
function isAction(node: NonNullable<ActionQuery['node']>): node is Action {
  return 'sequence' in node;
}

/** What the API lets this viewer do: what is spent is refunded, what is held is voided or, by an operator, captured. */
function Resolutions(props: { status: Action['status']; onChoose: (resolution: Resolution) => void }) {
  const { status, onChoose } = props;
  const role = useViewerRole();
  if (status === 'CAPTURED') return <Button onClick={() => onChoose('refund')}>Refund…</Button>;
  if (status !== 'HELD') return null;
  return (
    <>
      <Button onClick={() => onChoose('void')}>Void…</Button>
      {role === 'ADMIN' && <Button onClick={() => onChoose('capture')}>Capture…</Button>}
    </>
  );
}

function Facts({ action, ownerId, view }: { action: Action; ownerId: string; view: ViewSearch }) {
  const facts = factsOf(action.details);
  return (
    <>
      <Times action={action} />
      <Group title="Receipt">
        <Fact name="Ledger entry">
          <Link to={view.beside('ledger', { entry: String(action.sequence) })} className={styles.link}>
            #{formatNumber(action.sequence)}
          </Link>
        </Fact>
        <Fact name="Drawn from">
          <DrawnFrom ownerId={ownerId} sequence={action.sequence} />
        </Fact>
        <Fact name="Available after it">{formatNumber(action.availableAfter)}</Fact>
        <Fact name="Held after it">{formatNumber(action.heldAfter)}</Fact>
      </Group>
      {facts.length > 0 && (
        <Group title="Facts">
          {facts.map(([name, value]) => (
            <Fact key={name} name={factName(name)}>
              {factText(value)}
            </Fact>
          ))}
        </Group>
      )}
      <Group title="Caller">
        <Fact name="Visitor">
          {action.visitor === null ? (
            <span className={styles.faint}>none</span>
          ) : (
            <Link to={view.withChanges({ visitor: action.visitor, action: null })} className={styles.link}>
              {action.visitor}
            </Link>
          )}
        </Fact>
        {action.origin !== null && <Fact name="Origin">{action.origin}</Fact>}
        <Fact name="Idempotency key">
          <code>{action.idempotencyKey}</code>
        </Fact>
        <Fact name="Action id">
          <code>{action.id}</code>
        </Fact>
      </Group>
      {action.metadata && (
        <section className={styles.group}>
          <h3>Metadata</h3>
          <pre className={styles.metadata}>{JSON.stringify(action.metadata, null, 2)}</pre>
        </section>
      )}
    </>
  );
}

function Times({ action: { status, createdAt, holdExpiresAt, resolvedAt, reason } }: { action: Action }) {
  return (
    <Group title="Times">
      <Fact name={holdExpiresAt === null ? 'Charged' : 'Held'}>
        <Moment at={createdAt} />
      </Fact>
      {status === 'HELD' && holdExpiresAt !== null && (
        <Fact name="Voided by itself in">
          <Countdown until={holdExpiresAt} />
        </Fact>
      )}
      {resolvedAt !== null && (
        <Fact name={STATUS_WORDS[status].words}>
          <Moment at={resolvedAt} />
        </Fact>
      )}
      {reason !== null && <Fact name="Reason">{reason}</Fact>}
    </Group>
  );
}

function Moment({ at }: { at: string }) {
  return (
    <>
      {formatInstant(at)}
      <span className={styles.ago}>
        <RelativeTime at={at} />
      </span>
    </>
  );
}

/** The grant of the entry that opened the action. */
function DrawnFrom({ ownerId, sequence }: { ownerId: string; sequence: number }) {
  const [{ data, error }] = useQuery({ query: ActionGrantDocument, variables: { ownerId, before: sequence - 1 } });
  const grant = data?.ledger.edges[0]?.node.grant;
  if (!grant) return error ? <span className={styles.faint}>not known now</span> : <Skeleton width={120} height={14} />;
  return (
    <>
      {SOURCE_WORDS[grant.source].words} grant
      <span className={styles.ago}>
        {grant.expiresAt === null ? 'never expires' : `until ${formatDay(grant.expiresAt)}`}
      </span>
    </>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={styles.group}>
      <h3>{title}</h3>
      <dl>{children}</dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function FactsSkeleton() {
  return (
    <div className={styles.group} aria-busy="true">
      {Array.from({ length: 9 }, (_, index) => (
        <div key={index} className={styles.fact}>
          <Skeleton width={84} height={14} />
          <Skeleton width={`${40 + ((index * 23) % 45)}%`} height={14} />
        </div>
      ))}
    </div>
  );
}
