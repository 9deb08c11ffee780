import { RESOURCE_PATTERN, TENANT_PATTERN } from '@lastcall/shared';
import { expect } from 'chai';
import fc from 'fast-check';
import * as keys from 'lastcall/internal/redis/keys.js';
import { id, resource, tenant as tenantName, userId } from 'lastcall/internal/schema/values.js';
import { luaFiles } from './support/lua.js';
import { needsRedisServer, type Observer, observer, type RedisServer, startRedis } from './support/redis.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const RUNS = { seed: SEED, numRuns: 2_000 };

/** Every key of one thing in a tenant, by the broker's functions. */
const NAMED: Readonly<Record<string, (tenant: string, name: string) => string>> = {
  session: keys.sessionKey,
  lease: keys.leaseKey,
  order: keys.orderKey,
  once: keys.idempotencyKey,
};
/** Every key there is one of in a tenant. */
const SINGLE: Readonly<Record<string, (tenant: string) => string>> = {
  rev: keys.revKey,
  log: keys.logKey,
  policy: keys.policyKey,
  epoch: keys.epochKey,
  locks: keys.locksKey,
};

/** The words scripts put behind a tenant's prefix; those of things end in a colon, and the name of the thing follows. */
function familiesInScripts(): string[] {
  const found = [...luaFiles().values()].flatMap(({ text }) =>
    Array.from(text.matchAll(/\bP \.\. '(?<family>[^']+)'/g)),
  );
  return [...new Set(found.map(({ groups = {} }) => groups['family'] ?? ''))];
}

const tenant = fc.stringMatching(TENANT_PATTERN, { size: 'small' });
/** Names as hostile as they come: what separates parts of keys, what makes hash tags, and anything else. */
const name = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(':', '{', '}', '|', '~', '*', '\n', '\0', 'a', 'lc:', ':targets', '{acme}'),
  }),
);
const place = fc.oneof(
  fc.tuple(fc.constantFrom(...Object.keys(NAMED)), tenant, name),
  fc.tuple(fc.constantFrom(...Object.keys(SINGLE)), tenant, fc.constant('')),
);
const keyOf = ([family, inTenant, called]: readonly [string, string, string]): string =>
  NAMED[family]?.(inTenant, called) ?? SINGLE[family]?.(inTenant) ?? '';

const HOSTILE = [
  '',
  ' ',
  'a:b',
  't}1',
  '{t}',
  't{',
  'a b',
  'A',
  'é',
  '-a',
  '.a',
  '_a',
  '..',
  '*',
  'a*',
  'a/b',
  'a\n',
  '\na',
  'a\0',
  '__proto__',
  'a'.repeat(64),
];

describe(`[A8] keys (seed ${SEED})`, () => {
  it('are different for different things, whatever their names', () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        expect(keyOf(a)).not.to.equal(keyOf(b));
      }),
      RUNS,
    );
  });

  it('are different although the names meet at the seam', () => {
    const near = fc.tuple(fc.constantFrom(...Object.keys(NAMED)), fc.constantFrom('a', 'a.b', 'a-b'), name);
    fc.assert(
      fc.property(near, near, (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        expect(keyOf(a)).not.to.equal(keyOf(b));
      }),
      RUNS,
    );
  });

  it('begin with their tenant, and no other tenant begins so', () => {
    fc.assert(
      fc.property(place, tenant, (thing, other) => {
        const [, own] = thing;
        fc.pre(own !== other);
        expect(keyOf(thing).startsWith(`lc:{${own}}:`)).to.equal(true);
        expect(keyOf(thing).startsWith(`lc:{${other}}:`)).to.equal(false);
      }),
      RUNS,
    );
  });

  it('are not built for a name that is no tenant', () => {
    const strange = fc.oneof(
      fc.constantFrom(...HOSTILE),
      name.filter((text) => !TENANT_PATTERN.test(text)),
    );
    fc.assert(
      fc.property(strange, (hostile) => {
        fc.pre(hostile !== keys.REGISTRY);
        for (const build of Object.values(SINGLE)) expect(() => build(hostile)).to.throw(RangeError);
        for (const build of Object.values(NAMED)) expect(() => build(hostile, 'x')).to.throw(RangeError);
      }),
      RUNS,
    );
  });

  it('[P7] of the registry beside the tenants are out of reach: its name is nobody’s tenant', () => {
    expect(tenantName.safeParse(keys.REGISTRY).success).to.equal(false);
    for (const hostile of HOSTILE) expect(tenantName.safeParse(hostile).success, hostile).to.equal(false);
  });

  it('of scripts cannot be taken for one another', () => {
    const families = familiesInScripts();
    for (const family of families.filter((text) => text.endsWith(':'))) {
      const others = [...families, ...Object.keys(SINGLE), 'once:'].filter((other) => other !== family);
      expect(
        others.filter((other) => other.startsWith(family)),
        family,
      ).to.deep.equal([]);
    }
  });

  it('of scripts are taken apart where they are put together: ids have neither colons nor bars', () => {
    const separators = fc.string({ unit: fc.constantFrom(':', '|', '{', '}', 'a', '-'), minLength: 1 });
    fc.assert(
      fc.property(separators, (text) => {
        // Session, order and request ids stand before other parts; resources before a note; user ids stand last.
        expect(id.safeParse(text).success).to.equal(false);
        if (text.includes('|')) expect(resource.safeParse(text).success).to.equal(false);
      }),
      RUNS,
    );
    expect(RESOURCE_PATTERN.test('a|b')).to.equal(false);
    expect(userId.safeParse('a:b|{c}').success).to.equal(true);
  });
});

describe(`[A8] [A7] hash slots (seed ${SEED})`, () => {
  let server: RedisServer;
  let redis: Observer;

  before('a node of a cluster', async function () {
    needsRedisServer(this, 'the hash slots of keys');
    server = await startRedis({ cluster: true });
    redis = await observer(server.url);
  });
  after(async () => {
    redis?.destroy();
    await server?.stop();
  });

  it('are the tenant’s, whatever stands behind it', async () => {
    await fc.assert(
      fc.asyncProperty(place, async (thing) => {
        const [, own] = thing;
        const [slot, expected] = await Promise.all([
          redis.clusterKeySlot(keyOf(thing)),
          redis.clusterKeySlot(own),
        ]);
        expect(slot).to.equal(expected);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('of the registry are its own', async () => {
    const [slot, expected] = await Promise.all([
      redis.clusterKeySlot(keys.tenantsKey()),
      redis.clusterKeySlot(keys.revKey(keys.REGISTRY)),
    ]);
    expect(slot).to.equal(expected);
  });
});
