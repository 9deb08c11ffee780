import {
  type Checks,
  END_REASONS,
  MAX_LABEL_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_TARGET_LIST,
  ORDER_ACTIONS,
  ORDER_REASONS,
  ORDER_STATES,
  type Order,
  type OrderCounts,
  type OrderExcept,
  type OrderRequest,
  type OrderTarget,
  OUTCOMES,
  type Page,
  RECEIPT_STATES,
  type Receipt,
} from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { actorSchema, userRefSchema } from './identity.js';
import { pageOf, pageQuery, placeCursor } from './page.js';
import { sessionSchema } from './session.js';
import { id, instant, line, MAX_ORDER_MS, MAX_SPAN_MS, prose, role, userId, whole } from './values.js';

/** Most extensions an order may allow one session. */
const MAX_EXTENSIONS = 100;

const lists = {
  sessions: z.array(id).min(1).max(MAX_TARGET_LIST).optional(),
  users: z.array(userId).min(1).max(MAX_TARGET_LIST).optional(),
  roles: z.array(role).min(1).max(MAX_TARGET_LIST).optional(),
  apps: z.array(line(MAX_LABEL_LENGTH)).min(1).max(MAX_TARGET_LIST).optional(),
  minIdleMs: whole(1, MAX_SPAN_MS).optional(),
};

// An order for nobody by mistake is as bad as one for everybody by mistake: the target has to say which.
const target = contract<OrderTarget>()(
  z.strictObject({ all: z.literal(true).optional(), ...lists }).superRefine((value, context) => {
    const named = Object.values(value).filter((part) => part !== undefined).length;
    if (named === 0) {
      context.addIssue({
        code: 'custom',
        message: 'must say all, or name sessions, users, roles, apps or minIdleMs',
      });
    }
    if (value.all === true && named > 1) {
      context.addIssue({ code: 'custom', message: 'must be all alone, or lists without all' });
    }
  }),
);

const request = {
  action: z.enum(ORDER_ACTIONS),
  target,
  except: contract<OrderExcept>()(z.strictObject(lists)).optional(),
  includeSelf: z.boolean().optional(),
  message: prose(MAX_MESSAGE_LENGTH),
  reason: z.enum(ORDER_REASONS),
  graceMs: whole(0, MAX_ORDER_MS).optional(),
  holdMs: whole(0, MAX_ORDER_MS).optional(),
  extend: z
    .strictObject({ maxCount: whole(1, MAX_EXTENSIONS), maxTotalMs: whole(1, MAX_ORDER_MS) })
    .optional(),
  reentry: z.strictObject({ denyMs: whole(0, MAX_SPAN_MS) }).optional(),
};

export const orderRequestSchema = contract<OrderRequest>()(
  z.strictObject({ ...request, dryRun: z.boolean().optional() }),
).meta({ id: 'OrderRequest' });

export const orderCountsSchema = contract<OrderCounts>()(
  z.object({
    targeted: whole(0),
    delivered: whole(0),
    seen: whole(0),
    saving: whole(0),
    saved: whole(0),
    ended: whole(0),
    verified: whole(0),
    unverified: whole(0),
  }),
);

export const orderSchema = contract<Order>()(
  z.object({
    ...request,
    reason: z.enum(END_REASONS),
    id,
    version: whole(1),
    state: z.enum(ORDER_STATES),
    by: actorSchema,
    createdAt: instant,
    deadlineAt: instant,
    spared: userRefSchema.optional(),
    counts: orderCountsSchema,
  }),
).meta({ id: 'Order' });

export const orderPageSchema = contract<Page<Order>>()(pageOf(orderSchema));

/** `by` is the id of who gave an order; endings by policy are orders too, and `by=policy` asks for those alone. */
export const orderQuerySchema = z.strictObject({
  ...pageQuery(placeCursor),
  by: userId.optional(),
  state: z.enum(ORDER_STATES).optional(),
});
export type OrderQuery = z.output<typeof orderQuerySchema>;

/** What an order would do; `items` are the first of those it would hit. */
export const dryRunSchema = z
  .object({
    dryRun: z.literal(true),
    total: whole(0),
    items: z.array(sessionSchema),
    spared: userRefSchema.optional(),
  })
  .meta({ id: 'DryRun' });

const check = z.object({ ok: z.boolean(), detail: z.string().optional() });

const checksSchema = contract<Checks>()(
  z.object({ registry: check, sockets: check, locks: check, reentry: check }),
);

export const receiptSchema = contract<Receipt>()(
  z.object({
    sessionId: id,
    user: userRefSchema,
    state: z.enum(RECEIPT_STATES),
    deliveredAt: instant.optional(),
    seenAt: instant.optional(),
    savedAt: instant.optional(),
    endedAt: instant.optional(),
    outcome: z.enum(OUTCOMES).optional(),
    verified: z.boolean().optional(),
    checks: checksSchema.optional(),
  }),
).meta({ id: 'Receipt' });

export const receiptPageSchema = contract<Page<Receipt>>()(pageOf(receiptSchema));
