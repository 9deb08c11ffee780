import type { LockEntry, LockHolder, LockWaiter } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useRefresh } from '../../data/use-refresh.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Side } from '../../parts/dialog.js';
import { Facts } from '../../parts/facts.js';
import { Empty, Failure } from '../../parts/page.js';
import { State } from '../../parts/state.js';
import { hrefOf } from '../../shell/route.js';
import { locksText } from './text/index.js';

/** Locks below a resource begin like it does, so it is among the first of them. */
const LOOKED_AT = 20;

/** A lock's mode, and whether it is of everything below. */
export function useMode(): (lock: Pick<LockHolder, 'mode' | 'scope'>) => string {
  const term = useText(termsText);
  return ({ mode, scope }) =>
    [term(`lock.${mode}`), scope === 'tree' ? term('lock.tree') : ''].filter(Boolean).join(' · ');
}

function Holder({ holder }: { readonly holder: LockHolder }) {
  const say = useText(locksText);
  const term = useText(termsText);
  const format = useFormat();
  const mode = useMode();
  const now = useNow();
  const { sessionId, user, grantedAt, idleMs, dirty, state, note } = holder;
  return (
    <section className="lc-lock-holder">
      <p>
        <a href={hrefOf('sessions', sessionId)}>{user.name}</a> <State state={state} />
      </p>
      <Facts
        rows={[
          [say('mode'), mode(holder)],
          [say('since'), `${format.dateTime(grantedAt)} · ${format.ago(now - grantedAt)}`],
          [say('idle'), format.duration(idleMs)],
          [say('work'), dirty ? <b className="lc-dirty">{term('work.unsaved')}</b> : term('work.saved')],
          ...(note === undefined ? [] : [[say('note'), note] as const]),
        ]}
      />
    </section>
  );
}

function Queue({ waiters }: { readonly waiters: readonly LockWaiter[] }) {
  const say = useText(locksText);
  const format = useFormat();
  const mode = useMode();
  const now = useNow();
  if (waiters.length === 0) return <p className="lc-soft">{say('nobodyWaits')}</p>;
  return (
    <ol className="lc-lines">
      {waiters.map((waiter) => (
        <li key={waiter.requestId}>
          <span>
            {format.number(waiter.position)}.{' '}
            <a href={hrefOf('sessions', waiter.sessionId)}>{waiter.user.name}</a>
          </span>
          <span className="lc-soft">
            {[
              mode(waiter),
              say('waitsFor', { time: format.duration(now - waiter.since) }),
              waiter.takesOverAt === undefined
                ? ''
                : say('takesOver', { time: format.countdown(waiter.takesOverAt - now) }),
            ]
              .filter(Boolean)
              .join(' · ')}
          </span>
        </li>
      ))}
    </ol>
  );
}

export interface LockDetailProps {
  readonly resource: string;
  readonly onBreak: (entry: LockEntry) => void;
  readonly onClose: () => void;
}

/** Who holds one resource and who waits for it, as it changes. */
export function LockDetail({ resource, onBreak, onClose }: LockDetailProps) {
  const say = useText(locksText);
  const term = useText(termsText);
  const { api } = useConsole();
  const feed = useFeed('locks');
  const { value, error, isBusy, again } = useCall(resource, async (signal) => {
    const { items } = await api.locks({ prefix: resource, limit: LOOKED_AT }, signal);
    return items.find((entry) => entry.resource === resource);
  });
  useRefresh(feed.version('locks'), again);
  return (
    <Side title={resource} onClose={onClose}>
      <Failure error={error} onRetry={again} />
      {!value && isBusy && <p>{term('loading')}</p>}
      {!value && !isBusy && error === undefined && <Empty icon="locks">{say('free')}</Empty>}
      {value && (
        <>
          <Button size="xs" color="red" variant="outline" onClick={() => onBreak(value)}>
            {say('break')}
          </Button>
          <h3>{say('holders')}</h3>
          {value.holders.map((holder) => (
            <Holder key={holder.sessionId} holder={holder} />
          ))}
          <h3>{say('waiters')}</h3>
          <Queue waiters={value.waiters} />
        </>
      )}
    </Side>
  );
}
