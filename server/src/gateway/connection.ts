import type { AuditRecord, ClientToServerEvents, ServerToClientEvents } from '@lastcall/shared';
import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';
import type { Attachment } from '../attachments.js';
import { allows } from '../auth/index.js';
import type { LockAsker } from '../lock-view.js';
import { SparseMap, SparseSet } from '../sparse.js';

/** In which heartbeats are counted. */
const WINDOW_MS = 10_000;

/** Requests for locks that are remembered; more are not under way at once. */
const MAX_ASKED = 64;

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
  readonly locks: SparseMap<string, number>;
  /** The resources that its session waits for, by request. */
  readonly waits: SparseMap<string, string>;
  /** Calls that are not answered yet, heartbeats apart. */
  readonly underWay: SparseSet<Promise<unknown>>;
  /** Those of them whose answer may be a lock. */
  readonly asking: SparseSet<Promise<unknown>>;
  /** The last requests for locks that came over this socket, by id. */
  readonly asked: SparseSet<string>;
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
    locks: new SparseMap(),
    waits: new SparseMap(),
    underWay: new SparseSet(),
    asking: new SparseSet(),
    asked: new SparseSet(),
  };
}

/** A request for a lock came over this socket: what it is granted at once is told by its answer. */
export function noteAsking(connection: Connection, payload: unknown, answered: Promise<unknown>): void {
  connection.asking.add(answered);
  const { requestId } = (payload ?? {}) as { readonly requestId?: unknown };
  if (typeof requestId !== 'string') return;
  connection.asked.add(requestId);
  const [oldest] = connection.asked;
  if (connection.asked.size > MAX_ASKED && oldest !== undefined) connection.asked.delete(oldest);
}

/** Heartbeats have a limit of their own: counts one, or answers the time until one may come again, in ms. */
export function countHeartbeat(connection: Connection, burst: number, now: number): number {
  if (now > connection.windowEndsAt) {
    connection.windowEndsAt = now + WINDOW_MS;
    connection.heartbeats = 0;
  }
  if (connection.heartbeats >= burst) return Math.ceil(connection.windowEndsAt - now);
  connection.heartbeats += 1;
  return 0;
}

/** A request as queues name it: its id is known per session. */
export const requestKey = ({ attachment }: Connection, requestId: string): string =>
  `${attachment.sessionId}:${requestId}`;
export const requestOfKey = (key: string): string => key.slice(key.indexOf(':') + 1);

/** Who asks about locks. */
export function askerOf({
  attachment,
}: Connection): LockAsker & { readonly sessionId: string; readonly attach: number } {
  const { sessionId, attach, identity } = attachment;
  return { sessionId, attach, mayForce: allows('locks.force', identity.user.roles) };
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

/** Those to whom a record is told. */
export type Audience = Pick<Connections, 'get' | 'all'>;

/** Whether a record is news to a client: its welcome told of what was before. */
export function isNews({ attachment }: Connection, { epoch, rev }: AuditRecord): boolean {
  return epoch > attachment.epoch || (epoch === attachment.epoch && rev > attachment.rev);
}

/** The connection of a session, if the record is news to it. */
export function concerned(
  clients: Audience,
  tenant: string,
  sessionId: string,
  record: AuditRecord,
): Connection | undefined {
  const connection = clients.get(tenant, sessionId);
  return connection && isNews(connection, record) ? connection : undefined;
}

/** One client, which is told of what the others have heard already. */
export function onlyOne(connection: Connection): Audience {
  const { attachment } = connection;
  const isMeant = (tenant: string, sessionId: string): boolean =>
    tenant === attachment.tenant && sessionId === attachment.sessionId;
  return {
    get: (tenant, sessionId) => (isMeant(tenant, sessionId) ? connection : undefined),
    all: () => [connection].values(),
  };
}

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
