import type { Tone } from '../design/tone';
import type { ActionStatus } from '../overview/latest-actions.generated';

const ACRONYMS = new Set(['LLM', 'SMS', 'API']);

/** INVOKE_LLM → Invoke LLM, so that a new action type needs no word here. */
export function typeWords(type: string): string {
  const words = type
    .split('_')
    .map((word) => (ACRONYMS.has(word) ? word : word.toLowerCase()))
    .join(' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What became of an action's credit, as a badge. */
export const STATUS_WORDS: Readonly<Record<ActionStatus, { readonly words: string; readonly tone: Tone }>> = {
  CAPTURED: { words: 'Captured', tone: 'neutral' },
  HELD: { words: 'Held', tone: 'warn' },
  REFUNDED: { words: 'Refunded', tone: 'info' },
  VOIDED: { words: 'Voided', tone: 'info' },
};
