import { LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import type { Core } from 'lastcall/internal/core.js';
import { noteRefusedOrigins } from 'lastcall/internal/gateway/index.js';
import { io } from 'socket.io-client';
import { TestAdmin } from './support/admin.js';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { waitUntil } from './support/wait.js';

describe('the admin channel', () => {
  let broker: TestBroker;
  let tenant: string;
  const admins: TestAdmin[] = [];

  before(async () => {
    broker = await TestBroker.start();
  });
  beforeEach(() => {
    tenant = freshTenant();
  });
  afterEach(() => {
    for (const admin of admins.splice(0)) admin.socket.disconnect();
  });
  after(() => broker.close());

  async function connect(
    roles: readonly string[],
    options: { in?: string; own?: string } = {},
  ): Promise<TestAdmin> {
    const token = await broker.token(options.own ?? tenant, 'root', roles);
    const admin = new TestAdmin(broker.url, { token, ...(options.in ? { tenant: options.in } : {}) });
    admins.push(admin);
    await waitUntil(
      () => admin.error !== undefined || admin.all('snapshot').length > 0,
      'a snapshot or a refusal',
    );
    return admin;
  }

  it('[S9] gives a snapshot, then sessions, orders, locks, settings and records as they change', async () => {
    const ada = await broker.connect(tenant, 'ada');
    const admin = await connect(['admin']);
    const [snapshot] = admin.all('snapshot');
    expect(snapshot?.sessions).to.deep.include({ total: 1 });
    expect(snapshot?.sessions.items[0]).to.include({ id: ada.sessionId, state: 'active' });
    expect(snapshot?.policy.version).to.equal(0);
    expect(snapshot?.nodes.map(({ id }) => id)).to.include(broker.core.nodes.id);

    const grace = await broker.connect(tenant, 'grace');
    await admin.saw('sessions:changed', ({ upsert }) => upsert.some(({ id }) => id === grace.sessionId));
    await grace.acquire('a/1');
    await admin.saw('lock:changed', ({ holders }) => holders[0]?.sessionId === grace.sessionId);
    const request = {
      action: 'logoff',
      target: { sessions: [grace.sessionId] },
      message: 'bye',
      reason: 'admin',
    } as const;
    const order = await broker.core.orders.create(administrator(tenant), tenant, { ...request, graceMs: 0 });
    await admin.saw('order:changed', ({ id, state }) => id === order.id && state === 'done');
    await admin.saw('sessions:changed', ({ remove }) => remove.includes(grace.sessionId));
    await admin.saw('audit:record', ({ type }) => type === 'session.verified');
    await broker.policy(tenant, { flushMs: 1_000 });
    await admin.saw('policy:changed', ({ version }) => version === 1);
  });

  it('[M9] has the maintenance window in its snapshot, tells what becomes of it, and that all are out', async () => {
    const { maintenance } = broker.core;
    const ada = await broker.connect(tenant, 'ada');
    const by = { kind: 'admin', id: 'root' } as const;
    expect((await connect(['admin'])).all('snapshot')[0]?.maintenance).to.equal(null);
    const planned = await maintenance.set(tenant, { message: 'Update.', startsInMs: 3_600_000 }, by);
    const admin = await connect(['admin']);
    expect(admin.all('snapshot')[0]?.maintenance).to.include({ id: planned.id, state: 'announcing' });
    await maintenance.set(tenant, { message: 'Update.', holdMs: 0 }, by);
    const closed = await admin.saw('maintenance:changed', (window) => window?.state === 'closed');
    expect(closed?.counts).to.include({ targeted: 1, ended: 1, verified: 1, unverified: 0 });
    expect(ada.last('logoff')).to.include({ reason: 'maintenance' });
    await admin.saw('order:changed', ({ id, state }) => id === closed?.orderId && state === 'done');
    await maintenance.lift(tenant, by);
    await admin.saw('maintenance:changed', (window) => window === null);
  });

  it('[S9] tells later what could not be read at once', async () => {
    const admin = await connect(['admin']);
    const { sessions } = broker.core;
    const byIds = sessions.byIds.bind(sessions);
    let failures = 2;
    sessions.byIds = async (...args) => {
      failures -= 1;
      if (failures >= 0) throw new LastcallError('unavailable', 'Redis is away.');
      return await byIds(...args);
    };
    try {
      const ada = await broker.connect(tenant, 'ada');
      await admin.saw('sessions:changed', ({ upsert }) => upsert.some(({ id }) => id === ada.sessionId));
    } finally {
      sessions.byIds = byIds;
    }
    expect(failures).to.be.below(0);
  });

  it('[I2] [I3] refuses whoever administers nothing here, and records the attempt', async () => {
    const user = await connect(['user']);
    expect(user.error?.code).to.equal('forbidden');
    const [record] = (await broker.core.audit.list(tenant, { type: 'access.denied' }, { limit: 1 })).items;
    expect(record?.by.id).to.equal('root');
    const other = freshTenant();
    expect((await connect(['admin'], { in: other })).error?.code).to.equal('forbidden');
  });

  it('[I3] [P7] shows an operator the tenant it asks for, and nothing of another', async () => {
    const other = freshTenant();
    await broker.connect(tenant, 'ada');
    const operator = await connect(['operator'], { own: other, in: tenant });
    expect(operator.all('snapshot')[0]?.sessions.total).to.equal(1);
    const foreign = await connect(['admin'], { own: other });
    await broker.connect(tenant, 'grace');
    await operator.saw('sessions:changed');
    expect(
      foreign.pushes.filter(({ event }) => event !== 'snapshot' && event !== 'nodes:changed'),
    ).to.have.length(0);
  });

  it('[S14] closes when the token it was opened with expires', async () => {
    const token = await broker.token(tenant, 'root', ['admin'], 2_000);
    const admin = new TestAdmin(broker.url, { token });
    admins.push(admin);
    await admin.saw('snapshot');
    await waitUntil(() => admin.socket.disconnected, 'the channel to close', 5_000);
  });

  it('[I4] F5 refuses pages of other sites, whatever they are called', async () => {
    const origins = [
      'http://evil.example',
      `${broker.url}.evil.example`,
      'null',
      'https://127.0.0.1',
      'http://localhost',
    ];
    for (const origin of origins) {
      const socket = io(`${broker.url}/lastcall`, {
        transports: ['websocket'],
        reconnection: false,
        forceNew: true,
        extraHeaders: { origin },
        auth: { token: await broker.token(tenant, 'ada') },
      });
      const outcome = await new Promise<string>((resolve) => {
        socket.on('connect', () => resolve('connected'));
        socket.on('connect_error', () => resolve('refused'));
      });
      socket.disconnect();
      expect(outcome, origin).to.equal('refused');
    }
    const { body } = await broker.core.metrics.expose();
    const counted = /^lastcall_handshakes_refused_total\{code="forbidden"\} (\d+)$/m.exec(body)?.[1];
    expect(Number(counted)).to.be.at.least(origins.length);
  });

  it('[I4] says once in the log of each origin that it was refused, but not of all that are made up', () => {
    const lines: unknown[] = [];
    const log = { warn: (fields: unknown) => lines.push(fields) } as unknown as Core['log'];
    const note = noteRefusedOrigins({ log, metrics: broker.core.metrics });
    for (const name of ['a', 'a', 'b']) note(`https://${name}.example`);
    expect(lines).to.deep.equal([{ origin: 'https://a.example' }, { origin: 'https://b.example' }]);
    for (let n = 0; n < 1_000; n += 1) note(`https://${n}.example`);
    expect(lines).to.have.length(100);
  });
});
