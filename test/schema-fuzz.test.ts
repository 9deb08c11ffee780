import { LastcallError, MAX_PAYLOAD_DEPTH } from '@lastcall/shared';
import { expect } from 'chai';
import fc from 'fast-check';
import { guard, MAX_PAYLOAD_KEYS, MAX_PAYLOAD_VALUES } from 'lastcall/internal/schema/guard.js';
import {
  CLIENT_PAYLOADS,
  handshakeSchema,
  MAX_ISSUES,
  orderRequestSchema,
  parse,
} from 'lastcall/internal/schema/index.js';
import { ID, INPUTS, issueAt, refusal, type Schema, validOf } from './support/payloads.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

const nested = (depth: number): unknown =>
  JSON.parse('{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1));

const objectOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));

describe('schema: the guard before it', () => {
  it('refuses what is nested too deep, without touching the stack (H25)', () => {
    expect(guard(nested(MAX_PAYLOAD_DEPTH))).to.equal(undefined);
    expect(guard(nested(MAX_PAYLOAD_DEPTH + 1))?.message).to.match(/nested/);
    for (const depth of [1_000, 20_000]) {
      let deep: unknown = [];
      for (let level = 0; level < depth; level += 1) deep = [deep];
      expect(issueAt(CLIENT_PAYLOADS.heartbeat, deep)?.message).to.match(/nested/);
    }
    const ring: unknown[] = [];
    ring.push(ring);
    expect(guard(ring)?.message).to.match(/nested/);
  });

  it('refuses more than 1 000 keys in all, and more values than an order can need', () => {
    expect(guard(objectOf(MAX_PAYLOAD_KEYS))).to.equal(undefined);
    expect(guard(objectOf(MAX_PAYLOAD_KEYS + 1))?.message).to.match(/fields/);
    expect(guard([objectOf(600), objectOf(600)])?.message).to.match(/fields/);
    expect(guard(Array.from({ length: MAX_PAYLOAD_VALUES + 1 }, () => 0))?.message).to.match(/values/);
    const lists = {
      sessions: Array.from({ length: 1_000 }, () => ID),
      users: Array.from({ length: 1_000 }, () => 'a'),
    };
    parse(orderRequestSchema, { ...validOf('order'), target: lists });
  });

  it('refuses keys that reach a prototype (H23)', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      for (const text of [`{"${key}":{"polluted":1}}`, `{"idleMs":0,"a":[{"${key}":1}]}`]) {
        expect(issueAt(CLIENT_PAYLOADS.heartbeat, JSON.parse(text))?.message, text).to.match(/never allowed/);
      }
      const attributes: unknown = JSON.parse(`{"token":"t","attributes":{"${key}":"x"}}`);
      expect(issueAt(handshakeSchema, attributes)?.message).to.match(/never allowed/);
    }
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('refuses binary and everything that is not JSON', () => {
    const others = [
      Buffer.from('x'),
      new ArrayBuffer(1),
      new Uint8Array(1),
      new Date(0),
      new Map(),
      new Error('x'),
    ];
    for (const other of others) expect(guard({ a: [other] })?.message).to.match(/plain JSON/);
    for (const other of [() => 1, Symbol('x'), 1n, Number.NaN, undefined])
      refusal(CLIENT_PAYLOADS.heartbeat, other);
  });
});

/** A right value with one of its fields, at any depth, replaced. */
function spoil(value: unknown, path: readonly number[], by: unknown): unknown {
  const [at, ...rest] = path;
  if (at === undefined || typeof value !== 'object' || value === null) return by;
  const keys = Object.keys(value);
  const key = keys[at % (keys.length + 1)];
  if (key === undefined) return Array.isArray(value) ? [...(value as unknown[]), by] : { ...value, more: by };
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = spoil(copy[key], rest, by);
  return copy;
}

describe('schema: anything at all', () => {
  const MARK = 'canary-of-a-value';
  const anything = fc.anything({
    maxDepth: 4,
    key: fc.oneof(
      fc.string(),
      fc.constantFrom('__proto__', 'constructor', 'toString', 'idleMs', 'target', 'resource'),
    ),
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
  });

  function survives(schema: Schema, value: unknown): void {
    try {
      parse(schema, value);
    } catch (error) {
      expect(error).to.be.instanceOf(LastcallError);
      const wire = (error as LastcallError).toWire();
      expect(wire.code).to.equal('invalid');
      expect(wire.issues).to.have.length.within(1, MAX_ISSUES);
      expect(JSON.stringify(wire)).not.to.include(MARK);
    }
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  }

  for (const { name, schema, valid } of INPUTS) {
    it(`is answered by ${name} with its value or invalid (H23, H25, seed ${SEED})`, () => {
      fc.assert(
        fc.property(anything, (value) => survives(schema, value)),
        { seed: SEED, numRuns: 200 },
      );
      const replacement = fc.oneof(
        anything,
        fc.constant(MARK),
        fc.constant([MARK]),
        fc.constant({ name: MARK }),
      );
      fc.assert(
        fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }), replacement, (path, by) =>
          survives(schema, spoil(valid, path, by)),
        ),
        { seed: SEED, numRuns: 200 },
      );
    });
  }
});
