import { useState } from 'react';
import { useQuery } from 'urql';
import type { ViewSearch } from '../app/view-search';
import { Button } from '../design/button';
import { Icon } from '../design/icon';
import { Select } from '../design/select';
import { STATUS_WORDS, typeWords } from './action-words';
import { FILTER_NAMES, filtersOf, STATUSES } from './action-filters';
import { ActionChoicesDocument } from './actions.generated';
import styles from './filter-bar.module.css';

const ALL = 'all';

/** Which actions are shown: kept in the URL's query. */
export function FilterBar({ ownerId, view }: { ownerId: string; view: ViewSearch }) {
  const [{ data }] = useQuery({ query: ActionChoicesDocument, variables: { ownerId } });
  const { appId, type, status, visitor } = filtersOf(view.search);
  const change = (name: (typeof FILTER_NAMES)[number]) => (value: string) =>
    view.change({ [name]: value === ALL ? null : value });
  const apps = data?.owner?.apps.edges.map(({ node }) => ({ value: node.id, label: node.name })) ?? [];
  const types = data?.actionCatalogue.map((one) => ({ value: one.type as string, label: typeWords(one.type) })) ?? [];
  const statuses = STATUSES.map((one) => ({ value: one as string, label: STATUS_WORDS[one].words }));
  const filtered = Boolean(appId || type || status || visitor);
  return (
    <div className={styles.bar} role="group" aria-label="Filters">
      <Select
        label="App"
        labelHidden
        options={withAll('All apps', apps, appId, 'Another app')}
        value={appId ?? ALL}
        onChange={change('app')}
      />
      <Select
        label="Action type"
        labelHidden
        options={withAll('All types', types, type, type ? typeWords(type) : '')}
        value={type ?? ALL}
        onChange={change('type')}
      />
      <Select
        label="Status"
        labelHidden
        options={withAll('Any status', statuses)}
        value={status ?? ALL}
        onChange={change('status')}
      />
      <VisitorField key={visitor ?? ''} visitor={visitor ?? ''} onChange={change('visitor')} />
      {filtered && (
        <Button
          look="quiet"
          icon="close"
          onClick={() => view.change(Object.fromEntries(FILTER_NAMES.map((name) => [name, null])))}
        >
          Clear
        </Button>
      )}
    </div>
  );
}

/** A whole id, since the API finds no parts of one; taken on Enter, and when the field is left. */
function VisitorField({ visitor, onChange }: { visitor: string; onChange: (visitor: string) => void }) {
  const [text, setText] = useState(visitor);
  const take = () => text.trim() !== visitor && onChange(text.trim());
  return (
    <label className={styles.visitor}>
      <Icon name="search" />
      <span className="visually-hidden">Visitor</span>
      <input
        type="search"
        placeholder="Visitor"
        maxLength={255}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={({ key }) => void (key === 'Enter' && take())}
        onBlur={take}
      />
    </label>
  );
}

/** `chosen` may come from a link and be among no options: it is shown as `unknown` then. */
function withAll(
  all: string,
  options: readonly { value: string; label: string }[],
  chosen?: string,
  unknown = '',
): { value: string; label: string }[] {
  const missing = chosen !== undefined && !options.some(({ value }) => value === chosen);
  return [{ value: ALL, label: all }, ...options, ...(missing ? [{ value: chosen, label: unknown }] : [])];
}
