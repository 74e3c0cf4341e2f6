import type { Tone } from '../design/tone';

export type GrantSource = 'PLAN' | 'BONUS' | 'TOP_UP';

/** Where the credits of a grant come from, as a badge. */
export const SOURCE_WORDS: Readonly<Record<GrantSource, { readonly words: string; readonly tone: Tone }>> = {
  PLAN: { words: 'Plan', tone: 'good' },
  BONUS: { words: 'Bonus', tone: 'info' },
  TOP_UP: { words: 'Top-up', tone: 'neutral' },
};
