import type { LastcallError, LockHolder, LockWaiter } from '@lastcall/shared';
import type { LastcallClient } from '../client.js';
import type { LockHandle } from '../handle.js';
import type { LockOptions, TakeoverOptions } from '../locks.js';
import type { SaveResult } from '../saving.js';
import type { LostView, RequestedView, WaitingView } from '../snapshot.js';
import type { LockWatch } from '../watches.js';

/**
 * `held`, `at-risk`, `lost`: this session's lock. `asked`: its holder is asked for it; `waiting`: a place in the queue;
 * `asking`: the broker is. `taken`: others have it; `free`: nobody; `unknown`: there is no news of it.
 */
export type RecordPhase =
  | 'unknown'
  | 'free'
  | 'taken'
  | 'asking'
  | 'waiting'
  | 'asked'
  | 'held'
  | 'at-risk'
  | 'lost';

/** What is the case with one record, as one immutable object; replaced when something in it changes. */
export interface RecordView {
  readonly resource: string;
  readonly phase: RecordPhase;
  /** Locks of other sessions, on the record or in its way. */
  readonly holders: readonly LockHolder[];
  readonly waiters: readonly LockWaiter[];
  /** The lock that was got here: its fence goes with each write, its signal says when to stop. */
  readonly handle: LockHandle | undefined;
  /** The place in the queue, or the question to the holder; `remainingMs()` counts down. */
  readonly waiting: WaitingView | undefined;
  /** Somebody asks for the lock that is held here; `remainingMs()` counts down. */
  readonly request: RequestedView | undefined;
  readonly lost: LostView | undefined;
  /** Why the last question, here or of the watch, came to nothing. */
  readonly error: LastcallError | undefined;
  /** Who else has it is up to date. */
  readonly live: boolean;
}

/** What of a client a record needs. */
export type RecordClient = Pick<
  LastcallClient,
  'getSnapshot' | 'subscribe' | 'lock' | 'takeover' | 'yield' | 'keep' | 'watchLocks' | 'remainingMs'
>;

/** What is known besides the client's snapshot. */
interface Facts {
  readonly watch?: LockWatch | undefined;
  readonly handle?: LockHandle | undefined;
  readonly asking?: boolean;
  readonly error?: LastcallError | undefined;
}

/**
 * One record for whoever shows or edits it: who has it, the own lock, and what can be done. It watches while it has
 * subscribers; several of one record share the grant and the watch.
 * @example
 * const record = new RecordLock(client, 'invoices/7');
 * record.subscribe(() => render(record.getView()));
 * const lock = await record.lock({ waitMs: 60_000 });
 */
export class RecordLock {
  readonly resource: string;
  readonly client: RecordClient;
  readonly #listeners = new Set<() => void>();
  #facts: Facts = {};
  #question = new AbortController();
  #end: (() => void) | undefined;
  #view: RecordView | undefined;

  constructor(client: RecordClient, resource: string) {
    this.client = client;
    this.resource = resource;
  }

  /** What is the case now; the same object until something changes. */
  readonly getView = (): RecordView => {
    const view = this.#look();
    if (!this.#view || !sameView(view, this.#view)) this.#view = Object.freeze(view);
    return this.#view;
  };

  /** Calls the listener after each change of the view. Returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => {
      listener();
    };
    this.#listeners.add(own);
    if (!this.#end) this.#begin();
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stop();
    };
  };

  /**
   * Asks for the lock, at once or in the queue (`waitMs`); it takes the place of a question that is under way.
   * @throws LastcallError as `client.lock`; the signal's reason, or an `AbortError` after `cancel()`
   */
  lock(options: LockOptions = {}): Promise<LockHandle> {
    return this.#ask(options, (signal) => this.client.lock(this.resource, { ...options, signal }));
  }

  /**
   * Asks its holder for the lock, or takes it by force.
   * @throws LastcallError as `client.takeover`; the signal's reason, or an `AbortError` after `cancel()`
   */
  takeover(options: TakeoverOptions = {}): Promise<LockHandle> {
    return this.#ask(options, (signal) => this.client.takeover(this.resource, { ...options, signal }));
  }

  /** Leaves the queue, or withdraws what the holder was asked. */
  cancel(): void {
    this.#question.abort();
  }

  /**
   * Saves the record and hands it over to who asks for it; not if it could not be saved.
   * @throws LastcallError `not_found` when nobody asks, `unavailable`
   */
  yield(): Promise<SaveResult> {
    return this.client.yield(this.getView().request?.requestId ?? '');
  }

  /**
   * Keeps the record from who asks for it.
   * @throws LastcallError `not_found` when nobody asks, `unavailable`
   */
  keep(): Promise<void> {
    return this.client.keep(this.getView().request?.requestId ?? '');
  }

  /** Gives the lock back, asks for it no more, and forgets that it was lost. Never rejects. */
  async release(): Promise<void> {
    const { handle } = this.#facts;
    this.cancel();
    this.#set({ handle: undefined, error: undefined });
    await handle?.release();
  }

  /** Milliseconds until the wait, or the holder's time to answer, is over. */
  remainingMs(): number | undefined {
    const { waiting, request } = this.getView();
    const id = (waiting ?? request)?.requestId;
    return id === undefined ? undefined : this.client.remainingMs(id);
  }

  async #ask(
    { signal: given }: { readonly signal?: AbortSignal },
    send: (signal: AbortSignal) => Promise<LockHandle>,
  ): Promise<LockHandle> {
    this.#question.abort();
    const question = new AbortController();
    this.#question = question;
    this.#set({ asking: true, error: undefined });
    const signal = given ? AbortSignal.any([given, question.signal]) : question.signal;
    try {
      const handle = await send(signal);
      // It may have been given up in the moment of the grant.
      if (signal.aborted) void handle.release();
      signal.throwIfAborted();
      const before = this.#facts.handle;
      this.#set({ handle });
      void before?.release();
      return handle;
    } catch (error) {
      if (this.#question === question && !signal.aborted) this.#set({ error: errorOf(error) });
      throw error;
    } finally {
      if (this.#question === question) this.#set({ asking: false });
    }
  }

  #begin(): void {
    const unsubscribe = this.client.subscribe(this.#changed);
    let unwatch: (() => void) | undefined;
    try {
      unwatch = this.client.watchLocks(this.resource, (watch) => {
        this.#set({ watch });
      });
    } catch (error) {
      this.#set({ error: errorOf(error) });
    }
    this.#end = () => {
      unsubscribe();
      unwatch?.();
    };
  }

  #stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#facts = { ...this.#facts, watch: undefined };
  }

  #set(facts: Facts): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#changed();
  }

  readonly #changed = (): void => {
    const before = this.#view;
    if (before === this.getView()) return;
    for (const listener of Array.from(this.#listeners)) listener();
  };

  #look(): RecordView {
    const { resource } = this;
    const { watch, handle, asking = false, error = watch?.error } = this.#facts;
    const { locks, waiting, requested, lost, session } = this.client.getSnapshot();
    const mine = <T extends { readonly resource: string }>(list: readonly T[]): T | undefined =>
      list.find((item) => item.resource === resource);
    const entry = watch && mine(watch.locks);
    const others = entry?.holders.filter(({ sessionId }) => sessionId !== session?.id) ?? [];
    // A lock on something above the record cannot be seen by watching the record.
    const above = error?.extras.blockers?.filter((one) => one.resource !== resource) ?? [];
    const facts = {
      resource,
      holders: [...others, ...above],
      waiters: entry?.waiters ?? [],
      handle,
      waiting: mine(waiting),
      request: mine(requested),
      lost: mine(lost),
      error,
      live: watch?.live ?? false,
    };
    const state = locks.find((lock) => lock.resource === resource)?.state;
    return { ...facts, phase: phaseOf(facts, state, asking) };
  }
}

type LockState = LockHandle['state'];

/** The first that is true. */
function phaseOf(
  view: Omit<RecordView, 'phase'>,
  state: LockState | undefined,
  asking: boolean,
): RecordPhase {
  if (state === 'held' || state === 'at-risk') return state;
  if (view.waiting) return view.waiting.takeover ? 'asked' : 'waiting';
  if (asking) return 'asking';
  if (view.lost || state === 'lost') return 'lost';
  if (view.holders.length > 0) return 'taken';
  return view.live ? 'free' : 'unknown';
}

/** Lists are made anew by whoever reports them; one that says the same is the same. */
function sameView(a: RecordView, b: RecordView): boolean {
  return (Object.keys(a) as (keyof RecordView)[]).every((name) => {
    const [one, other] = [a[name], b[name]];
    if (!Array.isArray(one) || !Array.isArray(other)) return Object.is(one, other);
    return one.length === other.length && one.every((item, index) => Object.is(item, other[index]));
  });
}

/** By its shape: the client may come from another copy of the SDK. What is none of its errors is not told of. */
function errorOf(error: unknown): LastcallError | undefined {
  return error instanceof Error && error.name === 'LastcallError' ? (error as LastcallError) : undefined;
}
