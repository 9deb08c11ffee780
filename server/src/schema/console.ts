import { z } from 'zod';

/** What a sign-in link of the console is exchanged with. */
export const consoleCodeSchema = z.strictObject({ code: z.string().min(1).max(128) });
