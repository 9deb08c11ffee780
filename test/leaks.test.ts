import { DEFAULT_POLICY, type Policy } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestClient } from './support/broker.js';
import { inBatches } from './support/brokers.js';
import { type Cleanups, cleaned } from './support/faults.js';
import { ApiClient } from './support/http.js';
import { BrokerProcess } from './support/process.js';
import { needsRedisServer, observer, type RedisServer, startRedis } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const PEOPLE = 60;
const PATIENCE_MS = 20_000;
const PACE = { beatMs: 1_000, leaseMs: 3_000 } as const;

interface Place {
  readonly broker: BrokerProcess;
  readonly redis: RedisServer;
  readonly tenant: string;
  readonly api: ApiClient;
}

/** The short form of `npm run test:soak`. */
describe('what is left behind', function () {
  this.timeout(60_000);

  before(function () {
    needsRedisServer(this, 'what is left in it');
  });

  it(
    '[A23] a day of a crowd leaves no descriptor and no key that does not go by itself',
    cleaned(async (cleanups) => {
      const place = await settle(cleanups);
      await playDay(place);
      const keys = await lasting(place);
      const open = await descriptors(place);
      await playDay(place);
      expect(await lasting(place)).to.deep.equal(keys);
      const isClosed = async () => (await descriptors(place)) <= open;
      await waitUntil(isClosed, `no more than ${open} descriptors`, PATIENCE_MS);
    }),
  );
});

async function settle(cleanups: Cleanups): Promise<Place> {
  const redis = await startRedis();
  cleanups.add(() => redis.stop());
  const broker = await BrokerProcess.start({ redisUrl: redis.url });
  cleanups.add(() => broker.remove());
  const tenant = freshTenant();
  const api = new ApiClient(broker.url, await broker.token(tenant, 'root', ['admin']));
  const params = { tenant };
  const { version } = await api.does<Policy>('policy.get', { params });
  const headers = { 'If-Match': `"${version}"` };
  await api.does('policy.set', { params, headers, body: { ...DEFAULT_POLICY, ...PACE } });
  return { broker, redis, tenant, api };
}

/** Everybody comes, locks and waits; a third leaves, a third is logged off, a third is never heard again. */
async function playDay({ broker, tenant, api }: Place): Promise<void> {
  const names = Array.from({ length: PEOPLE }, (_, i) => `person-${i}`);
  const open = async (sub: string, resume?: TestClient): Promise<TestClient> => {
    const token = await broker.token(tenant, sub);
    const client = new TestClient(broker.url, { token, ...(resume ? { resume: resume.resume } : {}) });
    await client.opened();
    return client;
  };
  const clients = await inBatches(names, async (sub) => {
    const first = await open(sub);
    await first.acquire(`records/${sub}`);
    await first.acquire('records/one', 60_000);
    await first.does('lock:watch', { prefix: `records/${sub}` });
    await first.drop();
    return await open(sub, first);
  });
  const third = PEOPLE / 3;
  await inBatches(clients.slice(0, third), (client) =>
    // The end may be heard before the answer.
    client.does('session:end', {}).catch(() => undefined),
  );
  const body = { action: 'logoff', target: { users: names.slice(third, 2 * third) }, message: 'Go.' };
  const order = { ...body, reason: 'admin', graceMs: 200, holdMs: 0 };
  await api.does('orders.create', { params: { tenant }, body: order });
  for (const client of clients.slice(2 * third)) await client.drop();
  const isEmpty = async () => {
    const { items } = await api.does<{ items: unknown[] }>('sessions.list', { params: { tenant } });
    return items.length === 0 && clients.every(({ disconnected }) => disconnected);
  };
  await waitUntil(isEmpty, 'nobody to be there', PATIENCE_MS);
}

/** How many files and connections a broker has open. */
async function descriptors({ broker }: Place): Promise<number> {
  const text = await (await fetch(`${broker.url}/metrics`)).text();
  return Number(/^process_open_fds (\d+)$/m.exec(text)?.[1]);
}

/** The keys that stay for ever, as soon as nothing is due any more: the last receipts are being proved. */
async function lasting({ redis }: Place): Promise<readonly string[]> {
  const client = await observer(redis.url);
  try {
    let keys: string[] = [];
    const isAtRest = async (): Promise<boolean> => {
      keys = [];
      for (const key of await client.keys('*')) if ((await client.ttl(key)) === -1) keys.push(key);
      return !keys.some((key) => key.endsWith(':due'));
    };
    await waitUntil(isAtRest, 'nothing to be due', PATIENCE_MS);
    return keys.toSorted();
  } finally {
    client.destroy();
  }
}
