import { expect } from 'chai';
import { administrator, freshTenant, TestBroker } from './support/broker.js';

describe('the audit trail', () => {
  let broker: TestBroker;

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());

  it('[A1] [P4] has one record for each change, and none for heartbeats', async () => {
    const tenant = freshTenant();
    const ada = await broker.connect(tenant, 'ada');
    const grace = await broker.connect(tenant, 'grace');
    const granted = await ada.acquire('a/1');
    if (!granted.ok || granted.state !== 'granted') throw new Error('it was not granted');
    await grace.acquire('a/1', 60_000);
    for (let beat = 0; beat < 5; beat += 1) await ada.heartbeat();
    await ada.heartbeat({ dirty: true, view: 'Invoice 7' });
    await ada.does('lock:release', { resource: 'a/1', fence: granted.lock.fence });
    await grace.saw('lock:granted');
    await ada.does('session:end', {});
    await grace.heartbeat();
    const { items } = await broker.core.audit.list(tenant, {}, { limit: 100 });
    const story = items.toReversed().map((record) => [record.type, record.user?.id ?? '']);
    expect(story.filter(([type]) => type !== 'session.verified')).to.deep.equal([
      ['session.opened', 'ada'],
      ['session.opened', 'grace'],
      ['lock.granted', 'ada'],
      ['lock.requested', 'grace'],
      ['session.state', 'ada'],
      ['lock.released', 'ada'],
      ['lock.granted', 'grace'],
      ['session.ended', 'ada'],
    ]);
    const revs = items.toReversed().map(({ rev }) => rev);
    expect(revs).to.deep.equal(revs.map((_, i) => i + 1));
    for (const record of items) {
      expect(record.epoch).to.be.greaterThan(0);
      expect(record.at).to.be.closeTo(Date.now(), 60_000);
      expect(record.by.kind).to.be.oneOf(['user', 'system']);
    }
  });

  it('[A3] pages from the newest back, and filters', async () => {
    const tenant = freshTenant();
    const ada = await broker.connect(tenant, 'ada');
    for (let i = 0; i < 6; i += 1) await ada.acquire(`a/${i}`);
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await broker.core.audit.list(tenant, {}, { limit: 3, ...(cursor ? { cursor } : {}) });
      seen.push(...page.items.map(({ rev }) => rev));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).to.deep.equal([7, 6, 5, 4, 3, 2, 1]);
    const only = await broker.core.audit.list(tenant, { type: 'lock.granted', user: 'ada' }, { limit: 100 });
    expect(only.items).to.have.length(6);
    const third = only.items[3];
    const window = { from: third?.at ?? 0, to: third?.at ?? 0 };
    const found = (await broker.core.audit.list(tenant, window, { limit: 100 })).items;
    expect(found.map(({ rev }) => rev)).to.include(third?.rev);
    expect(
      (await broker.core.audit.list(tenant, { session: ada.sessionId }, { limit: 100 })).items,
    ).to.have.length(7);
    expect((await broker.core.audit.list(tenant, { user: 'nobody' }, { limit: 100 })).items).to.have.length(
      0,
    );
  });

  it('[A4] changes settings as a whole against the version seen, tells clients, and records before and after', async () => {
    const tenant = freshTenant();
    const ada = await broker.connect(tenant, 'ada');
    const { policies } = broker.core;
    const { version, ...settings } = await policies.get(tenant);
    expect(version).to.equal(0);
    const by = { kind: 'admin', id: administrator(tenant).user.id } as const;
    const changed = await policies.set(tenant, version, { ...settings, beatMs: 2_000, leaseMs: 6_000 }, by);
    expect(changed).to.include({
      version: 1,
      beatMs: 2_000,
      leaseMs: 6_000,
      idleAfterMs: settings.idleAfterMs,
    });
    expect(await ada.saw('policy')).to.include({ version: 1, leaseMs: 6_000 });
    const late = await policies.set(tenant, 0, settings, by).catch((error: { code?: string }) => error);
    expect(late).to.include({ code: 'version_mismatch' });
    const [record] = (await broker.core.audit.list(tenant, { type: 'policy.changed' }, { limit: 5 })).items;
    expect(record?.details?.['changed']).to.deep.equal({
      beatMs: { before: 15_000, after: 2_000 },
      leaseMs: { before: 60_000, after: 6_000 },
    });
    const answer = await ada.heartbeat();
    expect(answer).to.deep.include({ ok: true, leaseMs: 6_000 });
  });
});
