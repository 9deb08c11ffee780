import { expect } from 'chai';
import { administrator, TestBroker } from './support/broker.js';
import { endOf } from './support/lease.js';
import { useParallel } from './support/parallel.js';
import { PolicyBench, pass, QUICK, tokenOf } from './support/policy.js';

const AGE_MS = 3_500;
/** In whole seconds, as tokens have it; the first of them may be over at once, and a slow machine takes another. */
const BRIEF_MS = 6_000;

describe('age and tokens', () => {
  let broker: TestBroker;
  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  const parallel = useParallel();

  const isOf = (reason: string) => (push: { readonly reason: string }) => push.reason === reason;

  it(
    '[S17] a session ends maxAgeMs after its opening, however much it is used, and is told graceMs before',
    parallel(async () => {
      const bench = await PolicyBench.start(broker, { maxAgeMs: AGE_MS });
      const ada = await bench.connect('ada');
      const { openedAt } = await bench.session(ada);
      await ada.drop();
      const back = await bench.connect('ada', { auth: { resume: ada.resume } });
      const warning = await back.saw('warning', isOf('max_age'), 10_000);
      expect(warning.deadlineMs).to.be.within(QUICK.graceMs - 1_000, QUICK.graceMs);
      await back.does('activity', { idleMs: 0 });
      const end = await bench.endsAt(back, openedAt + AGE_MS);
      expect(end).to.deep.include({ reason: 'max_age', orderId: warning.orderId, by: { kind: 'policy' } });
      // A new session begins anew.
      expect((await bench.connect('ada')).error).to.equal(undefined);
      await bench.check();
    }),
  );

  it(
    '[S17] the age is without limit with 0, and a longer one than was told of counts',
    parallel(async () => {
      const bench = await PolicyBench.start(broker, { maxAgeMs: AGE_MS });
      const ada = await bench.connect('ada');
      const { orderId } = await ada.saw('warning', isOf('max_age'), 10_000);
      await broker.policy(bench.tenant, { ...QUICK, maxAgeMs: 0 });
      await ada.saw('warning:cancelled', (push) => push.orderId === orderId, 10_000);
      expect((await bench.session(ada)).state).to.equal('active');
      await bench.check();
    }),
  );

  it(
    '[S14] [S18] without a fresh token the session ends when its token expires, after a warning',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.connect('ada', { token: tokenOf(bench.tenant, 'ada', 0, BRIEF_MS) });
      expect(ada.error).to.equal(undefined);
      const expiring = await ada.saw('auth:expiring');
      expect(expiring.expiresInMs).to.be.within(1, BRIEF_MS);
      const warning = await ada.saw('warning', isOf('token_expired'));
      expect(warning).to.deep.include({ by: { kind: 'policy' }, action: 'logoff' });
      const { deadlineAt } = await bench.core.orders.get(bench.tenant, warning.orderId);
      const end = await bench.endsAt(ada, deadlineAt);
      expect(end).to.deep.include({ reason: 'token_expired', orderId: warning.orderId });
      expect(end.details?.['message']).to.equal('Your sign-in has expired.');
      await bench.check();
    }),
  );

  it(
    '[S14] with a fresh one it goes on, and the warning is withdrawn',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.connect('ada', { token: tokenOf(bench.tenant, 'ada', 0, BRIEF_MS) });
      expect(ada.error).to.equal(undefined);
      const { orderId } = await ada.saw('warning', isOf('token_expired'));
      const { expiresInMs } = await ada.does('auth:refresh', { token: tokenOf(bench.tenant, 'ada') });
      expect(expiresInMs).to.be.greaterThan(60_000);
      await ada.saw('warning:cancelled', (push) => push.orderId === orderId);
      await pass(BRIEF_MS + 500);
      expect((await bench.session(ada)).state).to.equal('active');
      expect(ada.all('warning')).to.have.length(1);
      await bench.check();
    }),
  );

  it(
    '[S14] a resumption with a fresh token withdraws it as well; with the same token it stands',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const token = tokenOf(bench.tenant, 'ada', 0, 8_000);
      const ada = await bench.connect('ada', { token });
      const { orderId } = await ada.saw('warning', isOf('token_expired'));
      await ada.drop();
      const same = await bench.connect('ada', { token, auth: { resume: ada.resume } });
      expect(same.welcome.orders.map((order) => order.orderId)).to.deep.equal([orderId]);
      await same.drop();
      const fresh = await bench.connect('ada', { auth: { resume: ada.resume } });
      expect(fresh.welcome.orders).to.deep.equal([]);
      expect((await bench.session(fresh)).state).to.equal('active');
      await bench.check();
    }),
  );

  it(
    '[S14] a silent refresh shows the person nothing: auth:expiring comes 60 s before, the warning 30 s',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const [quiet, loud] = await Promise.all([
        bench.connect('ada', { token: tokenOf(bench.tenant, 'ada', 0, 62_000) }),
        bench.connect('grace', { token: tokenOf(bench.tenant, 'grace', 0, 37_000) }),
      ]);
      const { expiresInMs } = await quiet.saw('auth:expiring');
      expect(expiresInMs).to.be.within(57_000, 60_100);
      await quiet.does('auth:refresh', { token: tokenOf(bench.tenant, 'ada') });
      await loud.saw('auth:expiring');
      expect(loud.all('warning')).to.deep.equal([]);
      const { deadlineMs } = await loud.saw('warning', isOf('token_expired'), 12_000);
      expect(deadlineMs).to.be.within(27_000, 30_000);
      expect(quiet.all('warning')).to.deep.equal([]);
    }),
  );

  it(
    '[S14] cancelling the warning of an expiry does not prolong the token',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.connect('ada', { token: tokenOf(bench.tenant, 'ada', 0, BRIEF_MS) });
      expect(ada.error).to.equal(undefined);
      const { orderId } = await ada.saw('warning', isOf('token_expired'));
      await bench.core.orders.cancel(administrator(bench.tenant), bench.tenant, orderId);
      const end = await endOf(bench.core, bench.tenant, ada.sessionId);
      expect(end).to.include({ reason: 'token_expired' });
      expect(end).not.to.have.property('orderId');
      await bench.check();
    }),
  );
});
