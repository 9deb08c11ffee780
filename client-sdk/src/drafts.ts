import { DraftShelf } from './draft-shelf.js';
import type { Draft } from './draft-store.js';
import { randomId } from './ids.js';
import { consoleLogger, guarded, type Logger } from './logger.js';
import type { SaveContext, SaveHandler } from './saving.js';
import type { SessionClient } from './session-client.js';
import type { Snapshot } from './snapshot.js';

export type { Draft } from './draft-store.js';

/** Longer texts are not kept, in UTF-16 units. */
const MAX_LENGTH = 4_000_000;
const MAX_EDITORS = 256;
const KEEP_MS = 7 * 86_400_000;
const EVERY_MS = 5_000;
const KEPT_ONLY = 'The work is kept as a draft on this device.';

export interface DraftOptions {
  /** Tells applications on one origin apart. Default: none. */
  readonly name?: string;
  /** How long a draft is offered, in milliseconds. Default: 7 days. */
  readonly keepMs?: number;
  /** How often unsaved work is put aside while it is written, in milliseconds. Default: 5 000. */
  readonly everyMs?: number;
  /** Told of the drafts of whoever has signed in, if there are any. */
  readonly onOffer?: (drafts: readonly Draft[]) => void;
  /** Milliseconds since the epoch. Default: the device's clock. */
  readonly now?: () => number;
  readonly logger?: Logger;
}

/** An editor whose work must not get lost. */
export interface DraftEditor {
  readonly resource: string;
  readonly isDirty: () => boolean;
  /** Its work as text, such as JSON. */
  readonly read: () => string;
  /** As with `onSave`. Without it unsaved work is kept as a draft and nothing else. */
  readonly save?: SaveHandler;
}

interface Entry extends DraftEditor {
  readonly id: string;
  /** Whose work it is: who was signed in first. */
  owner: string | undefined;
  /** It was locked here, so that it may be written under that lock alone. */
  locked: boolean;
  /** Its lock is gone: what is in the editor can be saved no more. */
  lost: boolean;
  /** A session ended while it was unsaved: its draft is offered, even if the editor is still open. */
  over: boolean;
  /** Nothing of it is to be left on this device. */
  forgotten: boolean;
  savedText: string | undefined;
  /** What lies on the shelf, and whether that is offered. */
  kept: { readonly text: string; readonly live: boolean } | undefined;
  /** What is being done with its draft: one thing after the other. */
  last: Promise<void>;
}

/**
 * Keeps what could not be saved when a session or a lock ends, and offers it to the same person again.
 * @example
 * const drafts = keepDrafts(client, { onOffer: (found) => offer(found) });
 * const end = drafts.add({ resource: 'invoices/7', isDirty, read: () => form.value, save: saveInvoice });
 */
export class Drafts {
  readonly #client: SessionClient;
  readonly #options: DraftOptions;
  readonly #now: () => number;
  readonly #logger: Logger;
  readonly #shelf: DraftShelf;
  readonly #entries = new Set<Entry>();
  readonly #close: () => void;
  #before: Snapshot;

  constructor(client: SessionClient, options: DraftOptions = {}) {
    const { keepMs = KEEP_MS, everyMs = EVERY_MS, now = Date.now, logger = consoleLogger } = options;
    this.#client = client;
    this.#options = options;
    this.#now = now;
    this.#logger = logger;
    this.#shelf = new DraftShelf(() => now() - keepMs, logger);
    this.#before = client.getSnapshot();
    const unsubscribe = client.subscribe(this.#look);
    const timer: unknown = setInterval(this.#keepAll, everyMs);
    // In Node nobody is to wait for this.
    (timer as { unref?: () => void }).unref?.();
    const page = (globalThis as { document?: Document }).document;
    // The last event that a page which is closed is sure to get.
    page?.addEventListener('visibilitychange', this.#keepAll);
    this.#close = () => {
      unsubscribe();
      clearInterval(timer as number);
      page?.removeEventListener('visibilitychange', this.#keepAll);
    };
    if (client.getSnapshot().session) void this.#offer();
  }

  /** `memory`: this browser, or a page without TLS, lets nothing be kept; drafts end with the page. */
  get place(): 'device' | 'memory' {
    return this.#shelf.place;
  }

  /**
   * Saves an editor's work as `onSave` does, and keeps it until that has succeeded. Returns what ends that when the
   * editor is closed: what is unsaved then stays as a draft, unless it is discarded.
   */
  add(editor: DraftEditor): (options?: { readonly discard?: boolean }) => void {
    if (this.#entries.size >= MAX_EDITORS) throw new Error(`More than ${MAX_EDITORS} editors keep drafts.`);
    const { resource, isDirty, read, save } = editor;
    const entry: Entry = {
      resource,
      isDirty,
      read,
      ...(save && { save }),
      id: randomId(),
      owner: this.#owner(),
      locked: false,
      lost: false,
      over: false,
      forgotten: false,
      savedText: undefined,
      kept: undefined,
      last: Promise.resolve(),
    };
    this.#entries.add(entry);
    this.#mark(entry, this.#client.getSnapshot());
    const end = this.#client.onSave((context) => this.#save(entry, context), { resource, isDirty });
    return ({ discard = false } = {}) => {
      end();
      if (!this.#entries.delete(entry)) return;
      if (discard) this.#drop(entry);
      else this.#settle(entry, true);
    };
  }

  /** What is kept for the person who is signed in, the oldest first; nothing while nobody is. */
  async offered(): Promise<readonly Draft[]> {
    const owner = this.#owner();
    await Promise.all(Array.from(this.#entries, ({ last }) => last));
    return owner === undefined ? [] : this.#shelf.list(owner);
  }

  /** Records whose editors are open, and whose unsaved work will be offered at the next sign-in. */
  get keeping(): readonly string[] {
    return [...this.#entries].filter(({ kept }) => kept?.live === false).map(({ resource }) => resource);
  }

  /** The person has taken a draft, or wants it no more. */
  async drop(id: string): Promise<void> {
    const owner = this.#owner();
    if (owner !== undefined) await this.#shelf.remove(owner, id);
  }

  /**
   * Removes everything that is kept for the person who is signed in, and keeps nothing of the editors that are open now:
   * before leaving a device that others use.
   */
  async forget(): Promise<void> {
    const owner = this.#owner();
    for (const entry of this.#entries) entry.forgotten = true;
    await Promise.all(Array.from(this.#entries, ({ last }) => last));
    if (owner !== undefined) await this.#shelf.forget(owner);
  }

  /** Keeps no more drafts; what is kept stays. Editors that were added go on to be saved. */
  close(): void {
    this.#keepAll();
    this.#close();
    this.#entries.clear();
  }

  /** The draft is on its way before the save begins: a save that hangs, or a page that dies, leaves it there. */
  async #save(entry: Entry, context: SaveContext): Promise<void> {
    this.#mark(entry, this.#client.getSnapshot());
    const text = this.#keep(entry, this.#isLive(entry));
    // The locks are gone: whoever has them now must not be written over.
    const isLate = entry.lost || (context.cause === 'logoff' && entry.locked);
    if (!entry.save || isLate) {
      await entry.last;
      throw new Error(KEPT_ONLY);
    }
    await entry.save(context);
    if (context.signal.aborted || text === undefined) return;
    entry.savedText = text;
    entry.over = false;
    if (entry.kept?.text === text) this.#drop(entry);
    await entry.last;
  }

  /** A lock or the session is gone: what is unsaved is kept and offered. */
  readonly #look = (): void => {
    const before = this.#before;
    const snapshot = this.#client.getSnapshot();
    this.#before = snapshot;
    const isOver = snapshot.status !== before.status && !isGoingOn(snapshot);
    for (const entry of this.#entries) {
      entry.owner ??= this.#owner();
      const wasLost = entry.lost;
      this.#mark(entry, snapshot);
      if (isOver) entry.over = true;
      if (isOver || (entry.lost && !wasLost)) this.#settle(entry, true);
    }
    if (snapshot.session && snapshot.session.id !== before.session?.id) void this.#offer();
  };

  /** While it is written: what is unsaved is put aside, what has been saved meanwhile is not kept. */
  readonly #keepAll = (): void => {
    for (const entry of this.#entries) this.#settle(entry, false);
  };

  #settle(entry: Entry, isOver: boolean): void {
    const live = !isOver && this.#isLive(entry);
    if (this.#isDirty(entry)) this.#keep(entry, live);
    else if (live) this.#drop(entry);
    // The application may have taken the text out of the editor already: better one draft too many.
    else if (entry.kept?.live === true) this.#put(entry, entry.kept.text, false);
  }

  /** Puts the editor's work aside, in its turn; gives the text. */
  #keep(entry: Entry, live: boolean): string | undefined {
    let text: string | undefined;
    guarded(this.#logger, 'read', () => {
      text = entry.read();
    });
    if (text === undefined) return undefined;
    if (text.length > MAX_LENGTH) this.#logger.warn(`A draft of ${entry.resource} is too long to be kept`);
    else if (entry.kept?.text !== text || entry.kept.live !== live) this.#put(entry, text, live);
    return text;
  }

  #put(entry: Entry, text: string, live: boolean): void {
    const { id, owner, resource, forgotten } = entry;
    if (owner === undefined || forgotten) return;
    entry.kept = { text, live };
    const draft: Draft = { id, resource, text, keptAt: this.#now() };
    entry.last = entry.last.then(() => this.#shelf.put(owner, draft, live));
  }

  #drop(entry: Entry): void {
    const { id, owner, kept } = entry;
    if (owner === undefined || kept === undefined) return;
    entry.kept = undefined;
    entry.last = entry.last.then(() => this.#shelf.remove(owner, id));
  }

  #mark(entry: Entry, { locks, lost }: Snapshot): void {
    const isHeld = locks.some(({ resource, state }) => state !== 'lost' && concerns(resource, entry));
    if (isHeld) {
      entry.locked = true;
      entry.over = false;
    }
    entry.lost = !isHeld && lost.some(({ resource }) => concerns(resource, entry));
  }

  /** Its editor is open, and may still save it. */
  #isLive(entry: Entry): boolean {
    return this.#entries.has(entry) && !entry.lost && !entry.over && isGoingOn(this.#client.getSnapshot());
  }

  #isDirty(entry: Entry): boolean {
    let dirty = true;
    guarded(this.#logger, 'isDirty', () => {
      dirty = entry.isDirty() && entry.read() !== entry.savedText;
    });
    return dirty;
  }

  #owner(): string | undefined {
    const snapshot = this.#client.getSnapshot();
    const { session, user } = snapshot;
    return isGoingOn(snapshot) && session && user
      ? JSON.stringify([this.#options.name ?? '', session.tenant, user.id])
      : undefined;
  }

  async #offer(): Promise<void> {
    const { onOffer } = this.#options;
    if (!onOffer) return;
    const drafts = await this.offered();
    if (drafts.length > 0)
      guarded(this.#logger, 'onOffer', () => {
        onOffer(drafts);
      });
  }
}

/** Keeps drafts of this client's unsaved work. */
export function keepDrafts(client: SessionClient, options?: DraftOptions): Drafts {
  return new Drafts(client, options);
}

function concerns(locked: string, { resource }: Entry): boolean {
  return resource === locked || resource.startsWith(`${locked}/`);
}

function isGoingOn({ status }: Snapshot): boolean {
  return status === 'online' || status === 'connecting' || status === 'reconnecting';
}
