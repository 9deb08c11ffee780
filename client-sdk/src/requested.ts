import { LastcallError, type LockRequestedPush } from '@lastcall/shared';
import { Alarm, type Clock } from './clock.js';
import type { Connection } from './connection.js';
import { mayRepeat, toError } from './errors.js';
import type { SaveResult, Saving } from './saving.js';
import type { LockView, RequestedView } from './snapshot.js';

/** What a save leaves of its time for saying that the record may pass on, at most. */
const REPORT_MS = 500;
/** Near the end, work may become unsaved at any time. */
const LOOK_AGAIN_MS = 1_000;
/** Requests that are told of at once. */
const MAX_REQUESTS = 256;
const ATTEMPTS = 3;

interface Entry {
  readonly push: LockRequestedPush;
  readonly endsAt: number;
  readonly work: RequestedView['work'];
}

export interface RequestedPorts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly saving: Saving;
  /** So long before the end unsaved work is saved by itself. */
  readonly leadMs: number;
  readonly changed: (requested: readonly RequestedView[]) => void;
  /** The time of the answer is over, and the lock with it, unless the broker says otherwise. */
  readonly over: (push: LockRequestedPush) => void;
}

/** Who asks for locks that are held here: the time left, saving the work in it, and the answer. */
export class Requested {
  readonly #ports: RequestedPorts;
  readonly #due: Alarm;
  readonly #entries = new Map<string, Entry>();

  constructor(ports: RequestedPorts) {
    this.#ports = ports;
    this.#due = new Alarm(ports.clock, () => {
      this.#look();
    });
  }

  ask(push: LockRequestedPush): void {
    const { work } = this.#entries.get(push.requestId) ?? { work: 'open' };
    if (this.#entries.size >= MAX_REQUESTS && !this.#entries.has(push.requestId)) return;
    this.#entries.set(push.requestId, { push, endsAt: this.#ports.clock.now() + push.deadlineMs, work });
    this.#look();
  }

  /** Only locks that are held can be asked for. */
  retain(locks: readonly LockView[]): void {
    const held = new Set(locks.filter(({ state }) => state !== 'lost').map(({ resource }) => resource));
    for (const [id, { push }] of this.#entries) if (!held.has(push.resource)) this.#entries.delete(id);
    this.#publish();
  }

  /** Milliseconds left to answer; undefined when nobody asks under this id. */
  remainingMs(requestId: string): number | undefined {
    const entry = this.#entries.get(requestId);
    return entry && Math.max(0, entry.endsAt - this.#ports.clock.now());
  }

  /**
   * Saves what is unsaved of the record and, if that succeeded, hands it over.
   * @throws not_found, unavailable
   */
  async yield(requestId: string): Promise<SaveResult> {
    const result = await this.#save(this.#known(requestId));
    if (result.saved && this.#entries.has(requestId)) await this.#answer(requestId, 'yield');
    return result;
  }

  /**
   * Keeps the lock.
   * @throws not_found, unavailable
   */
  async keep(requestId: string): Promise<void> {
    this.#known(requestId);
    await this.#answer(requestId, 'keep');
    this.#forget(requestId);
  }

  /** Nobody asks any more: it was kept, or the one who asked has given up. */
  #forget(requestId: string): void {
    this.#entries.delete(requestId);
    this.#publish();
  }

  #known(requestId: string): Entry {
    const entry = this.#entries.get(requestId);
    if (!entry) throw new LastcallError('not_found', 'Nobody asks for that lock any more.');
    return entry;
  }

  async #answer(requestId: string, answer: 'yield' | 'keep'): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const waitMs = this.remainingMs(requestId) ?? 0;
        await this.#ports.connection.call('lock:answer', { requestId, answer }, { waitMs });
        return;
      } catch (error) {
        if (toError(error).code === 'not_found') this.#forget(requestId);
        if (attempt === ATTEMPTS || !mayRepeat(error) || !this.#entries.has(requestId)) throw error;
      }
    }
  }

  async #save({ push: { requestId, resource }, endsAt }: Entry): Promise<SaveResult> {
    const { clock, saving } = this.#ports;
    const leftMs = endsAt - clock.now();
    this.#work(requestId, 'saving');
    const result = await saving.run('takeover', Math.max(0, leftMs / 2, leftMs - REPORT_MS), resource);
    this.#work(requestId, result.saved ? 'saved' : 'failed');
    return result;
  }

  #work(requestId: string, work: Entry['work']): void {
    const entry = this.#entries.get(requestId);
    if (!entry) return;
    this.#entries.set(requestId, { ...entry, work });
    this.#publish();
  }

  /**
   * Near the end, unsaved work is saved without being asked, and again when there is more. The answer stays the
   * person's until then.
   */
  #look(): void {
    const { clock, saving, leadMs, over } = this.#ports;
    const now = clock.now();
    for (const entry of Array.from(this.#entries.values())) {
      if (now >= entry.endsAt) {
        this.#entries.delete(entry.push.requestId);
        over(entry.push);
      } else if (now >= entry.endsAt - leadMs && entry.work !== 'saving') {
        if (saving.isDue(entry.push.resource)) void this.#save(entry);
      }
    }
    this.#publish();
  }

  #publish(): void {
    const { clock, leadMs, changed } = this.#ports;
    const now = clock.now();
    const next = Array.from(this.#entries.values(), ({ endsAt }) =>
      now < endsAt - leadMs ? endsAt - leadMs : Math.min(endsAt, now + LOOK_AGAIN_MS),
    );
    if (next.length > 0) this.#due.at(Math.min(...next));
    else this.#due.clear();
    changed(Array.from(this.#entries.values(), shown));
  }
}

function shown({ push: { requestId, resource, by, reason }, work }: Entry): RequestedView {
  return { requestId, resource, by, ...(reason !== undefined && { reason }), work };
}
