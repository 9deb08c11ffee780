import type { AuditRecord } from './audit.js';
import type { WireError } from './errors.js';
import type { Actor, UserRef } from './identity.js';
import type {
  Lock,
  LockAnswer,
  LockEntry,
  LockHolder,
  LockLostReason,
  LockMode,
  LockScope,
  LockWaiter,
} from './lock.js';
import type { Maintenance } from './maintenance.js';
import type { AckState, Order, OrderAction } from './order.js';
import type { Policy, PublicPolicy } from './policy.js';
import type { App, Device, EndReason, Session } from './session.js';

/** Socket.IO namespaces. */
export const CLIENT_NAMESPACE = '/lastcall';
export const ADMIN_NAMESPACE = '/lastcall/admin';

/** What a client sends as `auth` in its handshake. */
export interface HandshakeAuth {
  readonly token: string;
  readonly app?: App;
  readonly device?: Device;
  readonly resume?: { readonly sessionId: string; readonly key: string };
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What an administrator's page sends; an operator names the tenant. */
export interface AdminHandshakeAuth {
  readonly token: string;
  readonly tenant?: string;
}

/** Every acknowledgement: the answer, or an error. */
export type Answer<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: WireError };
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- an object without fields is what is meant
export type Nothing = Record<never, never>;

export interface Heartbeat {
  /** The `n` of the beat that is answered. */
  readonly n?: number;
  readonly idleMs: number;
  readonly dirty?: boolean;
  readonly view?: string;
}

export interface AcquireRequest {
  readonly resource: string;
  readonly mode?: LockMode;
  readonly scope?: LockScope;
  readonly waitMs?: number;
  readonly requestId: string;
  readonly note?: string;
}

export interface AcquireManyRequest {
  readonly resources: readonly Pick<AcquireRequest, 'resource' | 'mode' | 'scope'>[];
  readonly requestId: string;
}

export interface UpgradeRequest {
  readonly resource: string;
  readonly fence: number;
  readonly waitMs?: number;
  readonly requestId: string;
}

export interface TakeoverRequest {
  readonly resource: string;
  readonly force?: boolean;
  readonly reason?: string;
  readonly requestId: string;
}

export type TakeoverAnswer =
  | { readonly state: 'asked'; readonly deadlineMs: number }
  | { readonly state: 'granted'; readonly lock: Lock };

export type AcquireAnswer =
  | { readonly state: 'granted'; readonly lock: Lock }
  | {
      readonly state: 'queued';
      readonly requestId: string;
      readonly position: number;
      readonly blockers: readonly LockHolder[];
    };

/** A row per event a client may send: its payload and its answer (PROTOCOL section 3). */
export interface ClientCalls {
  heartbeat: { payload: Heartbeat; answer: { leaseMs: number } };
  activity: { payload: { idleMs: 0 }; answer: Nothing };
  'order:ack': {
    payload: { orderId: string; state: AckState; why?: string };
    answer: { deadlineMs: number; holdMs: number };
  };
  'order:extend': { payload: { orderId: string; ms: number }; answer: { deadlineMs: number } };
  'session:end': { payload: Nothing; answer: Nothing };
  'auth:refresh': { payload: { token: string }; answer: { expiresInMs: number } };
  'lock:acquire': { payload: AcquireRequest; answer: AcquireAnswer };
  'lock:acquireMany': { payload: AcquireManyRequest; answer: { locks: readonly Lock[] } };
  'lock:upgrade': { payload: UpgradeRequest; answer: AcquireAnswer };
  'lock:release': { payload: { resource: string; fence: number }; answer: { released: boolean } };
  'lock:cancel': { payload: { requestId: string }; answer: Nothing };
  'lock:takeover': { payload: TakeoverRequest; answer: TakeoverAnswer };
  'lock:answer': { payload: { requestId: string; answer: LockAnswer }; answer: Nothing };
  'lock:check': { payload: { resource: string; fence: number }; answer: { valid: boolean; lock?: Lock } };
  /** `locks`: what is locked or waited for there now; `more`: not all of it. */
  'lock:watch': { payload: { prefix: string }; answer: { locks: readonly LockEntry[]; more?: true } };
  'lock:unwatch': { payload: { prefix: string }; answer: Nothing };
  'lock:query': {
    payload: { resource: string };
    answer: { holders: readonly LockHolder[]; waiters: readonly LockWaiter[] };
  };
}
export type ClientCall = keyof ClientCalls;

/** The client → broker events as Socket.IO wants them typed. */
export type ClientToServerEvents = {
  [E in ClientCall]: (
    payload: ClientCalls[E]['payload'],
    acknowledge: (answer: Answer<ClientCalls[E]['answer']>) => void,
  ) => void;
};

export interface WarningPush {
  readonly orderId: string;
  /** Increases with each change; a lower one than the last seen is old and to be ignored. */
  readonly version: number;
  readonly action: OrderAction;
  readonly reason: EndReason;
  readonly message: string;
  readonly by: Actor;
  /** Milliseconds left, when this was sent. */
  readonly deadlineMs: number;
  readonly extendable: boolean;
  readonly holdable: boolean;
}

export interface LogoffPush {
  readonly orderId?: string;
  readonly reason: EndReason;
  readonly message: string;
  readonly by: Actor;
  /** For how long new sessions of this person are refused. */
  readonly reentryMs?: number;
}

export interface LockRequestedPush {
  readonly requestId: string;
  readonly resource: string;
  readonly by: Actor;
  /** Why, in the words of the one who asks. */
  readonly reason?: string;
  /** Milliseconds left to answer and to save, when this was sent; silence yields. */
  readonly deadlineMs: number;
}

export interface Welcome {
  readonly sessionId: string;
  readonly resumeKey: string;
  readonly resumed: boolean;
  readonly tenant: string;
  readonly user: UserRef & { readonly roles: readonly string[] };
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly policy: PublicPolicy;
  readonly orders: readonly WarningPush[];
  readonly locks: readonly Lock[];
  readonly waiting: readonly {
    readonly requestId: string;
    readonly resource: string;
    readonly position: number;
  }[];
}

/** A row per event the broker pushes to a client. */
export interface ServerPushes {
  welcome: Welcome;
  beat: { readonly n: number };
  superseded: Nothing;
  warning: WarningPush;
  'warning:cancelled': { readonly orderId: string };
  logoff: LogoffPush;
  policy: PublicPolicy;
  'auth:expiring': { readonly expiresInMs: number };
  'lock:granted': { readonly requestId: string; readonly lock: Lock };
  'lock:denied': { readonly requestId: string; readonly error: WireError };
  'lock:position': { readonly requestId: string; readonly resource: string; readonly position: number };
  'lock:requested': LockRequestedPush;
  'lock:changed': LockEntry;
  'lock:lost': {
    readonly resource: string;
    readonly fence: number;
    readonly reason: LockLostReason;
    readonly by?: Actor;
  };
}
export type ServerPush = keyof ServerPushes;

/** The two pushes a client acknowledges: delivered, and last handlers ran. */
export type AcknowledgedPush = 'warning' | 'logoff';

export type ServerToClientEvents = {
  [E in ServerPush]: E extends AcknowledgedPush
    ? (payload: ServerPushes[E], acknowledge: (answer?: Nothing) => void) => void
    : (payload: ServerPushes[E]) => void;
};

/** A broker process, as the registry knows it. */
export interface Node {
  readonly id: string;
  readonly startedAt: number;
  readonly seenAt: number;
  readonly sessions: number;
  readonly version: string;
}

/** What an administrator's page receives (PROTOCOL section 4). */
export interface AdminPushes {
  snapshot: {
    readonly sessions: { readonly items: readonly Session[]; readonly total: number };
    readonly orders: readonly Order[];
    readonly maintenance: Maintenance | null;
    readonly locks: { readonly total: number };
    readonly policy: Policy;
    readonly nodes: readonly Node[];
  };
  'sessions:changed': { readonly upsert: readonly Session[]; readonly remove: readonly string[] };
  'order:changed': Order;
  'lock:changed': LockEntry;
  'audit:record': AuditRecord;
  'policy:changed': Policy;
  /** `null`: it was lifted. */
  'maintenance:changed': Maintenance | null;
  'nodes:changed': readonly Node[];
}
export type AdminPush = keyof AdminPushes;
