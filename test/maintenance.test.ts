import {
  ADMISSION_STOPS_MS,
  BYPASS_ROLES,
  DEFAULT_POLICY,
  MAINTENANCE_STATES,
  MAINTENANCE_TRANSITIONS,
  type Maintenance,
  REMINDER_LADDER_MS,
} from '@lastcall/shared';
import { expect } from 'chai';
import { HOUR_MS, useMaintenance } from './support/maintenance.js';
import { LATE_MS } from './support/orders.js';
import { observer, testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

describe('maintenance windows', () => {
  const bench = useMaintenance();

  it('[M1] are planned with what was said and the defaults, shown, changed and lifted; every step is recorded', async () => {
    const { status } = await bench.api.admin.call('maintenance.get', bench.api.here());
    expect(status).to.equal(404);
    const planned = await bench.plan({ startsInMs: 48 * HOUR_MS, untilAt: Date.now() + 50 * HOUR_MS });
    expect(planned).to.include({
      state: 'scheduled',
      action: 'logoff',
      message: 'Nightly update.',
      version: 1,
    });
    expect(planned).to.deep.include({
      ladderMs: REMINDER_LADDER_MS,
      bypassRoles: BYPASS_ROLES,
      admissionStopsMs: ADMISSION_STOPS_MS,
      admissionStopsAt: planned.startsAt - ADMISSION_STOPS_MS,
      holdMs: DEFAULT_POLICY.holdMs,
      by: { kind: 'admin', id: 'root', name: 'root by name' },
    });
    expect(planned.startsAt - planned.createdAt).to.equal(48 * HOUR_MS);
    expect(await bench.look()).to.deep.equal(planned);
    const later = await bench.plan({
      startsAt: planned.startsAt + HOUR_MS,
      ladderMs: [60_000, 3_600_000, 60_000],
      holdMs: 1,
    });
    expect(later).to.deep.include({ id: planned.id, version: 2, ladderMs: [3_600_000, 60_000], holdMs: 1 });
    expect(later).not.to.have.property('untilAt');
    expect(
      await bench.plan({ startsAt: later.startsAt, ladderMs: [3_600_000, 60_000], holdMs: 1 }),
    ).to.deep.equal(later);
    expect(await bench.lift()).not.to.have.property('order');
    const refusal = await bench.api.admin.refused('maintenance.lift', bench.api.here());
    expect(refusal).to.include({ code: 'not_found', detail: 'There is no maintenance window (any more).' });
    const told = (await bench.changes()).map(({ by, details }) => [
      by.id,
      details?.['state'],
      details?.['version'],
    ]);
    expect(told).to.deep.equal([
      ['root', 'scheduled', 1],
      ['root', 'scheduled', 2],
      ['root', 'lifted', 3],
    ]);
  });

  it('[M1] that cannot be are refused with what is wrong', async () => {
    const now = Date.now();
    for (const [body, path] of [
      [{ message: ' ' }, 'message'],
      [{ startsAt: now, startsInMs: 0 }, 'startsInMs'],
      [{ startsAt: now - 120_000 }, 'startsAt'],
      [{ startsInMs: 1_000, untilAt: now - 1 }, 'untilAt'],
      [{ startsInMs: HOUR_MS, untilAt: now + 60_000 }, 'untilAt'],
      [{ ladderMs: [0] }, 'ladderMs.0'],
      [{ action: 'close' }, 'action'],
      [{ bypassRoles: 'admin' }, 'bypassRoles'],
      [{ state: 'closed' }, 'state'],
    ] as const) {
      const { code, issues } = await bench.refused(body);
      expect({ code, path: issues?.[0]?.path }, JSON.stringify(body)).to.deep.equal({
        code: 'invalid',
        path,
      });
    }
    expect(await bench.find()).to.equal(undefined);
    for (const route of ['maintenance.get', 'maintenance.set', 'maintenance.lift'] as const) {
      const user = await bench.api.client(['user']);
      const sent = route === 'maintenance.set' ? { body: { message: 'x' } } : {};
      expect((await user.refused(route, bench.api.here(sent))).code).to.equal('forbidden');
    }
  });

  it('[M2] [M4] [O4] run from announcement to closed: all warned, kept out in time, logged off, proved', async () => {
    const ada = await bench.connect('ada');
    const root = await bench.connect('root', { roles: ['admin'] });
    const window = await bench.plan({
      startsInMs: 2_500,
      admissionStopsMs: 1_200,
      untilAt: Date.now() + HOUR_MS,
      holdMs: 0,
    });
    expect(window).to.include({ state: 'announcing' });
    const order = await bench.order(window);
    expect(order).to.deep.include({
      reason: 'maintenance',
      target: { all: true },
      except: { roles: ['admin'] },
      deadlineAt: window.startsAt,
    });
    const warning = await ada.saw('warning');
    expect(warning).to.include({
      orderId: order.id,
      reason: 'maintenance',
      message: 'Nightly update.',
      action: 'logoff',
    });
    const bob = await bench.connect('bob');
    expect(bob.welcome.orders.map(({ orderId }) => orderId)).to.deep.equal([order.id]);
    await waitUntil(async () => (await bench.connect('eve')).error !== undefined, 'admission to stop');
    const { error } = await bench.connect('eve');
    expect(error).to.include({ code: 'maintenance', untilAt: window.untilAt });
    expect(error).not.to.have.property('terminal');
    expect(error?.message).to.include('Nightly update.');
    expect(error?.retryAfterMs).to.be.within(1_000, 60_000);
    expect((await bench.connect('root', { roles: ['user', 'admin'] })).error).to.equal(undefined);
    await ada.drop();
    expect((await bench.connect('ada', { auth: { resume: ada.resume } })).welcome.resumed).to.equal(true);
    for (const client of [bob]) await client.saw('logoff', ({ reason }) => reason === 'maintenance');
    const closed = await bench.until('closed');
    expect(closed.counts).to.include({
      targeted: closed.counts?.ended,
      verified: closed.counts?.targeted,
      unverified: 0,
    });
    expect(root.last('logoff')).to.equal(undefined);
    expect(root.all('warning')).to.deep.equal([]);
    expect(await bench.states()).to.deep.equal(['scheduled', 'announcing', 'closing', 'closed']);
    const record = (await bench.changes()).at(-1);
    expect(record?.details?.['counts']).to.deep.equal(closed.counts);
    for (const { at, type } of await bench.records()) {
      if (type === 'session.ended') expect(at - window.startsAt).to.be.within(0, LATE_MS);
    }
    expect((await bench.connect('eve')).error?.code).to.equal('maintenance');
    const { order: done } = await bench.lift();
    expect(done).to.include({ id: order.id, state: 'done' });
    expect((await bench.connect('eve')).welcome.orders).to.deep.equal([]);
  });

  it('[M2] wait for who may come: with nobody there, who comes before the start is hit all the same', async () => {
    const window = await bench.plan({ startsInMs: 1_500, admissionStopsMs: 0 });
    expect(await bench.order(window)).to.include({ state: 'pending' });
    const ada = await bench.connect('ada');
    await ada.saw('logoff');
    const { counts } = await bench.until('closed');
    expect(counts).to.include({ targeted: 1, verified: 1 });
  });

  it('[M2] begin now without a start', async () => {
    const ada = await bench.connect('ada');
    await bench.plan({ holdMs: 0 });
    await ada.saw('logoff');
    expect((await bench.until('closed')).counts).to.include({ targeted: 1, ended: 1, verified: 1 });
  });

  it('[M3] are announced at the first mark, or when admission stops if that is before', async () => {
    const ada = await bench.connect('ada');
    const near = await bench.plan({ startsInMs: 61_000, admissionStopsMs: 0, ladderMs: [60_000] });
    expect(near.state).to.equal('scheduled');
    const { startsAt } = await bench.until('announcing');
    const record = (await bench.changes()).find(({ details }) => details?.['state'] === 'announcing');
    expect((record?.at ?? 0) - (startsAt - 60_000)).to.be.within(0, LATE_MS);
    expect((await ada.saw('warning')).deadlineMs).to.be.within(60_000 - LATE_MS, 60_000);
    await bench.lift();
    await ada.saw('warning:cancelled');
    const gate = await bench.plan({ startsInMs: HOUR_MS, admissionStopsMs: HOUR_MS, ladderMs: [] });
    expect(gate.state, 'nobody is kept out unannounced').to.equal('announcing');
    expect((await bench.connect('bob')).error?.code).to.equal('maintenance');
    await ada.saw('warning', ({ orderId }) => orderId === gate.orderId);
  });

  it('[M5] rehearse: everybody is warned, nobody kept out or logged off, and it is over by itself', async () => {
    const ada = await bench.connect('ada');
    const window = await bench.plan({ action: 'warn', startsInMs: 1_500, ladderMs: [1_000] });
    expect(window).to.include({ state: 'announcing', action: 'warn' });
    expect(await ada.saw('warning')).to.include({
      action: 'warn',
      reason: 'maintenance',
      orderId: window.orderId,
    });
    expect((await bench.connect('bob')).error).to.equal(undefined);
    await bench.lifted();
    expect(await bench.order(window)).to.include({ state: 'done' });
    expect(ada.last('logoff')).to.equal(undefined);
    expect(ada.last('warning:cancelled')).to.equal(undefined);
    const last = (await bench.changes()).at(-1)?.details;
    expect(last).to.include({ state: 'lifted', why: 'rehearsed' });
    expect(last?.['counts']).to.include({ targeted: 2, ended: 0 });
    expect(ada.all('warning')).to.have.length(2);
  });

  it('[M8] are of one tenant, and survive what is repeated', async () => {
    await bench.plan({ holdMs: 0 });
    await bench.until('closed');
    expect((await bench.api.broker.connect(`${bench.api.tenant}-b`, 'ada')).error).to.equal(undefined);
    const redis = await observer((await testStore()).url);
    const key = `lc:{${bench.api.tenant}}:due`;
    for (let i = 0; i < 3; i += 1) await redis.zAdd(key, { score: 1, value: 'm' });
    bench.api.broker.core.sweeper.kick(bench.api.tenant);
    await waitUntil(async () => (await redis.zScore(key, 'm')) === null, 'the sweep');
    redis.destroy();
    expect(await bench.states()).to.deep.equal(['scheduled', 'announcing', 'closing', 'closed']);
  });

  it('[M1] have a total table of states, and keep to it', async () => {
    await bench.connect('ada');
    await bench.plan({ startsInMs: HOUR_MS });
    await bench.plan({ startsInMs: 48 * HOUR_MS });
    await bench.plan({ startsInMs: 300 });
    await bench.until('closed');
    const seen = (await bench.states()) as Maintenance['state'][];
    seen.slice(1).forEach((to, i) => {
      const from = seen[i] ?? 'scheduled';
      expect(MAINTENANCE_TRANSITIONS[from][to], `${from} to ${to}`).to.equal(true);
    });
    expect(new Set(seen)).to.deep.equal(new Set(MAINTENANCE_STATES));
  });
});
