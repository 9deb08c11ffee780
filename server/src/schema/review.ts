import {
  END_REASONS,
  type Looked,
  MAX_REVIEW_ROWS,
  PRESET_NAMES,
  type Review,
  type ReviewCount,
  type StaleUser,
} from '@lastcall/shared';
import { z } from 'zod';
import { auditRecordSchema } from './audit.js';
import { contract } from './contract.js';
import { userRefSchema } from './identity.js';
import { lockHolderSchema } from './lock.js';
import { instant, whole, wholeText } from './values.js';

/** `since` is epoch milliseconds. */
export const reviewQuerySchema = z.strictObject({ since: wholeText(0).optional() });
export type ReviewQuery = z.output<typeof reviewQuerySchema>;

const looked = contract<Looked>()(z.object({ total: whole(0), looked: whole(0) }));

const staleUser = contract<StaleUser>()(
  z.object({ user: userRefSchema, sessions: whole(1), lastInputAt: instant }),
);

const reviewCount = contract<ReviewCount>()(
  z.object({
    user: userRefSchema,
    times: whole(1),
    lastAt: instant,
    reasons: z.partialRecord(z.enum(END_REASONS), whole(1)),
  }),
);

function rows<S extends z.ZodType>(row: S) {
  return z.array(row).max(MAX_REVIEW_ROWS);
}

export const reviewSchema = contract<Review>()(
  z.object({
    at: instant,
    since: instant,
    from: instant,
    complete: z.boolean(),
    sessions: looked,
    locks: looked,
    staleUsers: rows(staleUser),
    longestLocks: rows(lockHolderSchema),
    mostForced: rows(reviewCount),
    withoutLogoff: rows(reviewCount),
    policy: z.object({
      version: whole(0),
      preset: z.enum(PRESET_NAMES).optional(),
      changes: rows(auditRecordSchema),
    }),
  }),
).meta({ id: 'Review' });
