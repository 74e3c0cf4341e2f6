import type { OwnerViewProps } from '../app/views';
import { EmptyState } from '../design/states';

export default function Apps(_props: OwnerViewProps) {
  return <EmptyState title="Not here yet" />;
}
