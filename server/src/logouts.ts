import { type Actor, LastcallError } from '@lastcall/shared';
import type { Nodes } from './nodes.js';
import type { Once } from './once.js';
import type { Store } from './redis/store.js';

/** Steps of one logout, each of which ends up to 25 sessions. */
const MAX_STEPS = 1_000;

const MESSAGE = 'You signed out of your account. Sign in again to go on.';

/** Somebody signed out at the identity provider, which says so by a token with an id of its own. */
export interface LogoutNotice {
  readonly issuer: string;
  readonly tokenId: string;
  readonly user: string;
  /** Only sessions of this sign-in, and those that do not tell theirs. */
  readonly signIn?: string;
}

/** Logouts at the identity provider: they end the person's sessions here. */
export class Logouts {
  readonly #store: Store;
  readonly #nodes: Nodes;
  readonly #once: Once;

  constructor(store: Store, nodes: Nodes, once: Once) {
    this.#store = store;
    this.#nodes = nodes;
    this.#once = once;
  }

  /**
   * Ends the person's sessions at once, as `revoked`. What failed half-way may be asked for again with the same token.
   * @throws LastcallError `conflict` for a token that was used before, `unavailable`
   */
  async carryOut(tenant: string, notice: LogoutNotice): Promise<{ ended: number }> {
    let ended = 0;
    // A space is in no Idempotency-Key, so nobody can take this one before.
    const key = `logout ${notice.issuer} ${notice.tokenId}`;
    const isNew = await this.#once.untilDone(tenant, key, async () => {
      ended = await this.#endAll(tenant, notice);
    });
    if (!isNew) throw new LastcallError('conflict', 'This logout token was used before.');
    return { ended };
  }

  async #endAll(tenant: string, { issuer, user, signIn = '' }: LogoutNotice): Promise<number> {
    const by: Actor = { kind: 'system', id: issuer, name: 'identity provider' };
    const actor = JSON.stringify(by);
    let ended = 0;
    let cursor: string | undefined = '-inf';
    for (let step = 0; cursor !== undefined && step < MAX_STEPS; step += 1) {
      const args: readonly string[] = [user, signIn, actor, MESSAGE, this.#nodes.aliveJson(), cursor];
      const answer: { ended: number; cursor?: string } = await this.#store.run(
        'session_revoke',
        tenant,
        args,
      );
      ended += answer.ended;
      cursor = answer.cursor;
    }
    await this.#store.persisted();
    return ended;
  }
}
