import type { Actor, Identity } from '@lastcall/shared';
import type { Audit } from './audit.js';
import type { Logger } from './log.js';

/** Records of one tenant per minute and node: enough to see it, too few to fill the trail with it. */
const PER_MINUTE = 60;
const MINUTE_MS = 60_000;

function actorOf({ user }: Identity): Actor {
  const isAdministrator = user.roles.some((role) => role === 'admin' || role === 'operator');
  return { kind: isAdministrator ? 'admin' : 'user', id: user.id, name: user.name };
}

/** Writes into the trail of a person's own tenant that they tried what they may not do. */
export class Denials {
  readonly #audit: Pick<Audit, 'note'>;
  readonly #log: Logger;
  readonly #written = new Map<string, number>();
  #minuteFrom = performance.now();

  constructor(audit: Pick<Audit, 'note'>, log: Logger) {
    this.#audit = audit;
    this.#log = log;
  }

  /** Never rejects: who is refused stays refused, whether it can be written down or not. */
  async note(
    identity: Identity,
    action: string,
    tenant: string,
    reason: string,
    address?: string,
  ): Promise<void> {
    if (!this.#hasRoom(identity.tenant)) return;
    const details = {
      action,
      ...(tenant === identity.tenant ? {} : { tenant }),
      ...(address === undefined ? {} : { address }),
    };
    try {
      await this.#audit.note(identity.tenant, 'access.denied', actorOf(identity), { reason, details });
    } catch (error) {
      this.#log.warn({ err: error, action }, 'a refused access could not be recorded');
    }
  }

  #hasRoom(tenant: string): boolean {
    const now = performance.now();
    if (now - this.#minuteFrom >= MINUTE_MS) {
      this.#minuteFrom = now;
      this.#written.clear();
    }
    const written = this.#written.get(tenant) ?? 0;
    if (written >= PER_MINUTE) return false;
    this.#written.set(tenant, written + 1);
    return true;
  }
}
