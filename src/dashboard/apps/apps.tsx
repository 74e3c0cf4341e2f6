import { usePath, useSearch } from '../app/router';
import type { OwnerViewProps } from '../app/views';
import { useLiveBalance } from '../live/live-balance';
import { AppDetail } from './app-detail';
import { AppList } from './app-list';

/** An owner's apps, or one of them: what each uses, what it may use, and on whose pages. */
export default function Apps({ ownerId }: OwnerViewProps) {
  const path = usePath();
  const appId = useSearch().get('app');
  const { balance } = useLiveBalance(ownerId);
  const mark = balance?.lastSequence ?? -1;
  const resetsAt = balance?.resetsAt ?? null;
  if (appId === null) return <AppList ownerId={ownerId} path={path} mark={mark} resetsAt={resetsAt} />;
  return <AppDetail key={appId} ownerId={ownerId} appId={appId} path={path} mark={mark} resetsAt={resetsAt} />;
}
