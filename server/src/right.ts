import type { AuditRecord } from '@lastcall/shared';
import type { Nodes } from './nodes.js';
import type { Store } from './redis/store.js';

const MARGIN_MS = 1_000;

/** This node, and which are alive. */
export type LiveNodes = Pick<Nodes, 'id' | 'aliveJson'>;

/** A place on a tenant's stream. */
export type Position = Pick<AuditRecord, 'epoch' | 'rev'>;

/** What a right is for. */
export interface Purpose {
  /** The key it stands in. */
  readonly name: 'hook' | 'archive';
  /** The longest that one step takes, in milliseconds; a node that says nothing keeps the right for some time more. */
  readonly stepMs: number;
}

/** How long a node that says nothing keeps a right, in milliseconds: one step, and time to say so. */
export function leaseOf({ stepMs }: Purpose): number {
  return stepMs + 5_000;
}

/** What a node learns that asks for the right to go through a tenant's stream. */
export interface Claimed extends Position {
  readonly granted: boolean;
  /** Until it is worth asking again, in milliseconds; 0: until there are more records. */
  readonly waitMs: number;
  readonly fence: number;
  /** The rev that this epoch follows. */
  readonly after: number;
  /** What else is known of the last record that is done. */
  readonly mark?: string;
  /** The tenant's last rev. */
  readonly head: number;
  /** Failed attempts in a row, and the instant of the record that waits. */
  readonly failures: number;
  readonly waitingAt?: number;
  /** Nothing was ever done of this tenant. */
  readonly isNew: boolean;
  /** How many records the tenant's policy keeps in Redis. */
  readonly retention: number;
}

/** Whose stream, for what, and by whom. */
interface Claim {
  readonly store: Store;
  readonly tenant: string;
  readonly nodes: LiveNodes;
  readonly purpose: Purpose;
}

/**
 * The right to go on with a tenant's stream from where it is done. One node has it at a time; what a node writes to Redis
 * after it lost it changes nothing, for its fence is not the last one.
 */
export class Right {
  readonly #claim: Claim;
  readonly #fence: number;
  #position: Position;
  #mark = '';
  /** On this process's monotonic clock, counted from before it was asked for, so never later than Redis has it. */
  #until: number;

  private constructor(claim: Claim, { fence, epoch, rev }: Claimed, until: number) {
    this.#claim = claim;
    this.#fence = fence;
    this.#position = { epoch, rev };
    this.#until = until;
  }

  /**
   * Asks for the right; `early` does not wait for the instant of the next attempt.
   * @throws LastcallError `unavailable`
   */
  static async claim(
    claim: Claim,
    early: boolean,
  ): Promise<{ readonly claimed: Claimed; readonly right?: Right }> {
    const { store, tenant, nodes, purpose } = claim;
    const lease = leaseOf(purpose);
    const until = performance.now() + lease;
    const args = [purpose.name, nodes.id, lease, early ? '1' : '0', nodes.aliveJson()];
    const claimed = await store.run<Claimed>('right_claim', tenant, args);
    return claimed.granted ? { claimed, right: new Right(claim, claimed, until) } : { claimed };
  }

  /** The last record that is done. */
  get position(): Position {
    return this.#position;
  }

  /** Notes that all up to this record is done; Redis learns of it with what is written next. */
  pass({ epoch, rev }: Position, mark = ''): void {
    this.#position = { epoch, rev };
    this.#mark = mark;
  }

  /** Whether nobody else can have the right for as long as a step takes. */
  async lasts(): Promise<boolean> {
    const { stepMs } = this.#claim.purpose;
    return this.#until - performance.now() > stepMs + MARGIN_MS || (await this.keep());
  }

  /** Writes the position and goes on. `false`: somebody else has the right. */
  async keep(): Promise<boolean> {
    const lease = leaseOf(this.#claim.purpose);
    const until = performance.now() + lease;
    const held = await this.#advance([lease, 0, 0, 0]);
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
    const { store, tenant, nodes, purpose } = this.#claim;
    const { epoch, rev } = this.#position;
    const all = [purpose.name, nodes.id, this.#fence, epoch, rev, this.#mark, ...args];
    return (await store.run<{ held: boolean }>('right_advance', tenant, all)).held;
  }
}
