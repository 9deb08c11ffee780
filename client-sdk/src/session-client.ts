import type { Lock, Welcome } from '@lastcall/shared';
import { headersOf } from './headers.js';
import type { SaveHandler, SaveOptions, SaveResult } from './saving.js';
import type { Session } from './session.js';
import type { Snapshot } from './snapshot.js';

/** Time for work that nobody waits for. */
const UNHURRIED_MS = 30_000;

/**
 * One session of one person with the broker: presence, warnings and saving, without locks.
 * @example
 * const client = createClient({ url: 'https://broker.example', token: () => fetchToken() });
 * client.onSave(() => saveInvoice());
 * await client.connect();
 */
export class SessionClient {
  readonly #session: Session;

  /** Clients are made by `createClient`. */
  constructor(session: Session) {
    this.#session = session;
  }

  /** What is the case now; the same object until something changes. */
  readonly getSnapshot = (): Snapshot => this.#session.store.get();

  /** Calls the listener after each change of the snapshot. Returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => this.#session.store.subscribe(listener);

  /**
   * Opens the session, or resumes it. Attempts go on until `close()`, `end()` or a refusal for good.
   * @throws LastcallError the refusal; `unavailable` after `connectTimeoutMs`, though attempts go on
   */
  connect(): Promise<Welcome> {
    return this.#session.connect();
  }

  /** Drops the connection. The session stays until its lease runs out; `connect()` resumes it until then. */
  close(): void {
    this.#session.close();
  }

  /**
   * The person signs out: unsaved work is saved first, for 5 s at most, then the session is over; without a connection,
   * when its lease runs out. `saveAndEnd()` stays when something could not be saved.
   */
  end(): Promise<void> {
    return this.#session.end();
  }

  /** Registers what saves one editor's work. Returns what unregisters it. */
  onSave(handler: SaveHandler, options: SaveOptions = {}): () => void {
    return this.#session.saving.add(handler, options);
  }

  /** Says whether there is unsaved work; administrators see it before they log anybody off. */
  setDirty(dirty: boolean): void {
    this.#session.saving.setDirty(dirty);
    this.#session.heartbeat.report();
  }

  /** Says what the person is looking at, in at most 128 characters; administrators see it. */
  setView(view: string): void {
    this.#session.heartbeat.setView(view);
  }

  /** Saves what is unsaved, and goes on. */
  saveNow(): Promise<SaveResult> {
    const { orders, saving } = this.#session;
    return saving.run('asked', Math.min(UNHURRIED_MS, orders.logoffMs ?? UNHURRIED_MS));
  }

  /** Saves what is unsaved, under a hold if a logoff was ordered, and lets the session end if that succeeded. */
  async saveAndEnd(): Promise<SaveResult> {
    const { orders, saving } = this.#session;
    if (orders.logoffMs !== undefined) return orders.save('asked');
    const result = await saving.run('asked', UNHURRIED_MS);
    if (result.saved) await this.#session.signOut();
    return result;
  }

  /**
   * Tells the broker that the person saw a warning.
   * @throws unavailable, not_found
   */
  seen(orderId: string): Promise<void> {
    return this.#session.orders.seen(orderId);
  }

  /**
   * Tells the broker that the work is saved: it ends the session without waiting for the deadline.
   * @throws unavailable, not_found
   */
  saved(orderId: string): Promise<void> {
    return this.#session.orders.saved(orderId);
  }

  /**
   * Asks for more time before a logoff, in milliseconds.
   * @returns milliseconds left
   * @throws unavailable, extension_refused
   */
  extend(orderId: string, ms: number): Promise<number> {
    return this.#session.orders.extend(orderId, ms);
  }

  /** The person did something. Browsers notice by themselves; other hosts say so. */
  activity(): void {
    this.#session.activity.input();
  }

  /** The person says "I am still here": ends an idle warning. */
  dismiss(): Promise<void> {
    return this.#session.activity.dismiss();
  }

  /** Milliseconds until an order's deadline. Undefined for what does not concern this session. */
  remainingMs(id: string): number | undefined {
    return this.#session.orders.remainingMs(id);
  }

  /** For how many milliseconds the session may be counted on if the broker is not heard again. */
  leaseRemainingMs(): number {
    return this.#session.lease.remainingMs;
  }

  /** The headers that tell a guarded back end under which session, and which lock, a request is made. */
  headers(lock?: Pick<Lock, 'resource' | 'fence'>): Readonly<Record<string, string>> {
    return headersOf(this.getSnapshot().session?.id, lock);
  }
}
