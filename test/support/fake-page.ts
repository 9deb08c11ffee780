import type { InputTarget, PageLocks, TabChannel } from '@lastcall/client';

/** A document or a window whose events the test makes. */
export class FakeTarget implements InputTarget {
  visibilityState = 'visible';
  readonly #listeners = new Map<string, Set<(event: Event) => void>>();

  addEventListener(type: string, listener: (event: Event) => void): void {
    this.#listeners.set(type, (this.#listeners.get(type) ?? new Set()).add(listener));
  }

  removeEventListener(type: string, listener: (event: Event) => void): void {
    this.#listeners.get(type)?.delete(listener);
  }

  /** What is still listened to. */
  get heard(): readonly string[] {
    return [...this.#listeners].flatMap(([type, listeners]) => (listeners.size > 0 ? [type] : []));
  }

  fire(type: string, isTrusted = true): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, isTrusted } as Event);
  }
}

/** Web Locks of one origin, without queues: who comes second waits in vain until the first lets go. */
export class FakeLocks implements PageLocks {
  readonly #held = new Set<string>();

  async request(name: string, _options: object, held: () => Promise<unknown>): Promise<unknown> {
    if (this.#held.has(name)) return new Promise(() => undefined);
    this.#held.add(name);
    await held();
    return this.#held.delete(name);
  }

  query(): ReturnType<PageLocks['query']> {
    return Promise.resolve({ held: Array.from(this.#held, (name) => ({ name })) });
  }
}

/** The channels of one origin. */
export class FakeChannels {
  readonly #open = new Map<TabChannel, { name: string; listener: (event: { data: unknown }) => void }>();

  /** How many pages listen. */
  get pages(): number {
    return this.#open.size;
  }

  readonly open = (name: string): TabChannel => {
    const channel: TabChannel = {
      postMessage: (data) => {
        for (const [other, page] of this.#open)
          if (other !== channel && page.name === name) page.listener({ data });
      },
      addEventListener: (_type, listener) => void this.#open.set(channel, { name, listener }),
      close: () => void this.#open.delete(channel),
    };
    return channel;
  };
}
