import type { ComponentType } from 'react';
import type { IconName } from '../design/icon';
import { OPERATOR_VIEWS, OWNER_DETAIL, OWNER_VIEWS, type OwnerViewProps } from './views';

export interface NavigationItem {
  readonly to: string;
  readonly title: string;
  readonly icon: IconName;
  readonly current: boolean;
}

/** What a path shows, and what one can go to from there. */
export interface Place {
  readonly title: string;
  /** Of one owner, or of all; null: there is no such page. */
  readonly view:
    | { readonly ownerId: string; readonly component: ComponentType<OwnerViewProps> }
    | { readonly ownerId: null; readonly component: ComponentType<object> }
    | null;
  readonly navigation: readonly NavigationItem[];
  /** The owner that an operator looks at; null otherwise. */
  readonly visitedOwnerId: string | null;
}

/** What `path` shows to an owner (`ownOwnerId`), or to an operator (null). */
export function placeOf(path: string, ownOwnerId: string | null): Place {
  const segments = path.split('/').filter(Boolean);
  if (ownOwnerId !== null) return placeOfOwner({ base: '', segments, ownerId: ownOwnerId, views: OWNER_VIEWS });
  if (segments[0] === 'owners' && segments[1]) {
    const views = [...OWNER_VIEWS, OWNER_DETAIL];
    const [, ownerId, ...rest] = segments;
    const place = placeOfOwner({ base: `/owners/${ownerId}`, segments: rest, ownerId, views });
    return { ...place, visitedOwnerId: ownerId };
  }
  const shown = OPERATOR_VIEWS.find(({ segment }) => segment === (segments.join('/') || 'owners'));
  return {
    title: shown?.title ?? 'Not found',
    view: shown ? { ownerId: null, component: shown.component } : null,
    navigation: OPERATOR_VIEWS.map((view) => ({ ...view, to: `/${view.segment}`, current: view === shown })),
    visitedOwnerId: null,
  };
}

function placeOfOwner(parts: {
  base: string;
  segments: readonly string[];
  ownerId: string;
  views: typeof OWNER_VIEWS;
}): Place {
  const { base, segments, ownerId, views } = parts;
  const shown = views.find(({ segment }) => segment === segments.join('/'));
  return {
    title: shown?.title ?? 'Not found',
    view: shown ? { ownerId, component: shown.component } : null,
    navigation: views.map((view) => ({
      ...view,
      to: view.segment ? `${base}/${view.segment}` : base || '/',
      current: view === shown,
    })),
    visitedOwnerId: null,
  };
}
