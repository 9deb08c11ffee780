import type { Lock } from '@lastcall/shared';
import type { Handle } from './handle.js';
import type { LostView } from './snapshot.js';

export type Loss = Omit<LostView, 'resource' | 'fence'>;

/** A lock the broker counts as ours, with whoever relies on it here. */
export interface Grant {
  lock: Lock;
  readonly handles: Set<Handle>;
  /** Until then it may be adopted by whoever asks for it. */
  keptUntil: number;
  releasing: Promise<void> | undefined;
  /** Why it may be lost; until the broker has said otherwise it is at risk. */
  doubt: Loss | undefined;
}

export function newGrant(lock: Lock): Grant {
  return { lock, handles: new Set(), keptUntil: 0, releasing: undefined, doubt: undefined };
}

/** The same right under another grant, or in another mode. */
export function renew(grant: Grant, lock: Lock): void {
  grant.lock = lock;
  for (const handle of grant.handles) handle.renew(lock);
}

export function keyOf({ resource, fence }: Pick<Lock, 'resource' | 'fence'>): string {
  return `${resource}#${fence}`;
}

/** How many are remembered. */
const MOST = 64;

/**
 * Losses that were heard before the grant that they end: an answer and what comes right behind it arrive in one go, and
 * who asked hears of the answer a turn later.
 */
export class EarlyLosses {
  readonly #losses = new Map<string, Loss>();

  note(key: string, loss: Loss): void {
    this.#losses.set(key, loss);
    for (const oldest of [...this.#losses.keys()].slice(0, -MOST)) this.#losses.delete(oldest);
  }

  take(key: string): Loss | undefined {
    const loss = this.#losses.get(key);
    this.#losses.delete(key);
    return loss;
  }
}
