import { usageError } from './options.js';

/** How ids of sessions, orders and blocks are written. */
export const ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Where the ids of these are to be found. */
const FOUND = {
  order: '"lastcall warn" and "lastcall logoff" print it, and "lastcall orders" lists them',
  session: '"lastcall sessions" lists them',
} as const;

/** An id as brokers give them. An empty one, of a variable that is not set, would ask for something else. */
export function idArgument(text: string, what: keyof typeof FOUND): string {
  if (ID.test(text)) return text;
  throw usageError(`"${text}" is not the id of ${what === 'order' ? 'an' : 'a'} ${what}: ${FOUND[what]}`);
}
