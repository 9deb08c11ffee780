import {
  MAINTENANCE_STATES,
  MAX_LADDER,
  MAX_MESSAGE_LENGTH,
  type Maintenance,
  type MaintenanceRequest,
  ORDER_ACTIONS,
} from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { actorSchema } from './identity.js';
import { orderCountsSchema, orderSchema } from './order.js';
import { id, instant, MAX_ORDER_MS, MAX_ROLES, MAX_SPAN_MS, prose, role, whole } from './values.js';

/** Marks closer to the start than this would come together with it. */
const MIN_MARK_MS = 1_000;

const action = z.enum(ORDER_ACTIONS);
const message = prose(MAX_MESSAGE_LENGTH);
const spanMs = whole(0, MAX_ORDER_MS);
const ladderMs = z.array(whole(MIN_MARK_MS, MAX_ORDER_MS)).max(MAX_LADDER);
const bypassRoles = z.array(role).max(MAX_ROLES);

export const maintenanceRequestSchema = contract<MaintenanceRequest>()(
  z
    .strictObject({
      action: action.optional(),
      message,
      startsAt: instant.optional(),
      startsInMs: whole(0, MAX_SPAN_MS).optional(),
      untilAt: instant.optional(),
      admissionStopsMs: spanMs.optional(),
      ladderMs: ladderMs.optional(),
      bypassRoles: bypassRoles.optional(),
      holdMs: spanMs.optional(),
    })
    .refine(({ startsAt, startsInMs }) => startsAt === undefined || startsInMs === undefined, {
      path: ['startsInMs'],
      message: 'must be left out when startsAt says when',
    }),
).meta({ id: 'MaintenanceRequest' });

export const maintenanceSchema = contract<Maintenance>()(
  z.object({
    id,
    version: whole(1),
    state: z.enum(MAINTENANCE_STATES),
    action,
    message,
    startsAt: instant,
    untilAt: instant.optional(),
    admissionStopsMs: spanMs,
    admissionStopsAt: z.int(),
    ladderMs,
    bypassRoles,
    holdMs: spanMs,
    by: actorSchema,
    createdAt: instant,
    orderId: id.optional(),
    counts: orderCountsSchema.optional(),
  }),
).meta({ id: 'Maintenance' });

/** The window is gone; `order` is its order as it is now: cancelled, or going on with those that still save. */
export const maintenanceLiftAnswerSchema = z
  .object({ lifted: z.literal(true), order: orderSchema.optional() })
  .meta({ id: 'MaintenanceLifted' });
