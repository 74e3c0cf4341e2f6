import type { ActionRecord, GrantSource, LedgerEntry } from '../ledger/pool';
import { publicId } from '../public-id';

/** A ledger entry with what an accountant asks of its grant and its action. */
export interface ExportedEntry extends LedgerEntry {
  readonly grantSource: GrantSource;
  /** null where the entry is about no action. */
  readonly action: Pick<ActionRecord, 'appId' | 'type' | 'idempotencyKey' | 'visitor'> | null;
}

/** How an export is written: the text before the first entry, and the text of each entry. */
export interface ExportFormat {
  /** Of the path and of the file’s name. */
  readonly extension: 'csv' | 'ndjson';
  readonly contentType: string;
  readonly head: string;
  line(entry: ExportedEntry): string;
}

type Value = string | number | null;

/** The columns in order, under the names that the API has for them. */
const COLUMNS = [
  ...(['sequence', 'id', 'at', 'kind', 'credits', 'available', 'held', 'paused', 'grantId', 'grantSource'] as const),
  ...(['actionId', 'appId', 'actionType', 'idempotencyKey', 'visitor', 'reason'] as const),
];

type Line = Readonly<Record<(typeof COLUMNS)[number], Value>>;

function lineOf(entry: ExportedEntry): Line {
  const { ownerId, sequence, actionSequence, action } = entry;
  return {
    sequence,
    id: publicId('ledgerEntry', ownerId, sequence),
    at: new Date(entry.at).toISOString(),
    kind: entry.kind,
    credits: entry.credits,
    available: entry.available,
    held: entry.held,
    paused: entry.paused,
    grantId: publicId('grant', ownerId, entry.grantSequence),
    grantSource: entry.grantSource,
    actionId: actionSequence === null ? null : publicId('action', ownerId, actionSequence),
    appId: action && publicId('app', ownerId, action.appId),
    actionType: action && action.type,
    idempotencyKey: action && action.idempotencyKey,
    visitor: action && action.visitor,
    reason: entry.reason,
  };
}

const CSV_LINE_END = '\r\n';

/**
 * What a spreadsheet would take for the begin of a formula, at the begin of a cell, or after what another country’s spreadsheet
 * takes for the begin of a cell. The apostrophe itself is among them, so that what was added can be told from what was there.
 */
const FORMULA_BEGIN = /(?<=^|[;\t\r\n])(?=[=+\-@＝＋－＠'"\t\r\n])/g;

/** Begins with a letter or digit and has nothing that separates or quotes: as most cells are. */
const PLAIN = /^\w[\w .:-]*$/;

/** RFC 4180, with a header line; safe to open in a spreadsheet. */
export const CSV: ExportFormat = {
  extension: 'csv',
  contentType: 'text/csv; charset=utf-8; header=present',
  head: COLUMNS.join(',') + CSV_LINE_END,
  line: (entry) => {
    const line = lineOf(entry);
    return COLUMNS.map((column) => cellOf(line[column])).join(',') + CSV_LINE_END;
  },
};

/** One JSON object per line: values as they are. */
export const NDJSON: ExportFormat = {
  extension: 'ndjson',
  contentType: 'application/x-ndjson; charset=utf-8',
  head: '',
  line: (entry) => `${JSON.stringify(lineOf(entry))}\n`,
};

function cellOf(value: Value): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  if (PLAIN.test(value)) return value;
  const text = value.replace(FORMULA_BEGIN, "'");
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
