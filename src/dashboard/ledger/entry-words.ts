import type { Tone } from '../design/tone';
import type { LedgerEntryKind } from './ledger.generated';

interface KindWords {
  readonly words: string;
  readonly tone: Tone;
  /** What it does to the credits that are available. */
  readonly sign: '+' | '−' | '';
  readonly means: string;
}

/** The movements of credits, as badges, with their signs. */
export const KIND_WORDS: Readonly<Record<LedgerEntryKind, KindWords>> = {
  GRANT: { words: 'Grant', tone: 'good', sign: '+', means: 'Credits were added.' },
  DEBIT: { words: 'Debit', tone: 'neutral', sign: '−', means: 'An action was charged.' },
  HOLD: { words: 'Hold', tone: 'warn', sign: '−', means: 'An action was held: from available to held.' },
  CAPTURE: { words: 'Capture', tone: 'neutral', sign: '', means: 'A held credit was spent: held falls.' },
  VOID: { words: 'Void', tone: 'info', sign: '+', means: 'A held credit came back: from held to available.' },
  REFUND: { words: 'Refund', tone: 'info', sign: '+', means: 'A spent credit came back.' },
  EXPIRE: { words: 'Expire', tone: 'danger', sign: '−', means: 'What was left of a grant expired.' },
  REVOKE: { words: 'Revoke', tone: 'danger', sign: '−', means: 'What was left of a grant was taken.' },
  PAUSE: { words: 'Pause', tone: 'warn', sign: '−', means: 'A top-up may not be spent: from available to paused.' },
  RESUME: { words: 'Resume', tone: 'good', sign: '+', means: 'A top-up may be spent again: from paused to available.' },
};
