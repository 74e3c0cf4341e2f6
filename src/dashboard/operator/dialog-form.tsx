import type { ReactNode } from 'react';
import { Notice } from '../design/notice';
import { errorWords } from '../live/error-words';
import styles from './dialog-form.module.css';

/**
 * A form in a dialog, whose button stands below it with `form={id}`. Below its fields it says why it failed, unless what
 * is wrong stands beside the fields.
 */
export function DialogForm(props: {
  id: string;
  onSubmit: () => Promise<void>;
  error?: Error | undefined;
  children: ReactNode;
}) {
  const { id, onSubmit, error, children } = props;
  return (
    <form
      id={id}
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void onSubmit();
      }}
    >
      {children}
      <FormProblem error={error} />
    </form>
  );
}

/** Why something failed, in words; nothing where it did not, or where each field says it itself. */
export function FormProblem({ error }: { error: Error | undefined }) {
  if (!error) return null;
  const { message, problems, requestId } = errorWords(error);
  if (Object.keys(problems).length > 0) return null;
  return (
    <div role="alert">
      <Notice tone="danger">
        {message}
        {requestId && ` (Request ${requestId})`}
      </Notice>
    </div>
  );
}
