import type { Core } from '../core.js';
import { type Connection, requestKey } from './connection.js';
import { tellLost } from './lock-news.js';
import type { Watches } from './watches.js';

/** How many clients' locks are compared with the registry in one tick. */
const PER_TICK = 20;

/** After a loss of data, clients may hold less than they think: what the registry does not know any more is told. */
export class LostLocks {
  readonly #core: Core;
  readonly #watches: Watches;
  readonly #push: (connection: Connection, push: () => void) => void;
  readonly #doubted = new Set<Connection>();

  constructor(core: Core, watches: Watches, push: (connection: Connection, push: () => void) => void) {
    this.#core = core;
    this.#watches = watches;
    this.#push = push;
  }

  /** Data of a tenant was lost. */
  doubt(tenant: string, connections: Iterable<Connection>): void {
    for (const connection of connections) {
      if (connection.attachment.tenant === tenant && connection.locks.size + connection.waits.size > 0) {
        this.#doubted.add(connection);
      }
    }
  }

  /** Called at each turn of the beat loop; answers what it began. */
  flush(): Promise<void>[] {
    const taken = [...this.#doubted].slice(0, PER_TICK);
    for (const connection of taken) this.#doubted.delete(connection);
    return taken.map((connection) => this.#compare(connection));
  }

  async #compare(connection: Connection): Promise<void> {
    const { tenant, sessionId } = connection.attachment;
    // What is granted while the registry is read was not lost.
    const before = new Map(connection.locks);
    const waits = new Map(connection.waits);
    try {
      const { locks, requests } = await this.#core.locks.keptBy(tenant, sessionId);
      for (const { resource, fence } of locks) if (before.get(resource) === fence) before.delete(resource);
      for (const requestId of requests) waits.delete(requestKey(connection, requestId));
      this.#push(connection, () => {
        tellLost(connection, 'data_loss', before);
        this.#watches.lose(connection, waits);
      });
    } catch {
      if (!connection.closed) this.#doubted.add(connection);
    }
  }
}
