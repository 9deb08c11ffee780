import { useMemo, useSyncExternalStore } from 'react';
import { FIRST_SNAPSHOT, type Snapshot, sameFields } from '../snapshot.js';
import { useClient } from './context.js';

/** The same object for as long as its fields are the same. */
function cached<T extends object>(read: () => T): () => T {
  let last: T | undefined;
  return () => {
    const next = read();
    if (!last || !sameFields(last, next)) last = next;
    return last;
  };
}

/**
 * A part of the snapshot: the component is drawn anew when a field of that is another one. On a server, and while a page
 * of one is taken over, it is that of a client which was never connected.
 * @param select the same function each time
 */
export function useSelection<T extends object>(select: (snapshot: Snapshot) => T): T {
  const client = useClient();
  const [read, readFirst] = useMemo(
    () => [cached(() => select(client.getSnapshot())), cached(() => select(FIRST_SNAPSHOT))],
    [client, select],
  );
  return useSyncExternalStore(client.subscribe, read, readFirst);
}

/** The session's id, which another session has not. */
export function sessionIdOf({ session }: Snapshot): { readonly id: string | undefined } {
  return { id: session?.id };
}
