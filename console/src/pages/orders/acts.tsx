import { ORDER_REASONS, type Order } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useConsole, useFeed } from '../../data/context.js';
import { useText } from '../../i18n/context.js';
import { Failure } from '../../parts/page.js';
import { hrefOf } from '../../shell/route.js';
import { ExtendDialog } from './extend-dialog.js';
import { ordersText } from './text/index.js';

/** Whether people are to be out by a time that an administrator has set. Policy's orders follow what people do. */
const isExtendable = ({ action, reason }: Order): boolean =>
  action === 'logoff' && ORDER_REASONS.some((one) => one === reason);

/** Calls an order off: everybody who was warned is told. */
function Cancel({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const { api, feed } = useConsole();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const cancel = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      feed.know(await api.cancelOrder(order.id));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button variant="default" size="sm" loading={isBusy} onClick={() => void cancel()}>
        {say('cancel')}
      </Button>
      <Failure error={problem} />
    </>
  );
}

/** What may be done with an order while nobody is logged off by it yet. A maintenance window's is changed with the window. */
export function Acts({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const { maintenance } = useFeed('maintenance');
  const [isExtending, setExtending] = useState(false);
  if (order.state !== 'preparing' && order.state !== 'pending') return null;
  if (maintenance?.orderId === order.id) return <a href={hrefOf('maintenance')}>{say('toMaintenance')}</a>;
  return (
    <>
      {isExtendable(order) && (
        <Button variant="default" size="sm" onClick={() => setExtending(true)}>
          {say('extendMore')}
        </Button>
      )}
      <Cancel order={order} />
      {isExtending && <ExtendDialog order={order} onClose={() => setExtending(false)} />}
    </>
  );
}
