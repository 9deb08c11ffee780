import type { AuditRecord } from '@lastcall/shared';
import type { Nodes } from '../nodes.js';
import type { Store } from '../redis/store.js';
import { REQUEST_LIMIT_MS } from './endpoint.js';

/** How long a node that says nothing keeps the right to deliver, in milliseconds: one request, and time to say so. */
export const LEASE_MS = REQUEST_LIMIT_MS + 5_000;
const MARGIN_MS = 1_000;

/** This node, and which are alive. */
export type LiveNodes = Pick<Nodes, 'id' | 'aliveJson'>;

/** A place on a tenant's stream. */
export type Position = Pick<AuditRecord, 'epoch' | 'rev'>;

/** What a node learns that asks for the right to deliver a tenant's webhooks. */
export interface Claimed extends Position {
  readonly granted: boolean;
  /** Until it is worth asking again, in milliseconds; 0: until there are more records. */
  readonly waitMs: number;
  readonly fence: number;
  /** The tenant's last rev. */
  readonly head: number;
  /** Failed attempts in a row, and the instant of the record that waits. */
  readonly failures: number;
  readonly waitingAt?: number;
  /** Nothing was ever delivered of this tenant. */
  readonly isNew: boolean;
}

/**
 * The right to deliver a tenant's webhooks from where they were delivered to. One node has it at a time; what a node does
 * after it lost it changes nothing, for its fence is not the last one.
 */
export class Right {
  readonly #store: Store;
  readonly #tenant: string;
  readonly #node: string;
  readonly #fence: number;
  #position: Position;
  /** On this process's monotonic clock, counted from before it was asked for, so never later than Redis has it. */
  #until: number;

  private constructor(store: Store, tenant: string, node: string, claimed: Claimed, until: number) {
    this.#store = store;
    this.#tenant = tenant;
    this.#node = node;
    this.#fence = claimed.fence;
    this.#position = { epoch: claimed.epoch, rev: claimed.rev };
    this.#until = until;
  }

  /**
   * Asks for the right; `early` does not wait for the instant of the next attempt.
   * @throws LastcallError `unavailable`
   */
  static async claim(
    store: Store,
    tenant: string,
    nodes: LiveNodes,
    early: boolean,
  ): Promise<{ readonly claimed: Claimed; readonly right?: Right }> {
    const until = performance.now() + LEASE_MS;
    const args = [nodes.id, LEASE_MS, early ? '1' : '0', nodes.aliveJson()];
    const claimed = await store.run<Claimed>('hook_claim', tenant, args);
    return claimed.granted
      ? { claimed, right: new Right(store, tenant, nodes.id, claimed, until) }
      : { claimed };
  }

  /** The last record that needs no delivery any more. */
  get position(): Position {
    return this.#position;
  }

  /** Notes that nothing up to this record needs delivery any more; Redis learns of it with what is written next. */
  pass({ epoch, rev }: Position): void {
    this.#position = { epoch, rev };
  }

  /** Whether nobody else can have the right for as long as a request takes. */
  async lasts(): Promise<boolean> {
    return this.#until - performance.now() > REQUEST_LIMIT_MS + MARGIN_MS || (await this.keep());
  }

  /** Writes the position and goes on. `false`: somebody else has the right. */
  async keep(): Promise<boolean> {
    const until = performance.now() + LEASE_MS;
    const held = await this.#advance([LEASE_MS, 0, 0, 0]);
    if (held) this.#until = until;
    return held;
  }

  /** Writes the position and lets others go on. */
  async giveBack(): Promise<void> {
    await this.#advance([0, 0, 0, 0]);
  }

  /** Writes the position, and that the record after it is tried again after a time. */
  async postpone(failures: number, waitMs: number, waitingAt: number): Promise<void> {
    await this.#advance([0, failures, waitMs, waitingAt]);
  }

  async #advance(args: readonly number[]): Promise<boolean> {
    const { epoch, rev } = this.#position;
    const all = [this.#node, this.#fence, epoch, rev, ...args];
    return (await this.#store.run<{ held: boolean }>('hook_advance', this.#tenant, all)).held;
  }
}
