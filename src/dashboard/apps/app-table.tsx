import { Link } from '../app/link';
import { Badge } from '../design/badge';
import { Button } from '../design/button';
import { formatCredits, formatDay, formatInstant, formatNumber } from '../design/format';
import { Menu, MenuItem } from '../design/menu';
import { Meter } from '../design/meter';
import { Table, type Column } from '../design/table';
import type { AppTask } from './app-dialogs';
import { appState, meterTone, type OwnerApp } from './app-state';
import styles from './app-table.module.css';

const PLACEHOLDERS = 4;

type Ask = (task: AppTask, app: OwnerApp) => void;

/** Apps with what they used of what they may use, and what can be done with each. `path` is where one of them is shown. */
export function AppTable(props: { apps: readonly OwnerApp[] | null; path: string; onAsk: Ask }) {
  const { apps, path, onAsk } = props;
  const most = Math.max(1, ...(apps ?? []).map(({ usedThisPeriod }) => usedThisPeriod));
  return (
    <Table
      label="List of apps"
      columns={columnsOf({ path, most, onAsk })}
      rows={apps}
      keyOf={({ id }) => id}
      expectedRows={PLACEHOLDERS}
      tall
    />
  );
}

function columnsOf(parts: { path: string; most: number; onAsk: Ask }): readonly Column<OwnerApp>[] {
  const { path, most, onAsk } = parts;
  return [
    {
      name: 'name',
      header: 'App',
      cell: (app) => (
        <Link to={`${path}?app=${encodeURIComponent(app.id)}`} className={styles.name} title={app.name}>
          {app.name}
        </Link>
      ),
    },
    { name: 'status', header: 'Status', secondary: true, width: '124px', cell: (app) => <State app={app} /> },
    { name: 'used', header: 'Used this period', width: '34%', cell: (app) => <Used app={app} most={most} /> },
    {
      name: 'origins',
      header: 'Origins',
      align: 'right',
      secondary: true,
      width: '84px',
      cell: ({ allowedOrigins }) =>
        allowedOrigins.length > 0 ? (
          <span title={allowedOrigins.join('\n')}>{formatNumber(allowedOrigins.length)}</span>
        ) : (
          <span className={styles.faint}>none</span>
        ),
    },
    {
      name: 'created',
      header: 'Created',
      align: 'right',
      secondary: true,
      width: '124px',
      cell: ({ createdAt }) => (
        <time dateTime={createdAt} title={formatInstant(createdAt)} className={styles.day}>
          {formatDay(createdAt)}
        </time>
      ),
    },
    {
      name: 'more',
      header: 'What to do',
      headerHidden: true,
      align: 'right',
      width: '48px',
      cell: (app) => <AppMenu app={app} onAsk={onAsk} />,
    },
  ];
}

function State({ app }: { app: OwnerApp }) {
  const { words, tone } = appState(app);
  return <Badge tone={tone}>{words}</Badge>;
}

/** What an app used: of its cap, or, as other apps are compared with it, of what the busiest one used. */
function Used({ app, most }: { app: OwnerApp; most: number }) {
  const { name, usedThisPeriod: used, creditCap: cap } = app;
  const words =
    cap === null
      ? `${name}: ${formatCredits(used)}, no cap`
      : `${name}: ${formatCredits(used)} of a cap of ${formatNumber(cap)}`;
  return (
    <div className={styles.used}>
      <p className={styles.credits}>
        {formatNumber(used)}
        <span className={styles.faint}>{cap === null ? 'no cap' : `of ${formatNumber(cap)}`}</span>
        <span className={styles.narrowState}>
          <State app={app} />
        </span>
      </p>
      <Meter value={used} max={cap ?? most} words={words} tone={cap === null ? 'muted' : meterTone(app)} />
    </div>
  );
}

function AppMenu({ app, onAsk }: { app: OwnerApp; onAsk: Ask }) {
  const resumes = app.status === 'PAUSED';
  return (
    <Menu trigger={<Button look="quiet" icon="more" iconOnly aria-label={`More for ${app.name}`} />}>
      <MenuItem icon="overview" onSelect={() => onAsk('CAP', app)}>
        {app.creditCap === null ? 'Set a cap…' : 'Change the cap…'}
      </MenuItem>
      <MenuItem icon="system" onSelect={() => onAsk('ORIGINS', app)}>
        Allowed origins…
      </MenuItem>
      <MenuItem icon="ledger" onSelect={() => onAsk('RENAME', app)}>
        Rename…
      </MenuItem>
      <MenuItem icon={resumes ? 'actions' : 'moon'} onSelect={() => onAsk('PAUSE', app)}>
        {resumes ? 'Resume…' : 'Pause…'}
      </MenuItem>
    </Menu>
  );
}
