import type { WarningPush } from '@lastcall/shared';
import { noteOrder } from '../attachments.js';
import type { Core } from '../core.js';
import { type StoredWarning, warningOf } from '../warning.js';
import type { Connection } from './connection.js';
import { askAll } from './fast-path.js';

/** How many acknowledged warnings one script notes, and how long a client may take to acknowledge one. */
const DELIVERED_BATCH = 200;
const DELIVERED_WITHIN_MS = 10_000;

/** Tells clients of orders, and notes for the receipts who acknowledged. */
export class Warnings {
  readonly #core: Core;
  /** Sessions that acknowledged a warning, by tenant and order, until the next tick. */
  readonly #delivered = new Map<string, Set<string>>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Tells of an order, each with the time that its session has under it. */
  tell(connections: readonly Connection[], stored: StoredWarning): void {
    const byDeadline = new Map<number, Connection[]>();
    for (const connection of connections) {
      const deadlineAt = noteOrder(connection.attachment, stored.orderId, stored.deadlineAt);
      const others = byDeadline.get(deadlineAt);
      if (others) others.push(connection);
      else byDeadline.set(deadlineAt, [connection]);
    }
    for (const [deadlineAt, those] of byDeadline) {
      this.warn(those, warningOf({ ...stored, deadlineAt }, this.#core.clock));
    }
  }

  /** Clients who do not acknowledge it were not told, as the receipts then say. */
  warn(connections: readonly Connection[], warning: WarningPush): void {
    for (const { attachment } of connections) {
      if (warning.reason === 'idle') attachment.idleOrder = warning.orderId;
    }
    askAll(
      connections,
      ['warning', warning],
      DELIVERED_WITHIN_MS,
      ({ attachment: { tenant, sessionId } }) => {
        const key = `${tenant} ${warning.orderId}`;
        const told = this.#delivered.get(key) ?? new Set();
        this.#delivered.set(key, told.add(sessionId));
      },
    );
  }

  cancel({ attachment, socket }: Connection, orderId: string): void {
    attachment.endsAt.delete(orderId);
    if (attachment.idleOrder === orderId) attachment.idleOrder = undefined;
    socket.emit('warning:cancelled', { orderId });
  }

  /** Notes what was acknowledged since the last tick, one script per 200 sessions of an order. */
  flush(): readonly Promise<unknown>[] {
    const work: Promise<unknown>[] = [];
    for (const [key, sessionIds] of this.#delivered) {
      const [tenant = '', orderId = ''] = key.split(' ');
      const ids = [...sessionIds];
      for (let from = 0; from < ids.length; from += DELIVERED_BATCH) {
        const batch = ids.slice(from, from + DELIVERED_BATCH);
        work.push(this.#core.orders.delivered(tenant, orderId, batch).catch(() => undefined));
      }
    }
    this.#delivered.clear();
    return work;
  }
}
