import { DEFAULT_POLICY, LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import {
  adminHandshakeSchema,
  auditQuerySchema,
  CLIENT_PAYLOADS,
  handshakeSchema,
  maintenanceRequestSchema,
  orderQuerySchema,
  orderRequestSchema,
  parse,
  policySettingsSchema,
  sessionQuerySchema,
} from 'lastcall/internal/schema/index.js';

export const ID = '01970000-0000-7000-8000-000000000001';
/** A resume key. */
const KEY = 'k'.repeat(43);

export type Schema = Parameters<typeof parse>[0];

/** Every schema that something from outside meets, and something that it accepts. */
export const INPUTS: readonly { name: string; schema: Schema; valid: unknown }[] = [
  {
    name: 'heartbeat',
    schema: CLIENT_PAYLOADS.heartbeat,
    valid: { n: 1, idleMs: 0, dirty: true, view: 'invoice 7' },
  },
  { name: 'activity', schema: CLIENT_PAYLOADS.activity, valid: { idleMs: 0 } },
  {
    name: 'order:ack',
    schema: CLIENT_PAYLOADS['order:ack'],
    valid: { orderId: ID, state: 'saving', why: 'two drafts' },
  },
  { name: 'order:extend', schema: CLIENT_PAYLOADS['order:extend'], valid: { orderId: ID, ms: 60_000 } },
  { name: 'session:end', schema: CLIENT_PAYLOADS['session:end'], valid: {} },
  { name: 'auth:refresh', schema: CLIENT_PAYLOADS['auth:refresh'], valid: { token: 'a.b.c' } },
  {
    name: 'lock:acquire',
    schema: CLIENT_PAYLOADS['lock:acquire'],
    valid: {
      resource: 'invoices/7',
      mode: 'shared',
      scope: 'tree',
      waitMs: 300_000,
      requestId: ID,
      note: 'editing',
    },
  },
  {
    name: 'lock:release',
    schema: CLIENT_PAYLOADS['lock:release'],
    valid: { resource: 'invoices/7', fence: 2 ** 53 - 1 },
  },
  { name: 'lock:cancel', schema: CLIENT_PAYLOADS['lock:cancel'], valid: { requestId: ID } },
  { name: 'lock:check', schema: CLIENT_PAYLOADS['lock:check'], valid: { resource: 'a', fence: 1 } },
  { name: 'lock:query', schema: CLIENT_PAYLOADS['lock:query'], valid: { resource: 'a/b/c/d/e/f/g/h' } },
  {
    name: 'handshake',
    schema: handshakeSchema,
    valid: {
      token: 'a.b.c',
      app: { name: 'books', version: '1.2' },
      device: { label: 'Laptop', kind: 'desktop' },
      resume: { sessionId: ID, key: KEY },
      attributes: { branch: 'north' },
    },
  },
  { name: 'admin handshake', schema: adminHandshakeSchema, valid: { token: 'a.b.c', tenant: 'acme' } },
  {
    name: 'order',
    schema: orderRequestSchema,
    valid: {
      action: 'logoff',
      target: { users: ['ada'], minIdleMs: 1 },
      except: { sessions: [ID] },
      includeSelf: true,
      message: 'Please save.\nMaintenance at noon.',
      reason: 'maintenance',
      graceMs: 0,
      holdMs: 86_400_000,
      extend: { maxCount: 1, maxTotalMs: 60_000 },
      reentry: { denyMs: 0 },
      dryRun: false,
    },
  },
  {
    name: 'maintenance',
    schema: maintenanceRequestSchema,
    valid: {
      action: 'warn',
      message: 'Update at noon.',
      startsAt: 1_795_349_621_000,
      untilAt: 1_795_349_622_000,
      admissionStopsMs: 0,
      ladderMs: [60_000],
      bypassRoles: ['admin'],
      holdMs: 0,
    },
  },
  { name: 'policy', schema: policySettingsSchema, valid: { ...DEFAULT_POLICY } },
  {
    name: 'sessions query',
    schema: sessionQuerySchema,
    valid: { user: 'ada', state: 'idle', minIdleMs: '60000', limit: '5', q: 'x' },
  },
  {
    name: 'orders query',
    schema: orderQuerySchema,
    valid: { by: 'policy', state: 'done', cursor: '1795349621000' },
  },
  {
    name: 'audit query',
    schema: auditQuerySchema,
    valid: { type: 'session.ended', from: '1', to: '2', session: ID },
  },
];

function inputOf(name: string) {
  const found = INPUTS.find((input) => input.name === name);
  if (found === undefined) throw new Error(`There is no schema ${name}.`);
  return found;
}

export const schemaOf = (name: string): Schema => inputOf(name).schema;
export const validOf = (name: string) => inputOf(name).valid as Record<string, unknown>;

/** The error a value is refused with. */
export function refusal(schema: Schema, value: unknown): LastcallError {
  try {
    parse(schema, value);
  } catch (error) {
    if (!(error instanceof LastcallError)) throw error;
    expect(error.code).to.equal('invalid');
    return error;
  }
  throw new Error(`It was accepted: ${JSON.stringify(value)}`);
}

/** The first issue of what is refused. */
export const issueAt = (schema: Schema, value: unknown) => refusal(schema, value).extras.issues?.[0];
