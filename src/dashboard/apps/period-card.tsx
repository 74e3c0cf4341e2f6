import { Button } from '../design/button';
import { Card } from '../design/card';
import { formatMoment, formatNumber } from '../design/format';
import { Meter } from '../design/meter';
import { Notice } from '../design/notice';
import { Skeleton } from '../design/states';
import { isCapReached, meterTone, type OwnerApp } from './app-state';
import styles from './period-card.module.css';

type App = Pick<OwnerApp, 'name' | 'status' | 'creditCap' | 'usedThisPeriod'>;

/** What an app used in this period of what it may use, and what becomes of its next action. */
export function PeriodCard(props: { app: App | null; resetsAt: string | null; onChangeCap: () => void }) {
  const { app, resetsAt, onChangeCap } = props;
  return (
    <Card
      title="This period"
      note={resetsAt ? `Until ${formatMoment(resetsAt)}` : '\u00a0'}
      controls={
        <Button disabled={!app} onClick={onChangeCap}>
          {app && app.creditCap !== null ? 'Change cap' : 'Set a cap'}
        </Button>
      }
    >
      <div className={styles.body} aria-busy={!app}>
        {app ? <Used app={app} /> : <UsedSkeleton />}
        {app && <NextAction app={app} />}
      </div>
    </Card>
  );
}

function Used({ app }: { app: App }) {
  const { usedThisPeriod: used, creditCap: cap } = app;
  return (
    <>
      <p className={styles.line}>
        <span className={styles.used} data-testid="used">
          {formatNumber(used)}
        </span>
        <span className={styles.of}>
          {cap === null ? `${used === 1 ? 'credit' : 'credits'} used, no cap` : `of a cap of ${formatNumber(cap)}`}
        </span>
      </p>
      {cap !== null && (
        <Meter
          value={used}
          max={cap}
          words={`${formatNumber(used)} of a cap of ${formatNumber(cap)} credits used`}
          tone={meterTone(app)}
        />
      )}
    </>
  );
}

function NextAction({ app }: { app: App }) {
  if (app.status === 'PAUSED') {
    return (
      <Notice tone="warn">
        Paused: its actions are refused with <code>APP_PAUSED</code>, and nothing is debited.
      </Notice>
    );
  }
  if (!isCapReached(app)) return null;
  return (
    <Notice tone="danger">
      The cap is reached: its next action is refused with <code>CAP_REACHED</code>, and nothing is debited. Raise or
      remove the cap, or wait for the next period.
    </Notice>
  );
}

function UsedSkeleton() {
  return (
    <>
      <Skeleton width={150} height={32} />
      <Skeleton height={6} />
    </>
  );
}
