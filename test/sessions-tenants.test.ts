import { randomUUID } from 'node:crypto';
import { ADMIN_NAMESPACE } from '@lastcall/shared';
import { expect } from 'chai';
import { io, type Socket } from 'socket.io-client';
import { administrator, freshTenant, TestBroker, TestClient } from './support/broker.js';
import { take } from './support/faults.js';
import { historyOf } from './support/history.js';
import { waitUntil } from './support/wait.js';

/** One tenant's people, who have the same ids and use the same resources as those of the other. */
interface Company {
  readonly tenant: string;
  /** Stands in every text of this tenant. */
  readonly canary: string;
  /** Every packet that its people and its administrator received. */
  readonly packets: string[];
  readonly people: TestClient[];
  readonly watcher: Socket;
}

describe('tenants', () => {
  let broker: TestBroker;

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());

  function record(socket: Socket, packets: string[]): void {
    // What the connection brings, before anybody looks at events.
    socket.io.on('packet', (packet) => void packets.push(JSON.stringify(packet)));
  }

  async function found(): Promise<Company> {
    const tenant = freshTenant();
    const canary = `canary-${tenant}`;
    const packets: string[] = [];
    const people: TestClient[] = [];
    for (const sub of ['ada', 'grace']) {
      const token = await broker.broker.token({ sub, tenant, name: `${sub} ${canary}` });
      const client = new TestClient(broker.url, { token, app: { name: canary }, device: { label: canary } });
      record(client.socket, packets);
      await client.opened();
      people.push(client);
    }
    const token = await broker.broker.token({
      sub: 'root',
      tenant,
      name: `root ${canary}`,
      roles: ['admin'],
    });
    const watcher = io(`${broker.url}${ADMIN_NAMESPACE}`, {
      auth: { token },
      transports: ['websocket'],
      forceNew: true,
    });
    record(watcher, packets);
    await waitUntil(() => packets.some((packet) => packet.includes('"snapshot"')), 'the snapshot');
    return { tenant, canary, packets, people, watcher };
  }

  /** A bit of everything that is pushed or answered. */
  async function live({ tenant, canary, people }: Company): Promise<void> {
    const [ada, grace] = people as [TestClient, TestClient];
    await ada.heartbeat({ dirty: true, view: `${canary}/view` });
    await ada.does('lock:acquire', { resource: 'invoices/1', note: canary, requestId: randomUUID() });
    await grace.refused('lock:acquire', { resource: 'invoices/1', requestId: randomUUID() });
    const requestId = randomUUID();
    await grace.acquire('invoices/1', 60_000, requestId);
    await grace.does('lock:query', { resource: 'invoices/1' });
    await broker.policy(tenant, { idleAfterMs: 120_000 });
    const root = administrator(tenant);
    const order = await broker.core.orders.create(root, tenant, {
      action: 'logoff',
      target: { users: ['ada'] },
      message: canary,
      reason: 'admin',
      graceMs: 60_000,
      holdMs: 1_000,
    });
    await ada.saw('warning');
    await ada.does('order:ack', { orderId: order.id, state: 'saved', why: canary });
    await ada.saw('logoff');
    await grace.saw('lock:granted', (granted) => granted.requestId === requestId);
    await take(grace, 'invoices/2');
    await broker.core.locks.break(tenant, 'invoices/2', canary, { kind: 'admin', id: 'root', name: canary });
    await grace.saw('lock:lost');
  }

  it('[P7] H20 nothing of one reaches the people, administrators or lists of another', async () => {
    const companies = await Promise.all([found(), found(), found()]);
    await Promise.all(companies.map(live));
    for (const { tenant, packets, canary } of companies) {
      await waitUntil(
        () => packets.some((packet) => packet.includes('lock.broken')),
        'what the administrator sees',
      );
      const { sessions, orders, locks } = broker.core;
      const page = { limit: 1_000 };
      const lists = await Promise.all([
        historyOf(broker.core, tenant),
        sessions.list(tenant, {}, page),
        orders.list(tenant, {}, page),
        locks.list(tenant, {}, page),
      ]);
      const all = [...packets, JSON.stringify(lists)];
      expect(all.filter((text) => text.includes(canary)).length, 'of its own').to.be.greaterThan(10);
      const names = new Set(all.flatMap((text) => text.match(/canary-t-[0-9a-f]+/g) ?? []));
      expect([...names]).to.deep.equal([canary]);
    }
    for (const { people, watcher } of companies) {
      watcher.disconnect();
      for (const { socket } of people) socket.disconnect();
    }
  });

  it('[P7] an order for everybody and the end of a session stop at the border', async () => {
    const [here, there] = [freshTenant(), freshTenant()];
    const [ada, stranger] = await Promise.all([broker.connect(here, 'ada'), broker.connect(there, 'ada')]);
    const fence = await take(stranger, 'invoices/1');
    await broker.core.orders.create(administrator(here), here, {
      action: 'logoff',
      target: { all: true },
      message: 'Please save your work.',
      reason: 'security',
      graceMs: 0,
      holdMs: 0,
      reentry: { denyMs: 60_000 },
    });
    await ada.saw('logoff');
    const back = await broker.connect(here, 'ada');
    expect(back.error?.code).to.equal('blocked');
    expect((await broker.connect(there, 'ada')).welcome.resumed, 'the same person elsewhere').to.equal(false);
    expect(await stranger.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: true });
    expect(stranger.pushes.map(({ event }) => event)).to.deep.equal(['welcome']);
    for (const refused of [
      await broker.core.sessions.get(there, ada.sessionId).catch((error) => error),
      await broker.core.sessions
        .end(there, ada.sessionId, { reason: 'admin', by: { kind: 'admin', id: 'root' } })
        .catch((error) => error),
    ]) {
      expect(refused).to.include({ code: 'not_found' });
    }
  });
});
