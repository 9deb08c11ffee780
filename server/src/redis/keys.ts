import { TENANT_PATTERN } from '@lastcall/shared';

/**
 * Every key of Lastcall. `lc:{tenant}:…` puts a tenant's keys into one hash slot. Injective: a tenant has neither
 * braces nor colons, and whatever is free text (user id, resource) stands last in its key.
 */
const PREFIX = 'lc:';

/** The registry beside the tenants; `~` is no tenant's name. */
export const REGISTRY = '~';

/** @throws RangeError for a name that is no tenant's; callers verify tenants at the edges. */
function base(tenant: string): string {
  if (tenant !== REGISTRY && !TENANT_PATTERN.test(tenant)) throw new RangeError('not a tenant name');
  return `${PREFIX}{${tenant}}:`;
}

/** The key that each script of a tenant declares; scripts derive the others from it. */
export const revKey = (tenant: string): string => `${base(tenant)}rev`;

/** The stream of records; also the name of the channel on which they are published. */
export const logKey = (tenant: string): string => `${base(tenant)}log`;

export const policyKey = (tenant: string): string => `${base(tenant)}policy`;
/** The maintenance window. */
export const maintenanceKey = (tenant: string): string => `${base(tenant)}maintenance`;
/** The last fence that was given out. */
export const fenceKey = (tenant: string): string => `${base(tenant)}fence`;
export const epochKey = (tenant: string): string => `${base(tenant)}epoch`;
/** How far the archive is, and who has the right to go on with it. */
export const archiveKey = (tenant: string): string => `${base(tenant)}archive`;
export const sessionKey = (tenant: string, sessionId: string): string =>
  `${base(tenant)}session:${sessionId}`;
export const leaseKey = (tenant: string, sessionId: string): string => `${base(tenant)}lease:${sessionId}`;
export const orderKey = (tenant: string, orderId: string): string => `${base(tenant)}order:${orderId}`;
/** The receipts of an order, by session. */
export const receiptsKey = (tenant: string, orderId: string): string =>
  `${orderKey(tenant, orderId)}:targets`;
export const idempotencyKey = (tenant: string, key: string): string => `${base(tenant)}once:${key}`;
export const locksKey = (tenant: string): string => `${base(tenant)}locks`;

/** Every tenant that ever had a session, so that sweeps go on while nobody is connected. */
export const tenantsKey = (): string => `${base(REGISTRY)}tenants`;
