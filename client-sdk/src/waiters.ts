import type { LastcallError } from '@lastcall/shared';
import type { Clock } from './clock.js';
import { unavailable } from './errors.js';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: LastcallError) => void;
}

/** Those who wait for a connection, each for a time of its own. */
export class Waiters {
  readonly #clock: Clock;
  readonly #all = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws unavailable when there is none in time, or what `fail` was told */
  wait(waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#clock.clearTimeout(timer);
        this.#all.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        resolve: () => {
          settle(resolve);
        },
        reject: (error) => {
          settle(() => {
            reject(error);
          });
        },
      };
      const timer = this.#clock.setTimeout(() => {
        waiter.reject(unavailable('There was no connection to the broker in time.'));
      }, waitMs);
      this.#all.add(waiter);
    });
  }

  succeed(): void {
    for (const waiter of Array.from(this.#all)) waiter.resolve();
  }

  fail(error: LastcallError): void {
    for (const waiter of Array.from(this.#all)) waiter.reject(error);
  }
}
