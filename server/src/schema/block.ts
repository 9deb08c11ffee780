import { type Block, type BlockRequest, MAX_MESSAGE_LENGTH, type Page } from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { actorSchema } from './identity.js';
import { pageOf, pageQuery, placeCursor } from './page.js';
import { id, instant, prose, userId } from './values.js';

const request = {
  user: userId,
  untilAt: instant.optional(),
  notBeforeAt: instant.optional(),
  reason: prose(MAX_MESSAGE_LENGTH),
  message: prose(MAX_MESSAGE_LENGTH).optional(),
};

export const blockRequestSchema = contract<BlockRequest>()(z.strictObject(request)).meta({
  id: 'BlockRequest',
});

export const blockSchema = contract<Block>()(
  z.object({ ...request, id, by: actorSchema, createdAt: instant }),
).meta({ id: 'Block' });

export const blockPageSchema = contract<Page<Block>>()(pageOf(blockSchema));

export const blockQuerySchema = z.strictObject({ ...pageQuery(placeCursor), user: userId.optional() });
export type BlockQuery = z.output<typeof blockQuerySchema>;

export const blockSetAnswerSchema = z.object({ id }).meta({ id: 'BlockSet' });
export const blockLiftAnswerSchema = z.object({ lifted: z.literal(true) }).meta({ id: 'BlockLifted' });
