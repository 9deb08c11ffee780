import { z } from 'zod';
import {
  auditPageSchema,
  auditQuerySchema,
  auditRecordSchema,
  auditVerdictSchema,
  auditVerifyQuerySchema,
} from './audit.js';
import {
  blockLiftAnswerSchema,
  blockPageSchema,
  blockQuerySchema,
  blockRequestSchema,
  blockSetAnswerSchema,
} from './block.js';
import {
  lockBreakAnswerSchema,
  lockBreakSchema,
  lockCheckAnswerSchema,
  lockCheckSchema,
  lockPageSchema,
  lockQuerySchema,
  lockSchema,
} from './lock.js';
import { maintenanceLiftAnswerSchema, maintenanceRequestSchema, maintenanceSchema } from './maintenance.js';
import { nodePageSchema, tenantPageSchema } from './node.js';
import {
  dryRunSchema,
  orderPageSchema,
  orderQuerySchema,
  orderRequestSchema,
  orderSchema,
  receiptPageSchema,
  receiptSchema,
} from './order.js';
import { namePageQuerySchema, placePageQuerySchema } from './page.js';
import { policySchema, policySettingsSchema } from './policy.js';
import { reviewQuerySchema, reviewSchema } from './review.js';
import {
  sessionCheckAnswerSchema,
  sessionCheckSchema,
  sessionPageSchema,
  sessionQuerySchema,
  sessionSchema,
} from './session.js';
import { id, tenant } from './values.js';

/** One HTTP call: what it takes, and what it answers by status. Errors are problems, for every call alike. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** As Express writes it: `:tenant`, `:id`. */
  readonly path: string;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answers: Readonly<Record<number, z.ZodType>>;
}

const inTenant = z.strictObject({ tenant });
const inTenantById = z.strictObject({ tenant, id });
const T = '/v1/tenants/:tenant';

/** A session with its locks and orders and the latest of its records; an ended one comes with its receipt. */
export const sessionDetailSchema = z
  .object({
    session: sessionSchema,
    locks: z.array(lockSchema),
    orders: z.array(orderSchema),
    audit: z.array(auditRecordSchema),
    receipt: receiptSchema.optional(),
  })
  .meta({ id: 'SessionDetail' });
export type SessionDetail = z.output<typeof sessionDetailSchema>;

/** A row per HTTP call: routing, validation, the table of roles and the OpenAPI document read it. */
export const ROUTES = {
  'sessions.list': {
    method: 'get',
    path: `${T}/sessions`,
    summary: 'Live sessions',
    params: inTenant,
    query: sessionQuerySchema,
    answers: { 200: sessionPageSchema },
  },
  'sessions.get': {
    method: 'get',
    path: `${T}/sessions/:id`,
    summary: 'One session with its locks, orders and latest records',
    params: inTenantById,
    answers: { 200: sessionDetailSchema },
  },
  'sessions.check': {
    method: 'post',
    path: `${T}/sessions/check`,
    summary: 'Whether a session is live, for application back ends',
    params: inTenant,
    body: sessionCheckSchema,
    answers: { 200: sessionCheckAnswerSchema },
  },
  'orders.list': {
    method: 'get',
    path: `${T}/orders`,
    summary: 'Orders, newest first',
    params: inTenant,
    query: orderQuerySchema,
    answers: { 200: orderPageSchema },
  },
  'orders.create': {
    method: 'post',
    path: `${T}/orders`,
    summary: 'Warn sessions, or warn them and log them off',
    params: inTenant,
    body: orderRequestSchema,
    answers: { 200: dryRunSchema, 201: orderSchema },
  },
  'orders.get': {
    method: 'get',
    path: `${T}/orders/:id`,
    summary: 'One order with its counts',
    params: inTenantById,
    answers: { 200: orderSchema },
  },
  'orders.receipts': {
    method: 'get',
    path: `${T}/orders/:id/receipts`,
    summary: 'What became of each session under an order',
    params: inTenantById,
    query: placePageQuerySchema,
    answers: { 200: receiptPageSchema },
  },
  'orders.cancel': {
    method: 'delete',
    path: `${T}/orders/:id`,
    summary: 'Cancel an order that is not closing yet',
    params: inTenantById,
    answers: { 200: orderSchema },
  },
  'maintenance.get': {
    method: 'get',
    path: `${T}/maintenance`,
    summary: 'The maintenance window, with the counts of its order',
    params: inTenant,
    answers: { 200: maintenanceSchema },
  },
  'maintenance.set': {
    method: 'put',
    path: `${T}/maintenance`,
    summary: 'Plan a maintenance window, or change the one there is',
    params: inTenant,
    body: maintenanceRequestSchema,
    answers: { 200: maintenanceSchema },
  },
  'maintenance.lift': {
    method: 'delete',
    path: `${T}/maintenance`,
    summary: 'Lift the maintenance window: admission is open again',
    params: inTenant,
    answers: { 200: maintenanceLiftAnswerSchema },
  },
  'blocks.list': {
    method: 'get',
    path: `${T}/blocks`,
    summary: 'Who is kept out, newest first',
    params: inTenant,
    query: blockQuerySchema,
    answers: { 200: blockPageSchema },
  },
  'blocks.set': {
    method: 'post',
    path: `${T}/blocks`,
    summary: 'Keep a person out, or only with tokens issued before an instant',
    params: inTenant,
    body: blockRequestSchema,
    answers: { 201: blockSetAnswerSchema },
  },
  'blocks.lift': {
    method: 'delete',
    path: `${T}/blocks/:id`,
    summary: 'Let a person in again',
    params: inTenantById,
    answers: { 200: blockLiftAnswerSchema },
  },
  'locks.list': {
    method: 'get',
    path: `${T}/locks`,
    summary: 'Locked resources with their holders and queues',
    params: inTenant,
    query: lockQuerySchema,
    answers: { 200: lockPageSchema },
  },
  'locks.break': {
    method: 'post',
    path: `${T}/locks/break`,
    summary: 'Take a lock from its holder at once',
    params: inTenant,
    body: lockBreakSchema,
    answers: { 200: lockBreakAnswerSchema },
  },
  'locks.check': {
    method: 'post',
    path: `${T}/locks/check`,
    summary: 'Whether a lock is held with this fence, for application back ends',
    params: inTenant,
    body: lockCheckSchema,
    answers: { 200: lockCheckAnswerSchema },
  },
  'audit.list': {
    method: 'get',
    path: `${T}/audit`,
    summary: 'Audit records, newest first',
    params: inTenant,
    query: auditQuerySchema,
    answers: { 200: auditPageSchema },
  },
  'audit.verify': {
    method: 'get',
    path: `${T}/audit/verify`,
    summary: 'Check the chain of the audit archive',
    params: inTenant,
    query: auditVerifyQuerySchema,
    answers: { 200: auditVerdictSchema },
  },
  'policy.get': {
    method: 'get',
    path: `${T}/policy`,
    summary: "A tenant's settings; their version is the ETag",
    params: inTenant,
    answers: { 200: policySchema },
  },
  'policy.set': {
    method: 'put',
    path: `${T}/policy`,
    summary: "Replace a tenant's settings, if they are still those that If-Match names",
    params: inTenant,
    body: policySettingsSchema,
    answers: { 200: policySchema },
  },
  'review.get': {
    method: 'get',
    path: `${T}/review`,
    summary: 'What to look at from time to time',
    params: inTenant,
    query: reviewQuerySchema,
    answers: { 200: reviewSchema },
  },
  'nodes.list': {
    method: 'get',
    path: '/v1/nodes',
    summary: 'Broker processes',
    answers: { 200: nodePageSchema },
  },
  'tenants.list': {
    method: 'get',
    path: '/v1/tenants',
    summary: 'Tenants',
    query: namePageQuerySchema,
    answers: { 200: tenantPageSchema },
  },
} as const satisfies Record<string, Route>;

export type RouteId = keyof typeof ROUTES;

type Row<R extends RouteId> = (typeof ROUTES)[R];

/** What a part of a request of this route is once it is parsed. */
export type RoutePart<R extends RouteId, P extends 'params' | 'query' | 'body'> =
  Row<R> extends Readonly<Record<P, infer S extends z.ZodType>> ? z.output<S> : undefined;

/** A status this route answers with, and the body that belongs to it. */
export type RouteAnswer<R extends RouteId> = R extends RouteId ? AnswerOf<Row<R>['answers']> : never;

type AnswerOf<A> = {
  [S in keyof A & number]: {
    readonly status: S;
    readonly body: A[S] extends z.ZodType ? z.output<A[S]> : never;
  };
}[keyof A & number];
