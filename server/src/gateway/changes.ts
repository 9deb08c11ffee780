import {
  type AdminPushes,
  type AuditRecord,
  type ErrorCode,
  LastcallError,
  type Node,
} from '@lastcall/shared';
import type { Core } from '../core.js';
import { ADMINISTRATOR } from '../lock-view.js';
import { leftIn } from './watches.js';

/** How many changed things of a kind are sent in one turn; the others follow in the next. */
const PER_TURN = 200;
/** Turns of the beat loop (100 ms) between two looks at what changed. */
const TURNS = 3;

/** The administrators of a tenant. */
export interface Room {
  emit<E extends keyof AdminPushes>(event: E, payload: AdminPushes[E]): unknown;
}

interface Closable {
  disconnect(close?: boolean): unknown;
  readonly connected: boolean;
}

interface Watched {
  watchers: number;
  readonly sessions: Set<string>;
  readonly orders: Set<string>;
  readonly resources: Set<string>;
  readonly policy: Set<string>;
  readonly maintenance: Set<string>;
  busy: boolean;
}

/** Gathers what changed in the tenants that administrators look at, and sends it in batches. */
export class Changes {
  readonly #core: Core;
  readonly #roomOf: (tenant: string) => Room;
  readonly #watched = new Map<string, Watched>();
  readonly #ends = new Map<Closable, number>();
  #nodes: readonly Node[] = [];
  #turn = 0;

  constructor(core: Core, roomOf: (tenant: string) => Room) {
    this.#core = core;
    this.#roomOf = roomOf;
  }

  isWatched(tenant: string): boolean {
    return this.#watched.has(tenant);
  }

  join(tenant: string): void {
    const known = this.#watched.get(tenant);
    if (known) known.watchers += 1;
    else {
      this.#watched.set(tenant, {
        watchers: 1,
        sessions: new Set(),
        orders: new Set(),
        resources: new Set(),
        policy: new Set(),
        maintenance: new Set(),
        busy: false,
      });
    }
  }

  leave(tenant: string): void {
    const known = this.#watched.get(tenant);
    if (!known) return;
    known.watchers -= 1;
    if (known.watchers === 0) this.#watched.delete(tenant);
  }

  /** A socket lives no longer than the token it was opened with (an instant of the monotonic clock). */
  endAt(socket: Closable, at: number): void {
    this.#ends.set(socket, at);
  }

  /** What a record changed. */
  note(tenant: string, record: AuditRecord): void {
    const changed = this.#watched.get(tenant);
    if (!changed) return;
    if (record.sessionId) changed.sessions.add(record.sessionId);
    if (record.orderId) changed.orders.add(record.orderId);
    if (record.resource) changed.resources.add(record.resource);
    if (record.type === 'policy.changed') changed.policy.add(record.type);
    if (record.type === 'maintenance.changed') changed.maintenance.add(record.type);
    for (const name of leftIn(record)) changed.resources.add(name);
    for (const field of ['targeted', 'released', 'sessions']) {
      const names = record.details?.[field];
      if (Array.isArray(names)) for (const sessionId of names) changed.sessions.add(String(sessionId));
    }
  }

  /** Called at each turn of the beat loop. */
  flush(): void {
    this.#turn += 1;
    if (this.#turn % TURNS !== 0) return;
    this.#endExpired();
    const nodes = this.#core.nodes.list();
    const nodesChanged = nodes !== this.#nodes;
    this.#nodes = nodes;
    for (const [tenant, changed] of this.#watched) {
      if (nodesChanged) this.#roomOf(tenant).emit('nodes:changed', nodes);
      if (!changed.busy) void this.#send(tenant, changed);
    }
  }

  #endExpired(): void {
    const now = performance.now();
    for (const [socket, at] of this.#ends) {
      if (socket.connected && at > now) continue;
      this.#ends.delete(socket);
      socket.disconnect(false);
    }
  }

  async #send(tenant: string, changed: Watched): Promise<void> {
    changed.busy = true;
    try {
      const room = this.#roomOf(tenant);
      await sendSome(changed.sessions, (sessionIds) => this.#sendSessions(tenant, room, sessionIds));
      await sendSome(changed.orders, (orderIds) => this.#sendOrders(tenant, room, orderIds));
      await sendSome(changed.resources, async (resources) => {
        for (const resource of resources) {
          room.emit('lock:changed', await this.#core.locks.query(tenant, ADMINISTRATOR, resource));
        }
      });
      await sendSome(changed.policy, async () => {
        room.emit('policy:changed', await this.#core.policies.get(tenant));
      });
      await sendSome(changed.maintenance, async () => {
        room.emit('maintenance:changed', (await this.#core.maintenance.find(tenant)) ?? null);
      });
    } catch (error) {
      this.#core.log.debug({ err: error }, 'changes could not be read; they are sent later');
    } finally {
      changed.busy = false;
    }
  }

  async #sendSessions(tenant: string, room: Room, sessionIds: readonly string[]): Promise<void> {
    const sessions = await this.#core.sessions.byIds(tenant, sessionIds);
    const upsert = sessions.filter((session) => session.state !== 'ended');
    const live = new Set(upsert.map((session) => session.id));
    room.emit('sessions:changed', { upsert, remove: sessionIds.filter((id) => !live.has(id)) });
  }

  async #sendOrders(tenant: string, room: Room, orderIds: readonly string[]): Promise<void> {
    for (const orderId of orderIds) {
      try {
        room.emit('order:changed', await this.#core.orders.get(tenant, orderId));
      } catch (error) {
        // Nobody needs to hear of an order that was forgotten meanwhile; the others are heard of all the same.
        if (!hasCode(error, 'not_found')) throw error;
      }
    }
  }
}

/** Sends some of what changed. While Redis is away they stay for a later turn. */
async function sendSome(names: Set<string>, send: (taken: string[]) => Promise<void>): Promise<void> {
  const taken = [...names].slice(0, PER_TURN);
  if (taken.length === 0) return;
  for (const name of taken) names.delete(name);
  try {
    await send(taken);
  } catch (error) {
    if (hasCode(error, 'unavailable')) for (const name of taken) names.add(name);
    throw error;
  }
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof LastcallError && error.code === code;
}
