import { z } from 'zod';
import { tenant, token } from './values.js';

/** The form of OpenID Connect Back-Channel Logout 1.0; what else a provider sends is ignored, as OAuth has it. */
export const logoutFormSchema = z.object({ logout_token: token }).meta({ id: 'BackChannelLogoutRequest' });

export const logoutParamsSchema = z.strictObject({ tenant });

/** The error of OAuth 2.0 (RFC 6749, section 5.2), which identity providers understand. */
export const logoutErrorSchema = z
  .object({ error: z.literal('invalid_request'), error_description: z.string() })
  .meta({ id: 'BackChannelLogoutError' });
export type LogoutError = z.output<typeof logoutErrorSchema>;
