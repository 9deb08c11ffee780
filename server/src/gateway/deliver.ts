import {
  type AuditRecord,
  type LogoffPush,
  type Policy,
  type EndReason,
  type WarningPush,
  type Welcome,
} from '@lastcall/shared';
import type { Core } from '../core.js';
import { publicPolicy } from '../policy.js';
import { type StoredWarning, warningOf } from '../warning.js';
import type { Connection, Connections } from './connection.js';

/** How many acknowledged warnings one script notes, and how long a client may take to acknowledge one. */
const DELIVERED_BATCH = 200;
const DELIVERED_WITHIN_MS = 10_000;
/** A client whose session was found ended without its record is given this long to run its last handlers. */
const DEFAULT_FLUSH_MS = 5_000;

type Details = Readonly<Record<string, unknown>>;

const namesIn = (details: Details, field: string): readonly string[] =>
  Array.isArray(details[field]) ? (details[field] as string[]) : [];

/** Turns records into pushes to the clients whose sockets are here, and reports what became of them. */
export class Deliver {
  readonly #core: Core;
  readonly #connections: Connections;
  readonly #ownsTransport: boolean;
  readonly #welcomes = new WeakMap<Connection, Welcome>();
  /** Sessions that acknowledged a warning, by tenant and order, until the next tick. */
  readonly #delivered = new Map<string, Set<string>>();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: { core: Core; connections: Connections; ownsTransport: boolean }) {
    this.#core = parts.core;
    this.#connections = parts.connections;
    this.#ownsTransport = parts.ownsTransport;
  }

  /** Keeps the welcome until the socket may be written to. */
  prepare(connection: Connection, welcome: Welcome): void {
    this.#welcomes.set(connection, welcome);
  }

  welcome(connection: Connection): void {
    const welcome = this.#welcomes.get(connection);
    if (!welcome) return;
    this.#welcomes.delete(connection);
    connection.socket.emit('welcome', welcome);
    for (const warning of welcome.orders) this.#warn(connection, warning);
  }

  /** The session goes on over another socket. */
  supersede(connection: Connection): void {
    connection.socket.emit('superseded', {});
    connection.socket.disconnect(this.#ownsTransport);
  }

  /** A session that was found ended without its record having been heard. */
  async ended(connection: Connection): Promise<void> {
    if (connection.attachment.ended) return;
    const { tenant, sessionId } = connection.attachment;
    try {
      const { ended } = await this.#core.sessions.get(tenant, sessionId);
      const { reason = 'revoked', by = { kind: 'system' }, message = '' } = ended ?? {};
      await this.#logoff(connection, { reason, by, message }, DEFAULT_FLUSH_MS);
    } catch {
      connection.socket.disconnect(this.#ownsTransport);
    }
  }

  policy(tenant: string, policy: Policy): void {
    for (const { attachment, socket } of this.#connections.all()) {
      if (attachment.tenant !== tenant) continue;
      attachment.idleAfterMs = policy.idleAfterMs;
      socket.emit('policy', publicPolicy(policy));
    }
  }

  /** What a record means for the clients here. */
  record(tenant: string, record: AuditRecord): void {
    const details = record.details ?? {};
    const connection = record.sessionId ? this.#connections.get(tenant, record.sessionId) : undefined;
    switch (record.type) {
      case 'order.changed':
        this.#orderChanged(tenant, record, details);
        return;
      case 'order.extended':
        if (connection) this.#warn(connection, this.#warningIn(details['warning'] as StoredWarning));
        return;
      case 'session.resumed':
        if (connection && connection.attachment.attach < Number(details['attach'])) this.supersede(connection);
        return;
      case 'session.state':
        if (connection) this.#stateChanged(connection, details);
        return;
      case 'session.ended':
        if (connection) this.#sessionEnded(connection, record, details);
        return;
      case 'lock.granted':
      case 'lock.requested':
      case 'lock.broken':
        if (connection) this.#lockChanged(connection, record, details);
        return;
      default:
    }
  }

  /** Notes what was acknowledged since the last tick, one script per 200 sessions of an order. */
  flush(): void {
    for (const [key, sessionIds] of this.#delivered) {
      const [tenant = '', orderId = ''] = key.split(' ');
      const ids = [...sessionIds];
      for (let from = 0; from < ids.length; from += DELIVERED_BATCH) {
        const batch = ids.slice(from, from + DELIVERED_BATCH);
        this.track(this.#core.orders.delivered(tenant, orderId, batch).catch(() => undefined));
      }
    }
    this.#delivered.clear();
  }

  /** Remembers work that a stop has to wait for. */
  track(work: Promise<unknown>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  /** Resolves when what was under way is done. */
  async settled(): Promise<void> {
    this.flush();
    await Promise.allSettled(this.#underWay);
  }

  #orderChanged(tenant: string, record: AuditRecord, details: Details): void {
    const targeted = namesIn(details, 'targeted');
    if (targeted.length > 0) {
      const warning = this.#warningIn(details as unknown as StoredWarning);
      for (const sessionId of targeted) {
        const connection = this.#connections.get(tenant, sessionId);
        if (connection) this.#warn(connection, warning);
      }
    }
    for (const sessionId of namesIn(details, 'released')) {
      const connection = this.#connections.get(tenant, sessionId);
      connection?.socket.emit('warning:cancelled', { orderId: record.orderId ?? '' });
    }
  }

  #warningIn(stored: StoredWarning): WarningPush {
    return warningOf(stored, this.#core.clock);
  }

  #warn(connection: Connection, warning: WarningPush): void {
    const { tenant, sessionId } = connection.attachment;
    connection.socket
      .timeout(DELIVERED_WITHIN_MS)
      .emitWithAck('warning', warning)
      .then(() => {
        const key = `${tenant} ${warning.orderId}`;
        const told = this.#delivered.get(key) ?? new Set();
        this.#delivered.set(key, told.add(sessionId));
      })
      .catch(() => undefined); // Not acknowledged: not delivered, as the receipt then says.
  }

  #stateChanged({ attachment, socket }: Connection, details: Details): void {
    if (details['idle'] === true) attachment.idle = true;
    if (typeof details['tokenExpiresAt'] !== 'number' || details['refreshed'] === true) return;
    socket.emit('auth:expiring', { expiresInMs: this.#core.clock.left(details['tokenExpiresAt']) });
  }

  #sessionEnded(connection: Connection, record: AuditRecord, details: Details): void {
    const { reentryMs, message, flushMs } = details;
    const push: LogoffPush = {
      ...(record.orderId ? { orderId: record.orderId } : {}),
      reason: record.reason as EndReason,
      message: typeof message === 'string' ? message : '',
      by: record.by,
      ...(typeof reentryMs === 'number' ? { reentryMs } : {}),
    };
    this.track(this.#logoff(connection, push, typeof flushMs === 'number' ? flushMs : DEFAULT_FLUSH_MS));
  }

  /** Tells the client, waits for its last handlers, closes its socket, and reports both. */
  async #logoff(connection: Connection, push: LogoffPush, flushMs: number): Promise<void> {
    const { attachment, socket } = connection;
    if (attachment.ended) return;
    attachment.ended = true;
    let answered = false;
    try {
      await socket.timeout(Math.max(1, flushMs)).emitWithAck('logoff', push);
      answered = true;
    } catch {
      // Silent: it is cut off, and its receipt says so.
    }
    socket.disconnect(this.#ownsTransport);
    await this.#core.sessions.report(attachment, answered).catch((error: unknown) => {
      this.#core.log.error({ err: error }, 'a closed socket could not be reported; the sweep decides');
    });
  }

  #lockChanged({ socket }: Connection, record: AuditRecord, details: Details): void {
    const { resource = '', fence = 0 } = record;
    const requestId = String(details['requestId'] ?? '');
    if (record.type === 'lock.broken') {
      socket.emit('lock:lost', { resource, fence, reason: 'admin', by: record.by });
    } else if (record.type === 'lock.granted' && typeof details['waited'] === 'number') {
      const { mode, scope, note } = details as { mode: 'exclusive'; scope: 'record'; note?: string };
      const lock = { resource, mode, scope, fence, grantedAt: record.at, ...(note ? { note } : {}) };
      socket.emit('lock:granted', { requestId, lock });
    } else if (record.type === 'lock.requested' && details['state'] === 'denied') {
      const message = `${resource} did not become free in time. Ask again, or ask who holds it.`;
      socket.emit('lock:denied', { requestId, error: { code: 'locked', message } });
    }
  }
}
