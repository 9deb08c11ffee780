import { Alarm, type Clock } from './clock.js';

/** `none`: never renewed; `at-risk`: may run out before the broker is heard again; `out`: trust nothing. */
export type LeaseState = 'none' | 'safe' | 'at-risk' | 'out';

/** Parts of the lease. The rest is for timers that come late, so that the client always gives up before the broker. */
const RISK = 0.8;
const OUT = 0.95;

/**
 * The session's right to live as the client may count on it: from when it sent the last heartbeat that was answered.
 * The broker counts from a later instant, so that this one runs out first.
 */
export class Lease {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #changed: () => void;
  #sentAt = 0;
  #leaseMs = 0;
  #told: LeaseState = 'none';

  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.#alarm = new Alarm(clock, () => {
      this.look();
    });
  }

  /** A heartbeat sent at this instant was answered. */
  renew(sentAt: number, leaseMs: number): void {
    this.look();
    if (this.#leaseMs > 0 && sentAt < this.#sentAt) return;
    this.#sentAt = sentAt;
    this.#leaseMs = leaseMs;
    this.look();
  }

  get state(): LeaseState {
    if (this.#leaseMs <= 0) return 'none';
    const passedMs = this.#clock.now() - this.#sentAt;
    if (passedMs >= this.#leaseMs * OUT) return 'out';
    return passedMs >= this.#leaseMs * RISK ? 'at-risk' : 'safe';
  }

  /** Milliseconds until nothing may be trusted. */
  get remainingMs(): number {
    return Math.max(0, this.#sentAt + this.#leaseMs * OUT - this.#clock.now());
  }

  /** Tells of a change that no timer has noticed yet. */
  look(): void {
    const state = this.state;
    this.#alarm.clear();
    if (state === 'safe') this.#alarm.at(this.#sentAt + this.#leaseMs * RISK);
    if (state === 'at-risk') this.#alarm.at(this.#sentAt + this.#leaseMs * OUT);
    if (state === this.#told) return;
    this.#told = state;
    this.#changed();
  }

  end(): void {
    this.#leaseMs = 0;
    this.#told = 'none';
    this.#alarm.clear();
  }
}
