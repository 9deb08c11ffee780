import {
  ACK_STATES,
  type AcquireManyRequest,
  type AcquireRequest,
  type ClientCall,
  type ClientCalls,
  type Heartbeat,
  LOCK_ANSWERS,
  MAX_LOCK_WAIT_MS,
  MAX_LOCKS_AT_ONCE,
  MAX_MESSAGE_LENGTH,
  MAX_NOTE_LENGTH,
  MAX_VIEW_LENGTH,
  type Nothing,
  type TakeoverRequest,
  type UpgradeRequest,
} from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { lockModeSchema, lockScopeSchema } from './lock.js';
import { fence, id, line, MAX_ORDER_MS, prose, resource, resourcePrefix, token, whole } from './values.js';

type Payload<E extends ClientCall> = ClientCalls[E]['payload'];

/** An object without fields: zod would type it as a record of nothing. */
const nothing = z.strictObject({}) as unknown as z.ZodType<Nothing>;

const areDifferent = (list: readonly { resource: string }[]): boolean =>
  new Set(list.map((wish) => wish.resource)).size === list.length;

/** A row per event a client may send; a new event of the contract does not compile without its row. */
export const CLIENT_PAYLOADS: { readonly [E in ClientCall]: z.ZodType<Payload<E>> } = {
  heartbeat: contract<Heartbeat>()(
    z.strictObject({
      n: whole(0).optional(),
      idleMs: whole(0),
      dirty: z.boolean().optional(),
      // An empty view says that nothing is looked at any more.
      view: line(MAX_VIEW_LENGTH, 0).optional(),
    }),
  ),
  activity: contract<Payload<'activity'>>()(z.strictObject({ idleMs: z.literal(0) })),
  'order:ack': contract<Payload<'order:ack'>>()(
    z.strictObject({ orderId: id, state: z.enum(ACK_STATES), why: prose(MAX_MESSAGE_LENGTH).optional() }),
  ),
  'order:extend': contract<Payload<'order:extend'>>()(
    z.strictObject({ orderId: id, ms: whole(1, MAX_ORDER_MS) }),
  ),
  'session:end': nothing,
  'auth:refresh': contract<Payload<'auth:refresh'>>()(z.strictObject({ token })),
  'lock:acquire': contract<AcquireRequest>()(
    z.strictObject({
      resource,
      mode: lockModeSchema.optional(),
      scope: lockScopeSchema.optional(),
      waitMs: whole(0, MAX_LOCK_WAIT_MS).optional(),
      requestId: id,
      note: line(MAX_NOTE_LENGTH).optional(),
    }),
  ),
  'lock:acquireMany': contract<AcquireManyRequest>()(
    z.strictObject({
      resources: z
        .array(
          z.strictObject({ resource, mode: lockModeSchema.optional(), scope: lockScopeSchema.optional() }),
        )
        .min(1)
        .max(MAX_LOCKS_AT_ONCE)
        .refine(areDifferent, 'must name each resource once'),
      requestId: id,
    }),
  ),
  'lock:upgrade': contract<UpgradeRequest>()(
    z.strictObject({
      resource,
      fence,
      waitMs: whole(0, MAX_LOCK_WAIT_MS).optional(),
      requestId: id,
    }),
  ),
  'lock:release': contract<Payload<'lock:release'>>()(z.strictObject({ resource, fence })),
  'lock:cancel': contract<Payload<'lock:cancel'>>()(z.strictObject({ requestId: id })),
  'lock:takeover': contract<TakeoverRequest>()(
    z.strictObject({
      resource,
      force: z.boolean().optional(),
      reason: prose(MAX_MESSAGE_LENGTH).optional(),
      requestId: id,
    }),
  ),
  'lock:answer': contract<Payload<'lock:answer'>>()(
    z.strictObject({ requestId: id, answer: z.enum(LOCK_ANSWERS) }),
  ),
  'lock:check': contract<Payload<'lock:check'>>()(z.strictObject({ resource, fence })),
  'lock:watch': contract<Payload<'lock:watch'>>()(z.strictObject({ prefix: resourcePrefix })),
  'lock:unwatch': contract<Payload<'lock:unwatch'>>()(z.strictObject({ prefix: resourcePrefix })),
  'lock:query': contract<Payload<'lock:query'>>()(z.strictObject({ resource })),
};
