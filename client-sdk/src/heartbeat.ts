import { type Heartbeat as HeartbeatPayload, type LastcallError, MAX_VIEW_LENGTH } from '@lastcall/shared';
import { Alarm, type Clock } from './clock.js';
import type { Connection } from './connection.js';
import { toError, unavailable } from './errors.js';
import { oneLine } from './text.js';

/** Changes of `dirty` and `view` are told at most this often. */
const TELL_MS = 1_000;
/** The second missed beat may be this much late, in parts of the interval. */
const SLACK = 0.25;
/** So many heartbeats in a row may find the broker without its store before another node is tried. */
const PATIENCE = 2;

export interface HeartbeatPorts {
  idleMs(): number;
  dirty(): boolean | undefined;
  answered(sentAt: number, leaseMs: number): void;
  failed(error: LastcallError): void;
}

/**
 * Answers the broker's beats and notices their absence. The answer goes out from the message handler, because
 * browsers slow down the timers of hidden tabs but not their messages.
 */
export class Heartbeat {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #ports: HeartbeatPorts;
  readonly #missed: Alarm;
  readonly #tell: Alarm;
  #beatMs = 0;
  #leaseMs = 0;
  #beatAt = 0;
  /** Heartbeats in a row that the broker could not carry out. */
  #failures = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #view: string | undefined;
  /** What the broker has confirmed on this connection. */
  #known: { dirty?: boolean | undefined; view?: string | undefined } = {};

  constructor(connection: Connection, clock: Clock, ports: HeartbeatPorts) {
    this.#connection = connection;
    this.#clock = clock;
    this.#ports = ports;
    this.#missed = new Alarm(clock, () => {
      connection.restart(unavailable('The broker has not been heard for two beats.'));
    });
    this.#tell = new Alarm(clock, () => {
      this.report();
    });
  }

  /** A new connection begins: what was said on the old one may not have arrived. */
  start(beatMs: number, leaseMs: number): void {
    this.#known = {};
    this.#failures = 0;
    this.#beatAt = this.#clock.now();
    this.expect(beatMs, leaseMs);
    this.report();
  }

  expect(beatMs: number, leaseMs: number): void {
    this.#beatMs = beatMs;
    this.#leaseMs = leaseMs;
    this.#await(beatMs);
  }

  stop(): void {
    this.#missed.clear();
    this.#tell.clear();
  }

  beat(n: number): void {
    const intervalMs = this.#clock.now() - this.#beatAt;
    this.#beatAt = this.#clock.now();
    this.#await(intervalMs);
    void this.#send(n);
  }

  /** Says that this client is there without being asked. */
  renew(): void {
    if (this.#connection.online) void this.#send();
  }

  setView(view: string): void {
    this.#view = oneLine(view, MAX_VIEW_LENGTH);
    this.report();
  }

  /** Tells the broker of changed `dirty` or `view` without waiting for a beat, but not too often. */
  report(): void {
    if (!this.#connection.online || this.#changes() === undefined) return;
    const waitMs = this.#toldAt + TELL_MS - this.#clock.now();
    if (waitMs <= 0) void this.#send();
    else if (!this.#tell.set) this.#tell.after(waitMs);
  }

  /** Notices missed beats that no timer has noticed yet. */
  look(): void {
    this.#missed.look();
  }

  /** A broker under load asks less often, up to a third of the lease: that is not a missed beat. */
  #await(lastIntervalMs: number): void {
    const intervalMs = Math.max(this.#beatMs, Math.min(lastIntervalMs, this.#leaseMs / 3));
    this.#missed.at(this.#beatAt + intervalMs * 2 + this.#beatMs * SLACK);
  }

  #changes(): Pick<HeartbeatPayload, 'dirty' | 'view'> | undefined {
    const dirty = this.#ports.dirty();
    const changes = {
      ...(dirty !== undefined && dirty !== this.#known.dirty && { dirty }),
      ...(this.#view !== undefined && this.#view !== this.#known.view && { view: this.#view }),
    };
    return Object.keys(changes).length > 0 ? changes : undefined;
  }

  async #send(n?: number): Promise<void> {
    const sentAt = this.#clock.now();
    const known = this.#known;
    const changes = this.#changes();
    if (changes) this.#toldAt = sentAt;
    try {
      const idleMs = Math.round(this.#ports.idleMs());
      const { leaseMs } = await this.#connection.call('heartbeat', {
        ...(n !== undefined && { n }),
        idleMs,
        ...changes,
      });
      if (known === this.#known) Object.assign(known, changes);
      this.#failures = 0;
      if (Number.isFinite(leaseMs)) this.#ports.answered(sentAt, leaseMs);
    } catch (error) {
      const failure = toError(error);
      this.#ports.failed(failure);
      if (failure.code === 'unavailable') this.#doubt();
    }
  }

  /**
   * Perhaps this node alone has lost its store: another one is tried, more and more rarely, because when all have lost
   * it nobody is to lose their connection for it or be in the way of its return.
   */
  #doubt(): void {
    this.#failures += 1;
    const isDue = this.#failures >= PATIENCE && Number.isInteger(Math.log2(this.#failures));
    if (isDue) void this.#connection.move();
  }
}
