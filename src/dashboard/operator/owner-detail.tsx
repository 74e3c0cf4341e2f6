import type { OwnerViewProps } from '../app/views';
import { EmptyState } from '../design/states';

export default function OwnerDetail(_props: OwnerViewProps) {
  return <EmptyState title="Not here yet" />;
}
