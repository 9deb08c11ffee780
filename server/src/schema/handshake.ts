import {
  type AdminHandshakeAuth,
  type HandshakeAuth,
  MAX_ATTRIBUTES,
  MAX_LABEL_LENGTH,
} from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { appInputSchema, deviceInputSchema } from './session.js';
import { id, line, tenant, token } from './values.js';

const label = line(MAX_LABEL_LENGTH);

/** 32 random bytes in base64url. */
const resumeKey = z.string().regex(/^[\w-]{43}$/, 'must be the resume key of the welcome');

export const handshakeSchema = contract<HandshakeAuth>()(
  z.strictObject({
    token,
    app: appInputSchema.optional(),
    device: deviceInputSchema.optional(),
    resume: z.strictObject({ sessionId: id, key: resumeKey }).optional(),
    attributes: z
      .record(label, label)
      .refine(
        (value) => Object.keys(value).length <= MAX_ATTRIBUTES,
        `must have at most ${MAX_ATTRIBUTES} entries`,
      )
      .optional(),
  }),
);

export const adminHandshakeSchema = contract<AdminHandshakeAuth>()(
  z.strictObject({ token, tenant: tenant.optional() }),
);
