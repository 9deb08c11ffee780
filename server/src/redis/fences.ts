/** Tenants of which the highest fence is remembered: those in which it rose last. */
const MAX_TENANTS = 10_000;

/**
 * The highest fence that this node heard of, by tenant, in whatever epoch: what was lost with the data is in it. Each
 * script that can draw a fence is told of it, so that none is given out twice.
 */
export class Fences {
  readonly #highest = new Map<string, number>();
  readonly #limit: number;

  constructor(limit = MAX_TENANTS) {
    this.#limit = limit;
  }

  /** 0: none was heard of. */
  of(tenant: string): number {
    return this.#highest.get(tenant) ?? 0;
  }

  note(tenant: string, fence: number): void {
    if (fence <= this.of(tenant)) return;
    this.#highest.delete(tenant);
    this.#highest.set(tenant, fence);
    if (this.#highest.size <= this.#limit) return;
    const [oldest] = this.#highest.keys();
    if (oldest !== undefined) this.#highest.delete(oldest);
  }
}
