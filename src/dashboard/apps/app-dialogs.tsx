import type { OwnerApp } from './app-state';
import { CapDialog } from './cap-dialog';
import { OriginsDialog } from './origins-dialog';
import { PauseDialog } from './pause-dialog';
import { RenameDialog } from './rename-dialog';

/** What can be asked about an app. */
export type AppTask = 'RENAME' | 'CAP' | 'PAUSE' | 'ORIGINS';

/** The dialog of a task with an app; none while `task` is null. */
export function AppDialogs(props: {
  app: OwnerApp;
  task: AppTask | null;
  resetsAt: string | null;
  onDone: () => void;
}) {
  const { app, task, resetsAt, onDone } = props;
  switch (task) {
    case 'RENAME':
      return <RenameDialog app={app} onDone={onDone} />;
    case 'CAP':
      return <CapDialog app={app} resetsAt={resetsAt} onDone={onDone} />;
    case 'PAUSE':
      return <PauseDialog app={app} onDone={onDone} />;
    case 'ORIGINS':
      return <OriginsDialog app={app} onDone={onDone} />;
    case null:
      return null;
  }
}
