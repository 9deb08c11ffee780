import { randomId } from './ids.js';
import { type PageLocks, pageLocks } from './page-locks.js';

const PREFIX = 'lastcall-page:';

/** Which pages of this origin are open, so that what is being written in one is not offered in another. */
export class Pages {
  /** This one. */
  readonly id = randomId();
  readonly #locks: PageLocks | undefined;

  constructor() {
    this.#locks = pageLocks();
    // Held until the page is gone: nothing resolves it.
    this.#locks?.request(PREFIX + this.id, {}, () => new Promise(() => undefined)).catch(() => undefined);
  }

  /** Where the platform cannot say, only this page is known to be open. */
  async open(): Promise<ReadonlySet<string>> {
    const open = new Set([this.id]);
    try {
      const { held = [] } = (await this.#locks?.query()) ?? {};
      for (const { name = '' } of held) if (name.startsWith(PREFIX)) open.add(name.slice(PREFIX.length));
    } catch {
      // A draft may be offered while its editor is open in another page, which loses nothing.
    }
    return open;
  }
}
