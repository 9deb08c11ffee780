import {
  type AcknowledgedPush,
  type AdminPush,
  type AdminPushes,
  END_REASONS,
  LOCK_LOST_REASONS,
  type LockRequestedPush,
  type LogoffPush,
  ORDER_ACTIONS,
  type ServerPush,
  type ServerPushes,
  type WarningPush,
  type Welcome,
} from '@lastcall/shared';
import { z } from 'zod';
import { nothing } from './answers.js';
import { auditRecordSchema } from './audit.js';
import { contract } from './contract.js';
import { wireErrorSchema } from './error.js';
import { actorSchema, userSchema } from './identity.js';
import { lockEntrySchema, lockSchema } from './lock.js';
import { maintenanceSchema } from './maintenance.js';
import { nodeSchema } from './node.js';
import { orderSchema } from './order.js';
import { policySchema, publicPolicySchema } from './policy.js';
import { sessionSchema } from './session.js';
import { fence, id, resource, tenant, whole } from './values.js';

/** What a broker says by itself: when, and with which payload. */
interface Push<T> {
  readonly summary: string;
  readonly payload: z.ZodType<T>;
}

const warningSchema = contract<WarningPush>()(
  z.object({
    orderId: id,
    version: whole(1),
    action: z.enum(ORDER_ACTIONS),
    reason: z.enum(END_REASONS),
    message: z.string(),
    by: actorSchema,
    deadlineMs: whole(0),
    extendable: z.boolean(),
    holdable: z.boolean(),
  }),
).meta({ id: 'Warning' });

const logoffSchema = contract<LogoffPush>()(
  z.object({
    orderId: id.optional(),
    reason: z.enum(END_REASONS),
    message: z.string(),
    by: actorSchema,
    reentryMs: whole(0).optional(),
  }),
).meta({ id: 'Logoff' });

const welcomeSchema = contract<Welcome>()(
  z.object({
    sessionId: id,
    resumeKey: z.string(),
    resumed: z.boolean(),
    tenant,
    user: userSchema,
    leaseMs: whole(1),
    beatMs: whole(1),
    policy: publicPolicySchema,
    orders: z.array(warningSchema),
    locks: z.array(lockSchema),
    waiting: z.array(z.object({ requestId: id, resource, position: whole(1) })),
  }),
).meta({ id: 'Welcome' });

const lockRequestedSchema = contract<LockRequestedPush>()(
  z.object({
    requestId: id,
    resource,
    by: actorSchema,
    reason: z.string().optional(),
    deadlineMs: whole(0),
  }),
).meta({ id: 'LockRequested' });

type ClientPush<E extends ServerPush> = Push<ServerPushes[E]> &
  (E extends AcknowledgedPush ? { readonly acknowledged: string } : object);

/** A row per event the broker pushes to a client; a new event of the contract does not compile without its row. */
export const CLIENT_PUSHES: { readonly [E in ServerPush]: ClientPush<E> } = {
  welcome: { summary: 'The whole truth, at each connection.', payload: welcomeSchema },
  beat: {
    summary: 'Answer it with a heartbeat.',
    payload: contract<ServerPushes['beat']>()(z.object({ n: whole(0) })),
  },
  superseded: { summary: 'The session has moved to another socket.', payload: nothing },
  warning: {
    summary: 'An order for this session, or a change of one: a higher version replaces a lower one.',
    payload: warningSchema,
    acknowledged: 'It was delivered.',
  },
  'warning:cancelled': {
    summary: 'The order was called off.',
    payload: contract<ServerPushes['warning:cancelled']>()(z.object({ orderId: id })),
  },
  logoff: {
    summary: 'The session has ended.',
    payload: logoffSchema,
    acknowledged: 'The last handlers ran; the broker disconnects then, or after `flushMs`.',
  },
  policy: { summary: 'The settings were changed.', payload: publicPolicySchema },
  'auth:expiring': {
    summary: 'The token expires soon: send `auth:refresh`.',
    payload: contract<ServerPushes['auth:expiring']>()(z.object({ expiresInMs: whole(0) })),
  },
  'lock:granted': {
    summary: 'A lock that was waited for.',
    payload: contract<ServerPushes['lock:granted']>()(z.object({ requestId: id, lock: lockSchema })),
  },
  'lock:denied': {
    summary: 'A lock that is not waited for any more.',
    payload: contract<ServerPushes['lock:denied']>()(z.object({ requestId: id, error: wireErrorSchema })),
  },
  'lock:position': {
    summary: 'The place in the queue has changed.',
    payload: contract<ServerPushes['lock:position']>()(
      z.object({ requestId: id, resource, position: whole(1) }),
    ),
  },
  'lock:requested': {
    summary: 'Somebody asks for a lock that is held here; silence yields.',
    payload: lockRequestedSchema,
  },
  'lock:changed': { summary: 'What is watched has changed.', payload: lockEntrySchema },
  'lock:lost': {
    summary: 'A lock is not held any more.',
    payload: contract<ServerPushes['lock:lost']>()(
      z.object({ resource, fence, reason: z.enum(LOCK_LOST_REASONS), by: actorSchema.optional() }),
    ),
  },
};

const snapshotSchema = contract<AdminPushes['snapshot']>()(
  z.object({
    sessions: z.object({ items: z.array(sessionSchema), total: whole(0) }),
    orders: z.array(orderSchema),
    maintenance: maintenanceSchema.nullable(),
    locks: z.object({ total: whole(0) }),
    policy: policySchema,
    nodes: z.array(nodeSchema),
  }),
).meta({ id: 'Snapshot' });

/** A row per event an administrator's page receives. */
export const ADMIN_PUSHES: { readonly [E in AdminPush]: Push<AdminPushes[E]> } = {
  snapshot: {
    summary: 'What there is, at the beginning, and again after too much was missed.',
    payload: snapshotSchema,
  },
  'sessions:changed': {
    summary: 'Sessions that opened, changed or ended, gathered for a moment.',
    payload: contract<AdminPushes['sessions:changed']>()(
      z.object({ upsert: z.array(sessionSchema), remove: z.array(id) }),
    ),
  },
  'order:changed': { summary: 'An order with its counts.', payload: orderSchema },
  'lock:changed': { summary: 'Who holds a resource and who waits for it.', payload: lockEntrySchema },
  'audit:record': { summary: 'Something happened.', payload: auditRecordSchema },
  'policy:changed': { summary: 'The settings were changed.', payload: policySchema },
  'maintenance:changed': {
    summary: 'The maintenance window; `null` when it was lifted.',
    payload: maintenanceSchema.nullable(),
  },
  'nodes:changed': { summary: 'Which broker processes there are.', payload: z.array(nodeSchema) },
};
