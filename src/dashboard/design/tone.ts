/** What a colour repeats of the words it stands on. */
export type Tone = 'neutral' | 'good' | 'warn' | 'danger' | 'info';
