import { LastcallError } from '@lastcall/shared';
import type { Attachment } from './attachments.js';
import type { Nodes } from './nodes.js';
import type { Store } from './redis/store.js';

/** How many reports one script takes: it reads the proofs of each end back, some 100 µs each. */
const BATCH = 25;
/** How many reports of a tenant wait at most; whom beyond that nobody reports the sweep decides. */
const QUEUE_LIMIT = 20_000;
/** For how long proofs let ends go first, and how often they look whether they still have to. */
const HOLD_MS = 2_000;
const LOOK_MS = 20;

interface Waiting {
  readonly attachment: Attachment;
  readonly answered: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reports of closed sockets are gathered while others are on their way, and written by one script per 25 of a tenant.
 * While sessions whose time is over are still to be ended there, that comes first: an end has its second, a proof seven.
 */
export class Reports {
  readonly #store: Store;
  readonly #nodes: Nodes;
  readonly #isBehind: (tenant: string) => boolean;
  readonly #queues = new Map<string, Waiting[]>();

  /** @param isBehind whether ends are due in a tenant that could not be done yet */
  constructor(store: Store, nodes: Nodes, isBehind: (tenant: string) => boolean) {
    this.#store = store;
    this.#nodes = nodes;
    this.#isBehind = isBehind;
  }

  /**
   * Says that the socket of an ended session is closed; resolves after the commit.
   * @throws LastcallError `unavailable`
   */
  report(attachment: Attachment, answered: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(attachment.tenant);
      if (queue && queue.length >= QUEUE_LIMIT) {
        reject(new LastcallError('unavailable', 'Too many sessions end at once. The sweep decides.'));
        return;
      }
      const waiting = { attachment, answered, resolve, reject };
      if (queue) {
        queue.push(waiting);
        return;
      }
      this.#queues.set(attachment.tenant, [waiting]);
      // At the end of this turn, so that those who end together are reported together.
      const holdUntil = performance.now() + HOLD_MS;
      setImmediate(() => void this.#flush(attachment.tenant, holdUntil));
    });
  }

  /** Writes what waits, and what comes meanwhile, until there is none. */
  async #flush(tenant: string, holdUntil: number): Promise<void> {
    const queue = this.#queues.get(tenant) ?? [];
    while (queue.length > 0) {
      if (this.#isBehind(tenant) && performance.now() < holdUntil) {
        setTimeout(() => void this.#flush(tenant, holdUntil), LOOK_MS);
        return;
      }
      const batch = queue.splice(0, BATCH);
      const args = batch.flatMap(({ attachment: { sessionId, attach }, answered }) => [
        sessionId,
        attach,
        answered ? '1' : '0',
      ]);
      try {
        await this.#store.run('session_report', tenant, [this.#nodes.aliveJson(), ...args]);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const isAway = error instanceof LastcallError && error.code === 'unavailable';
        // Redis is away for those that still wait, too: all of them are said again when it is back.
        for (const { reject } of isAway ? [...batch, ...queue.splice(0)] : batch) reject(error);
      }
    }
    this.#queues.delete(tenant);
  }
}
