import type { Order, OrderTarget } from '@lastcall/shared';
import { expect } from 'chai';
import type { TestClient } from './support/broker.js';
import { LONG_MS, sessionsOf, useOrders } from './support/orders.js';
import { waitUntil } from './support/wait.js';

/** Time enough for somebody to leave before the deadline, also on a slow machine. */
const SOON_MS = 700;

const EVERYBODY: OrderTarget = { all: true };

describe('orders leave an administrator in', () => {
  const bench = useOrders();

  const administrators = { roles: ['user', 'admin'], auth: { app: { name: 'books' } } };
  const connectBoss = (sub: string): Promise<TestClient> => bench.connect(sub, administrators);

  /** Ada, who works, and two administrators, of whom the second had input last. Who gives orders is not there. */
  async function office() {
    const ada = await bench.connect('ada', { auth: { app: { name: 'books' } } });
    const first = await connectBoss('first');
    // Whose input was in the same millisecond is chosen between by chance.
    const cameAt = Date.now();
    await waitUntil(() => Date.now() > cameAt + 1, 'the clock to go on');
    const second = await connectBoss('second');
    return { ada, first, second };
  }

  const isLive = async (client: TestClient): Promise<boolean> =>
    (await bench.session(client)).state !== 'ended';

  async function ends(order: Order, ...clients: readonly TestClient[]): Promise<void> {
    for (const client of clients) expect((await bench.end(client)).orderId).to.equal(order.id);
  }

  it('[O19] one for everybody spares who had input last when it would spare none, and says so', async () => {
    const { ada, first, second } = await office();
    const order = await bench.logoff(EVERYBODY, { graceMs: 0 });
    const spared = { id: 'second', name: 'second by name' };
    expect(order.spared).to.deep.equal(spared);
    const [created] = await bench.records('order.created');
    expect(created?.details).to.deep.include({ spared });
    await ends(order, ada, first);
    expect(await bench.hit(await bench.until(order, 'done'))).to.deep.equal(['ada', 'first']);
    expect(await isLive(second)).to.equal(true);
    expect(second.all('warning')).to.deep.equal([]);
  });

  it('[O19] [O2] a rehearsal says so as well', async () => {
    await office();
    const request = { action: 'logoff', target: EVERYBODY, message: 'Hello', reason: 'admin' } as const;
    const preview = (more: object = {}) =>
      bench.orders.preview(bench.admin, bench.tenant, { ...request, ...more });
    const guarded = await preview();
    expect(guarded).to.deep.include({ total: 2, spared: { id: 'second', name: 'second by name' } });
    expect(guarded.items.map(({ user }) => user.id)).not.to.include('second');
    for (const more of [{ includeSelf: true }, { action: 'warn' }]) {
      const all = await preview(more);
      expect(all).to.include({ total: 3 }).and.not.to.have.property('spared');
    }
  });

  it('[O19] input counts, not who came last', async () => {
    const { first } = await office();
    await bench.redis.hSet(bench.key(`session:${first.sessionId}`), 'lastInputAt', '0');
    const lease = bench.key(`lease:${first.sessionId}`);
    const parts = String(await bench.redis.get(lease)).split('|');
    parts[3] = String(Number(parts[3]) + 60_000);
    await bench.redis.set(lease, parts.join('|'), { expiration: 'KEEPTTL' });
    expect((await bench.logoff(EVERYBODY)).spared?.id).to.equal('first');
  });

  it('[O19] with includeSelf, or when somebody else is spared, nobody is kept in', async () => {
    const { first, second } = await office();
    const all = await bench.logoff(EVERYBODY, { includeSelf: true });
    expect(all).not.to.have.property('spared');
    const excepted = await bench.logoff(EVERYBODY, { except: { users: ['first'] } });
    expect(excepted).not.to.have.property('spared');
    expect(await bench.hit(excepted)).to.deep.equal(['ada', 'second']);
    await connectBoss('root');
    const own = await bench.logoff(EVERYBODY, { graceMs: 0 });
    expect(own).not.to.have.property('spared');
    await ends(own, first, second);
  });

  const groups: readonly [what: string, target: OrderTarget, spared: string | undefined][] = [
    ['a role that is not theirs alone', { roles: ['user'] }, 'second'],
    ['an application', { apps: ['books'] }, 'second'],
    ['idle time', { minIdleMs: 1 }, 'second'],
    ['a group, and one of them by name', { apps: ['books'], users: ['second'] }, 'first'],
    ['their role', { roles: ['admin'] }, undefined],
    ['their names', { users: ['first', 'second'] }, undefined],
  ];
  for (const [what, target, spared] of groups) {
    it(`[O19] one for ${what} ${spared ? `spares ${spared}` : 'means all of them'}`, async () => {
      await office();
      const order = await bench.logoff(target);
      expect(order.spared?.id).to.equal(spared);
      const hit = await bench.hit(order);
      for (const id of ['first', 'second']) expect(hit.includes(id), id).to.equal(id !== spared);
    });
  }

  it('[O19] when who was to stay signs out meanwhile, the other one stays', async () => {
    const { ada, first, second } = await office();
    const order = await bench.logoff(EVERYBODY, { graceMs: SOON_MS, holdMs: LONG_MS });
    await first.saw('warning');
    await second.does('session:end', {});
    await ends(order, ada);
    await first.saw('warning:cancelled', ({ orderId }) => orderId === order.id);
    const done = await bench.until(order, 'done');
    expect(done.spared).to.deep.equal({ id: 'first', name: 'first by name' });
    expect(done.counts).to.include({ targeted: 1, ended: 1, verified: 1 });
    expect(await bench.session(first))
      .to.include({ state: 'active' })
      .and.not.to.have.property('warned');
    const changes = await bench.records('order.changed');
    expect(changes.map(({ details }) => details?.['spared'])).to.deep.include(done.spared);
  });

  it('[O19] [O7] who says saved then is not logged off either, and is told', async () => {
    const { first, second } = await office();
    const order = await bench.logoff(EVERYBODY, { holdMs: 1_000 });
    await first.saw('warning');
    await first.does('order:ack', { orderId: order.id, state: 'saving' });
    await second.does('session:end', {});
    const refused = await first.refused('order:ack', { orderId: order.id, state: 'saved' });
    expect(refused.code).to.equal('conflict');
    await first.saw('warning:cancelled');
    expect((await bench.session(first)).state).to.equal('active');
    expect((await bench.get(order)).counts).to.include({ targeted: 1, seen: 0, saving: 0 });
  });

  it('[O19] [O4] who comes later stays when no other administrator is there', async () => {
    const ada = await bench.connect('ada');
    const order = await bench.logoff(EVERYBODY);
    await ada.saw('warning');
    const first = await connectBoss('first');
    expect(first.welcome.orders).to.deep.equal([]);
    expect((await bench.get(order)).spared?.id).to.equal('first');
    const second = await connectBoss('second');
    expect(second.welcome.orders.map(({ orderId }) => orderId)).to.deep.equal([order.id]);
    const again = await connectBoss('first');
    expect(again.welcome.orders).to.deep.equal([]);
  });

  it('[O19] two who order each other off do not both go', async () => {
    const { first, second } = await office();
    const by = (id: string) => ({ ...bench.admin, user: { id, name: id, roles: ['admin'] } });
    const request = {
      action: 'logoff',
      target: EVERYBODY,
      message: 'Go.',
      reason: 'admin',
      graceMs: SOON_MS,
      holdMs: 0,
    } as const;
    const [one, two] = await Promise.all(
      ['first', 'second'].map((id) => bench.orders.create(by(id), bench.tenant, request)),
    );
    for (const order of [one, two]) {
      expect(order).not.to.have.property('spared');
      await bench.until(order as Order, 'done');
    }
    const live = await Promise.all([first, second].map(isLive));
    expect(live.filter(Boolean)).to.have.length(1);
  });

  it('[O19] [O16] for security nobody is kept out who stays', async () => {
    const { ada, first, second } = await office();
    const blocked = async () =>
      (await bench.broker.core.blocks.list(bench.tenant, {}, { limit: 100 })).items.map(({ user }) => user);
    const order = await bench.logoff(EVERYBODY, { reason: 'security' });
    await ends(order, ada, first);
    expect(await isLive(second)).to.equal(true);
    expect((await blocked()).toSorted()).to.deep.equal(['ada', 'first']);
    expect((await bench.logoff(sessionsOf(second))).counts.targeted, 'by name').to.equal(1);
  });

  it('[O19] counts who administers now: roles follow the token', async () => {
    const ada = await bench.connect('ada');
    const promoted = await bench.broker.token(bench.tenant, 'ada', ['admin']);
    await ada.does('auth:refresh', { token: promoted });
    expect((await bench.logoff(EVERYBODY)).spared?.id).to.equal('ada');
    await ada.drop();
    const back = await bench.connect('ada', { auth: { resume: ada.resume } });
    expect(back.welcome.resumed).to.equal(true);
    expect(await bench.logoff(EVERYBODY)).not.to.have.property('spared');
  });
});
