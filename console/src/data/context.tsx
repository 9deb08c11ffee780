import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from 'react';
import { Api, type WhoAmI } from './api.js';
import { Feed, type Topic } from './feed.js';

/** Who administers which tenant, and the ways to it. */
export interface Console {
  readonly me: WhoAmI;
  readonly tenant: string;
  readonly isOperator: boolean;
  readonly api: Api;
  readonly feed: Feed;
  readonly signOut: () => void;
  /** Operators look after another tenant. */
  readonly switchTenant: (tenant: string) => void;
}

const ConsoleContext = createContext<Console | undefined>(undefined);

export interface ConsoleProps {
  readonly token: string;
  readonly me: WhoAmI;
  readonly signOut: () => void;
  readonly children: ReactNode;
}

/** Opens the feed of a tenant for everything below it, and closes it. */
export function ConsoleProvider({ token, me, signOut, children }: ConsoleProps) {
  const [tenant, switchTenant] = useState(me.tenant);
  const [open, setOpen] = useState<Console>();
  useEffect(() => {
    const api = new Api(tenant, token, signOut);
    const feed = new Feed(api, token);
    const isOperator = me.user.roles.includes('operator');
    setOpen({ me, tenant, isOperator, api, feed, signOut, switchTenant });
    return () => feed.close();
  }, [tenant, token, me, signOut]);
  if (open?.tenant !== tenant) return null;
  return (
    <ConsoleContext key={tenant} value={open}>
      {children}
    </ConsoleContext>
  );
}

/** @throws Error outside of a {@link ConsoleProvider} */
export function useConsole(): Console {
  const found = useContext(ConsoleContext);
  if (!found) throw new Error('Nobody is signed in');
  return found;
}

/** The feed, and to be drawn again when something of these topics changed (the same ones each time). */
export function useFeed(...topics: readonly Topic[]): Feed {
  const { feed } = useConsole();
  const names = topics.join();
  const subscribe = useCallback(
    (listener: () => void) => {
      const ends = names.split(',').map((topic) => feed.subscribe(topic as Topic, listener));
      return () => {
        for (const end of ends) end();
      };
    },
    [feed, names],
  );
  useSyncExternalStore(subscribe, () => topics.map((topic) => feed.version(topic)).join());
  return feed;
}

/** The broker's time, again and again: after each `everyMs`. */
export function useNow(everyMs = 1_000): number {
  const { feed } = useConsole();
  const [now, setNow] = useState(() => feed.clock.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(feed.clock.now()), everyMs);
    return () => clearInterval(timer);
  }, [feed, everyMs]);
  return now;
}
