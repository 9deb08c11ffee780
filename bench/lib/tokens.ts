import { mintToken } from 'lastcall';

export const SECRET = 'a shared secret of the benchmark, longer than 32 bytes';

/** A token for somebody of a tenant, good for longer than any run. */
export function tokenFor(tenant: string, sub: string, roles: readonly string[] = ['user']): Promise<string> {
  return mintToken(SECRET, { sub, tenant, name: `${sub} by name`, roles, expiresInMs: 24 * 3_600_000 });
}
