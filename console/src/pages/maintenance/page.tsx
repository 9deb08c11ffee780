import { MAINTENANCE_STATES, type Maintenance } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { useActor } from '../../parts/actor.js';
import { Dialog, DialogForm } from '../../parts/dialog.js';
import { Facts } from '../../parts/facts.js';
import { Icon } from '../../parts/icon.js';
import { OrderProgress } from '../../parts/order-progress.js';
import { Card, Empty, Page } from '../../parts/page.js';
import { hrefOf } from '../../shell/route.js';
import { PlanDialog } from './plan-dialog.js';
import { maintenanceText } from './text/index.js';

/** Where the window is on its way, and how long until the next step. */
function Way({ window }: { readonly window: Maintenance }) {
  const say = useText(maintenanceText);
  const format = useFormat();
  const now = useNow();
  const reached = MAINTENANCE_STATES.indexOf(window.state);
  const left = window.startsAt - now;
  const untilLifted = (window.untilAt ?? 0) - now;
  return (
    <>
      <ol className="lc-way">
        {MAINTENANCE_STATES.map((state, index) => (
          <li
            key={state}
            data-reached={index <= reached || undefined}
            aria-current={index === reached ? 'step' : undefined}
          >
            {say(`state.${state}`)}
          </li>
        ))}
      </ol>
      {left > 0 && <p className="lc-countdown">{say('startsIn', { time: format.countdown(left) })}</p>}
      {left <= 0 && untilLifted > 0 && (
        <p className="lc-countdown">{say('liftedIn', { time: format.countdown(untilLifted) })}</p>
      )}
    </>
  );
}

function About({ window }: { readonly window: Maintenance }) {
  const say = useText(maintenanceText);
  const term = useText(termsText);
  const format = useFormat();
  const actor = useActor();
  const { message, startsAt, untilAt, admissionStopsAt, bypassRoles, holdMs, ladderMs, by, action } = window;
  return (
    <Facts
      rows={[
        [term('message'), message],
        [say('kind'), say(action === 'warn' ? 'rehearsal' : 'real')],
        [say('startsAt'), format.dateTime(startsAt)],
        [say('until'), untilAt === undefined ? say('byHand') : format.dateTime(untilAt)],
        [say('admission'), action === 'warn' ? say('goesOn') : format.dateTime(admissionStopsAt)],
        [say('ladder'), ladderMs.map((mark) => format.duration(mark)).join(', ')],
        [say('bypass'), bypassRoles.join(', ') || '–'],
        [say('hold'), format.duration(holdMs)],
        [term('by'), actor(by)],
      ]}
    />
  );
}

/** The window's order: how far everybody is. */
function Progress({ window }: { readonly window: Maintenance }) {
  const say = useText(maintenanceText);
  const { orders } = useFeed('orders');
  const { orderId } = window;
  const order = orderId === undefined ? undefined : orders.get(orderId);
  if (orderId === undefined) return <p className="lc-soft">{say('noOrder')}</p>;
  return (
    <>
      {order && <OrderProgress order={order} />}
      <p>
        <a href={hrefOf('orders', orderId)}>{say('toOrder')}</a>
      </p>
    </>
  );
}

function LiftDialog({ window, onClose }: { readonly window: Maintenance; readonly onClose: () => void }) {
  const say = useText(maintenanceText);
  const { api } = useConsole();
  const lift = async (): Promise<void> => {
    await api.liftMaintenance();
    notifications.show({ message: say('lifted') });
  };
  const isBefore = window.state === 'scheduled' || window.state === 'announcing';
  return (
    <Dialog title={say('liftTitle')} onClose={onClose}>
      <DialogForm isReady submit={say('liftDo')} act={lift} onClose={onClose}>
        <p>{say(isBefore ? 'liftBefore' : 'liftAfter')}</p>
      </DialogForm>
    </Dialog>
  );
}

/** The maintenance window: planned, rehearsed, followed and lifted. */
export function MaintenancePage() {
  const say = useText(maintenanceText);
  const { maintenance } = useFeed('maintenance');
  const [doing, setDoing] = useState<'plan' | 'lift'>();
  const end = (): void => setDoing(undefined);
  const plan = (
    <Button size="sm" leftSection={<Icon name="plus" size={16} />} onClick={() => setDoing('plan')}>
      {say('plan')}
    </Button>
  );
  const change = (
    <>
      <Button size="sm" variant="default" onClick={() => setDoing('plan')}>
        {say('change')}
      </Button>
      <Button size="sm" onClick={() => setDoing('lift')}>
        {say('lift')}
      </Button>
    </>
  );
  return (
    <Page title={say('title')} actions={maintenance ? change : plan} className="lc-maintenance">
      {maintenance ? (
        <>
          <Card>
            <Way window={maintenance} />
          </Card>
          <div className="lc-columns">
            <Card title={say('window')}>
              <About window={maintenance} />
            </Card>
            <Card title={say('progress')}>
              <Progress window={maintenance} />
            </Card>
          </div>
        </>
      ) : (
        <Empty icon="maintenance">{say('none')}</Empty>
      )}
      {doing === 'plan' && <PlanDialog window={maintenance ?? undefined} onClose={end} />}
      {doing === 'lift' && maintenance && <LiftDialog window={maintenance} onClose={end} />}
    </Page>
  );
}
