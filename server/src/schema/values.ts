import {
  MAX_USER_ID_LENGTH,
  RESOURCE_PATTERN,
  RESOURCE_PREFIX_PATTERN,
  TENANT_PATTERN,
} from '@lastcall/shared';
import { z } from 'zod';

/** Longest token accepted, in characters (a JWT is ASCII, so also in bytes). */
export const MAX_TOKEN_LENGTH = 8_192;
/** Longest role name, in characters. */
export const MAX_ROLE_LENGTH = 64;
/** Most roles of one token. */
export const MAX_ROLES = 32;
/** Longest name of a person, in characters. */
export const MAX_NAME_LENGTH = 128;
/** Longest time an order may give or take, in milliseconds. */
export const MAX_ORDER_MS = 86_400_000;
/** Longest span anything may be asked about, in milliseconds: 30 days. */
export const MAX_SPAN_MS = 2_592_000_000;

// Control characters forge log lines; lone surrogates make different names equal once they are encoded as UTF-8.
const NOT_IN_A_LINE = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
const NOT_IN_A_TEXT = /[^\P{Cc}\n\t]|\p{Cs}/u;

/** Whether a text can be shown on one line and survives encoding. */
export function isLine(text: string): boolean {
  return !NOT_IN_A_LINE.test(text);
}

/** Text of one line, `min` to `max` characters. */
export function line(max: number, min = 1) {
  return z.string().min(min).max(max).refine(isLine, 'must be one line without control characters');
}

/** Text for people, 1 to `max` characters, line breaks allowed, not blank. */
export function prose(max: number) {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((text) => text.trim() !== '', 'must not be blank')
    .refine((text) => !NOT_IN_A_TEXT.test(text), 'must not contain control characters');
}

export const id = z.uuid();
export const tenant = z
  .string()
  .regex(TENANT_PATTERN, 'must be 1 to 63 of a-z, 0-9, ".", "_", "-", beginning with a letter or digit');
export const userId = line(MAX_USER_ID_LENGTH);
export const role = line(MAX_ROLE_LENGTH);
export const token = z.string().min(1).max(MAX_TOKEN_LENGTH);
export const resource = z
  .string()
  .regex(RESOURCE_PATTERN, 'must be 1 to 8 segments joined by "/", each 1 to 64 of A-Z a-z 0-9 . _ ~ : @ -');
export const resourcePrefix = z
  .string()
  .regex(RESOURCE_PREFIX_PATTERN, 'must be the beginning of a resource, such as "invoices/"');

/** A whole number; zod keeps it within the safe integers. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return z.int().min(min).max(max);
}

/** A whole number as it stands in a query string. */
export function wholeText(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value),
    whole(min, max),
  );
}

/** Epoch milliseconds on Redis' clock. */
export const instant = whole(0);
export const fence = whole(1);
