import { createHash } from 'node:crypto';
import { LastcallError } from '@lastcall/shared';
import type { Store } from './redis/store.js';

/** What was answered to a request the first time. */
export interface Settled {
  readonly status: number;
  readonly body: unknown;
}

interface Claim {
  readonly digest: string;
  readonly settled?: Settled;
}

const UNDER_WAY = 'under way';
const DONE = 'done';

/** Requests that carry an `Idempotency-Key` are carried out once; kept 24 h. */
export class Once {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Carries a request out, unless the same was carried out before: then its answer is given again.
   * @param request whatever makes requests the same: who, what, and the body
   * @throws LastcallError `conflict` when the key was used for something else or is being used at this moment
   */
  async run(tenant: string, key: string, request: unknown, act: () => Promise<Settled>): Promise<Settled> {
    const digest = createHash('sha256').update(JSON.stringify(request)).digest('hex');
    const known = await this.#store.claimOnce(tenant, key, JSON.stringify({ digest } satisfies Claim));
    if (known !== null) return Once.#replay(JSON.parse(known) as Claim, digest);
    let settled: Settled;
    try {
      settled = await act();
    } catch (error) {
      // Refused: nothing was done, so the key may be used again. An unknown outcome keeps it.
      const isRefusal = error instanceof LastcallError && error.code !== 'unavailable';
      if (isRefusal) await this.#store.forgetOnce(tenant, key);
      throw error;
    }
    await this.#store.settleOnce(tenant, key, JSON.stringify({ digest, settled } satisfies Claim));
    return settled;
  }

  /**
   * Does what can be repeated harmlessly until it is done, and then never again while the key is kept. `false`: it was
   * done before.
   */
  async untilDone(tenant: string, key: string, act: () => Promise<void>): Promise<boolean> {
    const known = await this.#store.claimOnce(tenant, key, UNDER_WAY);
    if (known === DONE) return false;
    await act();
    await this.#store.settleOnce(tenant, key, DONE);
    return true;
  }

  static #replay(claim: Claim, digest: string): Settled {
    if (claim.digest !== digest) {
      throw new LastcallError(
        'conflict',
        'This Idempotency-Key was used for another request. Use a new one.',
      );
    }
    if (!claim.settled) {
      throw new LastcallError(
        'conflict',
        'The same request is under way or its outcome is unknown. Look at the list.',
      );
    }
    return claim.settled;
  }
}
