import { EmptyState } from '../design/states';

export default function Plans() {
  return <EmptyState title="Not here yet" />;
}
