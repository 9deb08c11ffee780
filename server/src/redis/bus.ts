import type { AuditRecord } from '@lastcall/shared';
import type { RedisDriver } from './driver.js';
import { logKey } from './keys.js';
import { decodeRecord, type Store } from './store.js';

export type RecordListener = (tenant: string, record: AuditRecord) => void;

/** How many records one read of the stream brings, and how many reads one repair makes. */
const REPAIR_PAGE = 500;
const REPAIR_PAGES = 200;

interface Followed {
  followers: number;
  /** The last rev that listeners were given. */
  applied: number;
  /** The rev seen at the last observation: still behind it at the next one means that a message was lost. */
  seen: number;
  epoch: number;
  repairing: Promise<void> | undefined;
  ready: Promise<void>;
}

/**
 * Records of the tenants this node serves, each once and in order: published ones as they come, and from the stream
 * whatever was missed.
 */
export class Bus {
  readonly #driver: RedisDriver;
  readonly #store: Store;
  readonly #listeners = new Set<RecordListener>();
  readonly #followed = new Map<string, Followed>();
  readonly #tenantByChannel = new Map<string, string>();
  readonly #fail: (error: unknown) => void;

  constructor(driver: RedisDriver, store: Store, fail: (error: unknown) => void) {
    this.#driver = driver;
    this.#store = store;
    this.#fail = fail;
    driver.onMessage((channel, text) => this.#receive(channel, text));
    driver.onReady(() => this.#repairAll());
  }

  /** Calls back with each record; a listener that throws harms nobody else. */
  listen(listener: RecordListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to hear a tenant. Counted: as often as it was followed it must be left. */
  async follow(tenant: string): Promise<void> {
    const known = this.#followed.get(tenant);
    if (known) {
      known.followers += 1;
      await known.ready;
      return;
    }
    const channel = logKey(tenant);
    const state: Followed = {
      followers: 1,
      applied: -1,
      seen: -1,
      epoch: 0,
      repairing: undefined,
      ready: Promise.resolve(),
    };
    this.#followed.set(tenant, state);
    this.#tenantByChannel.set(channel, tenant);
    state.ready = this.#begin(tenant, channel, state);
    try {
      await state.ready;
    } catch (error) {
      this.#followed.delete(tenant);
      this.#tenantByChannel.delete(channel);
      throw error;
    }
  }

  unfollow(tenant: string): void {
    const state = this.#followed.get(tenant);
    if (!state) return;
    state.followers -= 1;
    if (state.followers > 0) return;
    this.#followed.delete(tenant);
    this.#tenantByChannel.delete(logKey(tenant));
    this.#driver.unsubscribe(logKey(tenant)).catch(this.#fail);
  }

  /** Compares with the rev that a script just answered with; a message that did not come is read from the stream. */
  observe(tenant: string, epoch: number, rev: number): void {
    const state = this.#followed.get(tenant);
    if (!state || state.applied < 0) return;
    if (state.epoch !== 0 && epoch !== state.epoch) {
      // The registry began anew: its revs do, too.
      state.applied = 0;
      state.seen = 0;
    }
    state.epoch = epoch;
    const missed = state.applied < state.seen || rev > state.applied + REPAIR_PAGE;
    state.seen = rev;
    if (missed) this.#repair(tenant, state);
  }

  async #begin(tenant: string, channel: string, state: Followed): Promise<void> {
    await this.#driver.subscribe(channel);
    const rev = await this.#store.rev(tenant);
    if (state.applied < rev) state.applied = rev;
    state.seen = rev;
  }

  #receive(channel: string, text: string): void {
    const tenant = this.#tenantByChannel.get(channel);
    const state = tenant === undefined ? undefined : this.#followed.get(tenant);
    if (tenant === undefined || !state || state.applied < 0) return;
    for (const raw of JSON.parse(text) as Parameters<typeof decodeRecord>[0][]) {
      this.#apply(tenant, state, decodeRecord(raw));
    }
  }

  #apply(tenant: string, state: Followed, record: AuditRecord): void {
    if (state.epoch !== 0 && record.epoch > state.epoch) state.applied = record.rev - 1;
    state.epoch = Math.max(state.epoch, record.epoch);
    if (record.rev <= state.applied) return;
    if (record.rev > state.applied + 1) {
      this.#repair(tenant, state);
      return;
    }
    state.applied = record.rev;
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
    if (state.repairing || state.applied < 0) return;
    state.repairing = this.#readMissed(tenant, state)
      .catch(this.#fail)
      .finally(() => {
        state.repairing = undefined;
      });
  }

  async #readMissed(tenant: string, state: Followed): Promise<void> {
    for (let page = 0; page < REPAIR_PAGES; page += 1) {
      const records = await this.#store.recordsAfter(tenant, state.applied, REPAIR_PAGE);
      const first = records[0];
      // What was trimmed meanwhile is gone; clients get the whole truth at their next connection.
      if (first && first.rev > state.applied + 1) state.applied = first.rev - 1;
      for (const record of records) this.#apply(tenant, state, record);
      if (records.length < REPAIR_PAGE) return;
    }
  }
}
