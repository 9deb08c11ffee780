import {
  type App,
  type Device,
  END_REASONS,
  type Ending,
  MAX_LABEL_LENGTH,
  type Page,
  SESSION_STATES,
  type Session,
} from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { actorSchema, userRefSchema, userSchema } from './identity.js';
import { pageOf, pageQuery, placeCursor } from './page.js';
import { id, instant, line, MAX_SPAN_MS, userId, whole, wholeText } from './values.js';

const label = line(MAX_LABEL_LENGTH);
const app = { name: label, version: label.optional() };
const device = { label: label.optional(), kind: label.optional() };

/** What a client says of itself. */
export const appInputSchema = contract<App>()(z.strictObject(app));
export const deviceInputSchema = contract<Device>()(z.strictObject(device));

export const endingSchema = contract<Ending>()(
  z.object({
    reason: z.enum(END_REASONS),
    by: actorSchema,
    message: z.string().optional(),
    endedAt: instant,
    orderId: id.optional(),
  }),
).meta({ id: 'Ending' });

export const sessionSchema = contract<Session>()(
  z.object({
    id,
    state: z.enum(SESSION_STATES),
    user: userSchema,
    app: z.object(app).optional(),
    device: z.object(device).optional(),
    address: z.string(),
    node: z.string(),
    openedAt: instant,
    lastBeatAt: instant,
    lastInputAt: instant,
    dirty: z.boolean(),
    view: z.string().optional(),
    locks: whole(0),
    warned: z.object({ orderId: id, deadlineAt: instant }).optional(),
    ended: endingSchema.optional(),
  }),
).meta({ id: 'Session' });

export const sessionPageSchema = contract<Page<Session>>()(pageOf(sessionSchema));

/** A list has live sessions only; one that has ended is found by its id. */
export const sessionQuerySchema = z.strictObject({
  ...pageQuery(placeCursor),
  user: userId.optional(),
  state: z.enum(SESSION_STATES).exclude(['ended']).optional(),
  app: label.optional(),
  node: label.optional(),
  minIdleMs: wholeText(0, MAX_SPAN_MS).optional(),
  q: label.optional(),
});
export type SessionQuery = z.output<typeof sessionQuerySchema>;

export const sessionCheckSchema = z.strictObject({ sessionId: id });
export type SessionCheck = z.output<typeof sessionCheckSchema>;

/** Without `user` and `state` the session is not known. */
export const sessionCheckAnswerSchema = z
  .object({ live: z.boolean(), user: userRefSchema.optional(), state: z.enum(SESSION_STATES).optional() })
  .meta({ id: 'SessionCheck' });
