import type { Tone } from '../design/tone';
import type { AppsPageQuery } from './apps-page.generated';

const NEAR_CAP = 0.9;

export type OwnerApp = NonNullable<AppsPageQuery['owner']>['apps']['edges'][number]['node'];

type Capped = Pick<OwnerApp, 'status' | 'creditCap' | 'usedThisPeriod'>;

/** Whether the next action of an app is refused with CAP_REACHED; that it is paused comes before. */
export function isCapReached({ creditCap, usedThisPeriod }: Pick<Capped, 'creditCap' | 'usedThisPeriod'>): boolean {
  return creditCap !== null && usedThisPeriod >= creditCap;
}

/** What an app may do now, in words. */
export function appState(app: Capped): { readonly words: string; readonly tone: Tone } {
  if (app.status === 'PAUSED') return { words: 'Paused', tone: 'warn' };
  if (isCapReached(app)) return { words: 'Cap reached', tone: 'danger' };
  if (isNearCap(app)) return { words: 'Near its cap', tone: 'warn' };
  return { words: 'Active', tone: 'good' };
}

/** The colour of what an app used of its cap. */
export function meterTone(app: Capped): 'accent' | 'warn' | 'danger' {
  if (isCapReached(app)) return 'danger';
  return isNearCap(app) ? 'warn' : 'accent';
}

function isNearCap({ creditCap, usedThisPeriod }: Capped): boolean {
  return creditCap !== null && usedThisPeriod >= creditCap * NEAR_CAP;
}
