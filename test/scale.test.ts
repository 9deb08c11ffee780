import type { AuditRecord, Order } from '@lastcall/shared';
import { expect } from 'chai';
import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import type { Opened } from 'lastcall/internal/sessions.js';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { needsRedisServer, type Observer, observer, type RedisServer, startRedis } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const SESSIONS = 10_000;
const AT_ONCE = 200;
/** The promise is 5 ms; a shared machine that stops Redis in the middle of a script breaks nothing. */
const BREAKAGE_MS = 25;
const PAGE_BREAKAGE_MS = 200;

interface Slow {
  readonly name: string;
  readonly tookMs: number;
}

/** Redis' own list of what took longer than 1 ms, since the last look. */
async function slowScripts(redis: Observer): Promise<readonly Slow[]> {
  const names = new Map<string, string>(SCRIPT_NAMES.map((name) => [assemble(name).sha, name]));
  const entries = (await redis.sendCommand(['SLOWLOG', 'GET', '-1'])) as [number, number, number, string[]][];
  await redis.sendCommand(['SLOWLOG', 'RESET']);
  return entries
    .filter(([, , , command]) => command[0]?.toLowerCase() === 'evalsha')
    .map(([, , tookUs, command]) => ({ name: names.get(command[1] ?? '') ?? '?', tookMs: tookUs / 1_000 }));
}

/** The slowest run of each script in one line. */
function summary(slow: readonly Slow[]): string {
  const worst = new Map<string, { tookMs: number; over: number }>();
  for (const { name, tookMs } of slow) {
    const known = worst.get(name) ?? { tookMs: 0, over: 0 };
    worst.set(name, { tookMs: Math.max(known.tookMs, tookMs), over: known.over + (tookMs > 5 ? 1 : 0) });
  }
  if (worst.size === 0) return 'none over 1 ms';
  return [...worst]
    .map(
      ([name, { tookMs, over }]) =>
        `${name} ${tookMs.toFixed(1)} ms${over > 0 ? ` (${over} over 5 ms)` : ''}`,
    )
    .join(', ');
}

describe('ten thousand sessions in one tenant', function () {
  this.timeout(60_000);
  const tenant = freshTenant();
  const admin = administrator(tenant);
  let server: RedisServer;
  let redis: Observer;
  let broker: TestBroker;
  const opened = new Map<string, Opened>();

  const isOver = ({ state }: Order): boolean => state === 'done';

  async function openAll(): Promise<void> {
    for (let from = 0; from < SESSIONS; from += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, i) => {
        const user = { id: `user-${from + i}`, name: `User ${from + i}`, roles: ['user'] };
        return broker.core.sessions.open(
          { ...admin, user },
          { address: '192.0.2.1', app: { name: 'books', version: '1.0' } },
        );
      });
      for (const one of await Promise.all(batch)) opened.set(one.attachment.sessionId, one);
    }
  }

  before(async function () {
    needsRedisServer(this, 'the scale test');
    server = await startRedis({
      config: { 'slowlog-log-slower-than': '1000', 'slowlog-max-len': '100000' },
    });
    redis = await observer(server.url);
    broker = await TestBroker.start({ redisUrl: server.url });
    await openAll();
    await slowScripts(redis);
  });

  after(async () => {
    redis?.destroy();
    await broker?.close();
    await server?.stop();
  });

  it('[S9] lists them page by page, each page within its time', async () => {
    const seen = new Set<string>();
    const times: number[] = [];
    let cursor: string | undefined;
    do {
      const startedAt = performance.now();
      const page = await broker.core.sessions.list(tenant, {}, { limit: 100, ...(cursor ? { cursor } : {}) });
      times.push(performance.now() - startedAt);
      for (const { id } of page.items) seen.add(id);
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen.size).to.equal(SESSIONS);
    times.sort((a, b) => a - b);
    const p99 = times[Math.floor(times.length * 0.99)] as number;
    process.stdout.write(
      `      pages of 100: p99 ${p99.toFixed(1)} ms; scripts: ${summary(await slowScripts(redis))}\n`,
    );
    expect(p99).to.be.below(PAGE_BREAKAGE_MS);
  });

  it('[O11][O2] tells whom an order to all would hit, in bounded steps', async () => {
    const preview = await broker.core.orders.preview(admin, tenant, {
      action: 'logoff',
      target: { all: true },
      message: 'Save your work',
      reason: 'maintenance',
    });
    expect(preview.total).to.equal(SESSIONS);
    const slow = await slowScripts(redis);
    process.stdout.write(`      rehearsal: ${summary(slow)}\n`);
    for (const { name, tookMs } of slow) expect(tookMs, name).to.be.below(BREAKAGE_MS);
  });

  it('[O11][O5][O10] answers an order to all at once, warns all, ends all at the deadline, in bounded steps', async () => {
    const ended: AuditRecord[] = [];
    const reports: Promise<void>[] = [];
    // What the gateway does when it has closed a socket.
    const leave = broker.core.bus.listen((_tenant, record) => {
      if (record.type !== 'session.ended') return;
      ended.push(record);
      const one = opened.get(record.sessionId ?? '');
      if (one) reports.push(broker.core.sessions.report(one.attachment, true));
    });
    const startedAt = performance.now();
    const order = await broker.core.orders.create(admin, tenant, {
      action: 'logoff',
      target: { all: true },
      message: 'Save your work',
      reason: 'maintenance',
      graceMs: 3_000,
    });
    const answeredMs = performance.now() - startedAt;
    expect(order.counts.targeted).to.be.below(SESSIONS);

    const get = (): Promise<Order> => broker.core.orders.get(tenant, order.id);
    await waitUntil(async () => (await get()).state === 'pending', 'everybody to be warned', 10_000);
    const warnedMs = performance.now() - startedAt;
    expect((await get()).counts.targeted).to.equal(SESSIONS);
    const preparing = await slowScripts(redis);

    await waitUntil(async () => isOver(await get()), 'everybody to be out', 30_000);
    await Promise.all(reports);
    leave();
    const { counts } = await get();
    const ending = await slowScripts(redis);
    const endings = ended.map((record) => record.at - order.deadlineAt);
    process.stdout.write(
      `      answered in ${answeredMs.toFixed(0)} ms, all targeted in ${warnedMs.toFixed(0)} ms, ` +
        `all ended ${Math.max(...endings)} ms after the deadline\n` +
        `      warning: ${summary(preparing)}\n      ending: ${summary(ending)}\n`,
    );
    expect(counts).to.include({ targeted: SESSIONS, ended: SESSIONS, verified: SESSIONS, unverified: 0 });
    expect(ended).to.have.length(SESSIONS);
    expect(Math.min(...endings), 'nobody before the deadline').to.be.at.least(0);
    for (const { name, tookMs } of [...preparing, ...ending]) expect(tookMs, name).to.be.below(BREAKAGE_MS);
    expect(await broker.core.sessions.count(tenant)).to.equal(0);
  });
});
