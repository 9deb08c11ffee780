import type { LastcallError } from '@lastcall/client';
import { expect } from 'chai';
import { lockOn, until, wireError } from './support/fake-broker.js';
import { Gate, queued, RESOURCE, rejection, SdkBench, settled } from './support/sdk.js';

const BOB = { kind: 'user', id: 'bob', name: 'Bob' } as const;
const REQUEST = {
  requestId: 'request-1',
  resource: RESOURCE,
  by: BOB,
  reason: 'Month end',
  deadlineMs: 30_000,
};

describe('SDK: take-over, asking for it', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  it('[K11] waits while the holder is asked, and has the lock when it is granted', async () => {
    const client = await bench.connected();
    const taken = client.takeover(RESOURCE, { reason: 'Month\nend' });
    const requestId = await queued(client);
    expect(bench.broker.said('lock:takeover')).to.deep.equal([
      { resource: RESOURCE, requestId, reason: 'Month end' },
    ]);
    expect(client.getSnapshot().waiting).to.deep.equal([
      { requestId, resource: RESOURCE, position: 1, blockers: [], takeover: true },
    ]);
    bench.clock.advance(10_000);
    expect(client.remainingMs(requestId)).to.equal(20_000);
    bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
    expect(await taken).to.include({ fence: 9, state: 'held' });
    expect(client.remainingMs(requestId)).to.equal(undefined);
  });

  it('[K11] has it at once by force, or from who has been idle for long', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:takeover', ({ resource }) => ({ state: 'granted', lock: lockOn(resource, 8) }));
    expect(await client.takeover(RESOURCE, { force: true })).to.include({ fence: 8 });
    expect(bench.broker.said('lock:takeover')[0]).to.include({ force: true });
  });

  it('[K11] is refused at once, or by the holder, with who that is', async () => {
    const client = await bench.connected();
    const blockers = [
      { resource: RESOURCE, takeable: 'no' },
    ] as unknown as LastcallError['extras']['blockers'];
    bench.broker.answer('lock:takeover', () =>
      wireError('takeover_refused', { ...(blockers && { blockers }) }),
    );
    const error = (await rejection(client.takeover(RESOURCE))) as LastcallError;
    expect(error.code).to.equal('takeover_refused');
    expect(error.extras.blockers).to.deep.equal(blockers);
    bench.broker.answer('lock:takeover', () => ({ state: 'asked', deadlineMs: 30_000 }));
    const kept = rejection(client.takeover(RESOURCE));
    const requestId = await queued(client);
    bench.broker.push('lock:denied', { requestId, error: wireError('takeover_refused') });
    expect(await kept).to.include({ code: 'takeover_refused' });
  });

  // What the broker says of a take-over that came to nothing while its client did not listen.
  for (const outcome of ['kept', 'refused']) {
    it(`[K11] asks again under the same id what became of it, and is refused when it was ${outcome}`, async () => {
      const client = await bench.connected();
      const kept = rejection(client.takeover(RESOURCE));
      const requestId = await queued(client);
      bench.broker.answer('lock:takeover', () => wireError('conflict', { outcome }));
      bench.clock.advance(32_000);
      expect(await kept).to.include({ code: 'takeover_refused' });
      expect(bench.broker.said('lock:takeover').map((said) => said.requestId)).to.deep.equal([
        requestId,
        requestId,
      ]);
    });
  }

  it('[K11] gives up when it is aborted', async () => {
    const client = await bench.connected();
    const controller = new AbortController();
    const given = rejection(client.takeover(RESOURCE, { signal: controller.signal }));
    const requestId = await queued(client);
    controller.abort();
    expect(await given).to.include({ name: 'AbortError' });
    await until(() => bench.broker.said('lock:cancel').length === 1);
    expect(bench.broker.said('lock:cancel')).to.deep.equal([{ requestId }]);
  });
});

describe('SDK: take-over, being asked', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  const asked = async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    bench.broker.push('lock:requested', REQUEST);
    await until(() => client.getSnapshot().requested.length === 1);
    return { client, handle };
  };

  it('[K8] says who asks, why, and how long is left', async () => {
    const { client } = await asked();
    const { deadlineMs, ...who } = REQUEST;
    expect(client.getSnapshot().requested).to.deep.equal([{ ...who, work: 'open' }]);
    bench.clock.advance(deadlineMs - 1_000);
    expect(client.remainingMs(REQUEST.requestId)).to.equal(1_000);
  });

  it('[K8] keeps the lock when the person says so', async () => {
    const { client, handle } = await asked();
    await client.keep(REQUEST.requestId);
    expect(bench.broker.said('lock:answer')).to.deep.equal([
      { requestId: REQUEST.requestId, answer: 'keep' },
    ]);
    expect(client.getSnapshot().requested).to.deep.equal([]);
    bench.clock.advance(31_000);
    await client.query(RESOURCE);
    expect(handle.state).to.equal('held');
    expect(await rejection(client.keep(REQUEST.requestId))).to.include({ code: 'not_found' });
    expect(await rejection(client.yield(REQUEST.requestId))).to.include({ code: 'not_found' });
  });

  it('[K8] saves what is unsaved of this record, and no other, before it is handed over', async () => {
    const { client } = await asked();
    const ran: string[] = [];
    client.onSave(({ cause }) => ran.push(`mine ${cause}`), { resource: RESOURCE });
    client.onSave(() => ran.push('other'), { resource: 'invoices/70' });
    client.onSave(() => ran.push('any'));
    client.onSave(() => ran.push('clean'), { isDirty: () => false, resource: RESOURCE });
    expect(await client.yield(REQUEST.requestId)).to.deep.equal({ saved: true, ran: 2, failures: [] });
    expect(ran).to.deep.equal(['mine takeover', 'any']);
    expect(bench.broker.said('lock:answer')).to.deep.equal([
      { requestId: REQUEST.requestId, answer: 'yield' },
    ]);
  });

  it('[K8] hands nothing over that could not be saved', async () => {
    const { client, handle } = await asked();
    client.onSave(() => Promise.reject(new Error('no network')), { resource: RESOURCE });
    const result = await client.yield(REQUEST.requestId);
    expect(result).to.deep.equal({ saved: false, ran: 1, failures: ['no network'] });
    expect(client.getSnapshot().requested[0]?.work).to.equal('failed');
    expect(bench.broker.said('lock:answer')).to.deep.equal([]);
    expect(handle.state).to.equal('held');
  });

  it('[K8] saves by itself near the end, again what is new, and leaves the answer to the person', async () => {
    const { client } = await asked();
    let dirty = true;
    let saves = 0;
    client.onSave(
      () => {
        saves += 1;
        dirty = false;
      },
      { resource: RESOURCE, isDirty: () => dirty },
    );
    bench.clock.advance(19_000);
    await settled();
    expect(saves).to.equal(0);
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().requested[0]?.work === 'saved');
    bench.clock.advance(1_000);
    await settled();
    expect(saves).to.equal(1);
    dirty = true;
    bench.clock.advance(1_000);
    await until(() => saves === 2);
    expect(bench.broker.said('lock:answer')).to.deep.equal([]);
    expect(client.getSnapshot().requested).to.have.length(1);
  });

  it('[K8] runs a logoff’s save beside that of a record, each handler once at a time', async () => {
    const { client } = await asked();
    const gate = new Gate<void>();
    const ran: string[] = [];
    client.onSave(
      async () => {
        ran.push('mine');
        await gate.opened;
      },
      { resource: RESOURCE },
    );
    client.onSave(() => ran.push('other'), { resource: 'invoices/70' });
    const yielded = client.yield(REQUEST.requestId);
    const all = client.saveNow();
    await settled();
    expect(ran).to.deep.equal(['mine', 'other']);
    expect(client.getSnapshot().saving).to.equal(true);
    gate.open();
    expect(await yielded).to.include({ saved: true, ran: 1 });
    expect(await all).to.include({ saved: true, ran: 2 });
    expect(client.getSnapshot().saving).to.equal(false);
  });

  it('[K9] loses the lock to who asked, says to whom, and until when', async () => {
    const { client, handle } = await asked();
    const { signal } = handle;
    const states: string[] = [];
    handle.onChange(({ state }) => states.push(state));
    bench.broker.push('lock:lost', { resource: RESOURCE, fence: 7, reason: 'takeover', by: BOB });
    await until(() => handle.state === 'lost');
    expect(states).to.deep.equal(['lost']);
    expect(signal.aborted).to.equal(true);
    expect(handle.lost).to.deep.equal({ reason: 'takeover', by: BOB });
    const { requested, lost, locks } = client.getSnapshot();
    expect({ requested, locks }).to.deep.equal({ requested: [], locks: [] });
    expect(lost).to.deep.equal([{ resource: RESOURCE, fence: 7, reason: 'takeover', by: BOB }]);
    await handle.release();
    expect(client.getSnapshot().lost).to.deep.equal([]);
  });

  it('[K9] says that a lock is lost until the record is locked again', async () => {
    const { client } = await asked();
    bench.broker.push('lock:lost', { resource: RESOURCE, fence: 7, reason: 'takeover', by: BOB });
    await until(() => client.getSnapshot().lost.length === 1);
    await bench.held(client, 10);
    expect(client.getSnapshot().lost).to.deep.equal([]);
  });

  it('[K9] trusts the lock no longer than the time it was given, whatever it hears', async () => {
    const { client, handle } = await asked();
    const { signal } = handle;
    const answer = new Gate<{ valid: boolean }>();
    bench.broker.answer('lock:check', () => answer.opened);
    bench.clock.advance(30_000);
    await until(() => bench.broker.said('lock:check').length === 1);
    expect(handle.state).to.equal('at-risk');
    expect(signal.aborted).to.equal(true);
    expect(client.getSnapshot().requested).to.deep.equal([]);
    answer.open({ valid: false });
    await until(() => handle.state === 'lost');
    expect(handle.lost).to.deep.equal({ reason: 'takeover', by: BOB });
  });

  it('[K9] trusts it again when the broker says that it stayed', async () => {
    const { handle } = await asked();
    bench.broker.answer('lock:check', () => wireError('unavailable'));
    bench.clock.advance(30_000);
    await until(() => bench.broker.said('lock:check').length === 1);
    await settled();
    expect(handle.state).to.equal('at-risk');
    bench.broker.answer('lock:check', () => ({ valid: true }));
    bench.broker.beat();
    await until(() => handle.state === 'held');
    expect(handle.signal.aborted).to.equal(false);
  });

  it('[K8] forgets who has given up when that is found out', async () => {
    const { client, handle } = await asked();
    bench.broker.answer('lock:answer', () => wireError('not_found'));
    expect(await rejection(client.keep(REQUEST.requestId))).to.include({ code: 'not_found' });
    expect(client.getSnapshot().requested).to.deep.equal([]);
    expect(handle.state).to.equal('held');
  });

  it('[K8] forgets who asks when the lock is given back', async () => {
    const { client, handle } = await asked();
    await handle.release();
    expect(client.getSnapshot().requested).to.deep.equal([]);
    expect(client.remainingMs(REQUEST.requestId)).to.equal(undefined);
  });

  it('[K8] goes on with the time that is left over a reconnection', async () => {
    const { client } = await asked();
    bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 7)] };
    await bench.reconnected(client);
    expect(client.remainingMs(REQUEST.requestId)).to.equal(29_000);
    bench.broker.push('lock:requested', { ...REQUEST, deadlineMs: 20_000 });
    await until(() => client.remainingMs(REQUEST.requestId) === 20_000);
    expect(client.getSnapshot().requested).to.have.length(1);
  });
});
