import type { Order } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useText } from '../../i18n/context.js';
import { Failure } from '../../parts/page.js';
import { ordersText } from './text/index.js';

/** Calls an order off while that is possible: everybody who was warned is told. */
export function Cancel({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const { api, feed } = useConsole();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  if (order.state !== 'preparing' && order.state !== 'pending') return null;
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
