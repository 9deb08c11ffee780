import { Alarm, type Clock } from './clock.js';
import type { InputTarget } from './presence.js';

const INPUT = ['pointerdown', 'keydown', 'touchstart', 'wheel'] as const;
const OPTIONS: AddEventListenerOptions = { capture: true, passive: true };
/** Input is told to the broker at most this often. */
const TELL_MS = 1_000;

export interface ActivityEvents {
  /** Whether the broker waits for a sign of the person: they were idle, or are warned of it. */
  awaited(idleMs: number): boolean;
  /** The person is back: tell the broker. Rejects when that was not possible. */
  back(): Promise<void>;
  /** The person did something here: tell the other pages. */
  did(): void;
}

/** Knows when the person last did something. Nothing else counts: no timer, no script, no message. */
export class Activity {
  readonly #clock: Clock;
  readonly #page: InputTarget | undefined;
  readonly #events: ActivityEvents;
  readonly #quiet: Alarm;
  #lastInputAt: number;
  /** The person came back, and the broker does not know yet. */
  #untold = false;

  constructor(clock: Clock, page: InputTarget | undefined, events: ActivityEvents) {
    this.#clock = clock;
    this.#page = page;
    this.#events = events;
    this.#quiet = new Alarm(clock, () => undefined);
    this.#lastInputAt = clock.now();
  }

  get idleMs(): number {
    return this.#clock.now() - this.#lastInputAt;
  }

  start(): void {
    for (const type of INPUT) this.#page?.addEventListener(type, this.#heard, OPTIONS);
    this.#page?.addEventListener('visibilitychange', this.#visibility, OPTIONS);
  }

  stop(): void {
    for (const type of INPUT) this.#page?.removeEventListener(type, this.#heard, OPTIONS);
    this.#page?.removeEventListener('visibilitychange', this.#visibility, OPTIONS);
    this.#quiet.clear();
  }

  /** The person did something. */
  input(): void {
    this.#events.did();
    this.shared();
  }

  /** The person did something, here or in another page. */
  shared(): void {
    const awaited = this.#events.awaited(this.idleMs);
    this.#lastInputAt = this.#clock.now();
    if (awaited && !this.#quiet.set) void this.#tell();
  }

  /** The person says "I am here". */
  dismiss(): Promise<void> {
    this.#events.did();
    this.#lastInputAt = this.#clock.now();
    return this.#tell();
  }

  /** There is a connection again: tells what could not be told. */
  catchUp(): void {
    if (this.#untold) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#quiet.after(TELL_MS);
    this.#untold = true;
    try {
      await this.#events.back();
      this.#untold = false;
    } catch {
      // Told at the next connection, or with the next heartbeat.
    }
  }

  /** Scripts can make events too; only the person's count. */
  readonly #heard = (event: Event): void => {
    if (event.isTrusted) this.input();
  };

  readonly #visibility = (): void => {
    if (this.#page?.visibilityState === 'visible') this.input();
  };
}
