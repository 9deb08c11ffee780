import { POLICY_PRESETS, PRESET_NAMES } from '@lastcall/shared';
import { z } from 'zod';
import type { RouteId } from '../schema/routes.js';

// What the documents say of a call besides its row in the table of routes.

export const cursor = z
  .string()
  .max(1_024)
  .optional()
  .meta({ description: 'The `next` of the page before.' });

const idempotencyKey = z.object({
  'Idempotency-Key': z.string().max(128).optional().meta({
    description:
      'Kept for 24 h: the same request with the same key is carried out once and answered alike; another one is a conflict.',
  }),
});

const ifMatch = z.object({
  'If-Match': z.string().meta({ description: 'The ETag of the settings that were read.', example: '"3"' }),
});

const etag = { ETag: { description: 'The version of the settings.', schema: { type: 'string' as const } } };

/** Presets as they may be sent. */
const presets = Object.fromEntries(
  PRESET_NAMES.map((name) => {
    const { summary, settings } = POLICY_PRESETS[name];
    return [name, { summary, value: settings }];
  }),
);
const presetNote = PRESET_NAMES.map((name) => `\`${name}\` – ${POLICY_PRESETS[name].summary}`).join(' ');

const SESSION_ID = '0197b1c0-2b6e-7d18-8f4a-5c3e9d7a1b22';
const RESOURCE = 'invoices/7';

/** What a route has besides its row: headers it takes and gives, statuses it refuses with, and what is to be known. */
export interface More {
  readonly takes?: z.ZodObject;
  readonly gives?: typeof etag;
  readonly refuses?: readonly number[];
  /** Other forms of its answer, by media type. */
  readonly also?: readonly string[];
  /** Bodies as they may be sent. */
  readonly examples?: Readonly<Record<string, { readonly summary: string; readonly value: object }>>;
  readonly note?: string;
}

export const MORE: { readonly [R in RouteId]?: More } = {
  'sessions.get': { note: 'Orders are those that the session and its latest 20 records name.' },
  'sessions.check': {
    examples: { session: { summary: 'One session', value: { sessionId: SESSION_ID } } },
    note: 'A session that is not known is answered with `live: false` alone, one that has ended with its `state`.',
  },
  'orders.create': {
    takes: idempotencyKey,
    refuses: [409],
    examples: {
      preview: {
        summary: 'Whom it would hit',
        value: {
          action: 'logoff',
          target: { minIdleMs: 3_600_000 },
          message: 'Your session was forgotten.',
          reason: 'admin',
          dryRun: true,
        },
      },
      warn: {
        summary: 'A warning for everybody',
        value: {
          action: 'warn',
          target: { all: true },
          message: 'The books close at 18:00.',
          reason: 'admin',
          graceMs: 600_000,
        },
      },
      logoff: {
        summary: 'A logoff, with time to save and an hour outside',
        value: {
          action: 'logoff',
          target: { users: ['ada'] },
          message: 'Please save your work.',
          reason: 'maintenance',
          graceMs: 60_000,
          holdMs: 30_000,
          reentry: { denyMs: 3_600_000 },
        },
      },
    },
    note: 'With `dryRun` nothing is done, and the answer says whom the order would hit.',
  },
  'orders.cancel': { refuses: [409], note: 'Every client that was warned is told.' },
  'maintenance.set': {
    examples: {
      tonight: {
        summary: 'In half an hour, until it is lifted',
        value: { message: 'Update to version 9.', startsInMs: 1_800_000, admissionStopsMs: 300_000 },
      },
    },
  },
  'blocks.set': {
    examples: {
      person: {
        summary: 'A person, until it is lifted',
        value: { user: 'eve', reason: 'Left the company.', message: 'Please call the office.' },
      },
    },
  },
  'locks.break': {
    takes: idempotencyKey,
    refuses: [409],
    examples: {
      record: { summary: 'One record', value: { resource: RESOURCE, reason: 'The holder is on holiday.' } },
    },
    note: '`broken: false`: nobody held it.',
  },
  'locks.check': {
    examples: {
      write: {
        summary: 'Before a write',
        value: { resource: RESOURCE, fence: 1_750_000_000_000_001, sessionId: SESSION_ID },
      },
    },
  },
  'audit.list': {
    note: 'Newest first; at most 5 000 records are looked at for a page, so `items` may be empty with a `next`. Reading is recorded, too. With `Accept: text/csv` or `application/x-ndjson` an export is streamed, oldest first, the archive included.',
    also: ['text/csv', 'application/x-ndjson'],
  },
  'policy.get': { gives: etag, note: `Presets: ${presetNote}` },
  'policy.set': {
    takes: ifMatch,
    gives: etag,
    refuses: [412],
    examples: presets,
    note: 'Takes all of the settings, without `version`. Those that contradict each other are refused.',
  },
  'review.get': {
    note: 'Lists have at most 20 rows. At most 20 000 records, 5 000 sessions and 5 000 locked resources are looked at: `from`, `looked` and `complete` say how far. `since` is 30 days ago by default. Reading is recorded like reading the trail.',
  },
};
