import type { ActionStatus, ActionType } from './actions.generated';

/** Which actions are listed; what is not there does not limit them. */
export interface ActionFilters {
  readonly appId?: string;
  readonly type?: ActionType;
  readonly status?: ActionStatus;
  readonly visitor?: string;
}

export const STATUSES: readonly ActionStatus[] = ['CAPTURED', 'HELD', 'REFUNDED', 'VOIDED'];

/** The names of the filters in the URL’s query. */
export const FILTER_NAMES = ['app', 'type', 'status', 'visitor'] as const;

/** The filters of a URL’s query. A link from another time may name a status that there is none of: it is left out. */
export function filtersOf(search: URLSearchParams): ActionFilters {
  const [appId, type, status, visitor] = FILTER_NAMES.map((name) => search.get(name) || null);
  const known = STATUSES.find((one) => one === status);
  return {
    ...(appId && { appId }),
    ...(type && { type: type as ActionType }),
    ...(known && { status: known }),
    ...(visitor && { visitor }),
  };
}
