import { AUDIT_TYPES, type AuditRecord, type Page } from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { actorSchema, userRefSchema } from './identity.js';
import { pageOf, pageQuery, revCursor } from './page.js';
import { fence, id, instant, resource, userId, whole, wholeText } from './values.js';

export const auditRecordSchema = contract<AuditRecord>()(
  z.object({
    epoch: whole(0),
    rev: whole(0),
    at: instant,
    type: z.enum(AUDIT_TYPES),
    by: actorSchema,
    sessionId: id.optional(),
    user: userRefSchema.optional(),
    orderId: id.optional(),
    resource: resource.optional(),
    fence: fence.optional(),
    reason: z.string().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
).meta({ id: 'AuditRecord' });

export const auditPageSchema = contract<Page<AuditRecord>>()(pageOf(auditRecordSchema));

/** `from` is included, `to` is not; both are epoch milliseconds. */
export const auditQuerySchema = z
  .strictObject({
    ...pageQuery(revCursor),
    session: id.optional(),
    user: userId.optional(),
    type: z.enum(AUDIT_TYPES).optional(),
    from: wholeText(0).optional(),
    to: wholeText(0).optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    message: 'must be later than from',
  });
export type AuditQuery = z.output<typeof auditQuerySchema>;
