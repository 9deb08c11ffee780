import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useRef, useState } from 'react';

export const ROW_PX = 44;
const HEAD_PX = 40;
/** Rows above and below those that are seen. */
const OVERSCAN = 10;

/** Where a row of a grid is, and that it can be opened by a click. */
export interface RowPlace {
  /** From the top of the list, in pixels. */
  readonly top: number;
  readonly index: number;
  readonly isActive: boolean;
  readonly onOpen: (index: number) => void;
}

export interface GridProps {
  readonly label: string;
  /** Id of what says which keys there are. */
  readonly describedBy?: string;
  readonly columns: number;
  readonly rows: number;
  /** The row of headings: `role="row"` with `role="columnheader"`s. */
  readonly head: ReactNode;
  readonly row: (place: RowPlace) => ReactNode;
  readonly onOpen: (index: number) => void;
  /** Selects a row, or turns its selection over; a grid without a selection has none of these. */
  readonly onPick?: (index: number, how: 'add' | 'turn') => void;
  readonly onPickAll?: () => void;
  /** Any other key, pressed while the grid has the focus. */
  readonly onKey?: (key: string) => void;
}

/** Id of a row, by which the grid names its active one. */
export const rowId = (index: number): string => `lc-row-${index}`;

/** Where a key leads from a row. */
function target(key: string, active: number, last: number, page: number): number | undefined {
  if (key === 'ArrowDown') return Math.min(last, active + 1);
  if (key === 'ArrowUp') return Math.max(0, active - 1);
  if (key === 'PageDown') return Math.min(last, active + page);
  if (key === 'PageUp') return Math.max(0, active - page);
  if (key === 'Home') return 0;
  return key === 'End' ? last : undefined;
}

interface Keys extends Pick<GridProps, 'rows' | 'onPick' | 'onPickAll' | 'onKey'> {
  readonly active: number;
  readonly page: () => number;
  readonly move: (to: number) => void;
  readonly open: (index: number) => void;
}

/** What a key does; `false`: it is none of the grid's. */
function press({ key, shiftKey, ctrlKey, metaKey }: KeyboardEvent, keys: Keys): boolean {
  const { active, rows, move, open, page, onPick, onPickAll, onKey } = keys;
  const to = target(key, active, rows - 1, page());
  if (to !== undefined) {
    move(to);
    if (shiftKey) onPick?.(to, 'add');
    return true;
  }
  if (ctrlKey || metaKey) {
    if (key !== 'a' || !onPickAll) return false;
    onPickAll();
    return true;
  }
  if (key === 'Enter') open(active);
  else if (key === ' ') onPick?.(active, 'turn');
  else if (key.length === 1 || key === 'Escape') onKey?.(key);
  else return false;
  return true;
}

/** The grid's active row, and a way to open rows that stays the same from one drawing to the next. */
function useActive(rows: number, onOpen: (index: number) => void) {
  const [active, setActive] = useState(0);
  useEffect(() => {
    if (active >= rows) setActive(Math.max(0, rows - 1));
  }, [active, rows]);
  const latest = useRef(onOpen);
  latest.current = onOpen;
  // Rows that have not changed are not drawn again, so what they are given must be the same, too.
  const open = useCallback((index: number) => {
    setActive(index);
    latest.current(index);
  }, []);
  return { active, setActive, open };
}

/** A table of any length, of which only the rows that are seen are drawn. The keys work on its active row. */
export function Grid(props: GridProps) {
  const { label, describedBy, columns, rows, head, row, onOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const { active, setActive, open } = useActive(rows, onOpen);
  const list = useVirtualizer({
    count: rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    scrollPaddingStart: HEAD_PX,
  });
  const move = (to: number): void => {
    setActive(to);
    list.scrollToIndex(to, { align: 'auto' });
  };
  const page = (): number => Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PX) - 2);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== scroller.current || event.altKey || rows === 0) return;
    if (press(event, { ...props, active, page, move, open })) event.preventDefault();
  };
  return (
    <div
      ref={scroller}
      role="grid"
      className="lc-grid"
      tabIndex={0}
      aria-label={label}
      aria-describedby={describedBy}
      aria-rowcount={rows + 1}
      aria-colcount={columns}
      aria-multiselectable={props.onPick !== undefined}
      aria-activedescendant={rows > 0 ? rowId(active) : undefined}
      onKeyDown={onKeyDown}
    >
      <div role="rowgroup" className="lc-grid-head">
        {head}
      </div>
      <div role="rowgroup" className="lc-grid-body" style={{ height: list.getTotalSize() }}>
        {list
          .getVirtualItems()
          .map(({ index, start }) => row({ top: start, index, isActive: index === active, onOpen: open }))}
      </div>
    </div>
  );
}
