import { SESSION_STATES, type Session } from '@lastcall/shared';
import { Button, Select, TextInput } from '@mantine/core';
import type { RefObject } from 'react';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Icon } from '../../parts/icon.js';
import { type Found, GROUPS, type View } from './rows.js';
import { sessionsText } from './text/index.js';

const SHOWN_STATES = SESSION_STATES.filter((state) => state !== 'ended');

export interface ToolbarProps {
  readonly view: View;
  readonly onChange: (changed: Partial<View>) => void;
  readonly found: Found;
  readonly apps: readonly string[];
  readonly search: RefObject<HTMLInputElement | null>;
}

function States({ view, onChange, found }: Pick<ToolbarProps, 'view' | 'onChange' | 'found'>) {
  const say = useText(sessionsText);
  const term = useText(termsText);
  const format = useFormat();
  return (
    <div className="lc-chips" role="group" aria-label={say('states')}>
      <button
        type="button"
        className="lc-chip"
        aria-pressed={view.state === ''}
        onClick={() => onChange({ state: '' })}
      >
        {say('all')} <b>{format.number(found.matching)}</b>
      </button>
      {SHOWN_STATES.map((state) => (
        <button
          key={state}
          type="button"
          className="lc-chip"
          data-state={state}
          aria-pressed={view.state === state}
          onClick={() => onChange({ state: view.state === state ? '' : state })}
        >
          <span className="lc-dot" /> {term(`state.${state}`)}{' '}
          <b>{format.number(found.counts[state] ?? 0)}</b>
        </button>
      ))}
      <button
        type="button"
        className="lc-chip lc-chip-unsaved"
        aria-pressed={view.onlyUnsaved}
        onClick={() => onChange({ onlyUnsaved: !view.onlyUnsaved })}
      >
        <Icon name="unsaved" size={14} /> {say('onlyUnsaved')}
      </button>
    </div>
  );
}

/** What is shown of the sessions: words, states, application, groups. */
export function Toolbar({ view, onChange, found, apps, search }: ToolbarProps) {
  const say = useText(sessionsText);
  return (
    <div className="lc-toolbar">
      <TextInput
        ref={search}
        className="lc-toolbar-search"
        aria-label={say('filter')}
        placeholder={say('filterHint')}
        value={view.query}
        onChange={(event) => onChange({ query: event.currentTarget.value })}
        leftSection={<Icon name="search" size={16} />}
        spellCheck={false}
        autoComplete="off"
      />
      <Select
        className="lc-toolbar-select"
        aria-label={say('app')}
        data={[{ value: '', label: say('everyApp') }, ...apps.map((name) => ({ value: name, label: name }))]}
        value={view.app}
        onChange={(app) => onChange({ app: app ?? '' })}
        allowDeselect={false}
      />
      <Select
        className="lc-toolbar-select"
        aria-label={say('group')}
        data={GROUPS.map((group) => ({ value: group, label: say(`group.${group}`) }))}
        value={view.group}
        onChange={(group) => onChange({ group: group ?? 'none' })}
        allowDeselect={false}
      />
      <States view={view} onChange={onChange} found={found} />
    </div>
  );
}

export interface SelectionBarProps {
  readonly sessions: readonly Session[];
  readonly onAct: (act: 'warn' | 'logoff' | 'block') => void;
  readonly onClear: () => void;
}

/** What can be done with the selection, while there is one. */
export function SelectionBar({ sessions, onAct, onClear }: SelectionBarProps) {
  const say = useText(sessionsText);
  const format = useFormat();
  const count = sessions.length;
  const unsaved = sessions.filter(({ dirty }) => dirty).length;
  if (count === 0) return null;
  return (
    <div className="lc-selection" role="region" aria-label={say('selected', { count })}>
      <strong>{say('selected', { count })}</strong>
      {unsaved > 0 && (
        <span className="lc-soft">{say('unsavedCount', { count: format.number(unsaved) })}</span>
      )}
      <span className="lc-grow" />
      <Button
        size="xs"
        variant="default"
        leftSection={<Icon name="bell" size={15} />}
        onClick={() => onAct('warn')}
      >
        {say('warn')}
      </Button>
      <Button size="xs" leftSection={<Icon name="logoff" size={15} />} onClick={() => onAct('logoff')}>
        {say('logoff')}
      </Button>
      <Button
        size="xs"
        variant="default"
        leftSection={<Icon name="block" size={15} />}
        onClick={() => onAct('block')}
      >
        {say('block')}
      </Button>
      <Button size="xs" variant="subtle" color="gray" onClick={onClear}>
        {say('clear')}
      </Button>
    </div>
  );
}
