import { LastcallError } from '@lastcall/shared';
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
} from 'react';
import type { LastcallClient } from '../client.js';
import type { SessionClient } from '../session-client.js';
import { lingering } from './lingering.js';

const Context = createContext<SessionClient | undefined>(undefined);

/** The providers of each client: several share its connection. */
const providers = new WeakMap<SessionClient, () => () => void>();

export interface LastcallProviderProps {
  /** Made outside of components, or kept in a state: another client is another session. */
  readonly client: SessionClient;
  readonly children?: ReactNode;
}

/** Gives the client to the hooks below it, and connects it while it is mounted; on a server nothing is connected. */
export function LastcallProvider({ client, children }: LastcallProviderProps): ReactElement {
  useEffect(() => {
    const leave = providersOf(client)();
    // What becomes of it is in the snapshot.
    client.connect().catch(() => undefined);
    return leave;
  }, [client]);
  return createElement(Context.Provider, { value: client }, children);
}

function providersOf(client: SessionClient): () => () => void {
  const enter =
    providers.get(client) ??
    lingering(() => {
      client.close();
    });
  providers.set(client, enter);
  return enter;
}

/**
 * The client that the provider was given, for what no hook does.
 * @throws LastcallError `invalid` without a provider
 */
export function useClient(): SessionClient {
  const client = useContext(Context);
  if (!client) throw new LastcallError('invalid', 'There is no <LastcallProvider> above this component.');
  return client;
}

/**
 * The same for hooks about locks.
 * @throws LastcallError `invalid` without a provider, or with a client of `@lastcall/client/core`
 */
export function useLockClient(): LastcallClient {
  const client = useClient();
  if (!('lock' in client))
    throw new LastcallError(
      'invalid',
      'This client has no locks: make it by createClient of @lastcall/client.',
    );
  return client as LastcallClient;
}
