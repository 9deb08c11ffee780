import { AUDIT_FAULTS, AUDIT_TYPES, type AuditRecord, type AuditVerdict, type Page } from '@lastcall/shared';
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

/** Begins with the archive of that day (UTC) and trusts what its first line follows. */
export const auditVerifyQuerySchema = z.strictObject({ from: wholeText(0).optional() });

/** What a check of the archive found; `fault` is the first link that is not as it should be. */
export const auditVerdictSchema = contract<AuditVerdict>()(
  z.object({
    ok: z.boolean(),
    records: whole(0),
    files: whole(0),
    anchored: z.boolean(),
    signed: z.boolean(),
    lost: whole(0),
    last: z.object({ seq: whole(1), epoch: whole(0), rev: whole(0), at: instant }).optional(),
    fault: z
      .object({
        kind: z.enum(AUDIT_FAULTS),
        seq: whole(1),
        file: z.string().optional(),
        line: whole(1).optional(),
        message: z.string(),
      })
      .optional(),
  }),
).meta({ id: 'AuditVerdict' });
