import { useEffect, useRef, useState } from 'react';
import { useApi } from '../../live/api-context';
import { LedgerEndDocument } from '../ledger.generated';
import { fileNameOf, periodOf, type ExportChoice } from './export-choice';
import { ExportFailed } from './export-error';
import { exportLedger } from './export-ledger';
import { entriesOf } from './export-period';
import { saveFile } from './save-file';

/** The file is put together in the browser's memory. */
const MOST_ENTRIES = 1_000_000;

export interface ExportProgress {
  readonly entries: number;
  /** null while it is not known. */
  readonly total: number | null;
}

/**
 * Exports what was chosen as a download. `begin` tells how many entries are in the file, or null where there is none, for
 * whatever reason. It is given up when the view goes away.
 */
export function useExport(ownerId: string) {
  const { client, fetchFile } = useApi();
  const [progress, setProgress] = useState<ExportProgress | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const exportChoice = async (choice: ExportChoice, signal: AbortSignal): Promise<number> => {
    const end = await client.query(LedgerEndDocument, { ownerId }, { requestPolicy: 'network-only' }).toPromise();
    if (!end.data) throw end.error as Error;
    const period = periodOf(choice, Date.now(), end.data.balance.periodStart);
    const range = await entriesOf(client, ownerId, period, signal);
    const total = range.upTo - range.after;
    if (total === 0) throw refusal('There are no entries in that time.');
    if (total > MOST_ENTRIES) {
      throw refusal('That is more than a million entries: choose a shorter time, or fetch the file with curl.');
    }
    const { format } = choice;
    const onProgress = (entries: number) => setProgress({ entries, total });
    onProgress(0);
    const file = await exportLedger({ fetchFile, ownerId, format, ...range, signal, onProgress });
    signal.throwIfAborted();
    saveFile(file, fileNameOf(ownerId, range, format));
    return total;
  };
  const begin = async (choice: ExportChoice): Promise<number | null> => {
    const { signal } = (running.current = new AbortController());
    setError(null);
    setProgress({ entries: 0, total: null });
    try {
      return await exportChoice(choice, signal);
    } catch (failure) {
      if (!signal.aborted) setError(failure as Error);
      return null;
    } finally {
      setProgress(null);
    }
  };
  return { begin, progress, error, cancel: () => running.current?.abort() };
}

function refusal(message: string): ExportFailed {
  return new ExportFailed({ message, extensions: { code: 'NOTHING_TO_EXPORT' } });
}
