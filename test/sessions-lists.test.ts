import type { Session } from '@lastcall/shared';
import { expect } from 'chai';
import type { SessionFilter } from 'lastcall/internal/sessions.js';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { sessionOf, take } from './support/faults.js';
import { waitUntil } from './support/wait.js';

describe('lists of sessions', () => {
  let broker: TestBroker;
  let tenant: string;

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  beforeEach(() => {
    tenant = freshTenant();
  });

  const list = (filter: SessionFilter, limit = 1_000, cursor?: string) =>
    broker.core.sessions.list(tenant, filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
  const usersOf = (sessions: readonly Session[]): string[] => sessions.map(({ user }) => user.id);

  it('[S9] show what is known of a session', async () => {
    const openedAfter = Date.now() - 60_000;
    const ada = await broker.connect(tenant, 'ada', {
      roles: ['user', 'chief'],
      answersBeats: false,
      auth: { app: { name: 'ledger', version: '2.1' }, device: { label: 'desk', kind: 'browser' } },
    });
    await take(ada, 'invoices/1');
    await ada.does('heartbeat', { idleMs: 4_000, dirty: true, view: 'invoices/1' });
    const [session] = (await list({})).items;
    expect(session).to.deep.include({
      id: ada.sessionId,
      state: 'active',
      user: { id: 'ada', name: 'ada by name', roles: ['user', 'chief'] },
      app: { name: 'ledger', version: '2.1' },
      device: { label: 'desk', kind: 'browser' },
      address: '127.0.0.1',
      node: broker.core.nodes.id,
      dirty: true,
      view: 'invoices/1',
      locks: 1,
    });
    const { openedAt = 0, lastBeatAt = 0, lastInputAt = 0 } = session ?? {};
    expect(openedAt).to.be.greaterThan(openedAfter);
    expect(lastBeatAt).to.be.at.least(openedAt);
    expect(lastInputAt).to.be.at.least(openedAt);
  });

  it('[S9] show of an ended session what was last heard of it', async () => {
    const ada = await broker.connect(tenant, 'ada', { answersBeats: false });
    await ada.does('heartbeat', { idleMs: 0, dirty: true, view: 'invoices/1' });
    const before = await sessionOf(broker, tenant, ada);
    await ada.does('session:end', {});
    const after = await sessionOf(broker, tenant, ada);
    const { lastBeatAt, lastInputAt } = before;
    expect(lastBeatAt).to.be.greaterThan(before.openedAt);
    expect(after).to.include({ state: 'ended', lastBeatAt, lastInputAt, dirty: true, view: 'invoices/1' });
  });

  it('[S9] go page by page, each session once, in the order of their opening', async () => {
    const { sessions } = broker.core;
    for (let i = 0; i < 25; i += 1)
      await sessions.open(administrator(tenant, `user-${i}`), { address: '192.0.2.1' });
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await list({}, 10, cursor);
      seen.push(...usersOf(page.items));
      cursor = page.next;
      pages += 1;
    } while (cursor !== undefined);
    expect(seen).to.deep.equal(Array.from({ length: 25 }, (_, i) => `user-${i}`));
    expect(pages).to.equal(3);
    expect(await sessions.count(tenant)).to.equal(25);
  });

  it('[S9] are filtered, and their pages are full all the same', async () => {
    const { sessions } = broker.core;
    for (let i = 0; i < 60; i += 1) {
      const app = { name: i % 3 === 0 ? 'ledger' : 'stock' };
      await sessions.open(administrator(tenant, `user-${i % 30}`), { address: `192.0.2.${i}`, app });
    }
    const gone = await broker.connect(tenant, 'ada');
    await gone.drop();
    await waitUntil(
      async () => (await sessionOf(broker, tenant, gone)).state === 'disconnected',
      'the disconnection',
    );
    const first = await list({ app: 'ledger' }, 15);
    expect(first.items).to.have.length(15);
    const second = await list({ app: 'ledger' }, 15, first.next);
    expect(usersOf([...first.items, ...second.items])).to.deep.equal(
      Array.from({ length: 20 }, (_, i) => `user-${(i * 3) % 30}`),
    );
    expect(usersOf((await list({ user: 'user-7' })).items)).to.deep.equal(['user-7', 'user-7']);
    expect(usersOf((await list({ state: 'disconnected' })).items)).to.deep.equal(['ada']);
    expect(usersOf((await list({ q: 'ADA BY' })).items)).to.deep.equal(['ada']);
    expect(usersOf((await list({ q: '192.0.2.41' })).items)).to.deep.equal(['user-11']);
    expect((await list({ node: broker.core.nodes.id })).items).to.have.length(61);
    expect((await list({ node: 'elsewhere' })).items).to.have.length(0);
    expect((await list({ minIdleMs: 3_600_000 })).items).to.have.length(0);
    expect((await list({ user: 'user-0', app: 'stock' })).items).to.have.length(0);
  });
});
