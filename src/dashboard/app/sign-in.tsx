import { useState, type FormEvent } from 'react';
import { Button } from '../design/button';
import { Checkbox, Field } from '../design/field';
import { createApi } from '../live/client';
import { errorWords } from '../live/error-words';
import { Brand } from './brand';
import styles from './sign-in.module.css';
import { ViewerDocument } from './viewer.generated';

const KINDS: Readonly<Record<string, string>> = {
  APP: 'This is an APP key: integrations act with it. The dashboard needs an OWNER key of the app’s owner, or an ADMIN key.',
  PUBLISHABLE:
    'This is a PUBLISHABLE key: web pages show a balance with it, and it reads nothing else. The dashboard needs an OWNER or ADMIN key.',
};

/** Signing in by pasting a key. Nothing is kept before the API has accepted it. */
export function SignIn(props: { notice: string | null; onSignIn: (key: string, remember: boolean) => void }) {
  const { notice, onSignIn } = props;
  const [key, setKey] = useState('');
  const [remember, setRemember] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const refusal = await refusalOf(key.trim());
    setBusy(false);
    setProblem(refusal ?? undefined);
    if (refusal === null) onSignIn(key.trim(), remember);
  };
  return (
    <main className={styles.page}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <Brand />
        <div>
          <h1>Sign in with a key</h1>
          <p className={styles.lead}>Watch credits live, see what uses them, and when they run out.</p>
        </div>
        {notice && (
          <p className={styles.notice} role="status">
            {notice}
          </p>
        )}
        <Field
          label="API key"
          type="password"
          name="key"
          placeholder="icr_own_…  or  icr_adm_…"
          spellCheck={false}
          autoFocus
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
          problem={problem}
          hint="An OWNER key, or an ADMIN key to see all owners."
        />
        <Checkbox
          label="Remember on this device"
          checked={remember}
          onChange={(event) => setRemember(event.target.checked)}
        />
        <Button type="submit" look="primary" busy={busy} className={styles.submit}>
          Sign in
        </Button>
        <p className={styles.small}>
          The key stays in this browser, until the tab is closed unless you ask to remember it, and is sent to this
          server only.
        </p>
      </form>
    </main>
  );
}

/** Why this key cannot be used here; null where it can. */
async function refusalOf(key: string): Promise<string | null> {
  // A header cannot carry anything else; it would fail without a word.
  if (!/^[\x21-\x7e]+$/.test(key)) return 'A key has no blanks and only plain letters. Paste it again.';
  const api = createApi(key, () => undefined);
  const { data, error } = await api.client.query(ViewerDocument, {}).toPromise();
  api.close();
  if (data) return KINDS[data.viewer.role] ?? null;
  if (!error) return 'The service did not answer. Try again.';
  const { code, message } = errorWords(error);
  return code === 'UNAUTHENTICATED' ? 'This key does not work. Check that it is whole, and not revoked.' : message;
}
