import type { AuditRecord } from '@lastcall/shared';
import type { RedisDriver } from './driver.js';
import { logKey } from './keys.js';
import { decodeRecord, reached, type Store } from './store.js';

/** What the bus needs of the driver. */
type Channels = Pick<RedisDriver, 'subscribe' | 'unsubscribe' | 'onMessage' | 'onReady'>;

export type RecordListener = (tenant: string, record: AuditRecord) => void;

/** How many records one read of the stream brings, and how many reads and looks at the registry one repair makes. */
const REPAIR_PAGE = 500;
const REPAIR_PAGES = 200;
const REPAIR_ROUNDS = 10;

/** A message that is this late will not come. */
const LOST_AFTER_MS = 200;

interface Followed {
  followers: number;
  /** The epoch of the records that listeners are given, and the last rev they were given; -1: not listening yet. */
  epoch: number;
  applied: number;
  /** The highest fence that was heard of, in whatever epoch. */
  fence: number;
  /** A rev that was seen and when: still behind it after a while means that a message was lost. */
  seen: number;
  seenAt: number;
  repairing: boolean;
  /** Something was found missing since the repair last looked. */
  missing: boolean;
  ready: Promise<void>;
}

/**
 * Records of the tenants this node serves, each once and in order: published ones as they come, and from the stream
 * whatever was missed.
 */
export class Bus {
  readonly #channels: Channels;
  readonly #store: Store;
  readonly #listeners = new Set<RecordListener>();
  readonly #followed = new Map<string, Followed>();
  readonly #tenantByChannel = new Map<string, string>();
  readonly #fail: (error: unknown) => void;

  constructor(channels: Channels, store: Store, fail: (error: unknown) => void) {
    this.#channels = channels;
    this.#store = store;
    this.#fail = fail;
    channels.onMessage((channel, text) => this.#receive(channel, text));
    channels.onReady(() => this.#repairAll());
  }

  /** Calls back with each record; a listener that throws harms nobody else. */
  listen(listener: RecordListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Begins to hear a tenant. Counted: as often as it was followed it must be left.
   * @throws LastcallError `unavailable`
   */
  async follow(tenant: string): Promise<void> {
    const known = this.#followed.get(tenant);
    if (known) {
      known.followers += 1;
      await known.ready;
      return;
    }
    const state: Followed = {
      followers: 1,
      epoch: 0,
      applied: -1,
      fence: 0,
      seen: 0,
      seenAt: 0,
      repairing: false,
      missing: false,
      ready: Promise.resolve(),
    };
    this.#followed.set(tenant, state);
    this.#tenantByChannel.set(logKey(tenant), tenant);
    state.ready = this.#begin(tenant, state);
    try {
      await state.ready;
    } catch (error) {
      this.#forget(tenant);
      throw error;
    }
  }

  unfollow(tenant: string): void {
    const state = this.#followed.get(tenant);
    if (!state) return;
    state.followers -= 1;
    if (state.followers === 0) this.#forget(tenant);
  }

  /** The last record that listeners were given of a tenant; zeros: none. */
  position(tenant: string): { epoch: number; rev: number } {
    const state = this.#followed.get(tenant);
    return state && state.applied > 0 ? { epoch: state.epoch, rev: state.applied } : { epoch: 0, rev: 0 };
  }

  /** The highest fence that was heard of in a tenant; 0: none. What was lost with the data is in it. */
  fence(tenant: string): number {
    return this.#followed.get(tenant)?.fence ?? 0;
  }

  /** Compares with the rev that a script just answered with; a message that did not come is read from the stream. */
  observe(tenant: string, epoch: number, rev: number): void {
    const state = this.#followed.get(tenant);
    if (!state || state.applied < 0) return;
    if (state.epoch === 0) state.epoch = epoch;
    const now = performance.now();
    const isBehind = state.applied < state.seen && now - state.seenAt > LOST_AFTER_MS;
    if (state.applied >= state.seen) Object.assign(state, { seen: rev, seenAt: now });
    if (epoch !== state.epoch || isBehind || rev > state.applied + REPAIR_PAGE) this.#repair(tenant, state);
  }

  async #begin(tenant: string, state: Followed): Promise<void> {
    await reached(this.#channels.subscribe(logKey(tenant)));
    const { epoch, rev } = await this.#store.position(tenant);
    state.epoch = epoch;
    state.applied = rev;
    state.seen = rev;
  }

  #forget(tenant: string): void {
    this.#followed.delete(tenant);
    this.#tenantByChannel.delete(logKey(tenant));
    this.#channels.unsubscribe(logKey(tenant)).catch(this.#fail);
  }

  #receive(channel: string, text: string): void {
    const tenant = this.#tenantByChannel.get(channel);
    const state = tenant === undefined ? undefined : this.#followed.get(tenant);
    if (tenant === undefined || !state || state.applied < 0) return;
    try {
      const raw = JSON.parse(text) as Parameters<typeof decodeRecord>[0][];
      for (const record of raw) this.#apply(tenant, state, decodeRecord(record));
    } catch (error) {
      this.#fail(error);
    }
  }

  #apply(tenant: string, state: Followed, record: AuditRecord): void {
    if (state.epoch === 0) state.epoch = record.epoch;
    if (record.epoch !== state.epoch || record.rev > state.applied + 1) {
      this.#repair(tenant, state);
      return;
    }
    if (record.rev <= state.applied) return;
    state.applied = record.rev;
    state.fence = Math.max(state.fence, record.fence ?? 0);
    for (const listener of this.#listeners) {
      try {
        listener(tenant, record);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #repairAll(): void {
    for (const [tenant, state] of this.#followed) this.#repair(tenant, state);
  }

  #repair(tenant: string, state: Followed): void {
    state.missing = true;
    if (state.repairing || state.applied < 0) return;
    state.repairing = true;
    this.#readMissed(tenant, state)
      .catch(this.#fail)
      .finally(() => {
        state.repairing = false;
      });
  }

  async #readMissed(tenant: string, state: Followed): Promise<void> {
    for (let round = 0; state.missing && round < REPAIR_ROUNDS; round += 1) {
      state.missing = false;
      const { epoch, after } = await this.#store.position(tenant);
      // Data was lost: the records of the new epoch follow those that are left.
      if (epoch !== state.epoch) Object.assign(state, { epoch, applied: after, seen: after });
      await this.#readOn(tenant, state);
    }
  }

  async #readOn(tenant: string, state: Followed): Promise<void> {
    for (let page = 0; page < REPAIR_PAGES; page += 1) {
      const records = await this.#store.recordsAfter(tenant, state.applied, REPAIR_PAGE);
      // Left and perhaps followed anew meanwhile: then somebody else reads.
      if (this.#followed.get(tenant) !== state) return;
      const first = records[0];
      // What was trimmed meanwhile is gone; clients get the whole truth at their next connection.
      if (first && first.epoch === state.epoch && first.rev > state.applied + 1)
        state.applied = first.rev - 1;
      for (const record of records) this.#apply(tenant, state, record);
      if (records.length < REPAIR_PAGE) return;
    }
  }
}
