import type { Core } from '../core.js';
import { type Connection, requestKey } from './connection.js';
import { tellAnew, tellLost } from './lock-news.js';
import type { Watches } from './watches.js';

/** How many clients' locks are compared with the registry in one tick. */
const PER_TICK = 20;

/**
 * After a loss of data, clients may hold less than they think: what the registry does not know any more is told. Or more,
 * when they gave something back and that is lost: it is given back again. And what somebody waited for may have been
 * granted before the loss was noticed, in a record whose number had been heard already: it is told now, also if it had been
 * granted once before in what is lost.
 */
export class LostLocks {
  readonly #core: Core;
  readonly #watches: Watches;
  readonly #push: (connection: Connection, push: () => void) => void;
  /** With the instant of the loss: every record of before has been heard. */
  readonly #doubted = new Map<Connection, number>();

  constructor(core: Core, watches: Watches, push: (connection: Connection, push: () => void) => void) {
    this.#core = core;
    this.#watches = watches;
    this.#push = push;
  }

  /** Data of a tenant was lost, which was noticed at this instant. */
  doubt(tenant: string, at: number, connections: Iterable<Connection>): void {
    for (const connection of connections) {
      if (connection.attachment.tenant === tenant) this.#doubted.set(connection, at);
    }
  }

  /** Called at each turn of the beat loop; answers what it began. */
  flush(): Promise<void>[] {
    const taken = [...this.#doubted].slice(0, PER_TICK);
    for (const [connection] of taken) this.#doubted.delete(connection);
    return taken.map(([connection, at]) => this.#compare(connection, at));
  }

  async #compare(connection: Connection, at: number): Promise<void> {
    const { tenant, sessionId } = connection.attachment;
    // What is granted while the registry is read was not lost.
    const before = new Map(connection.locks);
    const waits = new Map(connection.waits);
    try {
      const { locks, grants, requests } = await this.#core.locks.keptBy(tenant, sessionId);
      const unheard = [...grants].filter(
        ([requestId, { grantedAt }]) => grantedAt < at && waits.has(requestKey(connection, requestId)),
      );
      const awaited = new Set(unheard.map(([, { fence }]) => fence));
      const last = this.#core.bus.fenceBefore(tenant);
      // Drawn after the loss, by a request that had been granted in what was lost: its client may not know of it.
      const anew = [...grants].filter(
        ([, { resource, fence, grantedAt }]) =>
          grantedAt < at && fence > last && before.get(resource) !== fence && !awaited.has(fence),
      );
      const returned = locks.filter(({ resource, fence, grantedAt }) => {
        return grantedAt < at && fence <= last && before.get(resource) !== fence && !awaited.has(fence);
      });
      for (const { resource, fence } of locks) if (before.get(resource) === fence) before.delete(resource);
      for (const requestId of requests) waits.delete(requestKey(connection, requestId));
      this.#push(connection, () => {
        for (const [requestId, lock] of unheard) this.#watches.grant(connection, requestId, lock);
        tellLost(connection, 'data_loss', before);
        this.#watches.lose(connection, waits);
        for (const [requestId, lock] of anew) tellAnew(connection, requestId, lock);
      });
      for (const { resource, fence } of returned) {
        await this.#core.locks.release(tenant, sessionId, resource, fence);
      }
    } catch {
      if (!connection.closed) this.#doubted.set(connection, at);
    }
  }
}
