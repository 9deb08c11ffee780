import { Alarm, type Clock } from './clock.js';

/** Where the person and the device are heard: `document` and `window` in browsers. */
export interface InputTarget {
  addEventListener(type: string, listener: (event: Event) => void, options?: AddEventListenerOptions): void;
  removeEventListener(
    type: string,
    listener: (event: Event) => void,
    options?: AddEventListenerOptions,
  ): void;
  readonly visibilityState?: string;
}

export interface PresenceTargets {
  readonly page?: InputTarget | undefined;
  readonly device?: InputTarget | undefined;
}

export interface PresenceEvents {
  /** The page is in front again, or the device is back: whatever slept may be looked at. */
  woken(): void;
  /** Time has passed in which nothing ran. */
  slept(): void;
  /** There is no use in the connection any more. */
  away(why: string): void;
}

/** The network or the page is back. */
const WAKING = ['online', 'pageshow'] as const;
/** `pagehide`: a page that keeps its connection cannot be kept by the browser, to come back to by one step. */
const LEAVING: Readonly<Record<string, string>> = {
  offline: 'This device is offline.',
  pagehide: 'The page was left.',
};
const OPTIONS: AddEventListenerOptions = { capture: true, passive: true };
const TICK_MS = 5_000;
/** So much later than expected says that the device slept, or that the page was stopped. */
const GAP_MS = 5_000;

/** Notices when the page or the device was away: asleep, frozen, in the background, without a network, left. */
export class Presence {
  readonly #clock: Clock;
  readonly #page: InputTarget | undefined;
  readonly #device: InputTarget | undefined;
  readonly #events: PresenceEvents;
  readonly #tick: Alarm;
  #lookedAt = 0;

  constructor(clock: Clock, { page, device }: PresenceTargets, events: PresenceEvents) {
    this.#clock = clock;
    this.#page = page;
    this.#device = device;
    this.#events = events;
    this.#tick = new Alarm(clock, () => {
      this.#look();
    });
  }

  start(): void {
    this.#lookedAt = this.#clock.now();
    this.#tick.after(TICK_MS);
    this.#page?.addEventListener('visibilitychange', this.#visibility, OPTIONS);
    // A frozen page goes on.
    this.#page?.addEventListener('resume', this.#woken, OPTIONS);
    for (const type of WAKING) this.#device?.addEventListener(type, this.#woken, OPTIONS);
    for (const type of Object.keys(LEAVING)) this.#device?.addEventListener(type, this.#left, OPTIONS);
  }

  stop(): void {
    this.#tick.clear();
    this.#page?.removeEventListener('visibilitychange', this.#visibility, OPTIONS);
    this.#page?.removeEventListener('resume', this.#woken, OPTIONS);
    for (const type of WAKING) this.#device?.removeEventListener(type, this.#woken, OPTIONS);
    for (const type of Object.keys(LEAVING)) this.#device?.removeEventListener(type, this.#left, OPTIONS);
  }

  /** Called with whatever comes first after a sleep: a message, a key, an event of the page. */
  look(): void {
    if (this.#tick.set) this.#look();
  }

  #look(): void {
    const now = this.#clock.now();
    const isLate = now > this.#lookedAt + TICK_MS + GAP_MS;
    this.#lookedAt = now;
    this.#tick.after(TICK_MS);
    if (isLate) this.#events.slept();
  }

  readonly #visibility = (): void => {
    if (this.#page?.visibilityState === 'visible') this.#woken();
  };

  readonly #woken = (): void => {
    this.look();
    this.#events.woken();
  };

  readonly #left = ({ type }: Event): void => {
    this.#events.away(LEAVING[type] ?? type);
  };
}
