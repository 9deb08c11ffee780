import type { Session } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useEffect } from 'react';
import type { SessionDetail } from '../../data/api.js';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { useActor } from '../../parts/actor.js';
import { Side } from '../../parts/dialog.js';
import { Facts } from '../../parts/facts.js';
import { Failure } from '../../parts/page.js';
import { Proof } from '../../parts/proof.js';
import { Timeline } from '../../parts/record.js';
import { State } from '../../parts/state.js';
import { hrefOf } from '../../shell/route.js';
import { sessionsText } from './text/index.js';

export interface DetailProps {
  readonly id: string;
  readonly onClose: () => void;
  readonly onAct: (act: 'warn' | 'logoff' | 'block', session: Session) => void;
}

function About({ session }: { readonly session: Session }) {
  const say = useText(sessionsText);
  const format = useFormat();
  const now = useNow();
  const { user, app, device, address, node, openedAt, lastBeatAt, lastInputAt, view, dirty, warned } =
    session;
  const ago = (at: number): string => format.ago(now - at);
  return (
    <Facts
      rows={[
        [say('column.unsaved'), dirty ? <b className="lc-dirty">{say('unsaved')}</b> : say('saved')],
        [say('column.view'), view ?? '–'],
        [say('column.input'), ago(lastInputAt)],
        [say('detail.beat'), ago(lastBeatAt)],
        [say('column.opened'), format.dateTime(openedAt)],
        [say('app'), app ? `${app.name} ${app.version ?? ''}` : '–'],
        [say('detail.device'), [device?.label, device?.kind].filter(Boolean).join(' · ') || '–'],
        [say('detail.address'), <code key="address">{address}</code>],
        [say('detail.roles'), user.roles.join(', ')],
        [say('detail.node'), <code key="node">{node}</code>],
        ...(warned ? [[say('detail.warned'), format.time(warned.deadlineAt)] as const] : []),
      ]}
    />
  );
}

function Locks({ locks }: Pick<SessionDetail, 'locks'>) {
  const say = useText(sessionsText);
  const term = useText(termsText);
  const format = useFormat();
  if (locks.length === 0) return <p className="lc-soft">{say('detail.noLocks')}</p>;
  return (
    <ul className="lc-lines">
      {locks.map(({ resource, mode, scope, grantedAt }) => (
        <li key={resource}>
          <code>{resource}</code>
          <span className="lc-soft">
            {[term(`lock.${mode}`), scope === 'tree' ? term('lock.tree') : '', format.time(grantedAt)]
              .filter(Boolean)
              .join(' · ')}
          </span>
        </li>
      ))}
    </ul>
  );
}

function End({ session, receipt }: Pick<SessionDetail, 'session' | 'receipt'>) {
  const say = useText(sessionsText);
  const term = useText(termsText);
  const format = useFormat();
  const actor = useActor();
  const { ended } = session;
  if (!ended) return null;
  const time = format.dateTime(ended.endedAt);
  return (
    <section className="lc-end">
      <p>{say('detail.ended', { time, reason: term(`reason.${ended.reason}`), by: actor(ended.by) })}</p>
      {ended.message !== undefined && <blockquote>{ended.message}</blockquote>}
      {receipt?.checks && (
        <>
          <h3>{say('detail.proof')}</h3>
          <Proof checks={receipt.checks} />
        </>
      )}
    </section>
  );
}

function Orders({ orders }: Pick<SessionDetail, 'orders'>) {
  const term = useText(termsText);
  const format = useFormat();
  return (
    <ul className="lc-lines">
      {orders.map((order) => (
        <li key={order.id}>
          <a href={hrefOf('orders', order.id)}>
            {term(`action.${order.action}`)} · {term(`reason.${order.reason}`)}
          </a>
          <span className="lc-soft">
            {term(`order.${order.state}`)} · {format.time(order.createdAt)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Acts({ session, onAct }: Pick<DetailProps, 'onAct'> & { readonly session: Session }) {
  const say = useText(sessionsText);
  const isOver = session.state === 'ended';
  return (
    <div className="lc-detail-acts">
      <Button size="xs" variant="default" disabled={isOver} onClick={() => onAct('warn', session)}>
        {say('warn')}
      </Button>
      <Button size="xs" disabled={isOver} onClick={() => onAct('logoff', session)}>
        {say('logoff')}
      </Button>
      <Button size="xs" variant="default" onClick={() => onAct('block', session)}>
        {say('block')}
      </Button>
    </div>
  );
}

function Detail({ id, onAct }: DetailProps) {
  const say = useText(sessionsText);
  const term = useText(termsText);
  const { api } = useConsole();
  const { records, sessions } = useFeed('records', 'sessions');
  const { value, error, again } = useCall(id, (signal) => api.session(id, signal));
  const latest = records.find(({ sessionId }) => sessionId === id);
  useEffect(() => {
    if (latest) again();
  }, [latest, again]);
  if (!value)
    return error === undefined ? <p>{term('loading')}</p> : <Failure error={error} onRetry={again} />;
  const { locks, orders, audit, receipt } = value;
  const session = sessions.get(id) ?? value.session;
  return (
    <div className="lc-detail">
      <div className="lc-detail-head">
        <State state={session.state} />
        <code className="lc-soft">{session.id}</code>
      </div>
      <Acts session={session} onAct={onAct} />
      <End session={session} {...(receipt ? { receipt } : {})} />
      <About session={session} />
      <h3>{say('detail.locks')}</h3>
      <Locks locks={locks} />
      {orders.length > 0 && <h3>{say('detail.orders')}</h3>}
      <Orders orders={orders} />
      <h3>{say('detail.history')}</h3>
      <Timeline records={audit} />
    </div>
  );
}

/** Everything about one session, beside the table. */
export function DetailDrawer(props: DetailProps) {
  const say = useText(sessionsText);
  const { feed } = useConsole();
  const name = feed.sessions.get(props.id)?.user.name ?? say('detail.session');
  return (
    <Side title={name} onClose={props.onClose}>
      <Detail key={props.id} {...props} />
    </Side>
  );
}
