import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { run } from 'lastcall/internal/cli/main.js';
import { TestAdmin } from './admin.js';
import { freshTenant, type TestBroker, type TestClient } from './broker.js';
import { fakeTerminal } from './fake-terminal.js';
import { brokerOn, type Cleanups } from './faults.js';
import { ApiClient } from './http.js';
import { type Proxy, startProxy } from './proxy.js';
import { type RedisServer, startRedis } from './redis.js';
import { waitUntil } from './wait.js';

/** What is promised, and what a machine that does much else adds; two limits of a command are more. */
export const ANSWERED_MS = 2_000 + 1_500;
/** Answered without asking Redis: well below the limit of a command. */
export const AT_ONCE_MS = 1_500;

/** A broker that reaches Redis by a link that can be broken, and one that has its own. */
export interface Bench {
  readonly redis: RedisServer;
  readonly proxy: Proxy;
  readonly broker: TestBroker;
  readonly other: TestBroker;
  readonly tenant: string;
}

export async function outageBench(cleanups: Cleanups): Promise<Bench> {
  const redis = await startRedis();
  cleanups.add(() => redis.stop());
  cleanups.add(() => redis.resume());
  const proxy = await startProxy(redis.port);
  cleanups.add(() => proxy.stop());
  const broker = await brokerOn(`redis://127.0.0.1:${proxy.port}`, cleanups);
  const other = await brokerOn(redis.url, cleanups);
  return { redis, proxy, broker, other, tenant: freshTenant() };
}

/** How something was answered, and after how long. */
export interface Reply {
  readonly edge: string;
  readonly code: string;
  readonly tookMs: number;
  readonly retryAfterMs?: number | undefined;
}

type Ask = () => Promise<{ readonly code: string; readonly retryAfterMs?: number | undefined }>;

async function timed(edge: string, ask: Ask): Promise<Reply> {
  const startedAt = performance.now();
  const { code, retryAfterMs } = await ask();
  return { edge, code, retryAfterMs, tookMs: performance.now() - startedAt };
}

/**
 * Asks for everything, at every edge, at the same time. What the same process takes for an answer that has nothing to do
 * with Redis, asked last, is not counted: that is the machine.
 */
export async function askAll(bench: Bench, client: TestClient, leaver: TestClient): Promise<Reply[]> {
  const asked = [...(await askSockets(bench, client, leaver)), ...(await askHttp(bench))];
  const { tookMs: machineMs } = await timed('livez', async () => {
    await (await fetch(`${bench.broker.url}/livez`)).text();
    return { code: 'ok' };
  });
  return (await Promise.all(asked)).map((reply) => ({ ...reply, tookMs: reply.tookMs - machineMs }));
}

async function askSockets(
  { broker, tenant }: Bench,
  client: TestClient,
  leaver: TestClient,
): Promise<Promise<Reply>[]> {
  const call =
    (...[event, payload]: Parameters<TestClient['call']>): Ask =>
    async () => {
      const answer = await client.call(event, payload);
      return answer.ok ? { code: 'ok' } : answer.error;
    };
  const connect =
    (of: string, sub: string, auth = {}): Ask =>
    async () => {
      const one = await broker.connect(of, sub, { auth });
      one.socket.disconnect();
      return one.error ?? { code: 'ok' };
    };
  const requestId = randomUUID();
  const token = await broker.token(tenant, 'root', ['admin']);
  return [
    timed('heartbeat', call('heartbeat', { idleMs: 0 })),
    timed('activity', call('activity', { idleMs: 0 })),
    timed('order:ack', call('order:ack', { orderId: randomUUID(), state: 'seen' })),
    timed('lock:acquire', call('lock:acquire', { resource: 'books/9', requestId })),
    timed('lock:query', call('lock:query', { resource: 'books/9' })),
    timed('lock:watch', call('lock:watch', { prefix: 'shelves' })),
    timed('open', connect(tenant, 'stranger')),
    timed('open elsewhere', connect(freshTenant(), 'stranger')),
    timed('resume', connect(tenant, 'leaver', { resume: leaver.resume })),
    timed('admin', async () => {
      const admin = new TestAdmin(broker.url, { token });
      let isOver = false;
      admin.socket.on('disconnect', () => {
        isOver = true;
      });
      const isAnswered = () => isOver || admin.error !== undefined || admin.all('snapshot').length > 0;
      await waitUntil(isAnswered, 'a snapshot or an end');
      admin.socket.disconnect();
      return admin.all('snapshot').length > 0 ? { code: 'ok' } : (admin.error ?? { code: 'unavailable' });
    }),
  ];
}

async function askHttp({ broker, tenant }: Bench): Promise<Promise<Reply>[]> {
  const token = await broker.token(tenant, 'root', ['admin']);
  const api = new ApiClient(broker.url, token);
  const params = { tenant };
  const http =
    (...[id, sent]: Parameters<ApiClient['call']>): Ask =>
    async () => {
      const { status, body, headers } = await api.call<{ code?: string }>(id, { params, ...sent });
      if (status < 400) return { code: 'ok' };
      expect(status, id).to.equal(503);
      expect(headers.get('content-type'), id).to.equal('application/problem+json');
      return { code: body.code ?? '', retryAfterMs: Number(headers.get('retry-after')) * 1_000 };
    };
  const body = { action: 'warn', target: { users: ['nobody'] }, message: 'Hello.', reason: 'admin' };
  return [
    timed('GET sessions', http('sessions.list')),
    timed('GET policy', http('policy.get')),
    timed('GET review', http('review.get')),
    timed('POST orders', http('orders.create', { body })),
    timed('POST blocks', http('blocks.set', { body: { user: 'nobody', reason: 'left' } })),
    timed('POST locks/check', http('locks.check', { body: { resource: 'books/9', fence: 1 } })),
    timed('GET readyz', async () => {
      const { status } = await fetch(`${broker.url}/readyz`);
      return { code: status === 503 ? 'unavailable' : 'ok' };
    }),
    timed('lastcall sessions', async () => {
      const terminal = fakeTerminal({ LASTCALL_URL: broker.url, LASTCALL_TOKEN: token });
      const code = await run(['sessions'], terminal);
      if (code === 0) return { code: 'ok' };
      expect(code).to.equal(1);
      expect(terminal.err()).to.match(/^lastcall: The session store is .*\. Try again in a moment/);
      return { code: 'unavailable' };
    }),
  ];
}
