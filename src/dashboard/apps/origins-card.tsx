import { Button } from '../design/button';
import { Card } from '../design/card';
import { Skeleton } from '../design/states';
import styles from './line-list.module.css';

/** The sites whose pages may use an app's publishable keys. */
export function OriginsCard({ origins, onEdit }: { origins: readonly string[] | null; onEdit: () => void }) {
  return (
    <Card
      title="Allowed origins"
      note="Sites that may show the balance"
      controls={
        <Button disabled={!origins} onClick={onEdit}>
          Edit
        </Button>
      }
    >
      {origins?.length === 0 ? (
        <p className={styles.none}>None: a publishable key of this app is refused on every page.</p>
      ) : (
        <ul className={styles.list} aria-busy={!origins}>
          {origins ? (
            origins.map((origin) => (
              <li key={origin}>
                <code className={styles.text}>{origin}</code>
              </li>
            ))
          ) : (
            <li>
              <Skeleton width="60%" />
            </li>
          )}
        </ul>
      )}
    </Card>
  );
}
