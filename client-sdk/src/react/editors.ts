import type { LockHolder } from '@lastcall/shared';
import { useMemo, useSyncExternalStore } from 'react';
import type { LastcallClient } from '../client.js';
import { toError } from '../errors.js';
import type { LockWatch } from '../watches.js';
import { useLockClient } from './context.js';
import { sessionIdOf, useSelection } from './selection.js';

export interface Editors extends LockWatch {
  /** The locks of other sessions on a resource. */
  readonly of: (resource: string) => readonly LockHolder[];
}

const NOTHING: LockWatch = Object.freeze({ locks: [], live: false });
const nothing = (): LockWatch => NOTHING;

interface WatchStore {
  readonly get: () => LockWatch;
  readonly subscribe: (listener: () => void) => () => void;
}

/** A watch as a store: what it told last, while anybody listens. */
function watchStore(client: LastcallClient, prefix: string): WatchStore {
  let told = NOTHING;
  return {
    get: () => told,
    subscribe: (listener) => {
      const tell = (watch: LockWatch): void => {
        told = watch;
        listener();
      };
      try {
        return client.watchLocks(prefix, tell);
      } catch (error) {
        tell({ ...NOTHING, error: toError(error) });
        return () => undefined;
      }
    },
  };
}

/**
 * Who holds and who waits for what, of all resources that begin with the prefix: one for a list, rather than one for each
 * of its rows.
 * @throws LastcallError `invalid` without a provider, or with a client without locks
 */
export function useEditors(prefix: string): Editors {
  const client = useLockClient();
  const { get, subscribe } = useMemo(() => watchStore(client, prefix), [client, prefix]);
  const watch = useSyncExternalStore(subscribe, get, nothing);
  const { id } = useSelection(sessionIdOf);
  return useMemo(() => {
    const holders = new Map(
      watch.locks.map((entry) => [entry.resource, entry.holders.filter(({ sessionId }) => sessionId !== id)]),
    );
    return { ...watch, of: (resource) => holders.get(resource) ?? [] };
  }, [watch, id]);
}
