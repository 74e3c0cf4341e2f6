import type { OwnerViewProps } from '../app/views';
import { EmptyState } from '../design/states';

export default function Keys(_props: OwnerViewProps) {
  return <EmptyState title="Not here yet" />;
}
