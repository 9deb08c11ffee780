import {
  type Actor,
  DEFAULT_POLICY,
  type Policy,
  type PolicySettings,
  PUBLIC_POLICY_KEYS,
  type PublicPolicy,
} from '@lastcall/shared';
import type { Store } from './redis/store.js';

/** A tenant's settings as Redis has them; what was never changed is the default. */
export function policyOf(stored: Readonly<Record<string, string | number>>): Policy {
  const entries = Object.entries(DEFAULT_POLICY).map(([name, fallback]) => {
    const value = stored[name];
    if (value === undefined) return [name, fallback];
    return [name, typeof fallback === 'number' ? Number(value) : value];
  });
  return { ...(Object.fromEntries(entries) as Policy), version: Number(stored['version'] ?? 0) };
}

/** What clients may know of the settings. */
export function publicPolicy(policy: Policy): PublicPolicy {
  const entries = PUBLIC_POLICY_KEYS.map((key) => [key, policy[key]]);
  return { ...(Object.fromEntries(entries) as PublicPolicy), version: policy.version };
}

/** The settings of tenants. */
export class Policies {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws LastcallError `unavailable` */
  async get(tenant: string): Promise<Policy> {
    return policyOf(await this.#store.policy(tenant));
  }

  /**
   * Replaces all settings; clients are told at once, leases follow with their next heartbeat.
   * @throws LastcallError `version_mismatch` when somebody changed them meanwhile
   */
  async set(tenant: string, version: number, settings: PolicySettings, by: Actor): Promise<Policy> {
    await this.#store.addTenant(tenant);
    await this.#store.run('policy_set', tenant, [version, JSON.stringify(settings), JSON.stringify(by)]);
    await this.#store.persisted();
    return await this.get(tenant);
  }
}
