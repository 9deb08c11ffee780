import type { AuditRecord, Order } from '@lastcall/shared';
import { expect } from 'chai';
import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import type { Opened } from 'lastcall/internal/sessions.js';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { needsRedisServer, type Observer, observer, type RedisServer, startRedis } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const SESSIONS = 10_000;
const AT_ONCE = 200;
/** The promise: no script holds Redis for longer, on average of its time on the processor. */
const PROMISE_MS = 5;
/** By the clock on the wall it may look longer when others use the machine; without steps it would be seconds. */
const BREAKAGE_MS = 500;
const PAGE_BREAKAGE_MS = 500;
/** Most sessions one step of an order looks at. */
const STEP = 50;

interface Slow {
  readonly name: string;
  readonly tookMs: number;
}

/** What Redis did since the last look, by its own books. */
class Books {
  readonly #redis: Observer;
  readonly #names = new Map<string, string>(SCRIPT_NAMES.map((name) => [assemble(name).called, name]));
  #cpuMs = 0;

  constructor(redis: Observer) {
    this.#redis = redis;
  }

  async #ask(...command: string[]): Promise<unknown> {
    return await this.#redis.sendCommand(command);
  }

  async #number(section: string, pattern: RegExp): Promise<number> {
    return Number(pattern.exec(String(await this.#ask('INFO', section)))?.[1] ?? 0);
  }

  async #mainThreadMs(): Promise<number> {
    const user = await this.#number('cpu', /used_cpu_user_main_thread:([\d.]+)/);
    return 1_000 * (user + (await this.#number('cpu', /used_cpu_sys_main_thread:([\d.]+)/)));
  }

  async open(): Promise<void> {
    await this.#ask('SLOWLOG', 'RESET');
    await this.#ask('CONFIG', 'RESETSTAT');
    this.#cpuMs = await this.#mainThreadMs();
  }

  /** Checks that scripts were short, and says so in one line. */
  async close(phase: string): Promise<void> {
    const cpuMs = (await this.#mainThreadMs()) - this.#cpuMs;
    const scripts = await this.#number('commandstats', /cmdstat_fcall:calls=(\d+)/);
    const average = cpuMs / Math.max(1, scripts);
    const slow = await this.#slow();
    const over = slow.filter(({ tookMs }) => tookMs > PROMISE_MS).length;
    const worst = slow.toSorted((a, b) => b.tookMs - a.tookMs)[0] ?? { name: 'any', tookMs: 1 };
    process.stdout.write(
      `      ${phase}: ${scripts} scripts, ${average.toFixed(2)} ms of processor each; by the clock ` +
        `${over} over ${PROMISE_MS} ms, the longest ${worst.name} with ${worst.tookMs.toFixed(1)} ms\n`,
    );
    // On a busy machine the processor is slower, too.
    expect(average, `${phase}: processor time of a script`).to.be.below(2 * PROMISE_MS);
    expect(worst.tookMs, `${phase}: ${worst.name}`).to.be.below(BREAKAGE_MS);
  }

  /** Scripts of more than 1 ms. */
  async #slow(): Promise<readonly Slow[]> {
    const entries = (await this.#ask('SLOWLOG', 'GET', '-1')) as [number, number, number, string[]][];
    return entries
      .filter(([, , , command]) => command[0]?.toLowerCase() === 'fcall')
      .map(([, , tookUs, command]) => ({
        name: this.#names.get(command[1] ?? '') ?? '?',
        tookMs: tookUs / 1_000,
      }));
  }
}

describe('ten thousand sessions in one tenant', function () {
  this.timeout(60_000);
  const tenant = freshTenant();
  const admin = administrator(tenant);
  let server: RedisServer;
  let redis: Observer;
  let books: Books;
  let broker: TestBroker;
  const opened: Opened[] = [];

  async function openAll(): Promise<void> {
    for (let from = 0; from < SESSIONS; from += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, i) => {
        const user = { id: `user-${from + i}`, name: `User ${from + i}`, roles: ['user'] };
        const about = { address: '192.0.2.1', app: { name: 'books', version: '1.0' } };
        return broker.core.sessions.open({ ...admin, user }, about);
      });
      opened.push(...(await Promise.all(batch)));
    }
  }

  before(async function () {
    needsRedisServer(this, 'the scale test');
    server = await startRedis({
      config: { 'slowlog-log-slower-than': '1000', 'slowlog-max-len': '100000' },
    });
    redis = await observer(server.url);
    books = new Books(redis);
    broker = await TestBroker.start({ redisUrl: server.url });
    await books.open();
    await openAll();
    await books.close('opening');
  });
  beforeEach(() => books.open());
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
    const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
    await books.close(`pages of 100 (p99 ${p99.toFixed(0)} ms)`);
    expect(p99).to.be.below(PAGE_BREAKAGE_MS);
  });

  it('[O11] [O2] tells whom an order to all would hit, in bounded steps', async () => {
    const request = {
      action: 'logoff',
      target: { all: true },
      message: 'Save.',
      reason: 'maintenance',
    } as const;
    expect((await broker.core.orders.preview(admin, tenant, request)).total).to.equal(SESSIONS);
    await books.close('rehearsal');
  });

  it('[O11] [O5] [O10] [A19] answers an order to all at once, warns all, ends all, in bounded steps', async () => {
    const steps: number[] = [];
    const ended: AuditRecord[] = [];
    const attachments = new Map(opened.map(({ attachment }) => [attachment.sessionId, attachment]));
    const reports: Promise<void>[] = [];
    const leave = broker.core.bus.listen((_tenant, record) => {
      const targeted = record.details?.['targeted'];
      if (Array.isArray(targeted)) steps.push(targeted.length);
      if (record.type !== 'session.ended') return;
      ended.push(record);
      // What the gateway does when it has closed the socket.
      const attachment = attachments.get(record.sessionId ?? '');
      if (attachment) reports.push(broker.core.sessions.report(attachment, true));
    });
    const startedAt = performance.now();
    const order = await broker.core.orders.create(admin, tenant, {
      action: 'logoff',
      target: { all: true },
      message: 'Save your work',
      reason: 'maintenance',
      graceMs: 4_000,
      holdMs: 0,
    });
    const answeredMs = performance.now() - startedAt;
    expect(order.counts.targeted, 'at the answer').to.be.at.most(STEP);

    const get = (): Promise<Order> => broker.core.orders.get(tenant, order.id);
    await waitUntil(async () => (await get()).state === 'pending', 'everybody to be warned', 20_000);
    const warnedMs = performance.now() - startedAt;
    await books.close(
      `warning (answered in ${answeredMs.toFixed(0)} ms, all warned in ${warnedMs.toFixed(0)} ms)`,
    );
    expect((await get()).counts.targeted).to.equal(SESSIONS);
    expect(Math.max(...steps)).to.be.at.most(STEP);

    await books.open();
    await waitUntil(async () => (await get()).counts.ended === SESSIONS, 'everybody to be out', 40_000);
    await waitUntil(() => ended.length === SESSIONS, 'the records');
    leave();
    const after = ended.map((record) => record.at - order.deadlineAt);
    await books.close(`ending (the last one ${Math.max(...after)} ms after the deadline)`);
    expect(Math.min(...after), 'nobody before the deadline').to.be.at.least(0);

    await books.open();
    await Promise.all(reports);
    await books.close('proving the last ones');
    expect(reports).to.have.length(SESSIONS);
    expect((await get()).state).to.equal('done');
    expect((await get()).counts).to.include({ ended: SESSIONS, verified: SESSIONS, unverified: 0 });
    expect(await broker.core.sessions.count(tenant)).to.equal(0);
  });
});
