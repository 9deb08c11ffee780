import { DeviceDrafts } from './draft-device.js';
import { Pages } from './draft-pages.js';
import { type Draft, type DraftStore, type KeptDraft, MemoryDrafts } from './draft-store.js';
import type { Logger } from './logger.js';

/** Puts drafts on the device, or where that keeps nothing into memory. Never rejects. */
export class DraftShelf {
  /** `memory`: this browser, or a page without TLS, lets nothing be kept; drafts end with the page. */
  readonly place: 'device' | 'memory';
  readonly #logger: Logger;
  readonly #memory: MemoryDrafts;
  readonly #device: DraftStore | undefined;
  readonly #pages = new Pages();

  constructor(oldestAt: () => number, logger: Logger) {
    this.#logger = logger;
    this.#memory = new MemoryDrafts(oldestAt);
    this.#device = hasDevice() ? new DeviceDrafts(oldestAt) : undefined;
    this.place = this.#device ? 'device' : 'memory';
  }

  /** @param live its editor is still open in this page */
  async put(owner: string, draft: Draft, live: boolean): Promise<void> {
    const kept: KeptDraft = live ? { ...draft, page: this.#pages.id } : draft;
    const isOnDevice = await this.#tried(
      'A draft lasts as long as this page: the device does not keep it',
      (device) => device.put(owner, kept),
    );
    if (isOnDevice) await this.#memory.remove(owner, draft.id);
    else await this.#memory.put(owner, kept);
  }

  /** Those that nobody is writing any more, the oldest first. */
  async list(owner: string): Promise<readonly Draft[]> {
    const kept = new Map<string, KeptDraft>();
    await this.#tried('The drafts on this device cannot be read', async (device) => {
      for (const draft of await device.list(owner)) kept.set(draft.id, draft);
    });
    for (const draft of await this.#memory.list(owner)) kept.set(draft.id, draft);
    const open = await this.#pages.open();
    return [...kept.values()]
      .filter(({ page }) => page === undefined || !open.has(page))
      .toSorted((a, b) => a.keptAt - b.keptAt)
      .map(({ id, resource, text, keptAt }) => ({ id, resource, text, keptAt }));
  }

  async remove(owner: string, id: string): Promise<void> {
    await this.#memory.remove(owner, id);
    await this.#tried('A draft cannot be removed from this device', (device) => device.remove(owner, id));
  }

  async forget(owner: string): Promise<void> {
    await this.#memory.forget(owner);
    await this.#tried('The drafts cannot be removed from this device', (device) => device.forget(owner));
  }

  async #tried(trouble: string, run: (device: DraftStore) => Promise<void>): Promise<boolean> {
    if (!this.#device) return false;
    try {
      await run(this.#device);
      return true;
    } catch (error) {
      this.#logger.warn(trouble, error);
      return false;
    }
  }
}

/** Pages without TLS have no WebCrypto, and some private windows no database: asking may throw. */
function hasDevice(): boolean {
  try {
    const { indexedDB, crypto } = globalThis as { indexedDB?: unknown; crypto?: { subtle?: unknown } };
    return indexedDB !== undefined && indexedDB !== null && crypto?.subtle !== undefined;
  } catch {
    return false;
  }
}
