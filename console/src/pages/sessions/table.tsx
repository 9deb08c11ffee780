import { useNow } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { Grid, type RowPlace } from '../../parts/grid.js';
import { Icon } from '../../parts/icon.js';
import { GroupRow, SessionRow } from './row.js';
import { type Item, SORTS, type Sort, type View } from './rows.js';
import type { Selection } from './selection.js';
import { sessionsText } from './text/index.js';

export interface TableProps {
  readonly items: readonly Item[];
  readonly view: View;
  readonly onSort: (sort: Sort) => void;
  readonly selection: Selection;
  readonly isGroupOpen: (key: string) => boolean;
  readonly onToggleGroup: (key: string) => void;
  readonly onOpen: (sessionId: string) => void;
  readonly onKey: (key: string) => void;
}

const idsOf = (item: Item): readonly string[] =>
  item.kind === 'session' ? [item.session.id] : item.sessions.map(({ id }) => id);

/** Every session that a list of lines is about, those of closed groups included. */
const allOf = (items: readonly Item[], { group }: View): readonly string[] =>
  items.flatMap((item) => (item.kind === 'group' || group === 'none' ? idsOf(item) : []));

function Head({ view, onSort, selection, items }: TableProps) {
  const say = useText(sessionsText);
  const isAll = items.length > 0 && items.every((item) => selection.hasAll(idsOf(item)));
  return (
    <div role="row" className="lc-row lc-row-head" aria-rowindex={1}>
      <div role="columnheader" className="lc-cell-check">
        <input
          type="checkbox"
          aria-label={say('selectAll')}
          checked={isAll}
          onChange={(event) => selection.set(allOf(items, view), event.currentTarget.checked)}
        />
      </div>
      {SORTS.map((sort) => (
        <div
          key={sort}
          role="columnheader"
          className={`lc-cell-${sort}`}
          aria-sort={view.sort === sort ? (view.isDescending ? 'descending' : 'ascending') : 'none'}
        >
          <button type="button" onClick={() => onSort(sort)}>
            {say(`column.${sort}`)}
            {view.sort === sort && <Icon name={view.isDescending ? 'down' : 'up'} size={13} />}
          </button>
        </div>
      ))}
    </div>
  );
}

/** The line of an item at its place. */
function useLine({ items, selection, isGroupOpen }: TableProps) {
  const format = useFormat();
  const now = useNow();
  return (place: RowPlace) => {
    const item = items[place.index];
    if (item?.kind === 'group') {
      const isSelected = selection.hasAll(idsOf(item));
      const isOpen = isGroupOpen(item.key);
      const group = { item, isOpen, isSelected, onToggle: selection.set, ...place };
      return <GroupRow key={`group-${item.key}`} {...group} />;
    }
    if (!item) return null;
    const { session } = item;
    return (
      <SessionRow
        key={session.id}
        session={session}
        isSelected={selection.has(session.id)}
        input={format.ago(now - session.lastInputAt)}
        opened={format.time(session.openedAt)}
        onToggle={selection.set}
        {...place}
      />
    );
  };
}

/** The sessions as a grid. */
export function SessionTable(props: TableProps) {
  const { items, view, selection, onToggleGroup, onOpen, onKey } = props;
  const say = useText(sessionsText);
  const line = useLine(props);
  const open = (index: number): void => {
    const item = items[index];
    if (item?.kind === 'group') onToggleGroup(item.key);
    else if (item) onOpen(item.session.id);
  };
  const pick = (index: number, how: 'add' | 'turn'): void => {
    const item = items[index];
    if (item) selection.set(idsOf(item), how === 'add' || !selection.hasAll(idsOf(item)));
  };
  return (
    <Grid
      label={say('title')}
      describedBy="lc-grid-keys"
      columns={SORTS.length + 1}
      rows={items.length}
      head={<Head {...props} />}
      row={line}
      onOpen={open}
      onPick={pick}
      onPickAll={() => selection.set(allOf(items, view), true)}
      onKey={onKey}
    />
  );
}
