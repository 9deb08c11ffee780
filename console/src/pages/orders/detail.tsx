import type { Order } from '@lastcall/shared';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { useActor } from '../../parts/actor.js';
import { Facts } from '../../parts/facts.js';
import { OrderProgress } from '../../parts/order-progress.js';
import { Card, Failure, Page } from '../../parts/page.js';
import { hrefOf } from '../../shell/route.js';
import { Acts } from './acts.js';
import { Receipts } from './receipts.js';
import { useTarget } from './target.js';
import { ordersText } from './text/index.js';

function Countdown({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const term = useText(termsText);
  const format = useFormat();
  const left = order.deadlineAt - useNow();
  const isOpen = order.state === 'preparing' || order.state === 'pending';
  return (
    <>
      <span className="lc-badge" data-state={order.state}>
        {term(`order.${order.state}`)}
      </span>
      {isOpen && left > 0 && (
        <span className="lc-countdown">{say('left', { time: format.countdown(left) })}</span>
      )}
    </>
  );
}

/** More time that people of this order took, as the channel tells of it while the page is open. */
function useExtensions({ id }: Order): number {
  const { records } = useFeed('records');
  return records.filter(({ type, orderId }) => type === 'order.extended' && orderId === id).length;
}

function About({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const term = useText(termsText);
  const format = useFormat();
  const actor = useActor();
  const target = useTarget();
  const taken = useExtensions(order);
  const { except, spared, extend, reentry, holdMs, graceMs } = order;
  const more = extend
    ? say('extendUpTo', { count: extend.maxCount, time: format.duration(extend.maxTotalMs) })
    : say('extendNone');
  return (
    <Facts
      rows={[
        [term('message'), order.message],
        [say('for'), target(order.target)],
        ...(except ? [[say('except'), target(except)] as const] : []),
        ...(spared ? [[say('spared'), spared.name] as const] : []),
        [term('by'), actor(order.by)],
        [say('given'), format.dateTime(order.createdAt)],
        [say('deadline'), format.dateTime(order.deadlineAt)],
        ...(graceMs === undefined ? [] : [[say('grace'), format.duration(graceMs)] as const]),
        ...(holdMs === undefined ? [] : [[say('hold'), format.duration(holdMs)] as const]),
        [say('extend'), taken > 0 ? `${more} · ${say('extendTaken', { count: taken })}` : more],
        ...(reentry ? [[say('deny'), format.duration(reentry.denyMs)] as const] : []),
      ]}
    />
  );
}

/** One order: how far everybody is, as it happens, and what became of each. */
export function OrderDetail({ id }: { readonly id: string }) {
  const say = useText(ordersText);
  const term = useText(termsText);
  const { api } = useConsole();
  const { orders } = useFeed('orders');
  const { value, error, again } = useCall(id, () => api.order(id));
  const known = orders.get(id);
  const order = known && (!value || known.version >= value.version) ? known : value;
  const back = <a href={hrefOf('orders')}>{say('back')}</a>;
  if (!order) {
    return (
      <Page title={say('order')} actions={back}>
        {error === undefined ? <p>{term('loading')}</p> : <Failure error={error} onRetry={again} />}
      </Page>
    );
  }
  const title = `${term(`action.${order.action}`)} · ${term(`reason.${order.reason}`)}`;
  return (
    <Page title={title} aside={<Countdown order={order} />} actions={back}>
      <Card title={say('progress')} actions={<Acts order={order} />}>
        <OrderProgress order={order} />
      </Card>
      <Card title={say('about')}>
        <About order={order} />
      </Card>
      <Receipts order={order} />
    </Page>
  );
}
