/** Into how many slots a tenant's sessions on this node are spread; one is asked at a time. */
export const BEAT_SLOTS = 20;
const TICK_MS = 100;

interface Tenant {
  beatMs: number;
  members: number;
  nextSlot: number;
  /** Slots asked so far, as a running number. */
  asked: number;
}

/**
 * The beat loop: asks the sessions of this node for heartbeats, spread over `beatMs`. Asking from the server keeps
 * hidden tabs alive, whose timers browsers slow down.
 */
export class BeatLoop {
  readonly #ask: (tenant: string, slot: number, n: number) => void;
  readonly #everyTick: () => void;
  readonly #tenants = new Map<string, Tenant>();
  #timer: NodeJS.Timeout | undefined;

  /** `ask` broadcasts a beat to a slot; `tick` is called at each turn of the loop, for work that is gathered. */
  constructor(parts: { ask: (tenant: string, slot: number, n: number) => void; tick: () => void }) {
    this.#ask = parts.ask;
    this.#everyTick = parts.tick;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A session joins; answers its slot. */
  join(tenant: string, beatMs: number): number {
    let known = this.#tenants.get(tenant);
    if (!known) {
      known = {
        beatMs,
        members: 0,
        nextSlot: 0,
        asked: Math.floor((performance.now() / beatMs) * BEAT_SLOTS),
      };
      this.#tenants.set(tenant, known);
    } else if (known.beatMs !== beatMs) {
      this.retune(tenant, beatMs);
    }
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
  retune(tenant: string, beatMs: number): void {
    const known = this.#tenants.get(tenant);
    if (!known) return;
    known.beatMs = beatMs;
    known.asked = Math.floor((performance.now() / beatMs) * BEAT_SLOTS);
  }

  #tick(now: number): void {
    for (const [tenant, state] of this.#tenants) {
      const due = Math.floor((now / state.beatMs) * BEAT_SLOTS);
      // After a stall every slot is asked once, not once for each beat that was missed.
      for (let n = Math.max(state.asked, due - BEAT_SLOTS) + 1; n <= due; n += 1) {
        this.#ask(tenant, n % BEAT_SLOTS, n);
      }
      state.asked = due;
    }
    this.#everyTick();
  }
}
