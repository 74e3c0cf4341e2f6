import { useState } from 'react';
import type { OwnerViewProps } from '../app/views';
import { useViewSearch } from '../app/view-search';
import { Button } from '../design/button';
import { Card } from '../design/card';
import { formatNumber } from '../design/format';
import { NewPill } from '../design/new-pill';
import { EmptyState, ErrorState } from '../design/states';
import { ExportDialog } from './export/export-dialog';
import { GoToEntry } from './go-to-entry';
import { LedgerTable } from './ledger-table';
import styles from './ledger.module.css';
import { PAGE_ENTRIES, placeInLedger } from './place-in-ledger';
import type { Entry } from './use-ledger-tail';
import { useShownEntries } from './use-shown-entries';
import { BooksVerdict, useVerifyBooks } from './verify-books';

/** Every movement of an owner's credits, newest first and live; as a file; and whether the books add up. */
export default function Ledger({ ownerId }: OwnerViewProps) {
  const view = useViewSearch();
  const { upTo, marked } = placeInLedger(view.search);
  const { rows, last, news, error, retry, watched } = useShownEntries(ownerId, upTo);
  const { verdict, verifying, verify } = useVerifyBooks(ownerId);
  const [exporting, setExporting] = useState(false);
  const goTo = (next: number | null) => {
    view.change({ entry: null, upTo: next === null || next >= last ? null : String(next) });
    window.scrollTo(0, 0);
  };
  return (
    <div className={styles.view}>
      {verdict && <BooksVerdict verdict={verdict} />}
      <Card flush className={styles.card}>
        <div className={styles.head}>
          <p className={styles.count}>
            {last > 0 ? `${formatNumber(last)} ${last === 1 ? 'entry' : 'entries'}` : '\u00a0'}
            <NewPill count={news} onShow={() => goTo(null)} />
          </p>
          <div className={styles.tools}>
            <GoToEntry last={last} onGo={(entry) => view.change({ entry: String(entry), upTo: null })} />
            <Button icon="check" busy={verifying} onClick={() => void verify()}>
              Verify the books
            </Button>
            <Button icon="download" onClick={() => setExporting(true)}>
              Export…
            </Button>
          </div>
        </div>
        {error && !rows ? (
          <ErrorState error={error} onRetry={retry} />
        ) : (
          <div {...watched}>
            <LedgerTable
              rows={rows}
              marked={marked}
              actionPath={(id) => view.beside('actions', { action: id })}
              empty={<Nothing beyond={upTo !== null} onNewest={() => goTo(null)} />}
            />
          </div>
        )}
        {rows && <LedgerPaging rows={rows} atEnd={upTo === null} last={last} onGo={goTo} />}
      </Card>
      {exporting && <ExportDialog ownerId={ownerId} onDone={() => setExporting(false)} />}
    </div>
  );
}

/** Where one is, and the pages before and after. Pages are cut by number, since entries have no gap. */
function LedgerPaging(props: {
  rows: readonly Entry[];
  atEnd: boolean;
  last: number;
  onGo: (upTo: number | null) => void;
}) {
  const { rows, atEnd, last, onGo } = props;
  const newest = rows[0]?.sequence ?? 0;
  const oldest = rows.at(-1)?.sequence ?? 0;
  if (newest === 0 || (oldest <= 1 && newest >= last)) return null;
  return (
    <nav className={styles.paging} aria-label="Pages">
      <span>
        #{formatNumber(oldest)} to #{formatNumber(newest)}
      </span>
      <Button look="quiet" disabled={atEnd} onClick={() => onGo(null)}>
        Newest
      </Button>
      <Button icon="back" disabled={atEnd || newest >= last} onClick={() => onGo(newest + PAGE_ENTRIES)}>
        Newer
      </Button>
      <Button icon="next" disabled={oldest <= 1} onClick={() => onGo(oldest - 1)}>
        Older
      </Button>
    </nav>
  );
}

function Nothing({ beyond, onNewest }: { beyond: boolean; onNewest: () => void }) {
  if (!beyond) return <EmptyState icon="ledger" title="No entries yet" />;
  return (
    <EmptyState
      icon="ledger"
      title="The ledger has no entry of that number yet"
      action={<Button onClick={onNewest}>Show the newest</Button>}
    />
  );
}
