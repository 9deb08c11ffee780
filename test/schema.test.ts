import {
  type AcquireRequest,
  DEFAULT_POLICY,
  type Order,
  type OrderRequest,
  POLICY_RANGES,
  type Session,
} from '@lastcall/shared';
import { expect } from 'chai';
import type { Same } from 'lastcall/internal/schema/contract.js';
import {
  auditQuerySchema,
  CLIENT_PAYLOADS,
  lockQuerySchema,
  MAX_ISSUE_LENGTH,
  MAX_ISSUES,
  orderRequestSchema,
  orderSchema,
  parse,
  policySettingsSchema,
  ROUTES,
  type Route,
  sessionQuerySchema,
  sessionSchema,
} from 'lastcall/internal/schema/index.js';
import { ID, INPUTS, issueAt, refusal, schemaOf, validOf } from './support/payloads.js';

const routes: Readonly<Record<string, Route>> = ROUTES;

describe('schema: what is accepted', () => {
  for (const { name, schema, valid } of INPUTS) {
    it(`accepts a right ${name} and refuses one field more`, () => {
      parse(schema, valid);
      expect(issueAt(schema, { ...(valid as object), surprise: 1 })).to.deep.equal({
        path: 'surprise',
        message: 'is not a field that is known here',
      });
    });
  }

  it('gives back equal values, and fresh ones', () => {
    const valid = validOf('lock:acquire');
    const parsed = parse(schemaOf('lock:acquire'), valid);
    expect(parsed).to.deep.equal(valid);
    expect(parsed).not.to.equal(valid);
  });

  it('turns the texts of a query into numbers and fills in the page size', () => {
    expect(parse(sessionQuerySchema, { minIdleMs: '60000' })).to.deep.equal({
      minIdleMs: 60_000,
      limit: 100,
    });
    for (const limit of ['0', '1001', '', ' 5', '5.5', '0x5', '1e2', '-1', ['5'], { $gt: '' }]) {
      expect(issueAt(sessionQuerySchema, { limit })?.path, JSON.stringify(limit)).to.equal('limit');
    }
    for (const cursor of ['', 'x', '+inf', '1 OR 1', '(1', 'NaN', '9'.repeat(18)]) {
      expect(issueAt(sessionQuerySchema, { cursor })?.path, cursor).to.equal('cursor');
    }
    expect(parse(sessionQuerySchema, { cursor: '1795349621000.5' })).to.include({
      cursor: '1795349621000.5',
    });
    expect(parse(lockQuerySchema, { cursor: 'invoices/7' })).to.include({ cursor: 'invoices/7' });
    expect(issueAt(auditQuerySchema, { from: '2', to: '1' })).to.deep.equal({
      path: 'to',
      message: 'must be later than from',
    });
  });

  it('knows for every route what it takes and answers', () => {
    for (const [id, route] of Object.entries(routes)) {
      expect(route.path, id).to.match(/^\/v1\//);
      const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
      expect(Object.keys(route.params?.shape ?? {}), id).to.deep.equal(names);
      expect(Object.keys(route.answers), id).not.to.deep.equal([]);
      expect(route.body !== undefined, id).to.equal(route.method === 'post' || route.method === 'put');
    }
  });
});

const orderWith = (more: object) => ({ ...validOf('order'), ...more });

describe('schema: what is refused', () => {
  const wrong: readonly [name: string, path: string, ...values: unknown[]][] = [
    [
      'heartbeat',
      'idleMs',
      {},
      { idleMs: -1 },
      { idleMs: 0.5 },
      { idleMs: '1' },
      { idleMs: 2 ** 53 },
      { idleMs: null },
    ],
    ['heartbeat', 'view', { idleMs: 0, view: 'x'.repeat(129) }, { idleMs: 0, view: 'a\nb' }],
    ['activity', 'idleMs', { idleMs: 1 }],
    ['order:ack', 'state', { orderId: ID, state: 'gone' }],
    ['order:ack', 'orderId', { orderId: 'x', state: 'seen' }, { orderId: `${ID}}`, state: 'seen' }],
    ['order:extend', 'ms', { orderId: ID, ms: 0 }, { orderId: ID, ms: 86_400_001 }],
    ['auth:refresh', 'token', { token: '' }, { token: 'x'.repeat(8_193) }, { token: 5 }],
    ['lock:acquire', 'waitMs', { ...validOf('lock:acquire'), waitMs: 300_001 }],
    ['lock:acquire', 'requestId', { ...validOf('lock:acquire'), requestId: 'mine' }],
    [
      'lock:query',
      'resource',
      { resource: '' },
      { resource: '/a' },
      { resource: 'a//b' },
      { resource: 'a/{b}' },
    ],
    [
      'lock:query',
      'resource',
      { resource: 'a/b/c/d/e/f/g/h/i' },
      { resource: 'x'.repeat(65) },
      { resource: 'a\n' },
    ],
    [
      'lock:release',
      'fence',
      { resource: 'a', fence: 0 },
      { resource: 'a', fence: '1' },
      { resource: 'a', fence: 2 ** 53 },
    ],
    ['handshake', 'resume.key', { token: 't', resume: { sessionId: ID, key: 'short' } }],
    ['handshake', 'app.name', { token: 't', app: {} }],
    [
      'handshake',
      'attributes',
      { token: 't', attributes: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`a${i}`, 'x'])) },
    ],
    ['admin handshake', 'tenant', { token: 't', tenant: 'ACME' }],
    [
      'order',
      'message',
      orderWith({ message: '' }),
      orderWith({ message: ' \n' }),
      orderWith({ message: 'x'.repeat(501) }),
      orderWith({ message: 'a\u001b' }),
    ],
    [
      'order',
      'graceMs',
      orderWith({ graceMs: -1 }),
      orderWith({ graceMs: 86_400_001 }),
      orderWith({ graceMs: '1' }),
    ],
    ['order', 'holdMs', orderWith({ holdMs: 86_400_001 })],
    ['order', 'target', orderWith({ target: {} }), orderWith({ target: { all: true, users: ['ada'] } })],
    ['order', 'target.all', orderWith({ target: { all: false } })],
    [
      'order',
      'target.users',
      orderWith({ target: { users: [] } }),
      orderWith({ target: { users: Array.from({ length: 1_001 }, () => 'a') } }),
    ],
    ['order', 'target.sessions.1', orderWith({ target: { sessions: [ID, 'x'] } })],
    ['order', 'except.all', orderWith({ except: { all: true } })],
    ['order', 'reason', orderWith({ reason: 'idle' })],
    ['policy', 'leaseMs', { ...DEFAULT_POLICY, beatMs: 30_000 }],
    [
      'policy',
      'idleLogoffMs',
      { ...DEFAULT_POLICY, idleLogoffMs: 120_000 },
      { ...DEFAULT_POLICY, idleLogoffMs: 1 },
    ],
    ['policy', 'maxAgeMs', { ...DEFAULT_POLICY, maxAgeMs: 59_999 }],
    ['policy', 'onSessionLimit', { ...DEFAULT_POLICY, onSessionLimit: 'end' }],
    ['sessions query', 'state', { state: 'ended' }],
  ];
  for (const [name, path, ...values] of wrong) {
    it(`refuses a wrong ${path} of ${name}`, () => {
      for (const value of values)
        expect(issueAt(schemaOf(name), value)?.path, JSON.stringify(value)).to.equal(path);
    });
  }

  it('accepts the ends of every range of a policy, and 0 where it turns a setting off', () => {
    for (const [name, range] of Object.entries(POLICY_RANGES)) {
      const values = 'min' in range ? [range.min, range.max, ...(range.orZero ? [0] : [])] : range;
      const off = { idleLogoffMs: 0, maxAgeMs: 0, graceMs: 0, flushMs: 0 };
      const free = { ...DEFAULT_POLICY, ...off, beatMs: 1_000 };
      const beside: Readonly<Record<string, object>> = {
        beatMs: { leaseMs: 3_600_000 },
        idleLogoffMs: { idleAfterMs: 1_000, idleWarnMs: 1_000 },
      };
      for (const value of values) {
        parse(policySettingsSchema, { ...free, ...beside[name], [name]: value });
      }
      if ('min' in range) {
        expect(issueAt(policySettingsSchema, { ...free, [name]: range.max + 1 })?.path).to.equal(name);
        expect(issueAt(policySettingsSchema, { ...free, [name]: range.min - 1 || -1 })?.path).to.equal(name);
      }
    }
    expect(parse(policySettingsSchema, { ...DEFAULT_POLICY, idleLogoffMs: 0 })).to.include({
      idleLogoffMs: 0,
    });
  });

  it('says what is wrong for a person', () => {
    const messages = [
      [{}, 'is required'],
      [{ idleMs: 'x' }, 'must be a number'],
      [{ idleMs: 0.5 }, 'must be a whole number'],
      [{ idleMs: -1 }, 'must be at least 0'],
      [{ idleMs: 0, dirty: 1 }, 'must be true or false'],
      [{ idleMs: 0, view: 'x'.repeat(129) }, 'must have at most 128 characters'],
      [[], 'must be an object'],
    ] as const;
    for (const [value, message] of messages)
      expect(issueAt(CLIENT_PAYLOADS.heartbeat, value)?.message).to.equal(message);
    expect(refusal(CLIENT_PAYLOADS.heartbeat, { idleMs: 0.5 }).message).to.equal(
      'What was sent cannot be accepted: idleMs must be a whole number.',
    );
  });

  it('tells a bounded number of issues of bounded length, and forges no line (H26)', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field${index}`, 1]));
    expect(refusal(CLIENT_PAYLOADS.heartbeat, many).extras.issues).to.have.length(MAX_ISSUES);
    const long = { idleMs: 0, ['x'.repeat(10_000)]: 1, ['a\r\nb\u001b[31m']: 1 };
    for (const { path, message } of refusal(CLIENT_PAYLOADS.heartbeat, long).extras.issues ?? []) {
      expect(path.length).to.be.at.most(MAX_ISSUE_LENGTH);
      expect(`${path}${message}`).not.to.match(/\p{Cc}/u);
    }
  });
});

describe('schema: equal to the contract by the compiler', () => {
  it('tells a missing, an added, an optional and a changed field apart', () => {
    // Each constant compiles only if the comparison says so.
    const missing: Same<{ a: string; b?: string }, { a: string }> = false;
    const added: Same<{ a: string }, { a: string; b?: string }> = false;
    const optional: Same<{ a: string }, { a?: string }> = false;
    const changed: Same<{ a: 'x' | 'y' }, { a: 'x' }> = false;
    const deep: Same<{ a: { b: string[] }[] }, { a: { b: (string | number)[] }[] }> = false;
    const equal: Same<{ readonly a: readonly { b?: 1 }[] }, { a: { b?: 1 | undefined }[] }> = true;
    expect([missing, added, optional, changed, deep, equal]).to.deep.equal([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  it('types what it parsed as the contract does', () => {
    const request: OrderRequest = parse(orderRequestSchema, validOf('order'));
    const acquire: AcquireRequest = parse(CLIENT_PAYLOADS['lock:acquire'], validOf('lock:acquire'));
    expect([request.action, acquire.waitMs]).to.deep.equal(['logoff', 300_000]);
  });

  it('describes what the broker answers, and ignores what a newer broker adds', () => {
    const session: Session = {
      id: ID,
      state: 'active',
      user: { id: 'ada', name: 'Ada', roles: ['user'] },
      app: { name: 'books' },
      address: '::1',
      node: 'n1',
      openedAt: 1,
      lastBeatAt: 2,
      lastInputAt: 2,
      dirty: false,
      locks: 0,
    };
    expect(parse(sessionSchema, { ...session, later: 1 })).to.deep.equal(session);
    const counts = {
      targeted: 1,
      delivered: 0,
      seen: 0,
      saving: 0,
      saved: 0,
      ended: 0,
      verified: 0,
      unverified: 0,
    };
    const order: Order = {
      id: ID,
      version: 1,
      state: 'pending',
      by: { kind: 'admin', id: 'eve' },
      createdAt: 1,
      deadlineAt: 2,
      counts,
      action: 'warn',
      target: { all: true },
      message: 'Soon.',
      reason: 'admin',
    };
    expect(parse(orderSchema, order)).to.deep.equal(order);
  });
});
