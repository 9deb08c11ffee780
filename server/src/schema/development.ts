import { z } from 'zod';
import { line, MAX_NAME_LENGTH, MAX_ROLES, role, tenant, userId } from './values.js';

/** What the one-click sign-in of development takes. */
export const devTokenSchema = z.strictObject({
  sub: userId,
  tenant,
  name: line(MAX_NAME_LENGTH).optional(),
  roles: z.array(role).max(MAX_ROLES).optional(),
});
export type DevToken = z.output<typeof devTokenSchema>;
