import { type LastcallClient, LastcallError, type LockHandle, type LockHolder } from '@lastcall/client';

/** Whether this window may write a record, and why not. */
export type RightState =
  | { readonly kind: 'asking' }
  | { readonly kind: 'held'; readonly lock: LockHandle }
  | { readonly kind: 'at-risk'; readonly lock: LockHandle }
  | { readonly kind: 'taken'; readonly holder: LockHolder | undefined }
  | { readonly kind: 'free' }
  | { readonly kind: 'waiting'; readonly holder: LockHolder | undefined; readonly position: number }
  | { readonly kind: 'lost'; readonly lock: LockHandle }
  | { readonly kind: 'failed'; readonly message: string };

/** Longest wait in the queue. */
const WAIT_MS = 300_000;
/** How often a reader looks whether the editor is still at work. */
const LOOK_MS = 3_000;

/** The right to write one record: asked for, waited for, held, lost. */
export class Right {
  readonly #client: LastcallClient;
  readonly #resource: string;
  readonly #changed: (state: RightState) => void;
  readonly #closed = new AbortController();
  #asked = new AbortController();
  #state: RightState = { kind: 'asking' };
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(client: LastcallClient, resource: string, changed: (state: RightState) => void) {
    this.#client = client;
    this.#resource = resource;
    this.#changed = changed;
    const unsubscribe = client.subscribe(() => {
      this.#queueMoved();
    });
    this.#closed.signal.addEventListener('abort', unsubscribe);
  }

  get state(): RightState {
    return this.#state;
  }

  /** Asks once. */
  ask(): Promise<void> {
    this.#enter({ kind: 'asking' });
    return this.#acquire(0);
  }

  /** Takes a place in the queue. */
  async wait(): Promise<void> {
    const holder = this.#state.kind === 'taken' ? this.#state.holder : undefined;
    this.#enter({ kind: 'waiting', holder, position: 1 });
    await this.#acquire(WAIT_MS);
  }

  /** Leaves the queue. */
  async stopWaiting(): Promise<void> {
    this.#asked.abort();
    if (this.#state.kind === 'waiting') this.#enter({ kind: 'taken', holder: this.#state.holder });
    await this.#look();
  }

  /** Gives the record back, or stops asking for it. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#closed.abort();
    this.#asked.abort();
    clearInterval(this.#timer);
    if (state.kind === 'held' || state.kind === 'at-risk') await state.lock.release();
  }

  async #acquire(waitMs: number): Promise<void> {
    this.#asked.abort();
    const asked = new AbortController();
    this.#asked = asked;
    try {
      const lock = await this.#client.lock(this.#resource, { waitMs, signal: asked.signal });
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
    if (error instanceof LastcallError && error.code === 'locked') {
      this.#enter({ kind: 'taken', holder: error.extras.blockers?.[0] });
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
    this.#enter({ kind: state, lock });
  }

  #queueMoved(): void {
    if (this.#state.kind !== 'waiting') return;
    const place = this.#client.getSnapshot().waiting.find(({ resource }) => resource === this.#resource);
    if (!place) return;
    const holder = place.blockers[0] ?? this.#state.holder;
    if (place.position === this.#state.position && holder === this.#state.holder) return;
    this.#enter({ kind: 'waiting', holder, position: place.position });
  }

  /** A reader learns when the editor leaves; whoever waits is told by the broker. */
  async #look(): Promise<void> {
    const before = this.#state;
    try {
      const { holders } = await this.#client.query(this.#resource);
      if (this.#state !== before) return;
      const [holder] = holders;
      this.#enter(holder ? { kind: 'taken', holder } : { kind: 'free' });
    } catch {
      // The next look may succeed.
    }
  }

  #enter(state: RightState): void {
    if (this.#closed.signal.aborted) return;
    this.#state = state;
    clearInterval(this.#timer);
    if (state.kind === 'taken' || state.kind === 'free')
      this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#changed(state);
  }
}
