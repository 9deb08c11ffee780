import { AUDIT_TYPES } from '@lastcall/shared';
import { Button, Select, TextInput } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import type { Search } from './filter.js';
import { auditText } from './text/index.js';

const NOTHING: Search = { user: '', session: '', type: '', from: '', to: '' };

export interface SearchFormProps {
  readonly search: Search;
  readonly onSearch: (search: Search) => void;
}

/** What to look for in the trail; it is looked for when the form is sent. */
export function SearchForm({ search, onSearch }: SearchFormProps) {
  const say = useText(auditText);
  const term = useText(termsText);
  const [draft, setDraft] = useState(search);
  const asked = JSON.stringify(search);
  useEffect(() => setDraft(JSON.parse(asked) as Search), [asked]);
  const change = (changed: Partial<Search>): void => setDraft((before) => ({ ...before, ...changed }));
  const text = (name: 'user' | 'session' | 'from' | 'to', type = 'text') => (
    <TextInput
      label={say(name)}
      type={type}
      value={draft[name]}
      onChange={(event) => change({ [name]: event.currentTarget.value })}
    />
  );
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    onSearch({ ...draft, user: draft.user.trim(), session: draft.session.trim() });
  };
  return (
    <form className="lc-filters" role="search" aria-label={say('search')} onSubmit={onSubmit}>
      {text('user')}
      {text('session')}
      <Select
        label={say('type')}
        data={[
          { value: '', label: term('all') },
          ...AUDIT_TYPES.map((type) => ({ value: type, label: term(`record.${type}`) })),
        ]}
        value={draft.type}
        onChange={(type) => change({ type: type ?? '' })}
        allowDeselect={false}
        searchable
      />
      {text('from', 'datetime-local')}
      {text('to', 'datetime-local')}
      <Button type="submit">{say('search')}</Button>
      {asked !== JSON.stringify(NOTHING) && (
        <Button variant="default" onClick={() => onSearch(NOTHING)}>
          {say('everything')}
        </Button>
      )}
    </form>
  );
}
