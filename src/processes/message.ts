import type { PoolMark } from '../balances/balance-feed';

/** What one process tells the others: where pools stand and that keys are worth another look, never what is in them. */
export interface Message {
  /** The process that sent it, which is told what it said itself, too. */
  readonly from: string;
  readonly committed: readonly PoolMark[];
  /** Whether a key was revoked, or what it may do was narrowed. */
  readonly curtailed: boolean;
}

const LONGEST_TEXT = 100_000;

export function textOf({ from, committed, curtailed }: Message): string {
  return JSON.stringify({
    from,
    committed: committed.map(({ ownerId, version, lastSequence }) => [ownerId, version, lastSequence]),
    curtailed,
  });
}

/** Null where it is no message of ours: whoever else may publish on the channel can make nobody fail. */
export function messageOf(text: string): Message | null {
  if (text.length > LONGEST_TEXT) return null;
  const { from, committed, curtailed } = fieldsOf(text);
  if (typeof from !== 'string' || !Array.isArray(committed) || typeof curtailed !== 'boolean') return null;
  const marks = committed.map(markOf);
  return marks.every((mark) => mark !== null) ? { from, committed: marks, curtailed } : null;
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function markOf(value: unknown): PoolMark | null {
  if (!Array.isArray(value) || value.length !== 3 || !value.every(Number.isSafeInteger)) return null;
  const [ownerId, version, lastSequence] = value as [number, number, number];
  return { ownerId, version, lastSequence };
}
