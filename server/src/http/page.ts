import type { Page } from '@lastcall/shared';
import { invalid } from '../schema/parse.js';

/** A page whose cursor clients cannot take for anything but a cursor. */
export function toWirePage<T>({ items, next }: Page<T>): { items: T[]; next?: string } {
  return next === undefined
    ? { items: [...items] }
    : { items: [...items], next: Buffer.from(next).toString('base64url') };
}

/**
 * The cursor as the lists know it; the schema of the query checks what it says.
 *
 * @throws {LastcallError} `invalid` for what was never given out.
 */
export function fromWireCursor(cursor: unknown): string {
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString() : '';
  if (text === '' || Buffer.from(text).toString('base64url') !== cursor) {
    throw invalid([{ path: 'cursor', message: 'must be the "next" of the page before' }]);
  }
  return text;
}

/** The same fields, of which none is there without a value. */
export function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
