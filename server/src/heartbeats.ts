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

const SUPERSEDED = -1;

/** A heartbeat after its commit: the lease was renewed, or the session had to be opened anew. */
export type HeartbeatResult = { leaseMs: number; welcome?: Welcome };

/** Gets what became of a heartbeat. Functions rather than promises: thousands a second are most of a node's work. */
export interface HeartbeatListener {
  /** The session's data is lost; it is about to be opened anew. */
  losing(): void;
  /** @param result the same for all that one script renewed */
  done(result: HeartbeatResult): void;
  failed(error: unknown): void;
}

interface Waiting {
  readonly attachment: Attachment;
  readonly heartbeat: Heartbeat;
  readonly since: number;
  readonly listener: HeartbeatListener;
}

/** Heartbeats as their script takes them: a line for each, then the views that lines name by the number of their argument. */
function argsOf(nodeId: string, batch: readonly Waiting[]): string[] {
  const views: string[] = [];
  const first = 3;
  let lines = '';
  for (const { attachment, heartbeat } of batch) {
    const { idleMs, dirty, view } = heartbeat;
    lines += `${attachment.sessionId} ${attachment.attach} ${Math.round(idleMs)}`;
    if (dirty !== undefined || view !== undefined) {
      const said = dirty === undefined ? '-' : dirty ? '1' : '0';
      lines += ` ${said} ${view === undefined ? 0 : views.push(view) - 1 + first}`;
    }
    lines += '\n';
  }
  return [nodeId, lines, ...views];
}

/** What a node remembers of what it told, with news of an input taken back. */
function told(
  { dirty, view, inputAt, idle }: Attachment,
  isBack: boolean,
): Pick<Attachment, 'dirty' | 'view' | 'inputAt' | 'idle'> {
  return { dirty, view, inputAt, idle: isBack || idle };
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
  readonly #metrics: Pick<Metrics, 'heartbeats'>;
  readonly #load: Load;
  readonly #queues = new Map<string, Queue>();

  constructor(parts: {
    store: Store;
    bus: Bus;
    sessions: Sessions;
    nodeId: string;
    metrics: Pick<Metrics, 'heartbeats'>;
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
    return new Promise((done, failed) => {
      this.take(attachment, heartbeat, performance.now(), { losing: () => undefined, done, failed });
    });
  }

  /** The same, for whoever listens; `since` is when it came, on this process' monotonic clock. */
  take(attachment: Attachment, heartbeat: Heartbeat, since: number, listener: HeartbeatListener): void {
    const queue = this.#queueOf(attachment.tenant);
    if (queue.waiting.length >= QUEUE_LIMIT) {
      listener.failed(new LastcallError('unavailable', 'The broker is overloaded. It will ask again.'));
      return;
    }
    queue.waiting.push({ attachment, heartbeat, since, listener });
    this.#schedule(attachment.tenant, queue);
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
    const answer = await this.#store.beat(tenant, argsOf(this.#nodeId, batch)).catch((error: unknown) => {
      const isAway = error instanceof LastcallError && error.code === 'unavailable';
      // Redis is away for those that still wait, too: better told now than one limit later.
      const all = isAway ? [...batch, ...queue.waiting.splice(0)] : batch;
      for (const { listener } of all) listener.failed(error);
    });
    queue.inFlight -= 1;
    if (queue.waiting.length > 0) this.#schedule(tenant, queue);
    else if (queue.inFlight === 0 && !queue.scheduled) this.#queues.delete(tenant);
    if (!answer) return;
    const [rev = 0, epoch = 0, leaseMs = 0, ...others] = answer;
    this.#bus.observe(tenant, epoch, rev);
    this.#settle(batch, leaseMs, others);
  }

  /** @param others of those whose lease was not renewed: place in the batch, from 1, and why; in the batch's order */
  #settle(batch: readonly Waiting[], leaseMs: number, others: readonly number[]): void {
    const renewed: HeartbeatResult = { leaseMs };
    const now = performance.now();
    const took: number[] = [];
    let next = 0;
    for (const [i, waiting] of batch.entries()) {
      took.push(now - waiting.since);
      if (others[next] !== i + 1) {
        waiting.listener.done(renewed);
        this.#noteChanges(waiting, now);
        continue;
      }
      const { listener } = waiting;
      if (others[next + 1] === SUPERSEDED) listener.failed(refused({ code: 'superseded' }));
      else
        this.#revive(waiting, leaseMs)
          .then((result) => listener.done(result))
          .catch((error: unknown) => listener.failed(error));
      next += 2;
    }
    this.#metrics.heartbeats(took);
    this.#load.note(Math.max(...took), now);
  }

  /** What a heartbeat said besides being there is written only when it is news. */
  #noteChanges({ attachment, heartbeat }: Waiting, now: number): void {
    const { idleMs, dirty, view } = heartbeat;
    const inputAt = now - idleMs;
    const isAwaited = attachment.idleOrder !== undefined && inputAt > attachment.inputAt + NEW_INPUT_MS;
    const isBack = isAwaited || (attachment.idle && idleMs < attachment.idleAfterMs);
    const isTouched = dirty !== undefined && dirty !== attachment.dirty;
    const isElsewhere = view !== undefined && view !== attachment.view;
    const before = isBack || isTouched || isElsewhere ? told(attachment, isBack) : undefined;
    attachment.idle = idleMs >= attachment.idleAfterMs;
    attachment.inputAt = Math.max(attachment.inputAt, inputAt);
    if (!before) return;
    const change = {
      ...(isBack ? { idleMs } : {}),
      ...(isTouched ? { dirty } : {}),
      ...(isElsewhere ? { view } : {}),
    };
    attachment.dirty = dirty ?? attachment.dirty;
    attachment.view = view ?? attachment.view;
    this.#sessions.change(attachment, change).catch(() => {
      // Redis was away or the session is over; if it lives, the next heartbeat finds the difference again.
      Object.assign(attachment, before);
    });
  }

  async #revive(waiting: Waiting, leaseMs: number): Promise<HeartbeatResult> {
    const { attachment, heartbeat, listener } = waiting;
    const { sessionId, attach, tenant } = attachment;
    const { idleMs, dirty, view } = heartbeat;
    const said = dirty === undefined ? '' : dirty ? '1' : '0';
    const seen = view === undefined ? '' : `=${view}`;
    const args = [sessionId, this.#nodeId, attach, Math.round(idleMs), said, seen, attachment.claim];
    type Verdict = { revived?: true; superseded?: true; unknown?: true; ended?: true };
    const verdict = await this.#store.run<Verdict>('session_revive', tenant, args);
    if (verdict.revived) {
      this.#noteChanges(waiting, performance.now());
      return { leaseMs };
    }
    if (verdict.superseded) throw refused({ code: 'superseded' });
    if (verdict.ended) throw refused({ code: 'session_ended' });
    listener.losing();
    const welcome = await this.#sessions.reopen(attachment);
    return { leaseMs: welcome.leaseMs, welcome };
  }
}
