import { type Heartbeat, LastcallError, type Welcome } from '@lastcall/shared';
import type { Attachment } from './attachments.js';
import type { Load } from './load.js';
import type { Metrics } from './metrics.js';
import type { Bus } from './redis/bus.js';
import type { Store } from './redis/store.js';
import { refused } from './refusals.js';
import type { Sessions } from './sessions.js';

/** How many heartbeats one script renews, and how many scripts of a tenant are on their way at once. */
const BATCH = 200;
const IN_FLIGHT = 2;
/** How many heartbeats of a tenant wait at most; beyond that Redis cannot keep up and clients are told so. */
const QUEUE_LIMIT = 20_000;

/** Input this much newer than what was told before is other input; less is the network's doing. */
const NEW_INPUT_MS = 1_000;

const RENEWED = 1;
const SUPERSEDED = -1;

/** A heartbeat after its commit: the lease was renewed, or the session had to be opened anew. */
export type HeartbeatResult = { leaseMs: number; welcome?: Welcome };

interface Waiting {
  readonly attachment: Attachment;
  readonly heartbeat: Heartbeat;
  readonly since: number;
  readonly resolve: (result: HeartbeatResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A heartbeat as scripts take it. */
function argsOf(beat: Pick<Waiting, 'attachment' | 'heartbeat'>) {
  const { sessionId, attach } = beat.attachment;
  const { idleMs, dirty, view } = beat.heartbeat;
  const said = dirty === undefined ? '' : dirty ? '1' : '0';
  return [sessionId, attach, Math.round(idleMs), said, view === undefined ? '' : `=${view}`] as const;
}

/** What a node remembers of what it told. */
function told({ dirty, view, inputAt }: Attachment): Pick<Attachment, 'dirty' | 'view' | 'inputAt'> {
  return { dirty, view, inputAt };
}

interface Queue {
  readonly waiting: Waiting[];
  inFlight: number;
  scheduled: boolean;
}

/** Heartbeats of a tenant are gathered for one turn of the event loop and written by one script. */
export class Heartbeats {
  readonly #store: Store;
  readonly #bus: Bus;
  readonly #sessions: Sessions;
  readonly #nodeId: string;
  readonly #metrics: Pick<Metrics, 'batch' | 'heartbeat'>;
  readonly #load: Load;
  readonly #queues = new Map<string, Queue>();

  constructor(parts: {
    store: Store;
    bus: Bus;
    sessions: Sessions;
    nodeId: string;
    metrics: Pick<Metrics, 'batch' | 'heartbeat'>;
    load: Load;
  }) {
    this.#store = parts.store;
    this.#bus = parts.bus;
    this.#sessions = parts.sessions;
    this.#nodeId = parts.nodeId;
    this.#metrics = parts.metrics;
    this.#load = parts.load;
  }

  /**
   * Renews a lease; resolves after the commit, which is the client's proof of it.
   * @throws LastcallError `session_ended`, `superseded`, `unavailable`
   */
  beat(attachment: Attachment, heartbeat: Heartbeat): Promise<HeartbeatResult> {
    return new Promise((resolve, reject) => {
      const queue = this.#queueOf(attachment.tenant);
      if (queue.waiting.length >= QUEUE_LIMIT) {
        reject(new LastcallError('unavailable', 'The broker is overloaded. It will ask again.'));
        return;
      }
      queue.waiting.push({ attachment, heartbeat, since: performance.now(), resolve, reject });
      this.#schedule(attachment.tenant, queue);
    });
  }

  #queueOf(tenant: string): Queue {
    let queue = this.#queues.get(tenant);
    if (!queue) {
      queue = { waiting: [], inFlight: 0, scheduled: false };
      this.#queues.set(tenant, queue);
    }
    return queue;
  }

  #schedule(tenant: string, queue: Queue): void {
    if (queue.scheduled || queue.inFlight >= IN_FLIGHT) return;
    queue.scheduled = true;
    setImmediate(() => {
      queue.scheduled = false;
      void this.#flush(tenant, queue);
    });
  }

  async #flush(tenant: string, queue: Queue): Promise<void> {
    const batch = queue.waiting.splice(0, BATCH);
    if (batch.length === 0) return;
    queue.inFlight += 1;
    if (queue.waiting.length > 0) this.#schedule(tenant, queue);
    this.#metrics.batch(batch.length);
    try {
      const args = [this.#nodeId, ...batch.flatMap(argsOf)];
      const [rev = 0, epoch = 0, leaseMs = 0, ...codes] = await this.#store.beat(tenant, args);
      this.#bus.observe(tenant, epoch, rev);
      batch.forEach((waiting, i) => this.#settle(waiting, codes[i] ?? 0, leaseMs));
    } catch (error) {
      const isAway = error instanceof LastcallError && error.code === 'unavailable';
      // Redis is away for those that still wait, too: better told now than one limit later.
      for (const waiting of isAway ? [...batch, ...queue.waiting.splice(0)] : batch) waiting.reject(error);
    } finally {
      queue.inFlight -= 1;
      if (queue.waiting.length > 0) this.#schedule(tenant, queue);
      else if (queue.inFlight === 0 && !queue.scheduled) this.#queues.delete(tenant);
    }
  }

  #settle(waiting: Waiting, code: number, leaseMs: number): void {
    const { attachment, heartbeat, resolve, reject } = waiting;
    const tookMs = performance.now() - waiting.since;
    this.#metrics.heartbeat(tookMs);
    this.#load.note(tookMs);
    if (code === SUPERSEDED) {
      reject(refused({ code: 'superseded' }));
    } else if (code === RENEWED) {
      resolve({ leaseMs });
      this.#noteChanges(attachment, heartbeat);
    } else {
      this.#revive(attachment, heartbeat, leaseMs).then(resolve, reject);
    }
  }

  /** What a heartbeat said besides being there is written only when it is news. */
  #noteChanges(attachment: Attachment, { idleMs, dirty, view }: Heartbeat): void {
    const inputAt = performance.now() - idleMs;
    const isAwaited = attachment.idleOrder !== undefined && inputAt > attachment.inputAt + NEW_INPUT_MS;
    const isBack = isAwaited || (attachment.idle && idleMs < attachment.idleAfterMs);
    const change = {
      ...(isBack ? { idleMs } : {}),
      ...(dirty !== undefined && dirty !== attachment.dirty ? { dirty } : {}),
      ...(view !== undefined && view !== attachment.view ? { view } : {}),
    };
    const before = { ...told(attachment), idle: isBack || attachment.idle };
    attachment.idle = idleMs >= attachment.idleAfterMs;
    attachment.inputAt = Math.max(attachment.inputAt, inputAt);
    if (Object.keys(change).length === 0) return;
    attachment.dirty = dirty ?? attachment.dirty;
    attachment.view = view ?? attachment.view;
    this.#sessions.change(attachment, change).catch(() => {
      // Redis was away or the session is over; if it lives, the next heartbeat finds the difference again.
      Object.assign(attachment, before);
    });
  }

  async #revive(attachment: Attachment, heartbeat: Heartbeat, leaseMs: number): Promise<HeartbeatResult> {
    const [sid, attach, ...said] = argsOf({ attachment, heartbeat });
    const args = [sid, this.#nodeId, attach, ...said];
    type Verdict = { revived?: true; superseded?: true; unknown?: true; ended?: true };
    const verdict = await this.#store.run<Verdict>('session_revive', attachment.tenant, args);
    if (verdict.revived) {
      this.#noteChanges(attachment, heartbeat);
      return { leaseMs };
    }
    if (verdict.superseded) throw refused({ code: 'superseded' });
    if (verdict.ended) throw refused({ code: 'session_ended' });
    const welcome = await this.#sessions.reopen(attachment);
    return { leaseMs: welcome.leaseMs, welcome };
  }
}
