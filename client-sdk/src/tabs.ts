import type { Clock } from './clock.js';

/** The part of a `BroadcastChannel` that is used. */
export interface TabChannel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  close(): void;
}

/** Input is told to the other pages at most this often. */
const TELL_MS = 1_000;

/** The other pages of the same person in this browser: what the person does in one, the others know. */
export class Tabs {
  readonly #make: (() => TabChannel) | undefined;
  readonly #clock: Clock;
  readonly #person: () => string | undefined;
  readonly #heard: () => void;
  #channel: TabChannel | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param person who is signed in; others on the same device are others */
  constructor(
    make: (() => TabChannel) | undefined,
    clock: Clock,
    person: () => string | undefined,
    heard: () => void,
  ) {
    this.#make = make;
    this.#clock = clock;
    this.#person = person;
    this.#heard = heard;
  }

  start(): void {
    this.#channel = this.#make?.();
    this.#channel?.addEventListener('message', ({ data }) => {
      if (data !== undefined && data === this.#person()) this.#heard();
    });
  }

  stop(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  tell(): void {
    const now = this.#clock.now();
    const person = this.#person();
    if (!this.#channel || person === undefined || now < this.#toldAt + TELL_MS) return;
    this.#toldAt = now;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin
    this.#channel.postMessage(person);
  }
}
