import { useCallback, useSyncExternalStore } from 'react';
import type { SessionClient } from '../session-client.js';

const SECOND_MS = 1_000;

/** Tells at each full second that is left. */
function tick(client: SessionClient, id: string, listener: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = (): void => {
    clearTimeout(timer);
    const leftMs = client.remainingMs(id);
    if (leftMs !== undefined) timer = setTimeout(tell, leftMs % SECOND_MS || SECOND_MS);
  };
  const tell = (): void => {
    listener();
    next();
  };
  const unsubscribe = client.subscribe(tell);
  next();
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}

/** Seconds until an order's deadline, or until a lock request's time is over; undefined for what is over. */
export function useSecondsLeft(client: SessionClient, id: string | undefined): number | undefined {
  const subscribe = useCallback(
    (listener: () => void) => (id === undefined ? () => undefined : tick(client, id, listener)),
    [client, id],
  );
  const read = (): number | undefined => {
    const leftMs = id === undefined ? undefined : client.remainingMs(id);
    return leftMs === undefined ? undefined : Math.ceil(leftMs / SECOND_MS);
  };
  return useSyncExternalStore(subscribe, read, () => undefined);
}
