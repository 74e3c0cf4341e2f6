import type { Tone } from '../design/tone';
import type { OwnerKey } from './key-state';

type Role = OwnerKey['role'];

/** What a key of each role is for. */
export const ROLE_WORDS: Readonly<Record<Role, { readonly tone: Tone; readonly use: string }>> = {
  ADMIN: { tone: 'danger', use: 'The operator: everything, of every owner.' },
  OWNER: { tone: 'info', use: 'This dashboard, or a backend of yours: reads everything, manages apps and keys.' },
  APP: { tone: 'neutral', use: 'An app’s backend: performs its actions. Keep it off web pages.' },
  PUBLISHABLE: { tone: 'good', use: 'Web pages: shows the balance, on the app’s allowed origins only.' },
};
