import type { SaveContext } from '@lastcall/client';
import { expect } from 'chai';
import { until, wireError } from './support/fake-broker.js';
import { SdkBench, settled } from './support/sdk.js';

describe('[K4] SDK: the save handshake', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    // No beat is missed while the clock goes on.
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  it('near the deadline takes a hold, saves what is unsaved, and says so', async () => {
    const client = await bench.connected();
    const contexts: SaveContext[] = [];
    client.onSave((context) => {
      contexts.push(context);
      expect(bench.acks()).to.deep.equal(['saving']);
      expect(client.getSnapshot()).to.include({ saving: true, state: 'saving' });
    });
    client.setDirty(true);
    await bench.warned(client);
    bench.clock.advance(49_000);
    await settled();
    expect(bench.acks()).to.deep.equal([]);
    bench.clock.advance(1_000);
    await until(() => bench.acks().length === 2);
    expect(bench.acks()).to.deep.equal(['saving', 'saved']);
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
    await bench.warned(client, { deadlineMs: 5_000 });
    bench.clock.advance(0);
    await until(() => bench.acks().length === 2);
    expect(saves).to.equal(1);
  });

  it('saves by handlers of their own mind and by one dirty flag (H39)', async () => {
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
    await bench.warned(client);
    bench.clock.advance(55_000);
    await settled();
    expect(bench.acks()).to.deep.equal([]);
    client.setDirty(true);
    bench.clock.advance(1_000);
    await until(() => bench.acks().includes('saved'));
    expect(saves).to.equal(1);
  });

  it('leaves a mere warning and a session without handlers alone', async () => {
    const client = await bench.connected();
    client.setDirty(true);
    await bench.warned(client);
    await bench.warned(client, { orderId: 'order-2', version: 2, action: 'warn' });
    bench.clock.advance(59_000);
    await settled();
    expect(bench.acks()).to.deep.equal([]);
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
    await bench.warned(client, { deadlineMs: 5_000 });
    bench.clock.advance(0);
    await until(() => signals.length === 1);
    bench.broker.beat();
    await until(() => bench.broker.said('heartbeat').length === 1);
    bench.clock.advance(29_500);
    await until(() => bench.acks().length === 2);
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
    await bench.warned(client, { holdable: false, deadlineMs: 8_000 });
    bench.clock.advance(0);
    await until(() => bench.acks().length === 1);
    expect(bench.acks()).to.deep.equal(['saved']);
    bench.broker.push('warning:cancelled', { orderId: 'order-1' });
    await until(() => client.getSnapshot().warnings.length === 0);
    bench.broker.answer('order:ack', () => undefined);
    await bench.warned(client, { orderId: 'order-2', deadlineMs: 8_000 });
    bench.clock.advance(0);
    await until(() => bench.acks().length === 2);
    bench.clock.advance(1_000);
    await until(() => saves === 2);
  });

  it('tries to report until it is heard', async () => {
    const client = await bench.connected();
    client.onSave(() => undefined);
    bench.broker.answer('order:ack', ({ state }) =>
      state === 'saved' ? wireError('unavailable') : { deadlineMs: 20_000, holdMs: 20_000 },
    );
    await bench.warned(client, { deadlineMs: 5_000 });
    bench.clock.advance(0);
    await until(() => bench.acks().filter((state) => state === 'saved').length === 3);
  });

  it('lets the first of two orders end the session, not the later one', async () => {
    const client = await bench.connected();
    client.onSave(() => undefined);
    await bench.warned(client, { orderId: 'later', deadlineMs: 3_600_000 });
    await bench.warned(client, { orderId: 'sooner', version: 2, deadlineMs: 5_000 });
    bench.clock.advance(0);
    await until(() => bench.acks().length === 2);
    expect(bench.broker.said('order:ack').map(({ orderId }) => orderId)).to.deep.equal(['sooner', 'sooner']);
  });

  it('saves again when an order is extended after a save', async () => {
    const client = await bench.connected();
    let saves = 0;
    client.onSave(() => {
      saves += 1;
    });
    await bench.warned(client, { deadlineMs: 5_000 });
    bench.clock.advance(0);
    await until(() => saves === 1);
    await until(() => client.getSnapshot().warnings[0]?.work === 'saved');
    await bench.warned(client, { version: 2, deadlineMs: 120_000 });
    expect(client.getSnapshot().warnings[0]?.work).to.equal('open');
    bench.clock.advance(110_000);
    await until(() => saves === 2);
  });

  it('does not hasten an ending for idleness: until the deadline the person may come back (H62)', async () => {
    const client = await bench.connected();
    client.onSave(() => undefined);
    await bench.warned(client, { reason: 'idle', deadlineMs: 20_000 });
    bench.clock.advance(10_000);
    await until(() => client.getSnapshot().warnings[0]?.work === 'saved');
    bench.clock.advance(9_000);
    await settled();
    expect(bench.acks()).to.deep.equal(['saving']);
    bench.clock.advance(600);
    await until(() => bench.acks().length === 2);
    expect(bench.acks()).to.deep.equal(['saving', 'saved']);
  });

  it('says nothing more when the idle warning was cancelled meanwhile (H62)', async () => {
    const client = await bench.connected();
    client.onSave(() => undefined);
    await bench.warned(client, { reason: 'idle', deadlineMs: 20_000 });
    bench.clock.advance(10_000);
    await until(() => client.getSnapshot().warnings[0]?.work === 'saved');
    bench.broker.push('warning:cancelled', { orderId: 'order-1' });
    await until(() => client.getSnapshot().warnings.length === 0);
    bench.clock.advance(20_000);
    await settled();
    expect(bench.acks()).to.deep.equal(['saving']);
  });

  it('saves and ends when the person asks: by the order, or by signing out', async () => {
    const client = await bench.connected();
    let saves = 0;
    client.onSave(({ cause }) => {
      expect(cause).to.equal('asked');
      saves += 1;
    });
    await bench.warned(client);
    expect(await client.saveAndEnd()).to.deep.equal({ saved: true, ran: 1, failures: [] });
    expect(bench.acks()).to.deep.equal(['saving', 'saved']);
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
