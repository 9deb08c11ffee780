import type { LastcallClient, LockEntry, LockHolder } from '@lastcall/client';
import { KINDS, type Kind } from './kinds.js';

/** Who edits what, of all kinds, live. */
export class Watching {
  readonly #locks = new Map<Kind, readonly LockEntry[]>();
  readonly #client: LastcallClient;
  #ends: readonly (() => void)[] = [];

  constructor(client: LastcallClient) {
    this.#client = client;
  }

  start(changed: () => void): void {
    this.#ends = KINDS.map((kind) =>
      this.#client.watchLocks(`${kind.name}/`, ({ locks }) => {
        this.#locks.set(kind, locks);
        changed();
      }),
    );
  }

  /** Who edits each record of a kind, by resource. */
  editorsOf(kind: Kind): ReadonlyMap<string, LockHolder> {
    const held = (this.#locks.get(kind) ?? []).flatMap(({ resource, holders: [holder] }) =>
      holder ? [[resource, holder] as const] : [],
    );
    return new Map(held);
  }

  close(): void {
    for (const end of this.#ends) end();
  }
}
