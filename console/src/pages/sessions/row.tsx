import type { Session } from '@lastcall/shared';
import { memo } from 'react';
import { useFormat, useText } from '../../i18n/context.js';
import { type RowPlace, rowId } from '../../parts/grid.js';
import { Icon } from '../../parts/icon.js';
import { State } from '../../parts/state.js';
import type { Item } from './rows.js';
import { sessionsText } from './text/index.js';

export interface RowHandlers {
  readonly onToggle: (ids: readonly string[], isOn: boolean) => void;
}

const fromOf = ({ app, device, address }: Session): string =>
  [app ? `${app.name} ${app.version ?? ''}`.trim() : '', device?.label ?? '', address]
    .filter(Boolean)
    .join(' · ');

interface SessionRowProps extends RowPlace, RowHandlers {
  readonly session: Session;
  readonly isSelected: boolean;
  readonly input: string;
  readonly opened: string;
}

function Cells({ session, input, opened }: Pick<SessionRowProps, 'session' | 'input' | 'opened'>) {
  const say = useText(sessionsText);
  const { user, state, dirty, view, locks } = session;
  return (
    <>
      <div role="gridcell" className="lc-cell-user">
        <span className="lc-strong">{user.name}</span>
        <span className="lc-soft">{user.id}</span>
      </div>
      <div role="gridcell" className="lc-cell-state">
        <State state={state} />
      </div>
      <div role="gridcell" className="lc-cell-unsaved" data-dirty={dirty || undefined}>
        {dirty ? <Icon name="unsaved" size={15} /> : null}
        <span>{dirty ? say('unsaved') : say('saved')}</span>
      </div>
      <div role="gridcell" className="lc-cell-view" title={view}>
        {view}
      </div>
      <div role="gridcell" className="lc-cell-locks">
        {locks > 0 ? locks : ''}
      </div>
      <div role="gridcell" className="lc-cell-input">
        {input}
      </div>
      <div role="gridcell" className="lc-cell-from" title={fromOf(session)}>
        {fromOf(session)}
      </div>
      <div role="gridcell" className="lc-cell-opened">
        {opened}
      </div>
    </>
  );
}

/** One session; it is drawn anew only when something of it that is shown has changed. */
export const SessionRow = memo(function SessionRow(props: SessionRowProps) {
  const { session, isSelected, isActive, top, index, onToggle, onOpen, input, opened } = props;
  const say = useText(sessionsText);
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the grid has the keys
    <div
      role="row"
      id={rowId(index)}
      className="lc-row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-active={isActive || undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onOpen(index)}
    >
      <div role="gridcell" className="lc-cell-check">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={isSelected}
          aria-label={say('select', { name: session.user.name })}
          onClick={(event) => event.stopPropagation()}
          onChange={(event) => onToggle([session.id], event.currentTarget.checked)}
        />
      </div>
      <Cells session={session} input={input} opened={opened} />
    </div>
  );
});

interface GroupRowProps extends RowPlace, RowHandlers {
  readonly item: Extract<Item, { kind: 'group' }>;
  readonly isOpen: boolean;
  readonly isSelected: boolean;
}

/** A person or an application, with how many sessions there are of it. */
export function GroupRow({
  item,
  isOpen,
  isSelected,
  isActive,
  top,
  index,
  onToggle,
  onOpen,
}: GroupRowProps) {
  const say = useText(sessionsText);
  const format = useFormat();
  const ids = item.sessions.map(({ id }) => id);
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the grid has the keys
    <div
      role="row"
      id={rowId(index)}
      className="lc-row lc-row-group"
      aria-rowindex={index + 2}
      aria-expanded={isOpen}
      aria-selected={isSelected}
      data-active={isActive || undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onOpen(index)}
    >
      <div role="gridcell" className="lc-cell-check">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={isSelected}
          aria-label={say('select', { name: item.name })}
          onClick={(event) => event.stopPropagation()}
          onChange={(event) => onToggle(ids, event.currentTarget.checked)}
        />
      </div>
      <div role="gridcell" className="lc-cell-group" aria-colspan={8}>
        <span className="lc-chevron" data-open={isOpen || undefined}>
          <Icon name="chevron" size={16} />
        </span>
        <span className="lc-strong">{item.name}</span>
        <span className="lc-soft">{say('count', { count: item.sessions.length })}</span>
        {item.unsaved > 0 && (
          <span className="lc-cell-unsaved" data-dirty>
            {say('unsavedCount', { count: format.number(item.unsaved) })}
          </span>
        )}
      </div>
    </div>
  );
}
