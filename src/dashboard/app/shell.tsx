import { Suspense, useEffect } from 'react';
import { EmptyState, Skeleton } from '../design/states';
import { Icon } from '../design/icon';
import { Toasts } from '../design/toast';
import { AccountBar } from './account-bar';
import { Brand } from './brand';
import { ConnectionStatus } from './connection-status';
import { Failsafe } from './failsafe';
import { Link } from './link';
import { placeOf, type NavigationItem, type Place } from './place';
import { usePath } from './router';
import styles from './shell.module.css';
import type { ViewerQuery } from './viewer.generated';
import { VisitedOwner } from './visited-owner';

export type Viewer = ViewerQuery['viewer'];

/** The frame around every view: where one is, where one can go, whether what one sees is live. */
export function Shell({ viewer, onSignOut }: { viewer: Viewer; onSignOut: () => void }) {
  const path = usePath();
  const place = placeOf(path, viewer.owner?.id ?? null);
  useEffect(() => void (document.title = `${place.title} · Integration credits`), [place.title]);
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip to the content
      </a>
      <header className={styles.side}>
        <Link to="/" className={styles.home}>
          <Brand />
        </Link>
        {place.visitedOwnerId !== null && (
          <Link to="/owners" className={styles.back}>
            <Icon name="back" /> All owners
          </Link>
        )}
        <Navigation items={place.navigation} />
        <div className={styles.foot}>
          <ConnectionStatus />
          <AccountBar viewer={viewer} onSignOut={onSignOut} />
        </div>
      </header>
      <main id="content" className={styles.content} tabIndex={-1}>
        <div className={styles.heading}>
          <h1>{place.title}</h1>
          {place.visitedOwnerId === null ? (
            <OwnName viewer={viewer} />
          ) : (
            <VisitedOwner key={place.visitedOwnerId} ownerId={place.visitedOwnerId} />
          )}
        </div>
        <Failsafe key={path}>
          <Suspense fallback={<ViewSkeleton />}>
            <Content place={place} />
          </Suspense>
        </Failsafe>
      </main>
      <Toasts />
    </div>
  );
}

function Content({ place: { view } }: { place: Place }) {
  if (view === null) {
    return <EmptyState title="There is no such page" action={<Link to="/">Go to the start</Link>} />;
  }
  if (view.ownerId === null) return <view.component />;
  return <view.component key={view.ownerId} ownerId={view.ownerId} />;
}

function Navigation({ items }: { items: readonly NavigationItem[] }) {
  return (
    <nav className={styles.navigation} aria-label="Views">
      {items.map(({ to, title, icon, current }) => (
        <Link key={to} to={to} aria-current={current ? 'page' : undefined} className={styles.item}>
          <Icon name={icon} />
          <span>{title}</span>
        </Link>
      ))}
    </nav>
  );
}

function OwnName({ viewer: { owner } }: { viewer: Viewer }) {
  if (!owner) return null;
  return (
    <p className={styles.owner}>
      {owner.name} · {owner.plan.name} plan{owner.nextPlan ? `, ${owner.nextPlan.name} from the reset on` : ''}
    </p>
  );
}

function ViewSkeleton() {
  return (
    <div className={styles.waiting}>
      <Skeleton height={260} />
      <Skeleton height={320} />
    </div>
  );
}

/** The frame while it is not yet known who signed in. */
export function ShellSkeleton() {
  return (
    <div className={styles.shell} aria-busy="true">
      <header className={styles.side}>
        <span className={styles.home}>
          <Brand />
        </span>
      </header>
      <main className={styles.content}>
        <div className={styles.heading}>
          <Skeleton width={140} height={25} />
        </div>
        <ViewSkeleton />
      </main>
    </div>
  );
}
