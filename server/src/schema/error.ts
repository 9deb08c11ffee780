import { ERRORS, type ErrorCode, type Issue, type WireError } from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { lockHolderSchema, lockWaitSchema } from './lock.js';
import { endingSchema } from './session.js';
import { instant, whole } from './values.js';

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

const extras = {
  terminal: z.boolean().optional(),
  retryAfterMs: whole(0).optional(),
  issues: z.array(contract<Issue>()(z.object({ path: z.string(), message: z.string() }))).optional(),
  ended: endingSchema.optional(),
  untilAt: instant.optional(),
  blockers: z.array(lockHolderSchema).optional(),
  cycle: z.array(lockWaitSchema).optional(),
  outcome: z.string().optional(),
};

export const wireErrorSchema = contract<WireError>()(
  z.object({ code: z.enum(codes), message: z.string(), ...extras }),
).meta({ id: 'Error' });

/** An error over HTTP, `application/problem+json` (RFC 9457): `detail` is the error's message. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: whole(400, 599),
    detail: z.string(),
    code: z.enum(codes),
    ...extras,
  })
  .meta({ id: 'Problem' });
export type Problem = z.output<typeof problemSchema>;
