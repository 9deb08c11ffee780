import { useMemo } from 'react';
import type { Snapshot } from '../snapshot.js';
import { useClient } from './context.js';
import { useSelection } from './selection.js';

type Facts = Pick<Snapshot, 'status' | 'state' | 'session' | 'user' | 'policy' | 'ended' | 'error'>;

export interface SessionView extends Facts {
  /** Connects again: after the end of a session, that opens a new one. What becomes of it is in `status` and `error`. */
  readonly connect: () => void;
  /** The person signs out: unsaved work is saved first. */
  readonly end: () => Promise<void>;
}

function factsOf({ status, state, session, user, policy, ended, error }: Snapshot): Facts {
  return { status, state, session, user, policy, ended, error };
}

/**
 * The session: whether it is online, whose it is, and how it ended.
 * @throws LastcallError `invalid` without a provider
 */
export function useSession(): SessionView {
  const client = useClient();
  const facts = useSelection(factsOf);
  return useMemo(() => {
    const connect = (): void => {
      client.connect().catch(() => undefined);
    };
    return { ...facts, connect, end: () => client.end() };
  }, [client, facts]);
}
