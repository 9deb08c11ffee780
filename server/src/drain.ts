import type { AuditRecord } from '@lastcall/shared';
import type { Claimed, Position } from './right.js';

/** How many tenants have their turn at once. */
const MAX_TURNS = 8;
/** How often a tenant is looked at of which nobody here hears, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** How far a turn came. */
export interface Turn {
  /** Where the tenant stands now, as far as this node knows. */
  readonly position?: Position;
  /** Failed attempts in a row, and the instant of the record that waits. */
  readonly failures: number;
  readonly waitingAt?: number;
  /** Until the next turn makes sense, in milliseconds; 0: until there are more records. */
  readonly waitMs: number;
  /** There is more to do now. */
  readonly hasMore: boolean;
}

/** The right was not given: what is known says when to ask again. */
export function refusedTurn({ failures, waitingAt, waitMs, epoch, rev }: Claimed): Turn {
  return {
    position: { epoch, rev },
    failures,
    ...(waitingAt === undefined ? {} : { waitingAt }),
    waitMs,
    hasMore: false,
  };
}

/** Somebody else has the right now, and knows how far it came. */
export function superseded(): Turn {
  return { failures: 0, waitMs: LOOK_EVERY_MS, hasMore: false };
}

/** What a tenant's turn is, and what becomes of its faults. */
export interface DrainParts {
  /** @param early does not wait for the instant of the next attempt */
  readonly turn: (tenant: string, early: boolean) => Promise<Turn>;
  readonly fail: (error: unknown) => void;
  /** Nothing is to be done at all any more. */
  readonly isOver?: () => boolean;
}

/** Where a tenant stands, as this node knows. */
export interface Watched {
  /** The tenant's last record, as heard. */
  head: Position;
  /** Up to where it is done. */
  known: Position | undefined;
  /** On the monotonic clock: when it was looked at, and before when no turn makes sense. */
  lookedAt: number;
  dueAt: number;
  failures: number;
  waitingAt: number | undefined;
  /** A record was heard that is to be done at once. */
  isWanted: boolean;
  /** The next attempt need not wait. */
  isEarly: boolean;
  isBusy: boolean;
}

/**
 * Goes through the streams of all tenants, each in its turn. It has no timer of its own: it is called by whoever hears a
 * record and by the sweep, which looks at every tenant.
 */
export class Drain {
  readonly #parts: DrainParts;
  readonly #watched = new Map<string, Watched>();
  readonly #queue = new Set<string>();
  readonly #turns = new Set<Promise<void>>();
  #isStopped = true;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#isStopped = false;
  }

  /** Begins no more turns; resolves when those that are under way have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#queue.clear();
    await Promise.allSettled(this.#turns);
  }

  /** Every tenant that was heard of. */
  get watched(): ReadonlyMap<string, Watched> {
    return this.#watched;
  }

  /** A record of a tenant was heard that is to be done at once, or may wait for the next look. */
  hear(tenant: string, record: AuditRecord, isWanted: boolean): void {
    const watched = this.#watch(tenant, record);
    if (!isWanted) return;
    watched.isWanted = true;
    this.#consider(tenant, watched);
  }

  /** A tenant was looked at: this is its last record. */
  look(tenant: string, head: Position): void {
    this.#consider(tenant, this.#watch(tenant, head));
  }

  /** What failed works again: tenants need not wait for their next attempts. */
  hurry(): void {
    for (const watched of this.#watched.values()) {
      if (watched.failures > 0) Object.assign(watched, { isEarly: true, dueAt: 0 });
    }
  }

  #watch(tenant: string, { epoch, rev }: Position): Watched {
    const head = { epoch, rev };
    const known = this.#watched.get(tenant);
    if (known) {
      // News of the sweep and of the bus cross; an older rev of the same epoch is no news.
      if (epoch > known.head.epoch || (epoch === known.head.epoch && rev > known.head.rev)) known.head = head;
      return known;
    }
    const watched: Watched = {
      head,
      known: undefined,
      lookedAt: Number.NEGATIVE_INFINITY,
      dueAt: 0,
      failures: 0,
      waitingAt: undefined,
      isWanted: false,
      // Whoever starts may have repaired what the attempts before failed by.
      isEarly: true,
      isBusy: false,
    };
    this.#watched.set(tenant, watched);
    return watched;
  }

  #consider(tenant: string, watched: Watched): void {
    const isOver = this.#isStopped || this.#parts.isOver?.() === true;
    if (isOver || watched.isBusy || !isDue(watched, performance.now())) return;
    this.#queue.add(tenant);
    this.#next();
  }

  #next(): void {
    for (const tenant of this.#queue) {
      if (this.#turns.size >= MAX_TURNS) return;
      this.#queue.delete(tenant);
      const turn = this.#take(tenant, this.#watched.get(tenant) as Watched).finally(() => {
        this.#turns.delete(turn);
        this.#next();
      });
      this.#turns.add(turn);
    }
  }

  async #take(tenant: string, watched: Watched): Promise<void> {
    const early = watched.isEarly;
    Object.assign(watched, { isBusy: true, isWanted: false, isEarly: false, lookedAt: performance.now() });
    try {
      this.#settle(watched, await this.#parts.turn(tenant, early));
    } catch (error) {
      watched.dueAt = performance.now() + LOOK_EVERY_MS;
      this.#parts.fail(error);
    }
    watched.isBusy = false;
    this.#consider(tenant, watched);
  }

  #settle(watched: Watched, turn: Turn): void {
    if (turn.position) watched.known = turn.position;
    watched.failures = turn.failures;
    watched.waitingAt = turn.waitingAt;
    watched.dueAt = performance.now() + turn.waitMs;
    if (turn.hasMore) watched.isWanted = true;
  }
}

/** Whether a turn makes sense: at once for what was heard, else once a second. */
function isDue({ head, known, lookedAt, dueAt, isWanted, isEarly }: Watched, now: number): boolean {
  const isBehind = known === undefined || known.epoch !== head.epoch || known.rev < head.rev;
  return isBehind && now >= dueAt && (isWanted || isEarly || now >= lookedAt + LOOK_EVERY_MS);
}
