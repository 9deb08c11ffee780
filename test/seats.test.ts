import { expect } from 'chai';
import { administrator, TestBroker, type TestClient } from './support/broker.js';
import { endOf } from './support/lease.js';
import { useParallel } from './support/parallel.js';
import { PolicyBench, rest } from './support/policy.js';
import { waitUntil } from './support/wait.js';

describe('seat limits', () => {
  let broker: TestBroker;
  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  const parallel = useParallel();

  const start = (settings: Parameters<typeof PolicyBench.start>[1]): Promise<PolicyBench> =>
    PolicyBench.start(broker, { idleLogoffMs: 0, ...settings });
  const replaced = (client: TestClient) => client.saw('warning', ({ reason }) => reason === 'replaced');
  const isOpen = ({ error }: TestClient): boolean => error === undefined;

  it(
    '[S19] refuse a session too many of a person, who may come back when one ends',
    parallel(async () => {
      const bench = await start({ maxSessionsPerUser: 2 });
      const [one] = await Promise.all([bench.connect('ada'), bench.connect('ada')]);
      const { error } = await bench.connect('ada');
      expect(error).to.deep.include({ code: 'session_limit', retryAfterMs: 60_000 });
      expect(error).not.to.have.property('terminal');
      expect(error?.message).to.include('Sign out somewhere else');
      expect((await bench.connect('grace')).error).to.equal(undefined);
      // A resumption is no new session.
      await one.drop();
      const back = await bench.connect('ada', { auth: { resume: one.resume } });
      expect(back.welcome.resumed).to.equal(true);
      await back.does('session:end', {});
      expect((await bench.connect('ada')).error).to.equal(undefined);
      await bench.check();
    }),
  );

  it(
    '[S19] refuse a session too many of a tenant; of many at once exactly as many as there are seats get in',
    parallel(async () => {
      const bench = await start({ maxSessions: 5 });
      const clients = await Promise.all(Array.from({ length: 12 }, (_, i) => bench.connect(`user-${i}`)));
      expect(clients.filter(isOpen)).to.have.length(5);
      const refused = clients.filter((client) => !isOpen(client));
      expect(new Set(refused.map(({ error }) => error?.code))).to.deep.equal(new Set(['session_limit']));
      expect(refused[0]?.error?.message).to.include('Try again later');
      expect(await bench.core.sessions.count(bench.tenant)).to.equal(5);
    }),
  );

  it(
    '[S19] [S18] end_oldest warns the oldest session of the person, which may save',
    parallel(async () => {
      const bench = await start({ maxSessionsPerUser: 2, onSessionLimit: 'end_oldest' });
      const oldest = await bench.connect('ada');
      const older = await bench.connect('ada');
      const stranger = await bench.connect('grace');
      const newest = await bench.connect('ada');
      expect(newest.error).to.equal(undefined);
      const warning = await replaced(oldest);
      expect(warning).to.deep.include({ by: { kind: 'policy' }, holdable: true });
      expect(older.all('warning')).to.deep.equal([]);
      await oldest.does('order:ack', { orderId: warning.orderId, state: 'saving' });
      await oldest.does('order:ack', { orderId: warning.orderId, state: 'saved' });
      const end = await endOf(bench.core, bench.tenant, oldest.sessionId);
      expect(end).to.include({ reason: 'replaced', orderId: warning.orderId });
      const receipt = await bench.core.orders.receipt(bench.tenant, warning.orderId, oldest.sessionId);
      expect(receipt?.outcome).to.equal('clean');
      for (const client of [older, stranger, newest])
        expect((await bench.session(client)).state).to.equal('active');
      // The seat that was given up counts once: the next one sends the next oldest off.
      expect((await bench.connect('ada')).error).to.equal(undefined);
      const next = await replaced(older);
      await bench.endsAt(older, (await bench.core.orders.get(bench.tenant, next.orderId)).deadlineAt);
      expect(newest.all('warning')).to.deep.equal([]);
      await bench.check();
    }),
  );

  it(
    '[S19] end_idlest warns the one without input for longest, among all of the tenant',
    parallel(async () => {
      const bench = await start({ maxSessions: 3, onSessionLimit: 'end_idlest' });
      const busy = await bench.connect('ada');
      const idle = await bench.connect('grace');
      rest(idle);
      const late = await bench.connect('linus');
      await waitUntil(async () => (await bench.session(idle)).state === 'idle', 'the idleness');
      await Promise.all([busy, late].map((client) => client.heartbeat()));
      expect((await bench.connect('alan')).error).to.equal(undefined);
      const { orderId } = await replaced(idle);
      await bench.endsAt(idle, (await bench.core.orders.get(bench.tenant, orderId)).deadlineAt);
      for (const client of [busy, late]) expect(client.all('warning')).to.deep.equal([]);
    }),
  );

  it(
    '[S19] refuse when everybody was sent off already, and send nobody off for who is refused',
    parallel(async () => {
      const bench = await start({
        maxSessionsPerUser: 1,
        maxSessions: 2,
        onSessionLimit: 'end_oldest',
        graceMs: 60_000,
      });
      const [ada, grace] = await Promise.all([bench.connect('ada'), bench.connect('grace')]);
      // One seat of the person and, with it, one of the tenant becomes free.
      const second = await bench.connect('ada');
      expect(second.error).to.equal(undefined);
      await replaced(ada);
      expect(grace.all('warning')).to.deep.equal([]);
      // A third one sends the second off, and so on: those who leave hold no seat.
      expect((await bench.connect('ada')).error).to.equal(undefined);
      await replaced(second);
      await broker.policy(bench.tenant, {
        idleLogoffMs: 0,
        maxSessionsPerUser: 1,
        maxSessions: 2,
        onSessionLimit: 'refuse',
      });
      expect((await bench.connect('grace')).error?.code).to.equal('session_limit');
      expect((await bench.connect('alan')).error?.code).to.equal('session_limit');
      expect(grace.all('warning')).to.deep.equal([]);
      expect(await bench.policyOrders()).to.have.length(2);
    }),
  );

  it(
    '[S19] [O8] who may stay after all holds a seat again',
    parallel(async () => {
      const bench = await start({ maxSessionsPerUser: 1, onSessionLimit: 'end_oldest', graceMs: 60_000 });
      const first = await bench.connect('ada');
      const second = await bench.connect('ada');
      const { orderId } = await replaced(first);
      await bench.core.orders.cancel(administrator(bench.tenant), bench.tenant, orderId);
      await first.saw('warning:cancelled');
      await broker.policy(bench.tenant, { idleLogoffMs: 0, maxSessionsPerUser: 1 });
      await second.does('session:end', {});
      expect((await bench.connect('ada')).error?.code).to.equal('session_limit');
      await bench.check();
    }),
  );
});
