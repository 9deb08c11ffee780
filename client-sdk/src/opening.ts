import type { LastcallError, Welcome } from '@lastcall/shared';
import { Alarm, type Clock } from './clock.js';
import { unavailable } from './errors.js';

/** The answer to `connect()`, the same for everybody who calls it until the client stops. */
export class Opening {
  readonly welcome: Promise<Welcome>;
  readonly #alarm: Alarm;
  #resolve: (welcome: Welcome) => void = () => undefined;
  #reject: (error: LastcallError) => void = () => undefined;
  /** Why it takes so long. */
  #trouble = unavailable('The broker did not answer in time.');
  #expired = false;

  constructor(clock: Clock, timeoutMs: number) {
    this.welcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // The snapshot says it too: an application that watches that need not handle this promise.
    this.welcome.catch(() => undefined);
    this.#alarm = new Alarm(clock, () => {
      this.#expired = true;
      this.#reject(this.#trouble);
    });
    this.#alarm.after(timeoutMs);
  }

  /** Nobody waits for this answer any more, although attempts go on. */
  get expired(): boolean {
    return this.#expired;
  }

  delayed(error: LastcallError): void {
    this.#trouble = error;
  }

  succeed(welcome: Welcome): void {
    this.#alarm.clear();
    this.#resolve(welcome);
  }

  fail(error: LastcallError): void {
    this.#alarm.clear();
    this.#reject(error);
  }
}
