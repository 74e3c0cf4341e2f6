import { Link } from '../app/link';
import { Badge } from '../design/badge';
import { Button } from '../design/button';
import { classNames } from '../design/class-names';
import { formatDay, formatInstant } from '../design/format';
import { Menu, MenuItem } from '../design/menu';
import { RelativeTime } from '../design/number';
import { Table, type Column } from '../design/table';
import { isWorking, keyState, type OwnerKey } from './key-state';
import styles from './key-table.module.css';
import { ROLE_WORDS } from './role-words';

const PLACEHOLDERS = 5;

interface KeyTableProps {
  /** Null while they are not known yet. */
  readonly keys: readonly OwnerKey[] | null;
  /** The hint of the key that one is signed in with. */
  readonly ownHint: string;
  /** Where an app is shown. */
  readonly appPath: (appId: string) => string;
  /** In milliseconds since 1970. */
  readonly now: number;
  onRotate(key: OwnerKey): void;
  onRevoke(key: OwnerKey): void;
}

/** An owner's keys, with what can be done with those that work. */
export function KeyTable(props: KeyTableProps) {
  return (
    <Table
      label="List of keys"
      columns={columnsOf(props)}
      rows={props.keys}
      keyOf={({ id }) => id}
      expectedRows={PLACEHOLDERS}
      tall
    />
  );
}

function columnsOf(props: KeyTableProps): readonly Column<OwnerKey>[] {
  const { ownHint, appPath, now } = props;
  return [
    { name: 'name', header: 'Key', cell: (key) => <Name apiKey={key} own={key.hint === ownHint} now={now} /> },
    {
      name: 'role',
      header: 'Role',
      width: '124px',
      cell: ({ role }) => <Badge tone={ROLE_WORDS[role].tone}>{role}</Badge>,
    },
    {
      name: 'app',
      header: 'App',
      secondary: true,
      cell: ({ app }) =>
        app ? (
          <Link to={appPath(app.id)} className={styles.app}>
            {app.name}
          </Link>
        ) : (
          <span className={styles.faint}>all</span>
        ),
    },
    {
      name: 'created',
      header: 'Created',
      secondary: true,
      width: '116px',
      cell: ({ createdAt }) => <Day at={createdAt} />,
    },
    {
      name: 'used',
      header: 'Last used',
      secondary: true,
      width: '116px',
      cell: ({ lastUsedAt }) =>
        lastUsedAt === null ? <span className={styles.faint}>never</span> : <RelativeTime at={lastUsedAt} />,
    },
    {
      name: 'expires',
      header: 'Expires',
      secondary: true,
      width: '116px',
      cell: (key) => <Expiry apiKey={key} now={now} />,
    },
    {
      name: 'more',
      header: 'What to do',
      headerHidden: true,
      align: 'right',
      width: '48px',
      cell: (key) => isWorking(key, now) && <KeyMenu {...props} apiKey={key} />,
    },
  ];
}

function Name({ apiKey, own, now }: { apiKey: OwnerKey; own: boolean; now: number }) {
  const state = keyState(apiKey, now);
  const gone = state === 'REVOKED' || state === 'EXPIRED';
  return (
    <div className={classNames(styles.key, gone && styles.gone)}>
      <span className={styles.line}>
        <span className={styles.name} title={apiKey.name}>
          {apiKey.name}
        </span>
        {own && !gone && <Badge tone="info">Signed in</Badge>}
        {state === 'REVOKED' && <Badge tone="danger">Revoked</Badge>}
        {state === 'EXPIRED' && <Badge>Expired</Badge>}
      </span>
      <code className={styles.hint}>{apiKey.hint}</code>
    </div>
  );
}

function Expiry({ apiKey, now }: { apiKey: OwnerKey; now: number }) {
  const { expiresAt, revokedAt } = apiKey;
  const state = keyState(apiKey, now);
  if (revokedAt !== null) return <span className={styles.faint}>revoked {formatDay(revokedAt)}</span>;
  if (expiresAt === null) return <span className={styles.faint}>never</span>;
  if (state === 'WORKING') return <Day at={expiresAt} />;
  return (
    <span className={state === 'EXPIRING' ? styles.soon : styles.faint}>
      <RelativeTime at={expiresAt} />
    </span>
  );
}

function KeyMenu({ apiKey, onRotate, onRevoke }: KeyTableProps & { apiKey: OwnerKey }) {
  return (
    <Menu trigger={<Button look="quiet" icon="more" iconOnly aria-label={`More for ${apiKey.name}`} />}>
      <MenuItem icon="keys" onSelect={() => onRotate(apiKey)}>
        Rotate…
      </MenuItem>
      <MenuItem icon="close" tone="danger" onSelect={() => onRevoke(apiKey)}>
        Revoke…
      </MenuItem>
    </Menu>
  );
}

function Day({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatInstant(at)} className={styles.day}>
      {formatDay(at)}
    </time>
  );
}
