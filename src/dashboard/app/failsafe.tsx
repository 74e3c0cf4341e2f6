import { Component, type ReactNode } from 'react';
import { Button } from '../design/button';
import { EmptyState } from '../design/states';

/** Keeps a view that fails from taking the whole page with it, such as one whose file is gone after a deploy. */
export class Failsafe extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <EmptyState
        icon="warning"
        title="This view could not be shown"
        action={<Button onClick={() => location.reload()}>Load it again</Button>}
      >
        It may have changed on the server since this page was opened.
      </EmptyState>
    );
  }
}
