import { lazy, type ComponentType } from 'react';
import type { IconName } from '../design/icon';

/** What every view of one owner is given. */
export interface OwnerViewProps {
  readonly ownerId: string;
}

interface View<Props> {
  /** Its path: below `/` for the owner, below `/owners/:ownerId/` for an operator. */
  readonly segment: string;
  readonly title: string;
  readonly icon: IconName;
  readonly component: ComponentType<Props>;
}

/** The views of one owner, in the order of the navigation: an owner's own, and an operator's of any owner. */
export const OWNER_VIEWS: readonly View<OwnerViewProps>[] = [
  { segment: '', title: 'Overview', icon: 'overview', component: lazy(() => import('../overview/overview')) },
  { segment: 'actions', title: 'Actions', icon: 'actions', component: lazy(() => import('../actions/actions')) },
  { segment: 'ledger', title: 'Ledger', icon: 'ledger', component: lazy(() => import('../ledger/ledger')) },
  { segment: 'apps', title: 'Apps', icon: 'apps', component: lazy(() => import('../apps/apps')) },
  { segment: 'keys', title: 'Keys', icon: 'keys', component: lazy(() => import('../keys/keys')) },
];

/** What only an operator does with one owner: its plan, its grants, its suspension. */
export const OWNER_DETAIL: View<OwnerViewProps> = {
  segment: 'manage',
  title: 'Manage',
  icon: 'manage',
  component: lazy(() => import('../operator/owner-detail/owner-detail')),
};

/** The views of all owners. */
export const OPERATOR_VIEWS: readonly View<object>[] = [
  { segment: 'owners', title: 'Owners', icon: 'owners', component: lazy(() => import('../operator/owners/owners')) },
  { segment: 'plans', title: 'Plans', icon: 'plans', component: lazy(() => import('../operator/plans/plans')) },
];
