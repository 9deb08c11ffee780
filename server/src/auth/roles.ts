import { type ClientCall, type Identity, type KnownRole, LastcallError } from '@lastcall/shared';
import type { RouteId } from '../schema/routes.js';

/** Everything that somebody may be allowed to do: an event, an HTTP call, or to be on a channel. */
export type Action =
  | ClientCall
  | RouteId
  | 'client.connect'
  | 'admin.connect'
  | 'metrics.read'
  | 'locks.force';

/** Roles come from tokens, so an application may use names of its own: those may do what `anyone` may. A `service` is no person. */
type Allowed = readonly KnownRole[] | 'anyone';

const ADMINISTRATORS = ['admin', 'operator'] as const;
const BACK_ENDS = ['service', 'admin', 'operator'] as const;
const OPERATORS = ['operator'] as const;

/** The one table of rights; a new event or call does not compile without its row. */
const RIGHTS: Readonly<Record<Action, Allowed>> = {
  'client.connect': 'anyone',
  heartbeat: 'anyone',
  activity: 'anyone',
  'order:ack': 'anyone',
  'order:extend': 'anyone',
  'session:end': 'anyone',
  'auth:refresh': 'anyone',
  'lock:acquire': 'anyone',
  'lock:acquireMany': 'anyone',
  'lock:upgrade': 'anyone',
  'lock:release': 'anyone',
  'lock:cancel': 'anyone',
  'lock:takeover': 'anyone',
  'lock:answer': 'anyone',
  'lock:check': 'anyone',
  'lock:watch': 'anyone',
  'lock:unwatch': 'anyone',
  'lock:query': 'anyone',

  'admin.connect': ADMINISTRATORS,
  'metrics.read': ADMINISTRATORS,
  'sessions.list': ADMINISTRATORS,
  'sessions.get': ADMINISTRATORS,
  'sessions.check': BACK_ENDS,
  'orders.list': ADMINISTRATORS,
  'orders.create': ADMINISTRATORS,
  'orders.get': ADMINISTRATORS,
  'orders.receipts': ADMINISTRATORS,
  'orders.cancel': ADMINISTRATORS,
  'maintenance.get': ADMINISTRATORS,
  'maintenance.set': ADMINISTRATORS,
  'maintenance.lift': ADMINISTRATORS,
  'blocks.list': ADMINISTRATORS,
  'blocks.set': ADMINISTRATORS,
  'blocks.lift': ADMINISTRATORS,
  'locks.list': ADMINISTRATORS,
  'locks.force': ADMINISTRATORS,
  'locks.break': ADMINISTRATORS,
  'locks.check': BACK_ENDS,
  'audit.list': ADMINISTRATORS,
  'audit.verify': ADMINISTRATORS,
  'policy.get': ADMINISTRATORS,
  'policy.set': ADMINISTRATORS,
  'review.get': ADMINISTRATORS,
  'nodes.list': OPERATORS,
  'tenants.list': OPERATORS,
};

/** Every action there is. */
export const ACTIONS = Object.keys(RIGHTS) as readonly Action[];

function allowedFor(action: Action): Allowed {
  // What is not in the table, such as a name from outside, is allowed to nobody.
  return Object.hasOwn(RIGHTS, action) ? RIGHTS[action] : [];
}

/** Whether one of these roles may do this in its own tenant, or in another one, where only an operator may. */
export function allows(action: Action, roles: readonly string[], where: 'own' | 'other' = 'own'): boolean {
  const allowed = allowedFor(action);
  if (allowed === 'anyone') return where === 'own' && roles.some((role) => role !== 'service');
  return allowed.some((role) => roles.includes(role) && (where === 'own' || role === 'operator'));
}

/**
 * Refuses what this person may not do in this tenant; without a tenant, what concerns all of them.
 *
 * @throws {LastcallError} `forbidden`
 */
export function authorize(action: Action, identity: Identity, tenant: string = identity.tenant): void {
  const where = tenant === identity.tenant ? 'own' : 'other';
  if (allows(action, identity.user.roles, where)) return;
  if (allows(action, identity.user.roles)) {
    throw new LastcallError('forbidden', 'You may do this in your own tenant only.');
  }
  const allowed = allowedFor(action);
  const needed = allowed === 'anyone' ? 'a role other than service' : `the role ${allowed.join(' or ')}`;
  throw new LastcallError('forbidden', `You need ${needed} for this.`);
}
