import type { OrderAction, Session, SessionState } from '@lastcall/shared';
import { Button, Menu } from '@mantine/core';
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { useFeed } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { Icon } from '../../parts/icon.js';
import { Empty, Page } from '../../parts/page.js';
import { go, usePlace } from '../../shell/route.js';
import { BlockDialog } from './block-dialog.js';
import { BlocksSide } from './blocks.js';
import { DetailDrawer } from './detail.js';
import { OpenOrders } from './open-orders.js';
import { OrderDialog } from './order-dialog.js';
import type { Whom } from './order-request.js';
import { appsOf, FIRST_VIEW, find, itemsOf, type Sort, type View } from './rows.js';
import { useSelection } from './selection.js';
import { SessionTable } from './table.js';
import { sessionsText } from './text/index.js';
import { SelectionBar, Toolbar } from './toolbar.js';

type Act = OrderAction | 'block';

/** What is done at the moment, and to whom. */
interface Doing {
  readonly act: Act;
  readonly whom: Whom;
}

/** The view that the address asks for, which links set. */
function useView() {
  const { query } = usePlace();
  const asked = query.get('q') ?? '';
  const state = (query.get('state') ?? '') as SessionState | '';
  const [view, setView] = useState<View>({ ...FIRST_VIEW, query: asked, state });
  useEffect(() => {
    setView((before) => ({ ...before, query: asked, state }));
  }, [asked, state]);
  const change = (changed: Partial<View>): void => setView((before) => ({ ...before, ...changed }));
  return { view, change };
}

function useFound(view: View) {
  const { sessions } = useFeed('sessions');
  const before = useRef<readonly Session[]>([]);
  const found = useMemo(() => find(sessions, view, before.current), [sessions, view]);
  before.current = found.sessions;
  return { sessions, found };
}

/** Which groups are open. */
function useGroups() {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (key: string): void => {
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(key)) after.add(key);
      return after;
    });
  };
  return { open, toggle };
}

function Counts() {
  const say = useText(sessionsText);
  const format = useFormat();
  const { sessions, loading } = useFeed('sessions');
  const unsaved = [...sessions.values()].filter(({ dirty }) => dirty).length;
  if (!loading.isComplete) {
    const shown = format.number(sessions.size);
    return <span>{say('reading', { shown, total: format.number(loading.total) })}</span>;
  }
  return (
    <>
      <span>{say('count', { count: sessions.size })}</span>
      {unsaved > 0 && (
        <span className="lc-dirty">
          <Icon name="unsaved" size={14} /> {say('unsavedCount', { count: format.number(unsaved) })}
        </span>
      )}
    </>
  );
}

function EverybodyMenu({ onAct }: { readonly onAct: (act: OrderAction) => void }) {
  const say = useText(sessionsText);
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="default" size="sm">
          {say('everybody')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="bell" size={16} />} onClick={() => onAct('warn')}>
          {say('warn')}
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="logoff" size={16} />} onClick={() => onAct('logoff')}>
          {say('logoff')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Dialogs({ doing, onClose }: { readonly doing: Doing | undefined; readonly onClose: () => void }) {
  if (!doing) return null;
  const { act, whom } = doing;
  if (act !== 'block') return <OrderDialog action={act} whom={whom} onClose={onClose} />;
  return whom === 'everybody' ? null : <BlockDialog sessions={whom} onClose={onClose} />;
}

/** The grid's keys besides those that move: each does what a button does. */
const KEY_ACTS: Readonly<Record<string, Act>> = { w: 'warn', l: 'logoff', b: 'block' };

/** What the page does at the moment, and what starts it. */
function useDoing(selected: readonly Session[]) {
  const [doing, setDoing] = useState<Doing>();
  return {
    doing,
    end: () => setDoing(undefined),
    begin: (act: Act, whom: Whom) => setDoing({ act, whom }),
    beginSelected: (act: Act) => {
      if (selected.length > 0) setDoing({ act, whom: selected });
    },
  };
}

/** Who is in, live; and what can be done about it. */
export function SessionsPage() {
  const say = useText(sessionsText);
  const { rest, query } = usePlace();
  const show = (id = ''): void => go('sessions', id, Object.fromEntries(query));
  const { view, change } = useView();
  const { sessions, found } = useFound(useDeferredValue(view));
  const apps = useMemo(() => appsOf(sessions), [sessions]);
  const groups = useGroups();
  const selection = useSelection(sessions);
  const search = useRef<HTMLInputElement>(null);
  const [areBlocksShown, setBlocksShown] = useState(false);
  const { doing, begin, beginSelected, end } = useDoing(selection.sessions);
  const isGroupOpen = useCallback((key: string) => groups.open.has(key), [groups.open]);
  const items = useMemo(
    () => itemsOf(found.sessions, view.group, isGroupOpen, say('noApp')),
    [found, view.group, isGroupOpen, say],
  );
  const onKey = (key: string): void => {
    const act = KEY_ACTS[key.toLowerCase()];
    if (act) beginSelected(act);
    else if (key === 'Escape') selection.clear();
    else if (key === '/') search.current?.focus();
  };
  const onSort = (sort: Sort): void =>
    change({ sort, isDescending: view.sort === sort && !view.isDescending });
  const table = { items, view, selection, isGroupOpen, onKey, onSort, onToggleGroup: groups.toggle };
  const actions = (
    <>
      <Button variant="default" size="sm" onClick={() => setBlocksShown(true)}>
        {say('blocks.open')}
      </Button>
      <EverybodyMenu onAct={(action) => begin(action, 'everybody')} />
    </>
  );
  return (
    <Page title={say('title')} aside={<Counts />} actions={actions} className="lc-sessions" isFull>
      <OpenOrders />
      <Toolbar view={view} onChange={change} found={found} apps={apps} search={search} />
      <SelectionBar sessions={selection.sessions} onAct={beginSelected} onClear={selection.clear} />
      <SessionTable {...table} onOpen={show} />
      {items.length === 0 && <Empty icon="sessions">{say(sessions.size === 0 ? 'nobody' : 'noMatch')}</Empty>}
      <p id="lc-grid-keys" className="lc-hint">
        {say('keys')}
      </p>
      {rest !== '' && (
        <DetailDrawer id={rest} onClose={() => show()} onAct={(what, session) => begin(what, [session])} />
      )}
      {areBlocksShown && <BlocksSide onClose={() => setBlocksShown(false)} />}
      <Dialogs doing={doing} onClose={end} />
    </Page>
  );
}
