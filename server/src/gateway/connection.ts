import type { ClientToServerEvents, ServerToClientEvents } from '@lastcall/shared';
import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';
import type { Attachment } from '../attachments.js';
import { allows } from '../auth/index.js';
import type { LockAsker } from '../lock-view.js';

/** One client's socket with the session it carries. */
export interface Connection {
  readonly socket: ClientSocket;
  readonly attachment: Attachment;
  readonly slot: number;
  /** Heartbeats in the current window, and refusals since the connection began. */
  heartbeats: number;
  windowEndsAt: number;
  refusals: number;
  closed: boolean;
  /** Pushes that came before the welcome, which is the first thing a client gets; none after it. */
  early: (() => void)[] | undefined;
  /** The locks its client holds, with their fences. */
  readonly locks: Map<string, number>;
  /** The resources that its session waits for, by request. */
  readonly waits: Map<string, string>;
  /** Calls that are not answered yet. */
  readonly underWay: Set<Promise<unknown>>;
}

export function newConnection(socket: ClientSocket, attachment: Attachment, slot: number): Connection {
  return {
    socket,
    attachment,
    slot,
    heartbeats: 0,
    windowEndsAt: 0,
    refusals: 0,
    closed: false,
    early: [],
    locks: new Map(),
    waits: new Map(),
    underWay: new Set(),
  };
}

/** A request as queues name it: its id is known per session. */
export const requestKey = ({ attachment }: Connection, requestId: string): string =>
  `${attachment.sessionId}:${requestId}`;
export const requestOfKey = (key: string): string => key.slice(key.indexOf(':') + 1);

/** Who asks about locks. */
export function askerOf({ attachment }: Connection): LockAsker & { readonly sessionId: string } {
  const { sessionId, identity } = attachment;
  return { sessionId, mayForce: allows('locks.force', identity.user.roles) };
}

export interface SocketData {
  connection?: Connection;
}

export type ClientSocket = Socket<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>;
export type ClientNamespace = Namespace<
  ClientToServerEvents,
  ServerToClientEvents,
  DefaultEventsMap,
  SocketData
>;

/** The connections of this node by session: the newest one of each. */
export class Connections {
  readonly #bySession = new Map<string, Connection>();

  static #key(tenant: string, sessionId: string): string {
    return `${tenant}/${sessionId}`;
  }

  /** Adds a connection; of two of the same session it answers the older one, which is superseded. */
  add(connection: Connection): Connection | undefined {
    const { tenant, sessionId } = connection.attachment;
    const key = Connections.#key(tenant, sessionId);
    const known = this.#bySession.get(key);
    if (known && known.attachment.attach > connection.attachment.attach) return connection;
    this.#bySession.set(key, connection);
    return known;
  }

  remove(connection: Connection): void {
    const { tenant, sessionId } = connection.attachment;
    const key = Connections.#key(tenant, sessionId);
    if (this.#bySession.get(key) === connection) this.#bySession.delete(key);
  }

  get(tenant: string, sessionId: string): Connection | undefined {
    return this.#bySession.get(Connections.#key(tenant, sessionId));
  }

  all(): IterableIterator<Connection> {
    return this.#bySession.values();
  }
}
