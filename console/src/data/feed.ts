import {
  ADMIN_NAMESPACE,
  type AdminPushes,
  type AuditRecord,
  type LockEntry,
  MAX_PAGE,
  type Maintenance,
  type Node,
  type Order,
  type Policy,
  type Session,
  type WireError,
} from '@lastcall/shared';
import { io, type Socket } from 'socket.io-client';
import { type Api, BASE } from './api.js';
import { BrokerClock } from './clock.js';
import { SessionBook } from './session-book.js';

/** How often what has changed is shown, in milliseconds. */
const SHOW_MS = 250;
/** Records that are kept to be shown, the latest first. */
const MAX_RECORDS = 500;
/** Orders that are kept besides those that are open. */
const MAX_ORDERS = 500;

/** Locks whose changes are kept. */
const MAX_LOCKS = 2_000;

/** What the console is told of as it changes. */
export const TOPICS = [
  'connection',
  'sessions',
  'orders',
  'maintenance',
  'locks',
  'policy',
  'nodes',
  'records',
] as const;
export type Topic = (typeof TOPICS)[number];
export type Connection = 'connecting' | 'live' | 'lost' | 'refused';

type AdminSocket = Socket<{ [E in keyof AdminPushes]: (payload: AdminPushes[E]) => void }>;

/**
 * What is the case in a tenant now, from the administrators' channel. Changes are gathered, and told per topic four times a
 * second; who is told reads the fields.
 */
export class Feed {
  readonly clock = new BrokerClock();
  connection: Connection = 'connecting';
  /** Why the broker refused the connection. */
  refusal: WireError | undefined;
  orders: ReadonlyMap<string, Order> = new Map();
  maintenance: Maintenance | null = null;
  policy: Policy | undefined;
  nodes: readonly Node[] = [];
  /** The latest records, the latest first. */
  records: readonly AuditRecord[] = [];
  /** Locks that changed since the page was opened, by resource; without a holder it is free. */
  locks: ReadonlyMap<string, LockEntry> = new Map();
  lockTotal = 0;
  readonly #book: SessionBook;
  readonly #socket: AdminSocket;
  readonly #versions = new Map<Topic, number>(TOPICS.map((topic) => [topic, 0]));
  readonly #listeners = new Map<Topic, Set<() => void>>(TOPICS.map((topic) => [topic, new Set()]));
  readonly #changed = new Set<Topic>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** What came since it was last shown. */
  #newRecords: AuditRecord[] = [];
  readonly #newLocks = new Map<string, LockEntry>();

  constructor(api: Api, token: string) {
    this.#book = new SessionBook((cursor, signal) => api.sessions({ limit: MAX_PAGE, cursor }, signal));
    const { origin, pathname } = new URL(BASE);
    this.#socket = io(`${origin}${ADMIN_NAMESPACE}`, {
      path: `${pathname}socket.io`,
      auth: { token, tenant: api.tenant },
      transports: ['websocket'],
    });
    this.#listen();
    this.#timer = setInterval(() => this.#show(), SHOW_MS);
  }

  /** The live sessions by their ids; a new map whenever something changed. */
  get sessions(): ReadonlyMap<string, Session> {
    return this.#book.sessions;
  }

  /** Whether every session is there yet, and how many there are to be. */
  get loading(): { readonly isComplete: boolean; readonly total: number } {
    return { isComplete: this.#book.isComplete, total: this.#book.total };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#book.close();
    this.#socket.disconnect();
  }

  readonly subscribe = (topic: Topic, listener: () => void): (() => void) => {
    this.#listeners.get(topic)?.add(listener);
    return () => void this.#listeners.get(topic)?.delete(listener);
  };

  readonly version = (topic: Topic): number => this.#versions.get(topic) ?? 0;

  /** Takes in what a call has answered, which the channel tells a moment later. */
  know(order: Order): void {
    this.#order(order);
    this.#show();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('connect_error', (error: Error & { data?: WireError }) => {
      this.refusal = error.data;
      this.#connected(error.data?.terminal === true || error.data?.code === 'forbidden' ? 'refused' : 'lost');
      if (this.connection === 'refused') socket.disconnect();
    });
    socket.on('disconnect', () => this.#connected('lost'));
    socket.on('snapshot', (snapshot) => this.#snapshot(snapshot));
    socket.on('sessions:changed', (changes) => {
      if (this.#book.change(changes)) this.#changed.add('sessions');
    });
    socket.on('order:changed', (order) => this.#order(order));
    socket.on('maintenance:changed', (maintenance) => this.#set('maintenance', { maintenance }));
    socket.on('policy:changed', (policy) => this.#set('policy', { policy }));
    socket.on('nodes:changed', (nodes) => this.#nodes(nodes));
    socket.on('lock:changed', (entry) => {
      this.#newLocks.set(entry.resource, entry);
      this.#changed.add('locks');
    });
    socket.on('audit:record', (record) => {
      this.clock.observe(record.at);
      this.#newRecords.push(record);
      this.#changed.add('records');
    });
  }

  #connected(connection: Connection): void {
    this.#set('connection', { connection });
    this.#show();
  }

  #snapshot({ sessions, orders, maintenance, locks, policy, nodes }: AdminPushes['snapshot']): void {
    this.clock.reset();
    this.refusal = undefined;
    this.orders = new Map(orders.map((order) => [order.id, order]));
    Object.assign(this, { maintenance, policy, locks: new Map(), lockTotal: locks.total });
    this.#nodes(nodes);
    this.#book.begin(sessions, () => this.#changed.add('sessions'));
    for (const topic of TOPICS) this.#changed.add(topic);
    this.#connected('live');
  }

  #nodes(nodes: readonly Node[]): void {
    for (const { seenAt } of nodes) this.clock.observe(seenAt);
    this.#set('nodes', { nodes });
  }

  #order(order: Order): void {
    const known = this.orders.get(order.id);
    if (known && known.version > order.version) return;
    const orders = new Map([[order.id, order]]);
    for (const [id, other] of this.orders)
      if (id !== order.id && orders.size < MAX_ORDERS) orders.set(id, other);
    this.#set('orders', { orders: known ? new Map(this.orders).set(order.id, order) : orders });
  }

  #set(topic: Topic, fields: Partial<Feed>): void {
    Object.assign(this, fields);
    this.#changed.add(topic);
  }

  #gather(): void {
    if (this.#newRecords.length > 0) {
      this.records = [...this.#newRecords.toReversed(), ...this.records].slice(0, MAX_RECORDS);
      this.#newRecords = [];
    }
    if (this.#newLocks.size > 0) {
      const kept = [...this.locks, ...this.#newLocks].slice(-MAX_LOCKS);
      this.locks = new Map(kept);
      this.#newLocks.clear();
    }
  }

  #show(): void {
    this.#gather();
    if (this.#changed.has('sessions')) this.#book.show();
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const topic of changed) {
      this.#versions.set(topic, this.version(topic) + 1);
      for (const listener of this.#listeners.get(topic) ?? []) listener();
    }
  }
}
