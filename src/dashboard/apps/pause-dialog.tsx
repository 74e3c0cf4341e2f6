import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { toast } from '../design/toast';
import { FormProblem } from '../operator/dialog-form';
import type { OwnerApp } from './app-state';
import { UpdateAppDocument } from './update-app.generated';

/** Asks whether an app is to be paused, or resumed where it is paused. Open for as long as it is there. */
export function PauseDialog({ app, onDone }: { app: OwnerApp; onDone: () => void }) {
  const [{ error, fetching }, updateApp] = useMutation(UpdateAppDocument);
  const resumes = app.status === 'PAUSED';
  const decide = async () => {
    const { error: refusal } = await updateApp({ input: { id: app.id, status: resumes ? 'ACTIVE' : 'PAUSED' } });
    if (refusal) return;
    toast(resumes ? `${app.name} acts again.` : `${app.name} is paused.`);
    onDone();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title={resumes ? `Resume ${app.name}?` : `Pause ${app.name}?`}
      description={
        resumes ? (
          'Its actions are accepted again from the next one on, as far as its cap and the pool allow.'
        ) : (
          <>
            Its actions are refused with <code>APP_PAUSED</code> from the next one on, and nothing is debited. What it
            holds can still be captured or voided, and its keys go on reading.
          </>
        )
      }
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button look={resumes ? 'primary' : 'danger'} busy={fetching} onClick={() => void decide()}>
            {resumes ? 'Resume' : 'Pause'}
          </Button>
        </>
      }
    >
      {error && <FormProblem error={error} />}
    </Dialog>
  );
}
