import { type Order, SESSION_STATES } from '@lastcall/shared';
import type { ReactNode } from 'react';
import { useFeed, useNow } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { OrderProgress } from '../../parts/order-progress.js';
import { Card, Page } from '../../parts/page.js';
import { State } from '../../parts/state.js';
import { hrefOf } from '../../shell/route.js';
import { Health, Nodes } from './health.js';
import { History } from './history.js';
import { overviewText } from './text/index.js';

const LIVE = SESSION_STATES.filter((state) => state !== 'ended');
/** Orders under way that are shown. */
const MAX_ORDERS = 5;

interface NumberCardProps {
  readonly title: string;
  readonly value: ReactNode;
  readonly href: string;
  readonly children?: ReactNode;
}

function NumberCard({ title, value, href, children }: NumberCardProps) {
  return (
    <section className="lc-card lc-number" aria-label={title}>
      <h2>
        <a href={href}>{title}</a>
      </h2>
      <p className="lc-number-value">{value}</p>
      {children}
    </section>
  );
}

function SessionNumbers() {
  const say = useText(overviewText);
  const format = useFormat();
  const { sessions } = useFeed('sessions');
  const all = [...sessions.values()];
  const unsaved = all.filter(({ dirty }) => dirty).length;
  const states = LIVE.map((state) => ({ state, count: all.filter((one) => one.state === state).length }));
  return (
    <>
      <NumberCard title={say('sessions')} value={format.number(all.length)} href={hrefOf('sessions')}>
        <ul className="lc-states">
          {states
            .filter(({ count }) => count > 0)
            .map(({ state, count }) => (
              <li key={state}>
                <State state={state} /> {format.number(count)}
              </li>
            ))}
        </ul>
      </NumberCard>
      <NumberCard title={say('unsaved')} value={format.number(unsaved)} href={hrefOf('sessions')}>
        <p className="lc-soft">{say('unsavedHelp')}</p>
      </NumberCard>
      <NumberCard
        title={say('locks')}
        value={format.number(all.reduce((sum, { locks }) => sum + locks, 0))}
        href={hrefOf('locks')}
      >
        <p className="lc-soft">{say('locksHelp', { count: all.filter(({ locks }) => locks > 0).length })}</p>
      </NumberCard>
    </>
  );
}

function MaintenanceNumber() {
  const say = useText(overviewText);
  const format = useFormat();
  const { maintenance } = useFeed('maintenance');
  const now = useNow();
  const left = (maintenance?.startsAt ?? 0) - now;
  const value = ((): string => {
    if (!maintenance) return say('noMaintenance');
    return left > 0 ? format.countdown(left) : say('running');
  })();
  return (
    <NumberCard title={say('maintenance')} value={value} href={hrefOf('maintenance')}>
      {maintenance && <p className="lc-soft">{maintenance.message}</p>}
    </NumberCard>
  );
}

const isOpen = ({ state, by }: Order): boolean =>
  state !== 'done' && state !== 'cancelled' && by.kind !== 'policy';

function OpenOrders() {
  const say = useText(overviewText);
  const term = useText(termsText);
  const format = useFormat();
  const { orders } = useFeed('orders');
  const now = useNow();
  const open = [...orders.values()].filter(isOpen).toSorted((a, b) => a.deadlineAt - b.deadlineAt);
  if (open.length === 0) return null;
  return (
    <Card title={say('orders', { count: open.length })}>
      {open.slice(0, MAX_ORDERS).map((order) => (
        <div key={order.id} className="lc-overview-order">
          <p>
            <a href={hrefOf('orders', order.id)}>
              {term(`action.${order.action}`)} · {term(`order.${order.state}`)}
            </a>{' '}
            <span className="lc-countdown">{format.countdown(order.deadlineAt - now)}</span>
          </p>
          <OrderProgress order={order} />
        </div>
      ))}
    </Card>
  );
}

/** At a glance: who is in, what runs, what was the case, and how brokers and store are. */
export function OverviewPage() {
  const say = useText(overviewText);
  return (
    <Page title={say('title')} className="lc-overview">
      <div className="lc-numbers">
        <SessionNumbers />
        <MaintenanceNumber />
      </div>
      <OpenOrders />
      <History />
      <Nodes />
      <Health />
    </Page>
  );
}
