import { useQuery } from 'urql';
import { Badge } from '../design/badge';
import { Skeleton } from '../design/states';
import styles from './shell.module.css';
import { VisitedOwnerDocument } from './visited-owner.generated';

/** Whose views an operator is looking at. */
export function VisitedOwner({ ownerId }: { ownerId: string }) {
  const [{ data, error }] = useQuery({ query: VisitedOwnerDocument, variables: { ownerId } });
  if (error && !data) return null;
  if (!data) return <Skeleton width={160} />;
  if (!data.owner) return <p className={styles.owner}>There is no such owner.</p>;
  const { name, plan, suspendedAt } = data.owner;
  return (
    <p className={styles.owner}>
      {name} · {plan.name} plan {suspendedAt && <Badge tone="danger">Suspended</Badge>}
    </p>
  );
}
