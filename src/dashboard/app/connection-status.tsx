import { useConnection, useApi } from '../live/api-context';
import { useNow } from '../live/use-now';
import styles from './connection-status.module.css';

const TICK_MS = 1_000;

/** Whether what is seen is live. A lost connection says when the next try is, and that one can try now. */
export function ConnectionStatus() {
  const state = useConnection();
  const { connection } = useApi();
  const words = { idle: 'Ready', connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' }[state.status];
  return (
    <div className={styles.status} data-status={state.status}>
      <span className={styles.dot} aria-hidden="true" />
      <span role="status">{words}</span>
      {state.status === 'lost' && state.retryAt !== null && (
        <>
          <NextTry at={state.retryAt} />
          <button type="button" className={styles.retry} onClick={connection.retryNow}>
            Now
          </button>
        </>
      )}
    </div>
  );
}

function NextTry({ at }: { at: number }) {
  const seconds = Math.ceil((at - useNow(TICK_MS)) / TICK_MS);
  return seconds > 1 ? <span>in {seconds} s</span> : null;
}
