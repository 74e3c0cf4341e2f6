import { useId, useState, type FormEvent } from 'react';
import { Button } from '../../design/button';
import { Dialog } from '../../design/dialog';
import { Field } from '../../design/field';
import { formatNumber } from '../../design/format';
import { Meter } from '../../design/meter';
import { Notice } from '../../design/notice';
import { Segments } from '../../design/segments';
import { Select } from '../../design/select';
import { toast } from '../../design/toast';
import { errorWords } from '../../live/error-words';
import { daysProblem, FIRST_CHOICE, type ExportChoice, type PeriodName } from './export-choice';
import styles from './export-dialog.module.css';
import { useExport, type ExportProgress } from './use-export';

const FORMATS = [
  { value: 'csv', label: 'CSV' },
  { value: 'ndjson', label: 'NDJSON' },
] as const;
const FORMAT_NOTES = {
  csv: 'For spreadsheets. Text that looks like a formula gets an apostrophe.',
  ndjson: 'For programs: one JSON object a line, with exact values.',
} as const;
const PERIODS: readonly { value: PeriodName; label: string }[] = [
  { value: 'this-period', label: 'Since the last reset' },
  { value: 'last-30-days', label: 'The last 30 days' },
  { value: 'all', label: 'Everything' },
  { value: 'days', label: 'From day to day' },
];

/** Chooses a part of the ledger and saves it as a file, with its progress. It is open for as long as it is there. */
export function ExportDialog({ ownerId, onDone }: { ownerId: string; onDone: () => void }) {
  const form = useId();
  const [choice, setChoice] = useState(FIRST_CHOICE);
  const { begin, progress, error, cancel } = useExport(ownerId);
  const problem = daysProblem(choice);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (problem) return;
    const entries = await begin(choice);
    if (entries === null) return;
    toast(`Exported ${formatNumber(entries)} ${entries === 1 ? 'entry' : 'entries'}.`);
    onDone();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title="Export the ledger"
      description="One line per entry, in the order of their numbers, with the action and the grant of each."
      actions={
        <>
          <Button onClick={progress ? cancel : onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" icon="download" busy={progress !== null}>
            Download
          </Button>
        </>
      }
    >
      <form id={form} className={styles.form} onSubmit={(event) => void submit(event)}>
        <Choices choice={choice} onChange={setChoice} problem={problem} />
      </form>
      {progress && <Progress progress={progress} />}
      {error && (
        <div role="alert">
          <Notice tone="danger">{exportErrorWords(error)}</Notice>
        </div>
      )}
    </Dialog>
  );
}

function Choices(props: {
  choice: ExportChoice;
  onChange: (choice: ExportChoice) => void;
  problem: string | undefined;
}) {
  const { choice, onChange, problem } = props;
  const change = (changes: Partial<ExportChoice>) => onChange({ ...choice, ...changes });
  return (
    <>
      <Select label="Time" options={PERIODS} value={choice.period} onChange={(period) => change({ period })} />
      {choice.period === 'days' && (
        <div className={styles.days}>
          <Field
            label="First day"
            type="date"
            value={choice.firstDay}
            onChange={({ target }) => change({ firstDay: target.value })}
          />
          <Field
            label="Last day"
            type="date"
            value={choice.lastDay}
            problem={problem}
            onChange={({ target }) => change({ lastDay: target.value })}
          />
        </div>
      )}
      <div className={styles.format}>
        <Segments label="Format" options={FORMATS} value={choice.format} onChange={(format) => change({ format })} />
        <p className={styles.note}>{FORMAT_NOTES[choice.format]}</p>
      </div>
    </>
  );
}

function Progress({ progress: { entries, total } }: { progress: ExportProgress }) {
  const words =
    total === null ? 'Looking for the first entry…' : `${formatNumber(entries)} of ${formatNumber(total)} entries`;
  return (
    <div className={styles.progress}>
      <Meter value={entries} max={total ?? 1} words={words} />
      <p className={styles.note}>{words}</p>
    </div>
  );
}

/** As elsewhere, but for what is said of exports alone. */
function exportErrorWords(error: Error): string {
  const { code, message } = errorWords(error);
  if (code === 'RATE_LIMITED') return 'Too many exports are under way. Try again when one has ended.';
  return code === 'NETWORK' ? 'The connection was lost before the file was whole. Try again.' : message;
}
