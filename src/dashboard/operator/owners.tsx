import { EmptyState } from '../design/states';

export default function Owners() {
  return <EmptyState title="Not here yet" />;
}
