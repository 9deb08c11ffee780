import { LastcallError, type LastcallClient, type LockHandle, type LockHolder } from '@lastcall/client';
import { expect } from 'chai';
import { lockOn, until, wireError } from './support/fake-broker.js';
import { rejection, SdkBench, settled } from './support/sdk.js';

const RESOURCE = 'invoices/7';

describe('SDK: locks', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  const grants = (fence = 7): void => {
    bench.broker.answer('lock:acquire', ({ resource }) => ({ state: 'granted', lock: lockOn(resource, fence) }));
  };
  const held = async (client: LastcallClient, fence = 7): Promise<LockHandle> => {
    grants(fence);
    return client.lock(RESOURCE);
  };
  const queued = async (client: LastcallClient, count = 1): Promise<string> => {
    await until(() => client.getSnapshot().waiting.length === count);
    return client.getSnapshot().waiting.at(-1)?.requestId ?? '';
  };
  const reconnected = async (client: LastcallClient): Promise<void> => {
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
  };
  const asked = (): readonly string[] => bench.broker.said('lock:acquire').map(({ requestId }) => requestId);

  describe('asking', () => {
    it('gives a handle on what was granted at once', async () => {
      const client = await bench.connected();
      grants();
      const handle = await client.lock(RESOURCE, { mode: 'shared', scope: 'tree', note: 'a\nnote' });
      expect(handle).to.include({ resource: RESOURCE, fence: 7, state: 'held', lost: undefined });
      expect(handle.signal.aborted).to.equal(false);
      const [request] = bench.broker.said('lock:acquire');
      expect(request).to.include({ resource: RESOURCE, mode: 'shared', scope: 'tree', note: 'a note', waitMs: 0 });
      expect(request?.requestId).to.match(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(client.getSnapshot().locks).to.deep.equal([
        { resource: RESOURCE, mode: 'exclusive', scope: 'record', fence: 7, state: 'held' },
      ]);
    });

    it('says who holds what is not to be had', async () => {
      const client = await bench.connected();
      const blockers = [{ resource: RESOURCE, user: { id: 'bob', name: 'Bob' } }] as unknown as LockHolder[];
      bench.broker.answer('lock:acquire', () => wireError('locked', { blockers }));
      const error = await rejection(client.lock(RESOURCE));
      expect(error).to.be.instanceOf(LastcallError).and.to.include({ code: 'locked' });
      expect((error as LastcallError).extras.blockers).to.deep.equal(blockers);
      expect(client.getSnapshot().waiting).to.deep.equal([]);
    });

    for (const code of ['queue_full', 'lock_limit', 'deadlock', 'session_ended'] as const) {
      it(`rejects with \`${code}\``, async () => {
        const client = await bench.connected();
        bench.broker.answer('lock:acquire', () => wireError(code));
        expect(await rejection(client.lock(RESOURCE, { waitMs: 60_000 }))).to.include({ code });
        expect(asked()).to.have.length(1);
      });
    }

    it('refuses what is no resource, and everything before it is connected', async () => {
      const client = bench.client();
      expect(await rejection(client.lock('no resource'))).to.include({ code: 'invalid' });
      expect(await rejection(client.lock(RESOURCE))).to.include({ code: 'unavailable' });
    });

    it('F8 waits a little for a connection, and asks nothing when there is none in time', async () => {
      const client = await bench.connected();
      bench.broker.cut();
      await until(() => client.getSnapshot().status === 'reconnecting');
      bench.broker.refuse = () => wireError('unavailable', { retryAfterMs: 60_000 });
      const refused = rejection(client.lock(RESOURCE));
      bench.clock.advance(5_000);
      expect(await refused).to.include({ code: 'unavailable' });
      bench.broker.refuse = () => undefined;
      bench.clock.advance(62_000);
      await until(() => client.getSnapshot().status === 'online');
      await client.query(RESOURCE);
      expect(asked()).to.deep.equal([]);
    });

    it('H02 repeats a question without an answer under the same id', async () => {
      const client = await bench.connected();
      bench.broker.answer('lock:acquire', () => undefined);
      const locked = client.lock(RESOURCE);
      await until(() => asked().length === 1);
      bench.clock.advance(5_000);
      await settled();
      grants();
      bench.clock.advance(500);
      expect((await locked).state).to.equal('held');
      expect(asked()).to.have.length(2);
      expect(new Set(asked()).size).to.equal(1);
    });

    it('H02 repeats a question whose answer was cut off, under the same id, after the reconnection', async () => {
      const client = await bench.connected();
      bench.broker.answer('lock:acquire', () => undefined);
      const locked = client.lock(RESOURCE);
      await until(() => asked().length === 1);
      bench.broker.cut();
      await until(() => client.getSnapshot().status === 'reconnecting');
      grants();
      await settled();
      bench.clock.advance(1_000);
      expect((await locked).fence).to.equal(7);
      expect(new Set(asked()).size).to.equal(1);
    });

    it('waits out a broker without its store, and gives up after a while', async () => {
      const client = await bench.connected();
      bench.broker.answer('lock:acquire', () => wireError('unavailable', { retryAfterMs: 2_000 }));
      const refused = rejection(client.lock(RESOURCE));
      let error: unknown;
      void refused.then((reason) => {
        error = reason;
      });
      for (let turn = 0; turn < 30 && !error; turn += 1) {
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
        bench.clock.advance(2_500);
      }
      expect(error).to.include({ code: 'unavailable' });
      expect(asked().length).to.be.within(5, 12);
      await until(() => bench.broker.said('lock:cancel').length === 1);
    });
  });

  describe('waiting', () => {
    it('shows its place and resolves when the lock is granted', async () => {
      const client = await bench.connected();
      const locked = client.lock(RESOURCE, { waitMs: 60_000 });
      const requestId = await queued(client);
      expect(client.getSnapshot().waiting).to.deep.equal([{ requestId, resource: RESOURCE, position: 1, blockers: [] }]);
      bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
      expect(await locked).to.include({ fence: 9, state: 'held' });
      expect(client.getSnapshot().waiting).to.deep.equal([]);
    });

    it('takes a grant that comes before the answer to the question', async () => {
      const client = await bench.connected();
      bench.broker.answer('lock:acquire', ({ requestId }) => {
        bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
        return { state: 'queued', requestId, position: 1, blockers: [] };
      });
      expect(await client.lock(RESOURCE, { waitMs: 60_000 })).to.include({ fence: 9 });
      await client.query(RESOURCE);
      expect(bench.broker.said('lock:cancel')).to.have.length(0);
    });

    it('rejects when the broker denies it', async () => {
      const client = await bench.connected();
      const locked = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
      const requestId = await queued(client);
      bench.broker.push('lock:denied', { requestId, error: wireError('locked') });
      expect(await locked).to.include({ code: 'locked' });
      expect(bench.broker.said('lock:cancel')).to.have.length(0);
    });

    it('leaves the queue when it is aborted', async () => {
      const client = await bench.connected();
      const controller = new AbortController();
      const locked = rejection(client.lock(RESOURCE, { waitMs: 60_000, signal: controller.signal }));
      const requestId = await queued(client);
      controller.abort(new Error('closed the editor'));
      expect(await locked).to.be.instanceOf(Error).and.to.include({ message: 'closed the editor' });
      await until(() => bench.broker.said('lock:cancel').length === 1);
      expect(bench.broker.said('lock:cancel')).to.deep.equal([{ requestId }]);
      expect(await rejection(client.lock(RESOURCE, { signal: controller.signal }))).to.include({
        message: 'closed the editor',
      });
    });

    it('H10 gives back what is granted after it was aborted', async () => {
      const client = await bench.connected();
      const controller = new AbortController();
      let answer: () => void = () => undefined;
      bench.broker.answer(
        'lock:acquire',
        ({ resource }) =>
          new Promise((resolve) => {
            answer = () => {
              resolve({ state: 'granted', lock: lockOn(resource, 11) });
            };
          }),
      );
      const locked = rejection(client.lock(RESOURCE, { signal: controller.signal }));
      await until(() => asked().length === 1);
      controller.abort();
      expect(await locked).to.include({ name: 'AbortError' });
      answer();
      await until(() => bench.broker.said('lock:release').length === 1);
      expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: RESOURCE, fence: 11 }]);
    });

    it('H10 gives back what is granted to nobody', async () => {
      await bench.connected();
      bench.broker.push('lock:granted', { requestId: 'forgotten', lock: lockOn(RESOURCE, 12) });
      await until(() => bench.broker.said('lock:release').length === 1);
    });

    it('H10 takes a late answer, and gives it back when nobody waits any more', async () => {
      const client = await bench.connected();
      const controller = new AbortController();
      let answer: () => void = () => undefined;
      bench.broker.answer(
        'lock:acquire',
        ({ resource }) =>
          new Promise((resolve) => {
            answer = () => {
              resolve({ state: 'granted', lock: lockOn(resource, 13) });
            };
          }),
      );
      const locked = rejection(client.lock(RESOURCE, { signal: controller.signal }));
      await until(() => asked().length === 1);
      bench.clock.advance(5_000);
      await settled();
      controller.abort();
      await locked;
      answer();
      await until(() => bench.broker.said('lock:release').length === 1);
      expect(bench.broker.said('lock:cancel')).to.have.length(1);
    });

    it('keeps its place over a reconnection', async () => {
      const client = await bench.connected();
      const locked = client.lock(RESOURCE, { waitMs: 60_000 });
      const requestId = await queued(client);
      bench.broker.welcome = { ...bench.broker.welcome, waiting: [{ requestId, resource: RESOURCE, position: 4 }] };
      await reconnected(client);
      expect(client.getSnapshot().waiting[0]?.position).to.equal(4);
      expect(asked()).to.have.length(1);
      bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
      expect((await locked).fence).to.equal(9);
    });

    it('asks again under the same id for a place that is gone, with the rest of its time', async () => {
      const client = await bench.connected();
      const locked = client.lock(RESOURCE, { waitMs: 60_000 });
      const requestId = await queued(client);
      grants(14);
      await reconnected(client);
      expect((await locked).fence).to.equal(14);
      expect(asked()).to.deep.equal([requestId, requestId]);
      expect(bench.broker.said('lock:acquire')[1]?.waitMs).to.equal(59_000);
    });

    it('cancels a place that nobody here waits for', async () => {
      bench.broker.welcome = { waiting: [{ requestId: 'before-the-reload', resource: RESOURCE, position: 1 }] };
      await bench.connected();
      await until(() => bench.broker.said('lock:cancel').length === 1);
      expect(bench.broker.said('lock:cancel')).to.deep.equal([{ requestId: 'before-the-reload' }]);
    });

    it('asks what became of a wait that is over without news', async () => {
      const client = await bench.connected();
      const locked = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
      await queued(client);
      bench.broker.answer('lock:acquire', () => wireError('conflict', { outcome: 'denied' }));
      bench.clock.advance(62_000);
      expect(await locked).to.include({ code: 'locked' });
      expect(bench.broker.said('lock:acquire')[1]?.waitMs).to.equal(0);
    });

    it('gives up a wait that the broker never decides', async () => {
      const client = await bench.connected();
      let error: unknown;
      void rejection(client.lock(RESOURCE, { waitMs: 1_000 })).then((reason) => {
        error = reason;
      });
      await queued(client);
      for (let turn = 0; turn < 40 && !error; turn += 1) {
        bench.clock.advance(2_000);
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
      }
      expect(error).to.include({ code: 'locked' });
      await until(() => bench.broker.said('lock:cancel').length === 1);
    });

    it('rejects everything that waits when the session ends or the client is closed', async () => {
      const client = await bench.connected();
      const waiting = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
      await queued(client);
      client.close();
      expect(await waiting).to.include({ code: 'unavailable' });
      await client.connect();
      const again = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
      await queued(client);
      bench.broker.push('logoff', { reason: 'admin', message: 'Bye', by: { kind: 'admin' } });
      expect(await again).to.include({ code: 'session_ended' });
    });
  });

  describe('holding', () => {
    it('releases once, by fence', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      const states: string[] = [];
      handle.onChange(({ state }) => states.push(state));
      await Promise.all([handle.release(), handle.release()]);
      await handle.release();
      expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: RESOURCE, fence: 7 }]);
      expect(states).to.deep.equal(['released']);
      expect(handle.signal.aborted).to.equal(false);
      expect(client.getSnapshot().locks).to.deep.equal([]);
    });

    it('releases at the end of an `await using`', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      await handle[Symbol.asyncDispose]();
      expect(handle.state).to.equal('released');
    });

    it('releases after the reconnection what could not be released without one', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      bench.broker.cut();
      await until(() => client.getSnapshot().status === 'reconnecting');
      await handle.release();
      bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 7)] };
      bench.clock.advance(1_000);
      await until(() => bench.broker.said('lock:release').length === 1);
    });

    it('H13 gives the lock back when the last of those who share it is done', async () => {
      const client = await bench.connected();
      const first = await held(client);
      const second = await held(client);
      await first.release();
      expect(bench.broker.said('lock:release')).to.have.length(0);
      expect(second.state).to.equal('held');
      await second.release();
      expect(bench.broker.said('lock:release')).to.have.length(1);
    });

    it('keeps a lock that is asked for again while it is given up', async () => {
      const client = await bench.connected();
      grants();
      const controller = new AbortController();
      const given = rejection(client.lock(RESOURCE, { signal: controller.signal }));
      controller.abort();
      const handle = await client.lock(RESOURCE);
      await given;
      await client.query(RESOURCE);
      expect(handle.state).to.equal('held');
      expect(bench.broker.said('lock:release')).to.have.length(0);
    });

    it('asks for a lock only after its release has been answered', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      let answer: () => void = () => undefined;
      bench.broker.answer(
        'lock:release',
        () =>
          new Promise((resolve) => {
            answer = () => {
              resolve({ released: true });
            };
          }),
      );
      const released = handle.release();
      const locked = client.lock(RESOURCE);
      await until(() => bench.broker.said('lock:release').length === 1);
      await client.query(RESOURCE);
      expect(asked()).to.have.length(1);
      grants(8);
      answer();
      await released;
      expect((await locked).fence).to.equal(8);
    });

    it('learns that and why a lock is lost, by resource and fence', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      const { signal } = handle;
      bench.broker.push('lock:lost', { resource: RESOURCE, fence: 6, reason: 'admin' });
      await client.query(RESOURCE);
      expect(handle.state).to.equal('held');
      bench.broker.push('lock:lost', { resource: RESOURCE, fence: 7, reason: 'takeover', by: { kind: 'user', name: 'Bob' } });
      await until(() => handle.state === 'lost');
      expect(handle.lost).to.deep.equal({ reason: 'takeover', by: { kind: 'user', name: 'Bob' } });
      expect(signal.aborted).to.equal(true);
      await handle.release();
      expect(handle.state).to.equal('lost');
      expect(bench.broker.said('lock:release')).to.have.length(0);
    });

    it('holds on over a reconnection what the welcome confirms, by fence', async () => {
      const client = await bench.connected();
      const kept = await held(client);
      const gone = await client.lock('invoices/8');
      const other = await client.lock('invoices/9');
      bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 7), lockOn('invoices/9', 8)] };
      await reconnected(client);
      expect([kept, gone, other].map(({ state }) => state)).to.deep.equal(['held', 'lost', 'lost']);
      expect(gone.lost).to.deep.equal({ reason: 'away' });
      expect(kept.signal.aborted).to.equal(false);
    });

    it('holds again after it was at risk only what the welcome confirms', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      bench.broker.cut();
      await until(() => client.getSnapshot().status === 'reconnecting');
      bench.clock.sleep(0.85 * 10_800_000);
      expect(handle.state).to.equal('at-risk');
      await settled();
      bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 7)] };
      bench.clock.advance(1_000);
      await until(() => client.getSnapshot().status === 'online');
      expect(handle.state).to.equal('held');
    });

    it('H03 loses everything when the broker lost the session', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      bench.broker.welcome = { ...bench.broker.welcome, sessionId: 'another', resumed: false };
      await reconnected(client);
      expect(handle.state).to.equal('lost');
      expect(client.getSnapshot().session).to.include({ id: 'another', resumed: false });
    });

    it('gives back after a while what a reload left behind, unless it is asked for again', async () => {
      bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 7), lockOn('invoices/8', 8)] };
      const client = await bench.connected();
      const handle = await held(client);
      bench.clock.advance(10_000);
      await until(() => bench.broker.said('lock:release').length === 1);
      expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: 'invoices/8', fence: 8 }]);
      expect(handle.state).to.equal('held');
    });

    it('gives back a lock lost with the lease when the broker still counts it as held', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      bench.clock.sleep(10_800_000);
      expect(handle.state).to.equal('lost');
      await settled();
      bench.broker.answer('heartbeat', () => ({ leaseMs: 10_800_000 }));
      bench.broker.beat();
      await until(() => bench.broker.said('lock:release').length === 1);
      expect(handle.state).to.equal('lost');
    });

    it('H37 loses all locks with the session, before the last handlers run', async () => {
      const client = await bench.connected();
      const handle = await held(client);
      let seen: string | undefined;
      client.onSave(() => {
        seen = handle.state;
      });
      bench.broker.push('logoff', { reason: 'admin', message: 'Bye', by: { kind: 'admin' } });
      await until(() => client.getSnapshot().status === 'ended');
      expect(seen).to.equal('lost');
      expect(handle.lost).to.deep.equal({ reason: 'session_ended' });
    });

    it('asks the broker about a fence and about holders', async () => {
      const client = await bench.connected();
      expect(await client.check(RESOURCE, 7)).to.include({ valid: true });
      expect(await client.query(RESOURCE)).to.deep.include({ holders: [], waiters: [] });
    });
  });
});
