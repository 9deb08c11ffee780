import type { PolicySettings } from '@lastcall/shared';
import type { Load } from './load.js';

/** Into how many slots a tenant's sessions on this node are spread; one is asked at a time. */
export const BEAT_SLOTS = 20;
const TICK_MS = 100;
/** No beat is stretched beyond this part of the lease, */
const OF_LEASE = 1 / 3;
/** nor so far that a client could take it for two missed beats, and come back to a node that is under strain already. */
const OF_BEAT = 1.5;

/** What a tenant's policy says of beats. */
type Pace = Pick<PolicySettings, 'beatMs' | 'leaseMs'>;

interface Tenant {
  pace: Pace;
  members: number;
  nextSlot: number;
  /** Slots that were to be asked so far, as a running number with its fraction; and those that were. */
  due: number;
  asked: number;
}

/** How long to take for all slots: `beatMs` at ease, longer under strain. */
function intervalOf({ beatMs, leaseMs }: Pace, strain: number): number {
  const longestMs = Math.max(beatMs, Math.min(leaseMs * OF_LEASE, beatMs * OF_BEAT));
  return beatMs + (longestMs - beatMs) * strain;
}

/**
 * The beat loop: asks the sessions of this node for heartbeats, spread over `beatMs`. Asking from the server keeps
 * hidden tabs alive, whose timers browsers slow down, and lets a node under load ask less often.
 */
export class BeatLoop {
  readonly #ask: (tenant: string, slot: number, n: number) => void;
  readonly #everyTick: () => void;
  readonly #load: Load;
  readonly #tenants = new Map<string, Tenant>();
  #timer: NodeJS.Timeout | undefined;
  #turnedAt = 0;

  /** `ask` broadcasts a beat to a slot; `tick` is called at each turn of the loop, for work that is gathered. */
  constructor(parts: {
    ask: (tenant: string, slot: number, n: number) => void;
    tick: () => void;
    load: Load;
  }) {
    this.#ask = parts.ask;
    this.#everyTick = parts.tick;
    this.#load = parts.load;
  }

  start(): void {
    this.#turnedAt = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#load.note(now - this.#turnedAt - TICK_MS, now);
      this.turn(now);
      this.#everyTick();
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A session joins; answers its slot. */
  join(tenant: string, { beatMs, leaseMs }: Pace): number {
    const pace = { beatMs, leaseMs };
    let known = this.#tenants.get(tenant);
    if (!known) {
      // Each tenant begins somewhere else, so that not all ask at once.
      const due = (performance.now() / beatMs) * BEAT_SLOTS;
      known = { pace, members: 0, nextSlot: 0, due, asked: Math.floor(due) };
      this.#tenants.set(tenant, known);
    }
    known.pace = pace;
    known.members += 1;
    const slot = known.nextSlot;
    known.nextSlot = (slot + 1) % BEAT_SLOTS;
    return slot;
  }

  leave(tenant: string): void {
    const known = this.#tenants.get(tenant);
    if (!known) return;
    known.members -= 1;
    if (known.members === 0) this.#tenants.delete(tenant);
  }

  /** The tenant's policy changed. */
  retune(tenant: string, { beatMs, leaseMs }: Pace): void {
    const known = this.#tenants.get(tenant);
    if (known) known.pace = { beatMs, leaseMs };
  }

  /** Asks the slots that are due at an instant of the monotonic clock. */
  turn(now: number): void {
    const strain = this.#load.strain(now);
    const passedMs = now - this.#turnedAt;
    this.#turnedAt = now;
    for (const [tenant, state] of this.#tenants) {
      state.due += (passedMs / intervalOf(state.pace, strain)) * BEAT_SLOTS;
      const due = Math.floor(state.due);
      // After a stall every slot is asked once, not once for each beat that was missed.
      for (let n = Math.max(state.asked, due - BEAT_SLOTS) + 1; n <= due; n += 1) {
        this.#ask(tenant, n % BEAT_SLOTS, n);
      }
      state.asked = due;
    }
  }
}
