import { useState } from 'react';
import { toastError } from '../design/toast';
import { formatExactClock, formatNumber } from '../design/format';
import { Notice } from '../design/notice';
import { useApi } from '../live/api-context';
import { VerifyBooksDocument, type VerifyBooksQuery } from './ledger.generated';
import styles from './verify-books.module.css';

interface Verdict {
  readonly books: VerifyBooksQuery['verifyLedger'];
  /** In milliseconds since 1970. */
  readonly at: number;
}

/** Has the service recompute an owner's books from their entries alone, when it is told to. */
export function useVerifyBooks(ownerId: string) {
  const { client } = useApi();
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [verifying, setVerifying] = useState(false);
  const verify = async () => {
    setVerifying(true);
    const answer = client.query(VerifyBooksDocument, { ownerId }, { requestPolicy: 'network-only' });
    const { data, error } = await answer.toPromise();
    setVerifying(false);
    if (error) toastError(error);
    else if (data) setVerdict({ books: data.verifyLedger, at: Date.now() });
  };
  return { verdict, verifying, verify };
}

/** Whether the books add up, and what is wrong with them where they do not. */
export function BooksVerdict({ verdict: { books, at } }: { verdict: Verdict }) {
  const { ok, entries, problems } = books;
  const recomputed = `${formatNumber(entries)} ${entries === 1 ? 'entry' : 'entries'} recomputed at ${formatExactClock(at, at)}`;
  return (
    <div role="status">
      {ok ? (
        <Notice tone="good">The books add up: {recomputed}, and nothing is out of place.</Notice>
      ) : (
        <Notice tone="danger">
          <p>The books do not add up. Tell whoever runs this service. {recomputed}.</p>
          <ul className={styles.problems}>
            {problems.map((problem, index) => (
              <li key={index}>{problem}</li>
            ))}
          </ul>
        </Notice>
      )}
    </div>
  );
}
