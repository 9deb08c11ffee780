import type { Order } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { useFailure } from '../../parts/failure.js';
import { OrderProgress } from '../../parts/order-progress.js';
import { hrefOf } from '../../shell/route.js';
import { sessionsText } from './text/index.js';

/** How long an order that is over stays in sight, in milliseconds. */
const STAYS_MS = 20_000;
const MAX_SHOWN = 3;

const isOpen = ({ state }: Order): boolean => state !== 'done' && state !== 'cancelled';

function OpenOrder({ order, now }: { readonly order: Order; readonly now: number }) {
  const say = useText(sessionsText);
  const term = useText(termsText);
  const format = useFormat();
  const sentence = useFailure();
  const { api, feed } = useConsole();
  const cancel = async (): Promise<void> => {
    try {
      feed.know(await api.cancelOrder(order.id));
    } catch (error) {
      notifications.show({ color: 'red', message: sentence(error) });
    }
  };
  const left = order.deadlineAt - now;
  return (
    <article className="lc-open-order" data-state={order.state}>
      <div className="lc-open-order-head">
        <a href={hrefOf('orders', order.id)}>
          {term(`action.${order.action}`)} · {term(`order.${order.state}`)}
        </a>
        {isOpen(order) && left > 0 && (
          <span className="lc-countdown">{say('act.left', { time: format.countdown(left) })}</span>
        )}
        <span className="lc-open-order-text">{order.message}</span>
        {(order.state === 'pending' || order.state === 'preparing') && (
          <Button size="compact-xs" variant="default" onClick={() => void cancel()}>
            {say('act.cancelOrder')}
          </Button>
        )}
      </div>
      <OrderProgress order={order} />
    </article>
  );
}

/** The orders under way above the table, and for a moment those that are over. */
export function OpenOrders() {
  const say = useText(sessionsText);
  const { orders } = useFeed('orders');
  const now = useNow();
  const shown = [...orders.values()]
    .filter((order) => order.by.kind !== 'policy')
    .filter((order) => isOpen(order) || now - Math.max(order.deadlineAt, order.createdAt) < STAYS_MS)
    .toSorted((a, b) => b.createdAt - a.createdAt)
    .slice(0, MAX_SHOWN);
  if (shown.length === 0) return null;
  return (
    <section className="lc-open-orders" aria-label={say('act.under')}>
      {shown.map((order) => (
        <OpenOrder key={order.id} order={order} now={now} />
      ))}
    </section>
  );
}
