import {
  LOCK_MODES,
  LOCK_SCOPES,
  type Lock,
  type LockEntry,
  type LockHolder,
  type LockWait,
  type LockWaiter,
  MAX_MESSAGE_LENGTH,
  type Page,
  SESSION_STATES,
} from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { userRefSchema } from './identity.js';
import { nameCursor, pageOf, pageQuery } from './page.js';
import { fence, id, instant, prose, resource, resourcePrefix, userId, whole } from './values.js';

export const lockModeSchema = z.enum(LOCK_MODES);
export const lockScopeSchema = z.enum(LOCK_SCOPES);

export const lockSchema = contract<Lock>()(
  z.object({
    resource,
    mode: lockModeSchema,
    scope: lockScopeSchema,
    fence,
    grantedAt: instant,
    note: z.string().optional(),
  }),
).meta({ id: 'Lock' });

export const lockHolderSchema = contract<LockHolder>()(
  z.object({
    resource,
    mode: lockModeSchema,
    scope: lockScopeSchema,
    sessionId: id,
    user: userRefSchema,
    grantedAt: instant,
    idleMs: whole(0),
    dirty: z.boolean(),
    state: z.enum(SESSION_STATES),
    takeable: z.enum(['no', 'ask', 'force']),
    note: z.string().optional(),
  }),
).meta({ id: 'LockHolder' });

export const lockWaiterSchema = contract<LockWaiter>()(
  z.object({
    requestId: id,
    sessionId: id,
    user: userRefSchema,
    mode: lockModeSchema,
    scope: lockScopeSchema,
    position: whole(1),
    since: instant,
    takesOverAt: instant.optional(),
  }),
).meta({ id: 'LockWaiter' });

export const lockWaitSchema = contract<LockWait>()(
  z.object({ sessionId: id, user: userRefSchema, resource }),
).meta({ id: 'LockWait' });

export const lockEntrySchema = contract<LockEntry>()(
  z.object({ resource, holders: z.array(lockHolderSchema), waiters: z.array(lockWaiterSchema) }),
).meta({ id: 'LockEntry' });

export const lockPageSchema = contract<Page<LockEntry>>()(pageOf(lockEntrySchema));

export const lockQuerySchema = z.strictObject({
  ...pageQuery(nameCursor),
  prefix: resourcePrefix.optional(),
  session: id.optional(),
  user: userId.optional(),
});
export type LockQuery = z.output<typeof lockQuerySchema>;

export const lockBreakSchema = z.strictObject({ resource, reason: prose(MAX_MESSAGE_LENGTH) });
export type LockBreak = z.output<typeof lockBreakSchema>;

/** `broken`: somebody held the lock. */
export const lockBreakAnswerSchema = z.object({ broken: z.boolean() }).meta({ id: 'LockBreak' });

export const lockCheckSchema = z.strictObject({ resource, fence, sessionId: id.optional() });
export type LockCheck = z.output<typeof lockCheckSchema>;

/** `mode`: that of a valid lock. Readers are many: whoever writes needs an exclusive one. */
export const lockCheckAnswerSchema = z
  .object({ valid: z.boolean(), mode: lockModeSchema.optional() })
  .meta({ id: 'LockCheck' });
