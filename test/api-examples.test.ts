import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { ClientCall, ClientCalls } from '@lastcall/shared';
import { expect } from 'chai';
import { buildAsyncApi } from 'lastcall/internal/http/asyncapi.js';
import { buildOpenApi } from 'lastcall/internal/http/openapi.js';
import { CLIENT_CALLS, ROUTES, type RouteId } from 'lastcall/internal/schema/index.js';
import { TestAdmin } from './support/admin.js';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { DocumentChecker, pointerTo } from './support/documents.js';
import { waitUntil } from './support/wait.js';

interface Example {
  readonly id: string;
  readonly command: string;
}

/** The commands of the page, as somebody would copy them from there. */
function examplesIn(page: string): Example[] {
  return page.split('<section id="call-').flatMap((part) => {
    const id = part.slice(0, part.indexOf('"'));
    const blocks = [
      ...(part.split('</section>')[0] ?? '').matchAll(/<pre><code>(curl [^]*?)<\/code><\/pre>/g),
    ];
    return blocks.map(([, text = '']) => ({
      id,
      command: text
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&quot;', '"')
        .replaceAll('&#39;', "'")
        .replaceAll('&amp;', '&'),
    }));
  });
}

/** What a shell makes of a command: its words, without running what they name. */
function wordsOf(command: string, env: Readonly<Record<string, string>>): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync('sh', ['-eu', '-c', script], { env, encoding: 'utf8' }).split('\0').slice(0, -1);
}

async function carryOut(
  words: readonly string[],
): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers: Record<string, string> = {};
  let [method, url, body] = ['GET', '', undefined as string | undefined];
  for (let at = 0; at < words.length; at += 1) {
    const [word = '', next = ''] = [words[at], words[at + 1]];
    if (word === '-X') method = next;
    else if (word === '-H') headers[next.slice(0, next.indexOf(':'))] = next.slice(next.indexOf(':') + 2);
    else if (word === '-d') body = next;
    else url = word;
    if (word.startsWith('-')) at += 1;
  }
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, body: isJson ? JSON.parse(text) : text };
}

describe('the examples of the documents, against a live broker', function () {
  this.timeout(20_000);
  const tenant = freshTenant();
  let broker: TestBroker;
  let token = '';

  before(async () => {
    broker = await TestBroker.start();
    token = await broker.token(tenant, 'root', ['admin', 'operator', 'service']);
  });
  after(() => broker.close());

  async function post(path: string, body: object): Promise<string> {
    const response = await fetch(`${broker.url}/v1/tenants/${tenant}/${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return ((await response.json()) as { readonly id: string }).id;
  }

  it('[A25] every command of the page does what it says, and is answered as the document has it', async () => {
    const ada = await broker.connect(tenant, 'ada');
    const give = () =>
      post('orders', { action: 'warn', target: { users: ['ada'] }, message: 'x', reason: 'admin' });
    const IDS: Readonly<Record<string, () => Promise<string>>> = {
      'sessions.get': () => Promise.resolve(ada.sessionId),
      'orders.get': give,
      'orders.receipts': give,
      'orders.cancel': give,
      'blocks.lift': () => post('blocks', { user: 'eve', reason: 'x' }),
    };
    const checker = new DocumentChecker(JSON.parse(JSON.stringify(buildOpenApi())) as object);
    const examples = examplesIn(await (await fetch(`${broker.url}/docs`)).text());
    const shown = new Set(examples.map(({ id }) => id));
    expect(Object.keys(ROUTES).filter((id) => !shown.has(id))).to.deep.equal([]);
    // In the order of the page, but for what ends a window: that comes after what begins one.
    for (const { id, command } of examples) {
      const { version } = await broker.core.policies.get(tenant);
      const words = wordsOf(command, {
        LASTCALL_URL: broker.url,
        LASTCALL_TENANT: tenant,
        LASTCALL_TOKEN: token,
        ETAG: `"${version}"`,
        ID: (await IDS[id]?.()) ?? 'none',
      });
      if (id === 'maintenance.get') await startWindow();
      const { status, body } = await carryOut(words);
      expect(status, `${command}\n${JSON.stringify(body)}`).to.be.within(200, 299);
      const route = ROUTES[id as RouteId] as (typeof ROUTES)[RouteId] | undefined;
      if (route === undefined) continue;
      expect(Object.keys(route.answers), command).to.include(String(status));
      const path = route.path.replace(/:(\w+)/g, '{$1}');
      const place = pointerTo('paths', path, route.method, 'responses', String(status));
      expect(checker.problems(body, `${place}/content/application~1json/schema`), id).to.deep.equal([]);
    }
  });

  async function startWindow(): Promise<void> {
    const response = await fetch(`${broker.url}/v1/tenants/${tenant}/maintenance`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ message: 'x', startsInMs: 3_600_000 }),
    });
    expect(response.status).to.equal(200);
  }

  describe('over WebSocket', () => {
    const checker = new DocumentChecker(JSON.parse(JSON.stringify(buildAsyncApi())) as object);
    const wrong = (channel: string, message: string, payload: unknown): string[] =>
      checker.problems(
        payload,
        pointerTo('channels', channel, 'messages', message.replaceAll(':', '.'), 'payload'),
      );
    const asked = new Set<ClientCall>();

    /** Sends the example of an event with what is live now, and holds the answer against the document. */
    async function sends<E extends ClientCall>(
      client: TestClient,
      event: E,
      live: object = {},
    ): Promise<ClientCalls[E]['answer']> {
      const payload: ClientCalls[E]['payload'] = { ...CLIENT_CALLS[event].example, ...live };
      expect(wrong('client', event, payload)).to.deep.equal([]);
      const answer = await client.does(event, payload);
      expect(wrong('client', `${event}.answer`, answer), JSON.stringify(answer)).to.deep.equal([]);
      asked.add(event);
      return answer;
    }

    it('[A24] every event may be sent as the document shows it; answers and pushes are as it has them', async () => {
      const place = freshTenant();
      const admin = new TestAdmin(broker.url, { token: await broker.token(place, 'root', ['admin']) });
      await admin.saw('snapshot');
      const ada = await broker.connect(place, 'ada');
      const grace = await broker.connect(place, 'grace');
      await sends(ada, 'heartbeat');
      await sends(ada, 'activity');
      await sends(ada, 'auth:refresh', { token: await broker.token(place, 'ada') });
      await sends(grace, 'lock:watch');
      await sends(ada, 'lock:acquire');
      const held = await sends(ada, 'lock:acquire', { requestId: randomUUID() });
      const { fence } = (held as { readonly lock: { readonly fence: number } }).lock;
      await sends(ada, 'lock:check', { fence });
      await sends(grace, 'lock:query');
      const queued = randomUUID();
      await sends(grace, 'lock:acquire', { requestId: queued });
      await sends(grace, 'lock:cancel', { requestId: queued });
      const requestId = randomUUID();
      await sends(grace, 'lock:takeover', { requestId });
      await sends(ada, 'lock:answer', { requestId: (await ada.saw('lock:requested')).requestId });
      const { lock } = await grace.saw('lock:granted');
      await ada.saw('lock:lost');
      await sends(grace, 'lock:release', { fence: lock.fence });
      const { locks } = await sends(ada, 'lock:acquireMany', { requestId: randomUUID() });
      const shared = locks.find(({ mode }) => mode === 'shared');
      await sends(ada, 'lock:upgrade', { fence: shared?.fence ?? 0, requestId: randomUUID() });
      const refused = await grace.call('lock:acquire', { resource: 'customers/4', requestId: randomUUID() });
      expect(wrong('client', 'lock:acquire.answer', refused)).to.deep.equal([]);
      expect(refused.ok).to.equal(false);
      await sends(grace, 'lock:unwatch');

      const order = await broker.core.orders.create(administrator(place), place, {
        action: 'logoff',
        target: { sessions: [ada.sessionId] },
        message: 'Please save.',
        reason: 'admin',
        graceMs: 60_000,
        extend: { maxCount: 1, maxTotalMs: 60_000 },
      });
      await ada.saw('warning');
      await sends(ada, 'order:extend', { orderId: order.id });
      await sends(ada, 'order:ack', { orderId: order.id });
      await broker.policy(place, { graceMs: 30_000 });
      await ada.saw('policy');
      await sends(grace, 'session:end');
      await ada.does('order:ack', { orderId: order.id, state: 'saved' });
      await ada.saw('logoff');
      await admin.saw('order:changed', ({ state }) => state === 'done');
      await admin.saw('policy:changed');
      await waitUntil(
        () => admin.all('sessions:changed').some(({ remove }) => remove.length > 0),
        'the ends',
      );

      expect(Object.keys(CLIENT_CALLS).filter((event) => !asked.has(event as ClientCall))).to.deep.equal([]);
      for (const { event, payload } of [...ada.pushes, ...grace.pushes])
        expect(wrong('client', event, payload), event).to.deep.equal([]);
      for (const { event, payload } of admin.pushes)
        expect(wrong('admin', event, payload), event).to.deep.equal([]);
      const kinds = new Set([...ada.pushes, ...grace.pushes, ...admin.pushes].map(({ event }) => event));
      expect(kinds.size).to.be.greaterThan(12);
      expect(wrong('client', 'logoff', { reason: 'because' }), 'the check can fail').to.have.length.above(0);
      admin.socket.disconnect();
    });
  });
});
