import { randomUUID } from 'node:crypto';
import type { Lock } from '@lastcall/shared';
import { ApiClient } from '../http.js';
import type { Recorder } from './recorder.js';
import { RESOURCES, type UserOptions } from './user-options.js';

const MAX_STALE = 8;
/** How often a write is to what is below a tree rather than to what was locked. */
const BELOW = 0.5;

/** What a person does besides asking for locks: writes to a guarded table, and as an administrator breaks locks. */
export class Writer {
  readonly #options: UserOptions;
  readonly #recorder: Recorder;
  readonly #api: ApiClient;
  readonly #stale: Lock[] = [];

  constructor(options: UserOptions, recorder: Recorder) {
    this.#options = options;
    this.#recorder = recorder;
    this.#api = new ApiClient(options.url, options.token);
  }

  /** A lock is given back or lost; its holder may not know what it does, and write later. */
  isOver(lock: Lock): void {
    if (lock.mode !== 'exclusive') return;
    this.#stale.push(lock);
    if (this.#stale.length > MAX_STALE) this.#stale.shift();
  }

  /** Whoever holds a lock alone writes with its fence. */
  async write(lock: Lock, session: string): Promise<void> {
    if (lock.mode === 'exclusive') await this.#write(lock, session);
  }

  async writeLate(session: string): Promise<void> {
    if (this.#stale.length > 0) await this.#write(this.#options.random.pick(this.#stale), session);
  }

  async #write({ resource, scope, fence }: Lock, session: string): Promise<void> {
    const { random, table } = this.#options;
    const below = RESOURCES.filter((name) => name.startsWith(`${resource}/`));
    const isBelow = scope === 'tree' && below.length > 0 && random.next() < BELOW;
    const key = isBelow ? random.pick(below) : resource;
    await this.#recorder.during(
      { op: 'write', opId: randomUUID(), key, session, fence },
      () => table.write(key, fence),
      (accepted) => ({ type: 'ok', value: { accepted } }),
    );
  }

  /** Breaks whatever is held of a resource; the reason names the operation in the trail. */
  async breakOne(session: string): Promise<void> {
    const { random, tenant } = this.#options;
    const known = { op: 'break', opId: randomUUID(), key: random.pick(RESOURCES), session } as const;
    const sent = { params: { tenant }, body: { resource: known.key, reason: known.opId } };
    await this.#recorder.during(
      known,
      () => this.#api.does<{ broken: boolean }>('locks.break', sent),
      ({ broken }) => ({ type: 'ok', value: { broken } }),
    );
  }
}
