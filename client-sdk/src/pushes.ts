import type { Lock, LockEntry, ServerPush, ServerPushes, WarningPush } from '@lastcall/shared';

/** What a field must be for the SDK to work with it. */
type Kind = 'string' | 'number' | 'boolean' | 'object' | 'array';
type Shape = Readonly<Record<string, Kind>>;

const WARNING: Shape = {
  orderId: 'string',
  version: 'number',
  action: 'string',
  reason: 'string',
  message: 'string',
  by: 'object',
  deadlineMs: 'number',
};
const LOCK: Shape = { resource: 'string', mode: 'string', scope: 'string', fence: 'number' };
const ENTRY: Shape = { resource: 'string', holders: 'array', waiters: 'array' };
const POLICY: Shape = { beatMs: 'number', leaseMs: 'number', idleAfterMs: 'number', flushMs: 'number' };

/** One row per push: the fields without which it is dropped. The broker checks far more before it sends. */
const PUSHES: { readonly [E in ServerPush]: Shape } = {
  welcome: {
    sessionId: 'string',
    resumeKey: 'string',
    tenant: 'string',
    user: 'object',
    leaseMs: 'number',
    beatMs: 'number',
    policy: 'object',
    orders: 'array',
    locks: 'array',
    waiting: 'array',
  },
  beat: { n: 'number' },
  superseded: {},
  warning: WARNING,
  'warning:cancelled': { orderId: 'string' },
  logoff: { reason: 'string', message: 'string', by: 'object' },
  policy: POLICY,
  'auth:expiring': { expiresInMs: 'number' },
  'lock:granted': { requestId: 'string', lock: 'object' },
  'lock:denied': { requestId: 'string', error: 'object' },
  'lock:requested': { requestId: 'string', resource: 'string', by: 'object', deadlineMs: 'number' },
  'lock:lost': { resource: 'string', fence: 'number', reason: 'string' },
  'lock:changed': ENTRY,
  'lock:position': { requestId: 'string', resource: 'string', position: 'number' },
};

function is(value: unknown, kind: Kind): boolean {
  if (kind === 'array') return Array.isArray(value);
  if (kind === 'number') return Number.isFinite(value);
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === kind;
}

function fits(value: unknown, shape: Shape): boolean {
  if (!is(value, 'object')) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(shape).every(([name, kind]) => is(fields[name], kind));
}

export function isLock(value: unknown): value is Lock {
  return fits(value, LOCK);
}

export function isLockEntry(value: unknown): value is LockEntry {
  return fits(value, ENTRY);
}

/** Whether this is an event of the contract with a payload the SDK can work with. */
export function isPush(event: unknown): event is ServerPush {
  return typeof event === 'string' && Object.hasOwn(PUSHES, event);
}

/** The payload of a push without what is garbled in it, or nothing if it is of no use. */
export function readPush<E extends ServerPush>(event: E, payload: unknown = {}): ServerPushes[E] | undefined {
  if (!fits(payload, PUSHES[event])) return undefined;
  if (event === 'welcome')
    return readWelcome(payload as ServerPushes['welcome']) as ServerPushes[E] | undefined;
  if (event === 'lock:granted' && !isLock((payload as ServerPushes['lock:granted']).lock)) return undefined;
  return payload as ServerPushes[E];
}

function readWelcome(welcome: ServerPushes['welcome']): ServerPushes['welcome'] | undefined {
  if (!fits(welcome.policy, POLICY)) return undefined;
  return {
    ...welcome,
    orders: welcome.orders.filter((order): order is WarningPush => fits(order, WARNING)),
    locks: welcome.locks.filter(isLock),
    waiting: welcome.waiting.filter((entry) => fits(entry, { requestId: 'string', resource: 'string' })),
  };
}
