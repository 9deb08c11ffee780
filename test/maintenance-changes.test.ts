import { expect } from 'chai';
import { HOUR_MS, useMaintenance } from './support/maintenance.js';
import { LATE_MS } from './support/orders.js';
import { waitUntil } from './support/wait.js';

describe('maintenance windows that are changed or lifted', () => {
  const bench = useMaintenance();

  it('[M6] are lifted by hand: who was warned is told, and nobody is logged off', async () => {
    const ada = await bench.connect('ada');
    const window = await bench.plan({ startsInMs: HOUR_MS });
    await ada.saw('warning');
    const { order } = await bench.lift();
    expect(order).to.include({ id: window.orderId, state: 'cancelled' });
    await ada.saw('warning:cancelled', ({ orderId }) => orderId === window.orderId);
    expect((await bench.connect('ada')).welcome.orders).to.deep.equal([]);
    expect((await bench.api.broker.core.sessions.get(bench.api.tenant, ada.sessionId)).state).to.equal(
      'active',
    );
  });

  it('[M6] lifted while some still save let everybody else in; those saving go to their end', async () => {
    const ada = await bench.connect('ada');
    const window = await bench.plan({ startsInMs: 900, holdMs: 2_500 });
    await ada.does('order:ack', { orderId: window.orderId ?? '', state: 'saving' });
    await bench.until('closing');
    expect((await bench.connect('bob')).error?.code).to.equal('maintenance');
    expect((await bench.lift()).order).to.include({ state: 'closing' });
    const bob = await bench.connect('bob');
    expect(bob.welcome.orders).to.deep.equal([]);
    await ada.saw('logoff', undefined, 8_000);
    expect(bob.disconnected).to.equal(false);
    expect((await bench.order(window)).counts).to.include({ targeted: 1, ended: 1 });
  });

  it('[M6] are lifted by themselves at their end', async () => {
    await bench.connect('ada');
    const untilAt = Date.now() + 3_000;
    await bench.plan({ startsInMs: 500, untilAt, holdMs: 0 });
    await bench.until('closed');
    await bench.lifted();
    const last = (await bench.changes()).at(-1);
    expect(last?.details).to.include({ state: 'lifted', why: 'over' });
    expect((last?.at ?? 0) - untilAt).to.be.within(0, LATE_MS);
    expect((await bench.connect('ada')).error).to.equal(undefined);
  });

  it('[M7] changed while announcing tell everybody: the old time is called off, the new one comes', async () => {
    const ada = await bench.connect('ada');
    const first = await bench.plan({ startsInMs: HOUR_MS });
    await ada.saw('warning');
    const second = await bench.plan({ startsInMs: 30 * 60_000, message: 'Sooner.' });
    expect(second).to.include({ id: first.id, state: 'announcing' });
    expect(second.orderId).not.to.equal(first.orderId);
    await ada.saw('warning:cancelled', ({ orderId }) => orderId === first.orderId);
    expect(await ada.saw('warning', ({ orderId }) => orderId === second.orderId)).to.include({
      message: 'Sooner.',
    });
    const kept = await bench.plan({
      startsAt: second.startsAt,
      message: 'Sooner.',
      untilAt: second.startsAt + HOUR_MS,
    });
    expect(kept, 'another end is no news for who is warned').to.include({ orderId: second.orderId });
    const far = await bench.plan({ startsInMs: 48 * HOUR_MS, message: 'Another day.' });
    expect(far).to.include({ state: 'scheduled' });
    expect(far).not.to.have.property('orderId');
    await ada.saw('warning:cancelled', ({ orderId }) => orderId === second.orderId);
    expect((await bench.connect('ada')).welcome.orders).to.deep.equal([]);
  });

  it('[M7] that are closing cannot be changed, nor their order cancelled by itself; closed ones last longer if asked', async () => {
    const ada = await bench.connect('ada');
    const window = await bench.plan({ startsInMs: 900, holdMs: 2_000 });
    const cancel = await bench.api.admin.refused(
      'orders.cancel',
      bench.api.here({ id: window.orderId ?? '' }),
    );
    expect(cancel.code).to.equal('conflict');
    expect(cancel.detail).to.include('maintenance window');
    await ada.does('order:ack', { orderId: window.orderId ?? '', state: 'saving' });
    await bench.until('closing');
    const { code, detail } = await bench.refused({ startsInMs: HOUR_MS });
    expect(code).to.equal('conflict');
    expect(detail).to.include('already closing');
    const closed = await bench.until('closed');
    expect((await bench.refused({ startsInMs: HOUR_MS })).code).to.equal('conflict');
    expect((await bench.refused({ action: 'warn' })).code).to.equal('conflict');
    const untilAt = Date.now() + HOUR_MS;
    const longer = await bench.plan({ message: 'It takes longer.', untilAt, bypassRoles: ['tester'] });
    expect(longer).to.deep.include({
      state: 'closed',
      untilAt,
      startsAt: closed.startsAt,
      counts: closed.counts,
    });
    expect((await bench.connect('eve')).error?.message).to.include('It takes longer.');
    expect((await bench.connect('tess', { roles: ['tester'] })).error).to.equal(undefined);
  });

  it('[M7] have one outcome when a change or a lift meets the start', async () => {
    for (let round = 0; round < 6; round += 1) {
      const ada = await bench.connect('ada');
      const window = await bench.plan({ startsInMs: 350, holdMs: 0, bypassRoles: [] });
      await waitUntil(() => Date.now() >= window.startsAt - 20 + 8 * round, 'the moment');
      const { order } = await bench.lift();
      if (order?.state === 'cancelled') {
        await ada.saw('warning:cancelled');
        expect((await bench.connect('ada', { auth: { resume: ada.resume } })).welcome.resumed).to.equal(true);
      } else await ada.saw('logoff');
      const ended = (await bench.records()).filter(
        ({ type, sessionId }) => type === 'session.ended' && sessionId === ada.sessionId,
      );
      expect(ended).to.have.length(order?.state === 'cancelled' ? 0 : 1);
    }
  });
});
