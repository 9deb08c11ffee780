import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  FENCE_HEADER,
  type GuardOptions,
  lastcallOf,
  RESOURCE_HEADER,
  requireLock,
  requireSession,
  SESSION_HEADER,
} from '@lastcall/client/express';
import type { Problem } from '@lastcall/shared';
import { expect } from 'chai';
import express, { type Request, type RequestHandler } from 'express';
import { locked } from './support/api.js';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { GuardedApp, signedIn } from './support/guarded-app.js';
import { sqliteTable } from './support/guarded-table.js';
import { type Served, serveApp } from './support/http-app.js';
import { giveBack, SHARED, take } from './support/locks.js';

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly retryAfter: string | null;
  readonly body: Problem & { readonly user?: string; readonly fence?: number };
}

const RESOURCE = 'invoices/7';
const named = (session: string, fence?: number | string, resource?: string): Record<string, string> => ({
  [SESSION_HEADER]: session,
  ...(fence !== undefined && { [FENCE_HEADER]: String(fence) }),
  ...(resource !== undefined && { [RESOURCE_HEADER]: resource }),
});

describe('guards for application back ends', () => {
  let broker: TestBroker;
  let tenant: string;
  let options: Omit<GuardOptions<Request>, 'user'> & { readonly tenant: string };
  const complaints: string[] = [];
  const served: { close(): Promise<void> }[] = [];

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  beforeEach(async () => {
    complaints.length = 0;
    tenant = freshTenant();
    options = {
      url: broker.url,
      tenant,
      token: () => broker.token(tenant, 'back-end', ['service']),
      timeoutMs: 5_000,
      logger: { warn: (message) => void complaints.push(message) },
    };
  });
  afterEach(async () => {
    await Promise.all(served.splice(0).map((one) => one.close()));
  });

  /** An application whose every answer says what the guards found. */
  async function serve(more: Partial<GuardOptions<Request>> = {}): Promise<Served> {
    const app = express();
    const guard = { ...options, user: signedIn, ...more };
    // Both are middleware of Express as its own types have it.
    const session: RequestHandler = requireSession(guard);
    const lock: RequestHandler = requireLock({
      ...guard,
      resource: (req: Request) => `invoices/${String(req.params['id'])}`,
    });
    app.get('/session', session, (_req, res) => void res.json({ user: lastcallOf(res).user?.id }));
    app.put('/invoices/:id', lock, (_req, res) => void res.json({ fence: lastcallOf(res).fence }));
    const one = await serveApp(app);
    served.push(one);
    return one;
  }

  async function ask(app: Served, path: string, headers: Record<string, string>): Promise<Reply> {
    const method = path.startsWith('/session') ? 'GET' : 'PUT';
    const response = await fetch(app.url + path, { method, headers });
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      retryAfter: response.headers.get('retry-after'),
      body: (await response.json()) as Reply['body'],
    };
  }

  const refused = async (app: Served, path: string, headers: Record<string, string>): Promise<string> => {
    const { status, type, body } = await ask(app, path, headers);
    expect(type).to.equal('application/problem+json');
    expect(body.status).to.equal(status);
    expect(body.detail).to.be.a('string').and.not.equal('');
    return `${status} ${body.code}`;
  };

  const ann = (): Promise<TestClient> => broker.connect(tenant, 'ann');

  it('[G1] pass who has a live session of their own', async () => {
    const app = await serve();
    const client = await ann();
    const session = named(client.sessionId);
    expect((await ask(app, '/session?as=ann', session)).body).to.deep.equal({ user: 'ann' });
    expect(await refused(app, '/session?as=bob', session)).to.equal('403 forbidden');
    expect(await refused(app, '/session', session)).to.equal('403 forbidden');
    expect(await refused(app, '/session?as=ann', {})).to.equal('400 invalid');
    expect(await refused(app, '/session?as=ann', named('no id at all'))).to.equal('400 invalid');
    const unknown = '01970000-0000-7000-8000-000000000001';
    expect(await refused(app, '/session?as=ann', named(unknown))).to.equal('409 session_ended');
    await client.does('session:end', {});
    expect(await refused(app, '/session?as=ann', session)).to.equal('409 session_ended');
    expect(complaints).to.deep.equal([]);
  });

  it('[G2] pass who holds what the address names, with the fence', async () => {
    const app = await serve();
    const [client, other] = [await ann(), await broker.connect(tenant, 'bob')];
    const fence = await locked(client, RESOURCE);
    const write = (headers: Record<string, string>, id = '7', as = 'ann') =>
      refused(app, `/invoices/${id}?as=${as}`, headers);
    const good = named(client.sessionId, fence, RESOURCE);
    expect((await ask(app, '/invoices/7?as=ann', good)).body).to.deep.equal({ fence });
    expect((await ask(app, '/invoices/7?as=ann', named(client.sessionId, fence))).status).to.equal(200);
    expect(await write(named(client.sessionId))).to.equal('423 locked');
    expect(await write(named(client.sessionId, fence - 1))).to.equal('409 not_held');
    expect(await write(named(client.sessionId, fence), '8')).to.equal('409 not_held');
    expect(await write(good, '8')).to.equal('409 conflict');
    expect(await write(named(client.sessionId, fence, 'invoice'))).to.equal('409 conflict');
    expect(await write(named(other.sessionId, fence), '7', 'bob')).to.equal('409 not_held');
    expect(await write(good, '7', 'bob')).to.equal('403 forbidden');
    for (const wrong of ['0', '-1', '1.5', '1e3', ' ', '9'.repeat(16), '9'.repeat(40), `${fence}, ${fence}`])
      expect(await write(named(client.sessionId, wrong)), wrong).to.equal('400 invalid');
    expect(await write(named(client.sessionId, fence), 'a%20b')).to.equal('400 invalid');
    await client.does('lock:release', { resource: RESOURCE, fence });
    expect(await write(good)).to.equal('409 not_held');
  });

  it('[G2] refuse to write under a shared lock until it is upgraded', async () => {
    const app = await serve();
    const [client, other] = [await ann(), await broker.connect(tenant, 'bob')];
    const [mine, others] = [await take(client, RESOURCE, SHARED), await take(other, RESOURCE, SHARED)];
    const write = (fence: number) => ask(app, '/invoices/7?as=ann', named(client.sessionId, fence));
    expect((await write(mine.fence)).body.code).to.equal('not_held');
    await giveBack(other, others);
    const requestId = '01970000-0000-7000-8000-000000000003';
    const upgraded = await client.does('lock:upgrade', { resource: RESOURCE, fence: mine.fence, requestId });
    const fence = 'lock' in upgraded ? upgraded.lock.fence : 0;
    expect((await write(fence)).body).to.deep.equal({ fence });
  });

  it('[G2] take a tree lock for what is below it', async () => {
    const app = await serve();
    const client = await ann();
    const answer = await client.does('lock:acquire', {
      resource: 'invoices',
      scope: 'tree',
      requestId: '01970000-0000-7000-8000-000000000002',
    });
    const fence = 'lock' in answer ? answer.lock.fence : 0;
    const reply = await ask(app, '/invoices/7?as=ann', named(client.sessionId, fence, 'invoices'));
    expect(reply.body).to.deep.equal({ fence });
  });

  it('[G3] let nothing pass while the broker does not answer, or refuses this back end', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const garbled = await serveApp(express().use((_req, res) => void res.json({ live: 'yes', valid: 1 })));
    const html = await serveApp(express().use((_req, res) => void res.send('<p>proxy</p>')));
    const busy = await serveApp(
      express().use((_req, res) => void res.status(429).json({ retryAfterMs: 7_500 })),
    );
    served.push(garbled, html, busy, {
      close: () =>
        new Promise((resolve) => {
          silent.close(() => resolve());
          silent.closeAllConnections();
        }),
    });
    const client = await ann();
    const fence = await locked(client, RESOURCE);
    const status = async (more: Partial<GuardOptions<Request>>): Promise<string> => {
      const app = await serve(more);
      const reply = await ask(app, '/invoices/7?as=ann', named(client.sessionId, fence));
      return `${reply.status} ${reply.body.code} ${reply.retryAfter}`;
    };
    const unavailable = '503 unavailable 1';
    const { port } = silent.address() as AddressInfo;
    expect(await status({ url: `http://127.0.0.1:${port}`, timeoutMs: 50 })).to.equal(unavailable);
    expect(await status({ url: 'http://127.0.0.1:1' })).to.equal(unavailable);
    expect(await status({ url: html.url })).to.equal(unavailable);
    expect(await status({ token: 'no token' })).to.equal(unavailable);
    expect(await status({ token: await broker.token(tenant, 'ann') })).to.equal(unavailable);
    expect(await status({ tenant: freshTenant() })).to.equal(unavailable);
    expect(await status({ token: () => Promise.reject(new Error('no secret')) })).to.equal(unavailable);
    expect(await status({ url: busy.url })).to.equal('503 unavailable 8');
    expect(complaints.length).to.be.at.least(12);
    expect(await status({ url: garbled.url })).to.match(/^409 /);
  });

  it('[G3] are not made without what they need, and say what that is', () => {
    const good = { ...options, user: signedIn, resource: () => RESOURCE };
    for (const name of ['url', 'tenant', 'token', 'user', 'resource'] as const) {
      expect(() => requireLock({ ...good, [name]: undefined }), name).to.throw(TypeError, `"${name}"`);
    }
    for (const url of ['127.0.0.1:4600', 'broker', 'ws://broker', ''])
      expect(() => requireSession({ ...good, url }), url).to.throw(TypeError, '"url"');
    expect(() => requireSession({ ...good, tenant: '' })).to.throw(TypeError, '"tenant"');
    requireLock(good);
  });

  it('[G5] ask each time, unless an answer may be relied on for a while, and never keep a refusal', async () => {
    const client = await ann();
    const fence = await locked(client, RESOURCE);
    const [exact, lax] = [await serve(), await serve({ cacheMs: 60_000 })];
    const write = async (app: Served, said = fence): Promise<number> =>
      (await ask(app, '/invoices/7?as=ann', named(client.sessionId, said))).status;
    expect(await write(lax, fence + 1)).to.equal(409);
    expect([await write(exact), await write(lax)]).to.deep.equal([200, 200]);
    await client.does('lock:release', { resource: RESOURCE, fence });
    expect([await write(exact), await write(lax)]).to.deep.equal([409, 200]);
    const again = await locked(client, RESOURCE);
    expect([await write(exact, again), await write(lax, again)]).to.deep.equal([200, 200]);
  });

  it('hand on what the application itself throws', async () => {
    const app = express();
    const user = (): string => {
      throw new Error('no sign-in here');
    };
    app.get('/session', requireSession({ ...options, user }), (_req, res) => void res.json({}));
    app.use(
      ((error: Error, _req, res, _next) =>
        void res.status(500).send(error.message)) as express.ErrorRequestHandler,
    );
    const one = await serveApp(app);
    served.push(one);
    const client = await ann();
    const response = await fetch(`${one.url}/session`, { headers: named(client.sessionId) });
    expect(await response.text()).to.equal('no sign-in here');
  });

  it('[G4] refuse in the table what says a lower fence, without asking the broker', async () => {
    const table = await sqliteTable();
    const app = await GuardedApp.start(table, { ...options, url: 'http://127.0.0.1:1' });
    served.push(app, table);
    await table.add('7');
    const write = async (fence: string): Promise<number> =>
      (await fetch(`${app.url}/fenced/7`, { method: 'PUT', headers: { [FENCE_HEADER]: fence } })).status;
    expect([await write('5'), await write('5'), await write('4'), await write('6')]).to.deep.equal([
      200, 200, 409, 200,
    ]);
    expect((await fetch(`${app.url}/fenced/7`, { method: 'PUT' })).status).to.equal(423);
    expect(
      (await fetch(`${app.url}/fenced/8`, { method: 'PUT', headers: { [FENCE_HEADER]: '7' } })).status,
    ).to.equal(409);
    expect((await table.read('7')).fence).to.equal(6);
  });
});
