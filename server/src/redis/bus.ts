import type { AuditRecord } from '@lastcall/shared';
import type { RedisDriver } from './driver.js';
import { logKey } from './keys.js';
import { Recent } from './recent.js';
import { decodeRecord, reached, type Store } from './store.js';

/** What the bus needs of the driver. */
type Channels = Pick<RedisDriver, 'subscribe' | 'unsubscribe' | 'onMessage' | 'onReady' | 'onLost'>;

export type RecordListener = (tenant: string, record: AuditRecord) => void;

/** How many records one read of the stream brings, and how many reads and looks at the registry one repair makes. */
const REPAIR_PAGE = 500;
const REPAIR_PAGES = 200;
const REPAIR_ROUNDS = 10;

/** A message that is this late will not come. */
const LOST_AFTER_MS = 200;

/** A record that was heard; zeros: none. */
export type Heard = Pick<AuditRecord, 'epoch' | 'rev' | 'at'>;

interface Followed {
  followers: number;
  /** The epoch of the records that listeners are given, and the last rev they were given; -1: not listening yet. */
  epoch: number;
  applied: number;
  /** The instant of that record; 0: not known. */
  at: number;
  readonly recent: Recent;
  /** Redis was out of reach after this record, and was not compared with it since. */
  cut: Heard | undefined;
  /** The highest fence that was heard of when Redis got out of reach. */
  fence: number | undefined;
  /** A rev that was seen and when: still behind it after a while means that a message was lost. */
  seen: number;
  seenAt: number;
  repairing: boolean;
  /** Something was found missing since the repair last looked. */
  missing: boolean;
  ready: Promise<void>;
}

const NONE: Heard = { epoch: 0, rev: 0, at: 0 };

const heardOf = ({ epoch, applied, at }: Followed): Heard =>
  applied > 0 ? { epoch, rev: applied, at } : NONE;

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
  #isCut = false;

  constructor(channels: Channels, store: Store, fail: (error: unknown) => void) {
    this.#channels = channels;
    this.#store = store;
    this.#fail = fail;
    channels.onMessage((channel, text) => this.#receive(channel, text));
    channels.onLost(() => this.#cutAll());
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
      at: 0,
      recent: new Recent(),
      cut: undefined,
      fence: undefined,
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

  /**
   * The record that Redis is to be compared with: the last one that listeners were given of a tenant, or the last one
   * before it was out of reach, for what came since may be of data that took the place of what was lost.
   */
  position(tenant: string): Heard {
    const state = this.#followed.get(tenant);
    return state ? (state.cut ?? heardOf(state)) : NONE;
  }

  /**
   * What listeners were given of a tenant behind a place, which whoever read that place from Redis did not hear yet;
   * `undefined`: it was too much to be kept.
   */
  since(tenant: string, epoch: number, rev: number): readonly AuditRecord[] | undefined {
    const state = this.#followed.get(tenant);
    if (!state || state.epoch < epoch || (state.epoch === epoch && state.applied <= rev)) return [];
    const records = state.recent.after(epoch, rev);
    return state.epoch > epoch || records.length === state.applied - rev ? records : undefined;
  }

  /** Redis was compared with a position. */
  compared(tenant: string, position: Heard): void {
    const state = this.#followed.get(tenant);
    if (state?.cut === position && !this.#isCut) state.cut = undefined;
  }

  /** The highest fence that a tenant's data may have lost: what is higher was drawn after Redis was back. */
  fenceBefore(tenant: string): number {
    return this.#followed.get(tenant)?.fence ?? Number.MAX_SAFE_INTEGER;
  }

  /** Compares with the rev that a script just answered with; a message that did not come is read from the stream. */
  observe(tenant: string, epoch: number, rev: number): void {
    const state = this.#followed.get(tenant);
    if (!state || state.applied < 0) return;
    if (state.epoch === 0) state.epoch = epoch;
    const now = performance.now();
    state.recent.turn(now);
    const isBehind = state.applied < state.seen && now - state.seenAt > LOST_AFTER_MS;
    if (state.applied >= state.seen) Object.assign(state, { seen: rev, seenAt: now });
    if (epoch !== state.epoch || isBehind || rev > state.applied + REPAIR_PAGE) this.#repair(tenant, state);
  }

  async #begin(tenant: string, state: Followed): Promise<void> {
    await reached(this.#channels.subscribe(logKey(tenant)));
    const { epoch, rev } = await this.#store.position(tenant);
    const [last] = await this.#store.recordsAfter(tenant, Math.max(0, rev - 1), 1);
    state.epoch = epoch;
    state.applied = rev;
    state.at = last?.rev === rev && last.epoch === epoch ? last.at : 0;
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
    this.#store.fences.note(tenant, record.fence ?? 0);
    if (state.epoch === 0) state.epoch = record.epoch;
    if (record.epoch !== state.epoch || record.rev > state.applied + 1) {
      this.#repair(tenant, state);
      return;
    }
    if (record.rev <= state.applied) return;
    state.applied = record.rev;
    state.at = record.at;
    state.recent.add(record);
    for (const listener of this.#listeners) {
      try {
        listener(tenant, record);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #cutAll(): void {
    this.#isCut = true;
    for (const [tenant, state] of this.#followed) {
      state.cut ??= heardOf(state);
      state.fence = this.#store.fences.of(tenant);
    }
  }

  #repairAll(): void {
    this.#isCut = false;
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
      if (epoch !== state.epoch) Object.assign(state, { epoch, applied: after, at: 0, seen: after });
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
        Object.assign(state, { applied: first.rev - 1, at: 0 });
      for (const record of records) this.#apply(tenant, state, record);
      if (records.length < REPAIR_PAGE) return;
    }
  }
}
