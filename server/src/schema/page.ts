import { DEFAULT_PAGE, MAX_PAGE } from '@lastcall/shared';
import { z } from 'zod';
import { wholeText } from './values.js';

const NOT_A_CURSOR = 'must be the "next" of the page before';

/** Cursors are opaque to clients; what is none is refused here, before it reaches the store. */
export const placeCursor = z.string().regex(/^\d{1,17}(?:\.\d{1,17})?(?:e\+\d{1,2})?$/, NOT_A_CURSOR);
/** Of records: they are numbered. */
export const revCursor = z.string().regex(/^\d{1,16}$/, NOT_A_CURSOR);
export const nameCursor = z.string().regex(/^[\w.~:@/-]{1,520}$/, NOT_A_CURSOR);

/** The part of a query that every list has. */
export function pageQuery(cursor: z.ZodString) {
  return { limit: wholeText(1, MAX_PAGE).default(DEFAULT_PAGE), cursor: cursor.optional() };
}

/** A list without filters. */
export const placePageQuerySchema = z.strictObject(pageQuery(placeCursor));
export const namePageQuerySchema = z.strictObject(pageQuery(nameCursor));

/** A page of these. */
export function pageOf<S extends z.ZodType>(item: S) {
  return z.object({ items: z.array(item), next: z.string().optional() });
}
