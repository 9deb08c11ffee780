import { expect } from 'chai';
import { logoffWarning, POLICY, until } from './support/fake-broker.js';
import { Gate, SdkBench, settled } from './support/sdk.js';

describe('SDK: orders and saving', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    // No beat is missed while the clock goes on.
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  describe('[K3] warnings', () => {
    it('shows a warning, says that it arrived, and counts down on its own clock', async () => {
      const client = await bench.connected();
      await bench.warned(client);
      expect(client.getSnapshot()).to.include({ state: 'warned' });
      const { deadlineMs: _, ...shown } = logoffWarning();
      expect(client.getSnapshot().warnings).to.deep.equal([{ ...shown, seen: false, work: 'open' }]);
      bench.clock.advance(20_000);
      expect(client.remainingMs('order-1')).to.equal(40_000);
      expect(client.remainingMs('another')).to.equal(undefined);
      await client.seen('order-1');
      expect(client.getSnapshot().warnings[0]?.seen).to.equal(true);
      expect(bench.acks()).to.deep.equal(['seen']);
    });

    it('counts down on, whatever the wall clock says, and through a sleep (H55)', async () => {
      const client = await bench.connected();
      await bench.warned(client);
      bench.clock.sleep(50_000);
      expect(client.remainingMs('order-1')).to.equal(10_000);
    });

    it('shows the highest version, in whatever order they arrive, also after the cancellation (H54)', async () => {
      const client = await bench.connected();
      await bench.warned(client, { version: 3, deadlineMs: 90_000 });
      await bench.broker.pushAcknowledged('warning', logoffWarning({ version: 2, deadlineMs: 10_000 }));
      await bench.broker.pushAcknowledged('warning', logoffWarning({ version: 3, deadlineMs: 10_000 }));
      expect(client.remainingMs('order-1')).to.equal(90_000);
      bench.broker.push('warning:cancelled', { orderId: 'order-1' });
      await until(() => client.getSnapshot().warnings.length === 0);
      await bench.broker.pushAcknowledged('warning', logoffWarning({ version: 2 }));
      expect(client.getSnapshot().warnings).to.have.length(0);
      await bench.broker.pushAcknowledged('warning', logoffWarning({ version: 4 }));
      expect(client.getSnapshot().warnings).to.have.length(1);
    });

    it('[O17] takes reminders in place: late or repeated ones turn no time back, and undo no work (H54)', async () => {
      const client = await bench.connected();
      let runs = 0;
      client.onSave(() => {
        runs += 1;
      });
      await bench.warned(client, { deadlineMs: 90_000 });
      await client.seen('order-1');
      bench.clock.advance(30_000);
      // On its way for 3 s: the time it tells of has passed in part.
      await bench.warned(client, { version: 2, deadlineMs: 63_000 });
      expect(client.remainingMs('order-1')).to.equal(60_000);
      for (const deadlineMs of [63_000, 600_000]) {
        await bench.broker.pushAcknowledged('warning', logoffWarning({ version: 2, deadlineMs }));
        expect(client.remainingMs('order-1'), 'the same again').to.equal(60_000);
      }
      await bench.warned(client, { version: 4, deadlineMs: 59_000 });
      expect(client.remainingMs('order-1'), 'nearer to the truth').to.equal(59_000);
      await bench.broker.pushAcknowledged('warning', logoffWarning({ version: 3, deadlineMs: 80_000 }));
      expect(client.remainingMs('order-1'), 'an older one').to.equal(59_000);
      await bench.warned(client, { version: 5, deadlineMs: 120_000 });
      expect(client.remainingMs('order-1'), 'more time').to.equal(120_000);
      expect(client.getSnapshot().warnings).to.have.length(1);
      expect(client.getSnapshot().warnings[0]).to.include({ version: 5, seen: true, work: 'open' });
      expect(runs).to.equal(0);
    });

    it('takes the whole truth from the welcome after a reconnection (H36)', async () => {
      const client = await bench.connected();
      await bench.warned(client);
      bench.broker.welcome = { orders: [logoffWarning({ orderId: 'order-2', deadlineMs: 30_000 })] };
      bench.broker.cut();
      await until(() => client.getSnapshot().status === 'reconnecting');
      expect(client.getSnapshot().warnings).to.have.length(1);
      bench.clock.advance(1_000);
      await until(() => client.getSnapshot().status === 'online');
      expect(client.getSnapshot().warnings.map(({ orderId }) => orderId)).to.deep.equal(['order-2']);
      expect(client.remainingMs('order-2')).to.equal(30_000);
    });

    it('asks for more time', async () => {
      const client = await bench.connected();
      await bench.warned(client);
      expect(await client.extend('order-1', 60_000)).to.equal(60_000);
      expect(client.remainingMs('order-1')).to.equal(60_000);
    });
  });

  describe('[K4] logoff', () => {
    const logoff = {
      orderId: 'order-1',
      reason: 'admin',
      message: 'Bye',
      by: { kind: 'admin' },
      reentryMs: 60_000,
    } as const;

    it('runs the last handlers, answers, says why, and stays away (H37)', async () => {
      const client = await bench.connected();
      let cause: string | undefined;
      client.onSave(async (context) => {
        await settled();
        cause = context.cause;
      });
      await bench.broker.pushAcknowledged('logoff', logoff);
      expect(cause).to.equal('logoff');
      await until(() => client.getSnapshot().status === 'ended');
      expect(client.getSnapshot()).to.deep.include({
        state: 'ended',
        ended: logoff,
        warnings: [],
        locks: [],
      });
      await until(() => bench.broker.sockets === 0);
      bench.clock.advance(600_000);
      await settled();
      expect(bench.broker.handshakes).to.have.length(1);
      expect(bench.clock.timers).to.equal(0);
    });

    it('waits for hanging handlers no longer than the broker does (H84)', async () => {
      const client = await bench.connected();
      let started = false;
      client.onSave(() => {
        started = true;
        return new Promise(() => undefined);
      });
      const acknowledged = bench.broker.pushAcknowledged('logoff', logoff);
      await until(() => started);
      bench.clock.advance(POLICY.flushMs * 0.8);
      await acknowledged;
      await until(() => client.getSnapshot().status === 'ended');
    });

    it('waits for a save that is under way, and does not come back when the broker hangs up first', async () => {
      const client = await bench.connected();
      const work = new Gate<void>();
      client.onSave(() => work.opened);
      const saved = client.saveNow();
      bench.broker.push('logoff', logoff);
      await bench.broker.pushAcknowledged('warning', logoffWarning());
      bench.broker.cut();
      await until(() => bench.broker.sockets === 0);
      work.open(undefined);
      expect(await saved).to.include({ saved: true });
      await until(() => client.getSnapshot().status === 'ended');
      bench.clock.advance(600_000);
      expect(bench.broker.handshakes).to.have.length(1);
    });
  });
});
