import type {
  ClientCall,
  ClientCalls,
  HandshakeAuth,
  LastcallError,
  ServerPush,
  ServerPushes,
  Welcome,
} from '@lastcall/shared';
import { Alarm, type Clock } from './clock.js';
import { toError, unavailable } from './errors.js';
import { Link, type LinkOptions } from './link.js';
import { Strays } from './strays.js';
import { Waiters } from './waiters.js';

/** Full jitter between nothing and this, doubled with each attempt up to the ceiling. */
const BACK_OFF_MS = 1_000;
const BACK_OFF_CEILING_MS = 15_000;
/** From dialling to the welcome. */
const WELCOME_MS = 15_000;
/** The broker says goodbye with `logoff`, to a link that is left with another one's welcome: both may be heard later. */
const GOODBYE_MS = 2_000;
/** So often in a row a fresh token may be refused before it is the person's turn. */
const TOKEN_ATTEMPTS = 3;

export interface ConnectionOptions extends Omit<LinkOptions, 'auth'> {
  readonly clock: Clock;
  readonly random: () => number;
  readonly callTimeoutMs: number;
  /** What to say in the next handshake; called for each. */
  readonly auth: () => Promise<HandshakeAuth>;
  /** Whether the token may be another one at the next attempt. */
  readonly freshTokens: boolean;
}

export interface ConnectionEvents {
  welcome(welcome: Welcome, dialledAt: number): void;
  push<E extends ServerPush>(event: E, payload: ServerPushes[E], acknowledge: () => void): void;
  /** There is no connection, and another attempt will follow. */
  down(error: LastcallError): void;
  /** There is none and none will follow; true asks for one more attempt all the same. */
  refused(error: LastcallError): boolean;
}

export interface CallOptions<E extends ClientCall> {
  /** How long to wait for a connection first; without it there must be one now. */
  readonly waitMs?: number;
  readonly timeoutMs?: number;
  readonly late?: (answer: ClientCalls[E]['answer']) => void;
}

/** Keeps one link alive: dials, waits as told, and stops for good when the broker says so. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #retry: Alarm;
  readonly #deadline: Alarm;
  /** Ends an attempt to move to another node. */
  readonly #patience: Alarm;
  readonly #waiters: Waiters;
  readonly #strays: Strays;
  #running = false;
  #online = false;
  #dialling = 0;
  #attempts = 0;
  #refusedTokens = 0;
  #told = false;
  #final = false;
  #link: Link | undefined;
  /** A second link, dialled while the first one stands but leads to a node that is of no use. */
  #next: Link | undefined;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#retry = new Alarm(options.clock, () => void this.#dial());
    this.#deadline = new Alarm(options.clock, () => {
      this.restart(unavailable('The broker did not answer in time.'));
    });
    this.#patience = new Alarm(options.clock, () => {
      this.#stay(unavailable('The other node did not answer in time.'));
    });
    this.#waiters = new Waiters(options.clock);
    this.#strays = new Strays(options.clock);
  }

  get running(): boolean {
    return this.#running;
  }

  get online(): boolean {
    return this.#online;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#final = false;
    this.#attempts = 0;
    this.#refusedTokens = 0;
    void this.#dial();
  }

  /** Stops for good, until `start()`. */
  stop(error: LastcallError): void {
    this.#running = false;
    this.#hangUp(error);
    this.#waiters.fail(error);
  }

  /** There will be no other link after this one. */
  last(): void {
    this.#final = true;
  }

  /** Gives up the link and dials again, after the usual wait. */
  restart(error: LastcallError): void {
    if (this.#running) this.#lost(error);
  }

  /**
   * Looks for a node that is of more use. The link is kept until another node has welcomed the session.
   */
  async move(): Promise<void> {
    if (!this.#online || this.#next || this.#final) return;
    const dialling = this.#dialling;
    try {
      const auth = await this.#options.auth();
      if (dialling !== this.#dialling || !this.#online || this.#next) return;
      this.#next = this.#newLink(auth);
      this.#patience.after(WELCOME_MS);
    } catch {
      // There was no token: this link may serve again by itself.
    }
  }

  /** Tries at once instead of waiting, unless the broker asked for the wait: the network or the person is back. */
  nudge(): void {
    if (this.#retry.set && !this.#told) void this.#dial();
  }

  /** The connection has proved itself: the next failure starts with a short wait again. */
  prove(): void {
    this.#attempts = 0;
    this.#strays.proved();
  }

  /**
   * Sends a command and waits for its answer.
   * @throws LastcallError what the broker answered; `unavailable` when the outcome is unknown
   */
  async call<E extends ClientCall>(
    event: E,
    payload: ClientCalls[E]['payload'],
    options: CallOptions<E> = {},
  ): Promise<ClientCalls[E]['answer']> {
    if (options.waitMs !== undefined) await this.ready(options.waitMs);
    const link = this.#link;
    if (!this.#online || !link) throw unavailable('There is no connection to the broker.');
    try {
      return await link.call(event, payload, options.timeoutMs ?? this.#options.callTimeoutMs, options.late);
    } catch (error) {
      if (link === this.#link) this.#heed(toError(error));
      throw error;
    }
  }

  #heed(error: LastcallError): void {
    if (error.code === 'superseded') this.#superseded(error);
    if (error.code === 'session_ended' && !this.#deadline.set) this.#deadline.after(GOODBYE_MS);
  }

  /**
   * Waits for a connection.
   * @throws unavailable when there is none in time
   */
  ready(waitMs: number): Promise<void> {
    if (this.#online) return Promise.resolve();
    if (!this.#running) return Promise.reject(unavailable('This client is not connected.'));
    return this.#waiters.wait(waitMs);
  }

  async #dial(): Promise<void> {
    const dialling = ++this.#dialling;
    this.#retry.clear();
    try {
      const auth = await this.#options.auth();
      if (dialling !== this.#dialling) return;
      this.#deadline.after(WELCOME_MS);
      this.#link = this.#newLink(auth);
    } catch (error) {
      if (dialling === this.#dialling) this.#lost(toError(error));
    }
  }

  #newLink(auth: HandshakeAuth): Link {
    const link: Link = new Link(
      { ...this.#options, auth },
      {
        push: (event, payload, acknowledge) => {
          if (link === this.#next && event === 'welcome') this.#change(link);
          if (link === this.#link) this.#push(event, payload, acknowledge);
        },
        over: (error) => {
          if (link === this.#next) this.#stay(error);
          else if (this.#next) this.#rely(this.#next, error);
          else this.#lost(error);
        },
      },
    );
    return link;
  }

  /** The second link is the link from now on; if it was not welcomed yet it has to be in time. */
  #change(link: Link, withinMs?: number): void {
    const first = this.#link;
    this.#next = undefined;
    this.#link = link;
    this.#patience.clear();
    first?.drop(unavailable('The connection was changed to another node.'));
    if (withinMs === undefined) return;
    this.#online = false;
    this.#deadline.after(withinMs);
  }

  /** The first link is over before the second was welcomed, as if that had been dialled now. */
  #rely(next: Link, error: LastcallError): void {
    this.#change(next, WELCOME_MS);
    this.#events.down(error);
  }

  /** The second link came to nothing. What it was told of the session is true all the same. */
  #stay(error: LastcallError): void {
    this.#strays.note(error);
    this.#next?.drop(error);
    this.#next = undefined;
    this.#patience.clear();
    if (error.code === 'session_ended') this.#lost(error);
  }

  /** By the second link, whose welcome is on its way, by an attempt that had been given up, or by somebody else. */
  #superseded(error: LastcallError): void {
    if (this.#next) this.#change(this.#next, GOODBYE_MS);
    else this.restart(this.#strays.took() ? unavailable('An earlier attempt took the session.') : error);
  }

  #push<E extends ServerPush>(event: E, payload: ServerPushes[E], acknowledge: () => void): void {
    if (event === 'welcome') {
      this.#online = true;
      this.#refusedTokens = 0;
      this.#deadline.clear();
      this.#events.welcome(payload as Welcome, this.#link?.dialledAt ?? 0);
      this.#waiters.succeed();
    } else if (event === 'superseded') {
      this.#superseded(
        toError({ code: 'superseded', message: 'This session goes on in another window.', terminal: true }),
      );
    } else if (this.#online || event === 'logoff') {
      this.#events.push(event, payload, acknowledge);
    }
  }

  #hangUp(error: LastcallError): void {
    if (this.#next || (this.#link && !this.#online)) this.#strays.note(error);
    this.#dialling += 1;
    this.#online = false;
    this.#retry.clear();
    this.#deadline.clear();
    this.#patience.clear();
    this.#link?.drop(error);
    this.#next?.drop(error);
    this.#link = undefined;
    this.#next = undefined;
  }

  #lost(error: LastcallError): void {
    this.#hangUp(error);
    const again = this.#comesBack(error);
    if (!again && !this.#events.refused(error)) {
      this.stop(error);
      return;
    }
    const toldMs = error.extras.retryAfterMs;
    this.#told = toldMs !== undefined;
    const ceilingMs = Math.min(BACK_OFF_CEILING_MS, BACK_OFF_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#retry.after((toldMs ?? 0) + this.#options.random() * ceilingMs);
    this.#events.down(error);
  }

  #comesBack(error: LastcallError): boolean {
    if (this.#final || error.terminal || error.code === 'session_ended' || error.code === 'superseded')
      return false;
    if (error.code === 'token_expired' || error.code === 'unauthenticated') {
      this.#refusedTokens += 1;
      return this.#options.freshTokens && this.#refusedTokens < TOKEN_ATTEMPTS;
    }
    return error.retryable || error.extras.retryAfterMs !== undefined;
  }
}
