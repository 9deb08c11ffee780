import {
  type LastcallClient,
  LastcallError,
  type LockHandle,
  type LockHolder,
  type RequestedView,
} from '@lastcall/client';
import { toast } from './toast.js';

/** Whether this window may write a record, and why not. */
export type RightState =
  | { readonly kind: 'asking' }
  | { readonly kind: 'held'; readonly lock: LockHandle }
  | { readonly kind: 'at-risk'; readonly lock: LockHandle }
  | { readonly kind: 'taken'; readonly holder: LockHolder | undefined }
  | { readonly kind: 'free' }
  | { readonly kind: 'waiting'; readonly holder: LockHolder | undefined; readonly position: number }
  /** The holder was asked to hand the record over. */
  | { readonly kind: 'asked'; readonly holder: LockHolder | undefined; readonly requestId: string }
  /** It is held here, and somebody asks for it. */
  | { readonly kind: 'requested'; readonly lock: LockHandle; readonly request: RequestedView }
  | { readonly kind: 'lost'; readonly lock: LockHandle }
  | { readonly kind: 'failed'; readonly message: string };

/** Longest wait in the queue. */
const WAIT_MS = 300_000;

/** The right to write one record: asked for, waited for, held, lost. */
export class Right {
  readonly #client: LastcallClient;
  readonly #resource: string;
  readonly #changed: (state: RightState) => void;
  readonly #closed = new AbortController();
  #asked = new AbortController();
  #state: RightState = { kind: 'asking' };

  constructor(client: LastcallClient, resource: string, changed: (state: RightState) => void) {
    this.#client = client;
    this.#resource = resource;
    this.#changed = changed;
    const ends = [
      client.subscribe(() => {
        this.#queueMoved();
        this.#requested();
      }),
      client.watchLocks(resource, ({ live, locks }) => {
        if (live) this.#heard(locks.find((entry) => entry.resource === resource)?.holders ?? []);
      }),
    ];
    this.#closed.signal.addEventListener('abort', () => {
      for (const end of ends) end();
    });
  }

  get state(): RightState {
    return this.#state;
  }

  /** Asks once. */
  ask(): Promise<void> {
    this.#enter({ kind: 'asking' });
    return this.#acquire((signal) => this.#client.lock(this.#resource, { signal }));
  }

  /** Takes a place in the queue. */
  async wait(): Promise<void> {
    const holder = this.#state.kind === 'taken' ? this.#state.holder : undefined;
    this.#enter({ kind: 'waiting', holder, position: 1 });
    await this.#acquire((signal) => this.#client.lock(this.#resource, { waitMs: WAIT_MS, signal }));
  }

  /** Asks the holder to hand it over. */
  takeOver(): Promise<void> {
    return this.#acquire((signal) => this.#client.takeover(this.#resource, { signal }));
  }

  /** Saves, and hands the record over to who asked. */
  async yield(requestId: string): Promise<void> {
    const { saved } = await this.#client.yield(requestId);
    if (!saved) toast('It could not be saved, so it was not handed over.');
  }

  /** Keeps the record from who asked. */
  async keep(requestId: string): Promise<void> {
    await this.#client.keep(requestId);
  }

  /** Leaves the queue, or withdraws what the holder was asked. */
  async stopWaiting(): Promise<void> {
    this.#asked.abort();
    const { kind } = this.#state;
    if (kind === 'waiting' || kind === 'asked') this.#enter({ kind: 'taken', holder: this.#state.holder });
    const { holders } = await this.#client.query(this.#resource);
    this.#heard(holders);
  }

  /** Gives the record back, or stops asking for it. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#closed.abort();
    this.#asked.abort();
    if ('lock' in state && state.kind !== 'lost') await state.lock.release();
  }

  async #acquire(ask: (signal: AbortSignal) => Promise<LockHandle>): Promise<void> {
    this.#asked.abort();
    const asked = new AbortController();
    this.#asked = asked;
    try {
      const lock = await ask(asked.signal);
      lock.onChange(() => {
        this.#follow(lock);
      });
      this.#follow(lock);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    const { code, extras } = error instanceof LastcallError ? error : { code: undefined, extras: {} };
    if (code === 'locked' || code === 'takeover_refused') {
      if (code === 'takeover_refused' && error instanceof Error) toast(error.message);
      const known = 'holder' in this.#state ? this.#state.holder : undefined;
      this.#enter({ kind: 'taken', holder: extras.blockers?.[0] ?? known });
    } else {
      this.#enter({
        kind: 'failed',
        message: error instanceof Error ? error.message : 'It cannot be edited now.',
      });
    }
  }

  #follow(lock: LockHandle): void {
    const { state } = lock;
    if (state === 'released') return;
    const request = state === 'held' ? this.#request() : undefined;
    this.#enter(request ? { kind: 'requested', lock, request } : { kind: state, lock });
  }

  #request(): RequestedView | undefined {
    return this.#client.getSnapshot().requested.find(({ resource }) => resource === this.#resource);
  }

  #requested(): void {
    const state = this.#state;
    if (state.kind !== 'held' && state.kind !== 'requested') return;
    if (this.#request() !== (state.kind === 'requested' ? state.request : undefined))
      this.#follow(state.lock);
  }

  #queueMoved(): void {
    const place = this.#client.getSnapshot().waiting.find(({ resource }) => resource === this.#resource);
    if (!place) return;
    if (place.takeover) {
      if (this.#state.kind === 'asked') return;
      const asked = 'holder' in this.#state ? this.#state.holder : undefined;
      this.#enter({ kind: 'asked', holder: asked, requestId: place.requestId });
    }
    if (this.#state.kind !== 'waiting') return;
    const holder = place.blockers[0] ?? this.#state.holder;
    if (place.position === this.#state.position && holder === this.#state.holder) return;
    this.#enter({ kind: 'waiting', holder, position: place.position });
  }

  /** A reader learns when the editor leaves, or another one comes; whoever waits is told by the broker. */
  #heard(holders: readonly LockHolder[]): void {
    const { kind } = this.#state;
    if (kind !== 'taken' && kind !== 'free') return;
    const [holder] = holders;
    this.#enter(holder ? { kind: 'taken', holder } : { kind: 'free' });
  }

  #enter(state: RightState): void {
    if (this.#closed.signal.aborted) return;
    this.#state = state;
    this.#changed(state);
  }
}
