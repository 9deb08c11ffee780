import { z } from 'zod';
import { line } from './values.js';

// Each schema takes the text of an environment variable as well as the value of a YAML file.

const REDIS_NODES = /^(?:[^@/\s]*@)?[^@/\s,:]+(?::\d{1,5})?(?:,[^@/\s,:]+(?::\d{1,5})?)*$/;

/** What a setting may be; its description completes "… must be". */
export type SettingSchema = z.ZodType;
export type SettingValue<S extends SettingSchema> = z.output<S>;

/** Host names that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

export function numberSetting(min: number, max: number) {
  return z
    .preprocess(
      (value) => (typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value),
      z.int().min(min).max(max),
    )
    .describe(`a whole number from ${min} to ${max}`);
}

const WORDS: Readonly<Record<string, boolean>> = { 1: true, true: true, 0: false, false: false };

export const flagSetting = z
  .preprocess((value) => (Object.hasOwn(WORDS, String(value)) ? WORDS[String(value)] : value), z.boolean())
  .describe('1 or 0');

export function textSetting(max: number) {
  return z
    .preprocess((value) => (typeof value === 'number' ? String(value) : value), line(max))
    .describe(`one line of at most ${max} characters`);
}

export function choiceSetting<const T extends readonly string[]>(words: T) {
  return z.enum(words).describe(`one of ${words.join(', ')}`);
}

/** Shortest shared secret, in bytes: HS256 needs a key as long as its hash. */
export const MIN_SECRET_BYTES = 32;

/** Whether a shared secret is long enough for HS256. */
export function isLongEnough(secret: string): boolean {
  return Buffer.byteLength(secret) >= MIN_SECRET_BYTES;
}

export const secretSetting = z
  .string()
  .max(4_096)
  .refine(isLongEnough)
  .describe(`at least ${MIN_SECRET_BYTES} bytes of text`);

/** Two keys replace each other one after the other; more than a few are a mistake. */
const MAX_AUDIT_KEYS = 4;

export const auditKeysSetting = z
  .string()
  .max(4_096)
  .refine((text) => {
    const keys = text.split(/\s+/);
    return keys.length <= MAX_AUDIT_KEYS && keys.every(isLongEnough);
  })
  .describe(
    `at least ${MIN_SECRET_BYTES} bytes of text without white space; or up to ${MAX_AUDIT_KEYS} of these, separated by spaces`,
  );

function isRedisUrl(text: string): boolean {
  const several = /^redis\+(cluster|sentinel):\/\/(.+)$/.exec(text);
  if (several === null) {
    return /^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== '';
  }
  const [nodes = '', name, ...more] = (several[2] ?? '').split('/');
  const named =
    several[1] === 'sentinel' ? /^[\w.-]{1,128}$/.test(name ?? '') : name === undefined || name === '';
  return named && more.length === 0 && REDIS_NODES.test(nodes);
}

export const redisUrlSetting = z
  .string()
  .max(2_048)
  .refine(isRedisUrl)
  .describe('redis://…, rediss://…, redis+cluster://host,host or redis+sentinel://host,host/name');

function isKeySetUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

export const keySetUrlSetting = z
  .string()
  .max(2_048)
  .refine(isKeySetUrl)
  .describe('an https:// address without a password (http:// only on loopback)');

function isWebhookUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '' && hash === '';
}

export const webhookUrlSetting = z
  .string()
  .max(2_048)
  .refine(isWebhookUrl)
  .describe('an http:// or https:// address without a password');

/** What the Standard Webhooks specification asks of a secret, in bytes. */
const MIN_WEBHOOK_SECRET_BYTES = 24;
const MAX_WEBHOOK_SECRET_BYTES = 64;

function isWebhookSecret(secret: string): boolean {
  const [, text = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const bytes = Buffer.from(text, 'base64');
  const isWhole = bytes.toString('base64') === text;
  return isWhole && bytes.length >= MIN_WEBHOOK_SECRET_BYTES && bytes.length <= MAX_WEBHOOK_SECRET_BYTES;
}

export const webhookSecretsSetting = z
  .string()
  .max(512)
  .refine((text) => {
    const secrets = text.split(/\s+/);
    return secrets.length <= 2 && secrets.every(isWebhookSecret);
  })
  .describe('whsec_ and 24 to 64 bytes in base64; or two of these, separated by a space');

const origin = z
  .string()
  .max(512)
  .superRefine((text, context) => {
    const explain = (message: string) => context.addIssue({ code: 'custom', message });
    if (text.includes('*')) {
      explain('must not contain "*": any web page could then act for whoever visits it; list each origin');
    } else if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
      explain('must be a list of origins such as https://app.example.com');
    } else if (new URL(text).origin !== text) {
      explain(`must be exact origins: write ${new URL(text).origin}`);
    }
  });

function entriesOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

export const originsSetting = z
  .preprocess(entriesOf, z.array(origin).max(100))
  .describe('a list of origins, separated by commas');
