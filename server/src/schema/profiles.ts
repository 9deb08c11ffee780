import { z } from 'zod';
import { line, tenant } from './values.js';

/** Most profiles of a file. */
const MAX_PROFILES = 100;

/** A broker and who one is there, for the commands. */
export const profileSchema = z
  .strictObject({
    url: line(2_048).optional(),
    token: line(8_192).optional(),
    token_file: line(1_024).optional(),
    tenant: tenant.optional(),
  })
  .refine(({ token, token_file: file }) => token === undefined || file === undefined, {
    path: ['token_file'],
    message: 'must be left out when token is there',
  });
export type Profile = z.output<typeof profileSchema>;

export const profilesSchema = z.strictObject({
  default: line(64).optional(),
  profiles: z
    .record(z.string().regex(/^[\w.-]{1,64}$/), profileSchema)
    .refine((all) => Object.keys(all).length <= MAX_PROFILES, `must be at most ${MAX_PROFILES}`),
});
export type Profiles = z.output<typeof profilesSchema>;
