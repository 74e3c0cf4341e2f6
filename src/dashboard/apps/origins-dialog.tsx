import { useId, useRef, useState, type KeyboardEvent } from 'react';
import { useMutation } from 'urql';
import { Button } from '../design/button';
import { Dialog } from '../design/dialog';
import { Field } from '../design/field';
import { toast } from '../design/toast';
import { errorWords } from '../live/error-words';
import { DialogForm } from '../operator/dialog-form';
import type { OwnerApp } from './app-state';
import { MOST_ORIGINS, originOf } from './origin';
import styles from './origins-dialog.module.css';
import { UpdateAppDocument } from './update-app.generated';

const NOT_AN_ORIGIN = 'An address of a site, such as https://shop.example. Patterns are not possible.';

/** Edits the sites whose pages may use an app's publishable keys; nothing changes before it is saved. */
export function OriginsDialog({ app, onDone }: { app: OwnerApp; onDone: () => void }) {
  const form = useId();
  const [origins, setOrigins] = useState<readonly string[]>(app.allowedOrigins);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();
  const [{ error, fetching }, updateApp] = useMutation(UpdateAppDocument);
  const typed = useRef<HTMLDivElement>(null);
  /** The list with what is typed; null where that is wrong, which is then said. */
  const withTyped = (): readonly string[] | null => {
    const found = addedTo(origins, text);
    setProblem(found.problem);
    if (found.problem) return null;
    setOrigins(found.origins);
    setText('');
    return found.origins;
  };
  const save = async () => {
    const allowedOrigins = text.trim() === '' ? origins : withTyped();
    if (!allowedOrigins) return;
    const { error: refusal } = await updateApp({ input: { id: app.id, allowedOrigins: [...allowedOrigins] } });
    if (refusal) return setProblem(errorWords(refusal).problems['input.allowedOrigins']);
    toast(`The allowed origins of ${app.name} were saved.`);
    onDone();
  };
  const addOnEnter = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || text.trim() === '') return;
    event.preventDefault();
    withTyped();
  };
  const remove = (origin: string) => {
    setOrigins(origins.filter((other) => other !== origin));
    // The button that had the focus goes with its line.
    typed.current?.querySelector('input')?.focus();
  };
  return (
    <Dialog
      open
      onClose={onDone}
      title="Allowed origins"
      description={`Pages of these sites may show the balance with a publishable key of ${app.name}. Removing one closes its connections at once.`}
      actions={
        <>
          <Button onClick={onDone}>Cancel</Button>
          <Button type="submit" form={form} look="primary" busy={fetching}>
            Save
          </Button>
        </>
      }
    >
      <DialogForm id={form} error={error} onSubmit={save}>
        <div ref={typed} className={styles.add}>
          <Field
            label="Origin"
            placeholder="https://shop.example"
            inputMode="url"
            spellCheck={false}
            autoCapitalize="off"
            value={text}
            onChange={({ target }) => setText(target.value)}
            onKeyDown={addOnEnter}
            problem={problem}
          />
          <Button icon="plus" className={styles.button} onClick={() => withTyped()}>
            Add
          </Button>
        </div>
        <OriginList origins={origins} onRemove={remove} />
      </DialogForm>
    </Dialog>
  );
}

function OriginList({ origins, onRemove }: { origins: readonly string[]; onRemove: (origin: string) => void }) {
  if (origins.length === 0) {
    return <p className={styles.none}>None: publishable keys of this app are refused on every page.</p>;
  }
  return (
    <ul className={styles.list}>
      {origins.map((origin) => (
        <li key={origin}>
          <code>{origin}</code>
          <Button look="quiet" icon="close" iconOnly aria-label={`Remove ${origin}`} onClick={() => onRemove(origin)} />
        </li>
      ))}
    </ul>
  );
}

function addedTo(origins: readonly string[], text: string): { origins: readonly string[]; problem?: string } {
  const origin = originOf(text);
  if (origin === null) return { origins, problem: NOT_AN_ORIGIN };
  if (origins.includes(origin)) return { origins };
  if (origins.length >= MOST_ORIGINS) return { origins, problem: `An app allows at most ${MOST_ORIGINS} origins.` };
  return { origins: [...origins, origin] };
}
