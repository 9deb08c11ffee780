import type { LastcallClient, SaveContext } from '@lastcall/client';
import { expect } from 'chai';
import { logoffWarning, POLICY, until, wireError } from './support/fake-broker.js';
import { SdkBench, settled } from './support/sdk.js';

describe('SDK: orders and saving', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    // No beat is missed while the clock goes on.
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  const warned = async (client: LastcallClient, changes: Parameters<typeof logoffWarning>[0] = {}): Promise<void> => {
    await bench.broker.pushAcknowledged('warning', logoffWarning(changes));
    await until(() => client.getSnapshot().warnings.some(({ version }) => version === (changes.version ?? 1)));
  };
  const acks = (): readonly string[] => bench.broker.said('order:ack').map(({ state }) => state);

  describe('warnings', () => {
    it('shows a warning, says that it arrived, and counts down on its own clock', async () => {
      const client = await bench.connected();
      await warned(client);
      expect(client.getSnapshot()).to.include({ state: 'warned' });
      const { deadlineMs: _, ...shown } = logoffWarning();
      expect(client.getSnapshot().warnings).to.deep.equal([{ ...shown, seen: false, work: 'open' }]);
      bench.clock.advance(20_000);
      expect(client.remainingMs('order-1')).to.equal(40_000);
      expect(client.remainingMs('another')).to.equal(undefined);
      await client.seen('order-1');
      expect(client.getSnapshot().warnings[0]?.seen).to.equal(true);
      expect(acks()).to.deep.equal(['seen']);
    });

    it('H55 counts down on, whatever the wall clock says, and through a sleep', async () => {
      const client = await bench.connected();
      await warned(client);
      bench.clock.sleep(50_000);
      expect(client.remainingMs('order-1')).to.equal(10_000);
    });

    it('H54 shows the highest version, in whatever order they arrive, also after the cancellation', async () => {
      const client = await bench.connected();
      await warned(client, { version: 3, deadlineMs: 90_000 });
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

    it('H36 takes the whole truth from the welcome after a reconnection', async () => {
      const client = await bench.connected();
      await warned(client);
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
      await warned(client);
      expect(await client.extend('order-1', 60_000)).to.equal(60_000);
      expect(client.remainingMs('order-1')).to.equal(60_000);
    });
  });

  describe('the save handshake', () => {
    it('near the deadline takes a hold, saves what is unsaved, and says so', async () => {
      const client = await bench.connected();
      const contexts: SaveContext[] = [];
      client.onSave((context) => {
        contexts.push(context);
        expect(acks()).to.deep.equal(['saving']);
        expect(client.getSnapshot()).to.include({ saving: true, state: 'saving' });
      });
      client.setDirty(true);
      await warned(client);
      bench.clock.advance(49_000);
      await settled();
      expect(acks()).to.deep.equal([]);
      bench.clock.advance(1_000);
      await until(() => acks().length === 2);
      expect(acks()).to.deep.equal(['saving', 'saved']);
      expect(contexts.map(({ cause }) => cause)).to.deep.equal(['deadline']);
      expect(contexts[0]?.deadlineMs).to.equal(29_500);
      await until(() => client.getSnapshot().warnings[0]?.work === 'saved');
      expect(client.getSnapshot()).to.include({ saving: false });
    });

    it('starts at once when there is little time', async () => {
      const client = await bench.connected();
      let saves = 0;
      client.onSave(() => {
        saves += 1;
      });
      await warned(client, { deadlineMs: 5_000 });
      bench.clock.advance(0);
      await until(() => acks().length === 2);
      expect(saves).to.equal(1);
    });

    it('H39 saves by handlers of their own mind and by one dirty flag', async () => {
      const client = await bench.connected();
      const ran: string[] = [];
      const add = (name: string, isDirty?: boolean): void => {
        client.onSave(() => void ran.push(name), isDirty === undefined ? {} : { isDirty: () => isDirty });
      };
      add('clean', false);
      add('dirty', true);
      add('untracked');
      await client.saveNow();
      expect(ran).to.deep.equal(['dirty', 'untracked']);
      client.setDirty(false);
      await client.saveNow();
      expect(ran).to.deep.equal(['dirty', 'untracked', 'dirty']);
    });

    it('says nothing of a clean session, and looks again until the end', async () => {
      const client = await bench.connected();
      let saves = 0;
      client.onSave(() => {
        saves += 1;
      });
      client.setDirty(false);
      await warned(client);
      bench.clock.advance(55_000);
      await settled();
      expect(acks()).to.deep.equal([]);
      client.setDirty(true);
      bench.clock.advance(1_000);
      await until(() => acks().includes('saved'));
      expect(saves).to.equal(1);
    });

    it('leaves a mere warning and a session without handlers alone', async () => {
      const client = await bench.connected();
      client.setDirty(true);
      await warned(client);
      await warned(client, { orderId: 'order-2', version: 2, action: 'warn' });
      bench.clock.advance(59_000);
      await settled();
      expect(acks()).to.deep.equal([]);
    });

    it('tells why when a handler throws or hangs, and never says saved', async () => {
      const client = await bench.connected();
      const signals: AbortSignal[] = [];
      client.onSave(() => {
        throw new Error('disk\u0000full');
      });
      client.onSave(() => Promise.reject(new Error('offline')));
      client.onSave(({ signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      });
      let good = 0;
      client.onSave(() => {
        good += 1;
      });
      await warned(client, { deadlineMs: 5_000 });
      bench.clock.advance(0);
      await until(() => signals.length === 1);
      bench.broker.beat();
      await until(() => bench.broker.said('heartbeat').length === 1);
      bench.clock.advance(29_500);
      await until(() => acks().length === 2);
      expect(bench.broker.said('order:ack')).to.deep.equal([
        { orderId: 'order-1', state: 'saving' },
        { orderId: 'order-1', state: 'saving', why: 'disk full offline A save handler ran out of time.' },
      ]);
      expect(signals[0]?.aborted).to.equal(true);
      expect(good).to.equal(1);
      await until(() => client.getSnapshot().warnings[0]?.work === 'failed');
    });

    it('runs all handlers at once and each only once at a time', async () => {
      const client = await bench.connected();
      let running = 0;
      let most = 0;
      for (let count = 0; count < 3; count += 1) {
        client.onSave(async () => {
          running += 1;
          most = Math.max(most, running);
          await settled();
          running -= 1;
        });
      }
      const [first, second] = await Promise.all([client.saveNow(), client.saveNow()]);
      expect(most).to.equal(3);
      expect(first).to.deep.equal({ saved: true, ran: 3, failures: [] });
      expect(second).to.equal(first);
    });

    it('saves without a hold when the broker grants none or does not answer', async () => {
      const client = await bench.connected();
      let saves = 0;
      client.onSave(({ deadlineMs }) => {
        saves += 1;
        expect(deadlineMs).to.be.below(10_000);
      });
      await warned(client, { holdable: false, deadlineMs: 8_000 });
      bench.clock.advance(0);
      await until(() => acks().length === 1);
      expect(acks()).to.deep.equal(['saved']);
      bench.broker.push('warning:cancelled', { orderId: 'order-1' });
      await until(() => client.getSnapshot().warnings.length === 0);
      bench.broker.answer('order:ack', () => undefined);
      await warned(client, { orderId: 'order-2', deadlineMs: 8_000 });
      bench.clock.advance(0);
      await until(() => acks().length === 2);
      bench.clock.advance(1_000);
      await until(() => saves === 2);
    });

    it('tries to report until it is heard', async () => {
      const client = await bench.connected();
      client.onSave(() => undefined);
      bench.broker.answer('order:ack', ({ state }) =>
        state === 'saved' ? wireError('unavailable') : { deadlineMs: 20_000, holdMs: 20_000 },
      );
      await warned(client, { deadlineMs: 5_000 });
      bench.clock.advance(0);
      await until(() => acks().filter((state) => state === 'saved').length === 3);
    });

    it('lets the first of two orders end the session, not the later one', async () => {
      const client = await bench.connected();
      client.onSave(() => undefined);
      await warned(client, { orderId: 'later', deadlineMs: 3_600_000 });
      await warned(client, { orderId: 'sooner', version: 2, deadlineMs: 5_000 });
      bench.clock.advance(0);
      await until(() => acks().length === 2);
      expect(bench.broker.said('order:ack').map(({ orderId }) => orderId)).to.deep.equal(['sooner', 'sooner']);
    });

    it('saves again when an order is extended after a save', async () => {
      const client = await bench.connected();
      let saves = 0;
      client.onSave(() => {
        saves += 1;
      });
      await warned(client, { deadlineMs: 5_000 });
      bench.clock.advance(0);
      await until(() => saves === 1);
      await until(() => client.getSnapshot().warnings[0]?.work === 'saved');
      await warned(client, { version: 2, deadlineMs: 120_000 });
      expect(client.getSnapshot().warnings[0]?.work).to.equal('open');
      bench.clock.advance(110_000);
      await until(() => saves === 2);
    });

    it('H62 does not hasten an ending for idleness: until the deadline the person may come back', async () => {
      const client = await bench.connected();
      client.onSave(() => undefined);
      await warned(client, { reason: 'idle', deadlineMs: 20_000 });
      bench.clock.advance(10_000);
      await until(() => client.getSnapshot().warnings[0]?.work === 'saved');
      bench.clock.advance(9_000);
      await settled();
      expect(acks()).to.deep.equal(['saving']);
      bench.clock.advance(600);
      await until(() => acks().length === 2);
      expect(acks()).to.deep.equal(['saving', 'saved']);
    });

    it('H62 says nothing more when the idle warning was cancelled meanwhile', async () => {
      const client = await bench.connected();
      client.onSave(() => undefined);
      await warned(client, { reason: 'idle', deadlineMs: 20_000 });
      bench.clock.advance(10_000);
      await until(() => client.getSnapshot().warnings[0]?.work === 'saved');
      bench.broker.push('warning:cancelled', { orderId: 'order-1' });
      await until(() => client.getSnapshot().warnings.length === 0);
      bench.clock.advance(20_000);
      await settled();
      expect(acks()).to.deep.equal(['saving']);
    });

    it('saves and ends when the person asks: by the order, or by signing out', async () => {
      const client = await bench.connected();
      let saves = 0;
      client.onSave(({ cause }) => {
        expect(cause).to.equal('asked');
        saves += 1;
      });
      await warned(client);
      expect(await client.saveAndEnd()).to.deep.equal({ saved: true, ran: 1, failures: [] });
      expect(acks()).to.deep.equal(['saving', 'saved']);
      bench.broker.push('warning:cancelled', { orderId: 'order-1' });
      await until(() => client.getSnapshot().warnings.length === 0);
      await client.saveAndEnd();
      expect(bench.broker.said('session:end')).to.have.length(1);
      expect(client.getSnapshot().status).to.equal('ended');
      expect(saves).to.equal(2);
    });

    it('does not sign out when the work could not be saved', async () => {
      const client = await bench.connected();
      client.onSave(() => Promise.reject(new Error('offline')));
      expect(await client.saveAndEnd()).to.deep.equal({ saved: false, ran: 1, failures: ['offline'] });
      expect(client.getSnapshot().status).to.equal('online');
    });
  });

  describe('logoff', () => {
    const logoff = { orderId: 'order-1', reason: 'admin', message: 'Bye', by: { kind: 'admin' }, reentryMs: 60_000 } as const;

    it('H37 runs the last handlers, answers, says why, and stays away', async () => {
      const client = await bench.connected();
      let cause: string | undefined;
      client.onSave(async (context) => {
        await settled();
        cause = context.cause;
      });
      await bench.broker.pushAcknowledged('logoff', logoff);
      expect(cause).to.equal('logoff');
      await until(() => client.getSnapshot().status === 'ended');
      expect(client.getSnapshot()).to.deep.include({ state: 'ended', ended: logoff, warnings: [], locks: [] });
      await until(() => bench.broker.sockets === 0);
      bench.clock.advance(600_000);
      await settled();
      expect(bench.broker.handshakes).to.have.length(1);
      expect(bench.clock.timers).to.equal(0);
    });

    it('H84 waits for hanging handlers no longer than the broker does', async () => {
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
      let done: () => void = () => undefined;
      client.onSave(
        () =>
          new Promise<void>((resolve) => {
            done = resolve;
          }),
      );
      const saved = client.saveNow();
      bench.broker.push('logoff', logoff);
      await bench.broker.pushAcknowledged('warning', logoffWarning());
      bench.broker.cut();
      await until(() => bench.broker.sockets === 0);
      done();
      expect(await saved).to.include({ saved: true });
      await until(() => client.getSnapshot().status === 'ended');
      bench.clock.advance(600_000);
      expect(bench.broker.handshakes).to.have.length(1);
    });
  });
});
