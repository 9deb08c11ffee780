import { ORDER_REASONS, type Order, type OrderRequest } from '@lastcall/shared';
import { Select } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useConsole, useNow } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { Dialog, DialogForm } from '../../parts/dialog.js';
import { go } from '../../shell/route.js';
import { ordersText } from './text/index.js';

const MINUTE = 60_000;
const MORE = [1, 5, 15, 30, 60].map((minutes) => minutes * MINUTE);
const USUAL = 5 * MINUTE;

/** The same order with another time to save. */
function requestOf(order: Order, graceMs: number): OrderRequest {
  const { action, target, except, includeSelf, message, holdMs, extend, reentry } = order;
  return {
    action,
    target,
    message,
    reason: ORDER_REASONS.find((one) => one === order.reason) ?? 'admin',
    graceMs,
    ...(except ? { except } : {}),
    ...(includeSelf === undefined ? {} : { includeSelf }),
    ...(holdMs === undefined ? {} : { holdMs }),
    ...(extend ? { extend } : {}),
    ...(reentry ? { reentry } : {}),
  };
}

/** Gives everybody of an order more time: it is called off and given again, so that each is told the new time. */
export function ExtendDialog({ order, onClose }: { readonly order: Order; readonly onClose: () => void }) {
  const say = useText(ordersText);
  const format = useFormat();
  const { api, feed } = useConsole();
  const [key] = useState(() => crypto.randomUUID());
  const [moreMs, setMore] = useState(USUAL);
  const now = useNow();
  const deadlineAt = Math.max(order.deadlineAt, now) + moreMs;
  const act = async (): Promise<void> => {
    const request = requestOf(order, Math.round(deadlineAt - now));
    // What would be refused must be so before the order that stands is gone.
    await api.previewOrder(request);
    feed.know(await api.cancelOrder(order.id));
    const next = await api.giveOrder(request, key);
    feed.know(next);
    notifications.show({ message: say('extended', { time: format.dateTime(next.deadlineAt) }) });
    go('orders', next.id);
  };
  return (
    <Dialog title={say('extendTitle')} onClose={onClose}>
      <DialogForm isReady submit={say('extendDo')} act={act} onClose={onClose}>
        <p>{say('extendHelp')}</p>
        <Select
          label={say('extendBy')}
          data={MORE.map((ms) => ({ value: String(ms), label: format.duration(ms) }))}
          value={String(moreMs)}
          onChange={(ms) => setMore(Number(ms))}
          allowDeselect={false}
          data-autofocus
        />
        <p className="lc-soft">
          {say('deadline')}: {format.dateTime(deadlineAt)}
        </p>
      </DialogForm>
    </Dialog>
  );
}
