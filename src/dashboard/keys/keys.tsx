import { useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { useViewSearch } from '../app/view-search';
import type { OwnerViewProps } from '../app/views';
import { Button } from '../design/button';
import { Card } from '../design/card';
import { formatNumber } from '../design/format';
import { Segments } from '../design/segments';
import { Select } from '../design/select';
import { EmptyState, ErrorState } from '../design/states';
import { useApi } from '../live/api-context';
import { useChanged } from '../live/use-changed';
import { useNow } from '../live/use-now';
import { CreateKeyDialog } from './create-key-dialog';
import { isWorking, type KeyApp, type OwnerKey } from './key-state';
import { KeyTable } from './key-table';
import styles from './keys.module.css';
import { OwnerKeysDocument } from './owner-keys.generated';
import { RevokeKeyDialog } from './revoke-key-dialog';
import { RotateKeyDialog } from './rotate-key-dialog';

/** When a key was last used is known to the minute. */
const MINUTE_MS = 60_000;
const SHOWN_AT_ONCE = 50;
const ALL_APPS = '';

type Asked = { readonly dialog: 'CREATE' } | { readonly dialog: 'ROTATE' | 'REVOKE'; readonly key: OwnerKey };

/** An owner's keys: what each is for, when it was last used, and how to make, replace and end them. */
export default function Keys({ ownerId }: OwnerViewProps) {
  const context = useMemo(() => ({ additionalTypenames: ['ApiKey', 'App'] }), []);
  const [{ data, error }, ask] = useQuery({ query: OwnerKeysDocument, variables: { ownerId }, context });
  const now = useNow(MINUTE_MS);
  const again = () => ask({ requestPolicy: 'network-only' });
  useChanged(now, MINUTE_MS, again);
  const { keyHint } = useApi();
  const { search, change, beside } = useViewSearch();
  const shown = search.get('shown') === 'ALL' ? 'ALL' : 'WORKING';
  const appId = search.get('app') ?? ALL_APPS;
  const [asked, setAsked] = useState<Asked | null>(null);
  const [most, setMost] = useState(SHOWN_AT_ONCE);
  if (error && !data) return <ErrorState error={error} onRetry={again} />;
  const apps = data?.owner?.apps.edges.map(({ node }) => node) ?? [];
  const all = data?.owner?.apiKeys.filter(({ app }) => appId === ALL_APPS || app?.id === appId);
  const working = all?.filter((key) => isWorking(key, now));
  const listed = shown === 'ALL' ? all : working;
  return (
    <Card
      title="Keys"
      note="Newest first"
      flush
      controls={
        <>
          <KeyFilters
            shown={shown}
            appId={appId}
            apps={apps}
            working={working?.length}
            all={all?.length}
            onChange={(changes) => change(changes, { replace: true })}
          />
          <Button look="primary" icon="plus" disabled={!data} onClick={() => setAsked({ dialog: 'CREATE' })}>
            Create key
          </Button>
        </>
      }
    >
      {listed?.length === 0 ? (
        <EmptyState icon="keys" title={all?.length === 0 ? 'No keys yet' : 'No key works any more'}>
          An APP key performs actions, an OWNER key opens this dashboard, and a PUBLISHABLE key shows the balance on a
          page.
        </EmptyState>
      ) : (
        <KeyTable
          keys={listed?.slice(0, most) ?? null}
          ownHint={keyHint}
          appPath={(app) => beside('apps', { app })}
          now={now}
          onRotate={(key) => setAsked({ dialog: 'ROTATE', key })}
          onRevoke={(key) => setAsked({ dialog: 'REVOKE', key })}
        />
      )}
      {listed && listed.length > most && (
        <p className={styles.more}>
          <Button onClick={() => setMost(most + SHOWN_AT_ONCE)}>Show more of {formatNumber(listed.length)} keys</Button>
        </p>
      )}
      {asked && <KeyDialog asked={asked} ownerId={ownerId} apps={apps} appId={appId} onDone={() => setAsked(null)} />}
    </Card>
  );
}

function KeyDialog(props: {
  asked: Asked;
  ownerId: string;
  apps: readonly KeyApp[];
  appId: string;
  onDone: () => void;
}) {
  const { asked, ownerId, apps, appId, onDone } = props;
  const { keyHint } = useApi();
  if (asked.dialog === 'CREATE') {
    return <CreateKeyDialog ownerId={ownerId} apps={apps} appId={appId || null} onDone={onDone} />;
  }
  const { key } = asked;
  const own = key.hint === keyHint;
  if (asked.dialog === 'ROTATE') return <RotateKeyDialog apiKey={key} own={own} onDone={onDone} />;
  return <RevokeKeyDialog apiKey={key} own={own} onDone={onDone} />;
}

function KeyFilters(props: {
  shown: 'WORKING' | 'ALL';
  /** Empty: of all apps, and of none. */
  appId: string;
  apps: readonly KeyApp[];
  working: number | undefined;
  all: number | undefined;
  /** Null takes a filter out of the address. */
  onChange: (changes: Readonly<Record<string, string | null>>) => void;
}) {
  const { shown, appId, apps, working, all, onChange } = props;
  return (
    <>
      {apps.length > 0 && (
        <Select
          label="App"
          labelHidden
          options={[
            { value: ALL_APPS, label: 'All apps' },
            ...apps.map(({ id, name }) => ({ value: id, label: name })),
          ]}
          value={appId}
          onChange={(app) => onChange({ app })}
        />
      )}
      <Segments
        label="Which keys"
        options={[
          { value: 'WORKING', label: `Working${working === undefined ? '' : ` ${formatNumber(working)}`}` },
          { value: 'ALL', label: `All${all === undefined ? '' : ` ${formatNumber(all)}`}` },
        ]}
        value={shown}
        onChange={(which) => onChange({ shown: which === 'ALL' ? which : null })}
      />
    </>
  );
}
