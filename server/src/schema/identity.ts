import type { Actor, User, UserRef } from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';

export const userRefSchema = contract<UserRef>()(z.object({ id: z.string(), name: z.string() }));

export const userSchema = contract<User>()(
  z.object({ id: z.string(), name: z.string(), roles: z.array(z.string()) }),
);

export const actorSchema = contract<Actor>()(
  z.object({
    kind: z.enum(['user', 'admin', 'policy', 'system']),
    id: z.string().optional(),
    name: z.string().optional(),
  }),
).meta({ id: 'Actor' });
