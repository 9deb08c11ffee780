import { ORDER_STATES, type Order, type OrderAction, type OrderState } from '@lastcall/shared';
import { Button, Menu, Select } from '@mantine/core';
import { useState } from 'react';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { useActor } from '../../parts/actor.js';
import { Icon } from '../../parts/icon.js';
import { shareOf } from '../../parts/order-progress.js';
import { Empty, Failure, Page } from '../../parts/page.js';
import { PAGE_ROWS, Pager, usePages } from '../../parts/pages.js';
import { Table } from '../../parts/table.js';
import { go, hrefOf, usePlace } from '../../shell/route.js';
import { OrderDialog } from '../sessions/order-dialog.js';
import { OrderDetail } from './detail.js';
import { ordersText } from './text/index.js';

/** Whose orders are shown; without a choice those that people gave. */
const GIVERS = ['', 'policy'] as const;

interface Filter {
  readonly by: string;
  readonly state: OrderState | '';
}

const matches = ({ by, state }: Filter, order: Order): boolean =>
  (by === 'policy') === (order.by.kind === 'policy') && (state === '' || order.state === state);

/** The page that is looked at; on the first one with what the channel told since, the latest first. */
function useOrders(filter: Filter) {
  const { api } = useConsole();
  const { orders } = useFeed('orders');
  const pages = usePages(`${filter.by} ${filter.state}`, (cursor) =>
    api.orders({
      limit: PAGE_ROWS,
      ...(filter.by === '' ? {} : { by: filter.by }),
      ...(filter.state === '' ? {} : { state: filter.state }),
      ...(cursor ? { cursor } : {}),
    }),
  );
  const found = new Map(pages.items.map((order) => [order.id, orders.get(order.id) ?? order]));
  const oldest = pages.items.at(-1)?.createdAt ?? 0;
  if (pages.isFirst) {
    for (const order of orders.values()) if (order.createdAt >= oldest) found.set(order.id, order);
  }
  const items = [...found.values()]
    .filter((order) => matches(filter, order))
    .toSorted((a, b) => b.createdAt - a.createdAt);
  return { pages, items };
}

function Progress({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const { counts, action } = order;
  const done = action === 'warn' ? counts.delivered : counts.verified;
  return (
    <span className="lc-order-share">
      <progress className="lc-bar" max={1} value={shareOf(order)} aria-label={say('progress')} />
      {say(action === 'warn' ? 'told' : 'proved', { done, total: counts.targeted })}
    </span>
  );
}

function NewOrder({ onAct }: { readonly onAct: (action: OrderAction) => void }) {
  const say = useText(ordersText);
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button size="sm" leftSection={<Icon name="plus" size={16} />}>
          {say('new')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="bell" size={16} />} onClick={() => onAct('warn')}>
          {say('newWarn')}
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="logoff" size={16} />} onClick={() => onAct('logoff')}>
          {say('newLogoff')}
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="sessions" size={16} />} onClick={() => go('sessions')}>
          {say('newSome')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

interface FiltersProps {
  readonly filter: Filter;
  readonly onChange: (changed: Partial<Filter>) => void;
}

function Filters({ filter, onChange }: FiltersProps) {
  const say = useText(ordersText);
  const term = useText(termsText);
  return (
    <div className="lc-filters">
      <Select
        label={term('by')}
        data={GIVERS.map((by) => ({ value: by, label: say(by === '' ? 'byPeople' : 'byPolicy') }))}
        value={filter.by}
        onChange={(by) => onChange({ by: by ?? '' })}
        allowDeselect={false}
      />
      <Select
        label={term('state')}
        data={[
          { value: '', label: term('all') },
          ...ORDER_STATES.map((state) => ({ value: state, label: term(`order.${state}`) })),
        ]}
        value={filter.state}
        onChange={(state) => onChange({ state: state ?? '' })}
        allowDeselect={false}
      />
    </div>
  );
}

function useRows(items: readonly Order[]) {
  const term = useText(termsText);
  const format = useFormat();
  const actor = useActor();
  const now = useNow();
  return items.map((order) => {
    const left = order.deadlineAt - now;
    const isOpen = order.state === 'preparing' || order.state === 'pending';
    return {
      key: order.id,
      state: order.state,
      cells: [
        <a key="what" href={hrefOf('orders', order.id)}>
          {term(`action.${order.action}`)} · {term(`reason.${order.reason}`)}
        </a>,
        <span key="message" className="lc-order-message">
          {order.message}
        </span>,
        actor(order.by),
        format.dateTime(order.createdAt),
        isOpen && left > 0
          ? `${term(`order.${order.state}`)} · ${format.countdown(left)}`
          : term(`order.${order.state}`),
        <Progress key="progress" order={order} />,
      ],
    };
  });
}

function OrderList() {
  const say = useText(ordersText);
  const term = useText(termsText);
  const [filter, setFilter] = useState<Filter>({ by: '', state: '' });
  const [action, setAction] = useState<OrderAction>();
  const { pages, items } = useOrders(filter);
  const columns = [say('order'), term('message'), term('by'), say('given'), term('state'), say('progress')];
  const rows = useRows(items);
  return (
    <Page title={say('title')} actions={<NewOrder onAct={setAction} />} className="lc-orders">
      <Filters filter={filter} onChange={(changed) => setFilter((before) => ({ ...before, ...changed }))} />
      <Failure error={pages.error} onRetry={pages.again} />
      {rows.length > 0 && <Table label={say('title')} columns={columns} rows={rows} />}
      {rows.length === 0 && !pages.isBusy && pages.error === undefined && (
        <Empty icon="orders">{say('none')}</Empty>
      )}
      <Pager {...pages.pager} />
      {action && <OrderDialog action={action} whom="everybody" onClose={() => setAction(undefined)} />}
    </Page>
  );
}

/** The orders of people and of policy, and one of them. */
export function OrdersPage() {
  const { rest } = usePlace();
  return rest === '' ? <OrderList /> : <OrderDetail key={rest} id={rest} />;
}
