import type { LockEntry, LockWatch } from '@lastcall/client';
import { expect } from 'chai';
import { until, wireError } from './support/fake-broker.js';
import { Gate, queued, RESOURCE, SdkBench, settled } from './support/sdk.js';

const PREFIX = 'invoices/';

/** A resource as watchers see it; without names it is free. */
function entryOf(resource: string, ...names: readonly string[]): LockEntry {
  const holders = names.map((id) => ({ resource, user: { id, name: id } }));
  return { resource, holders, waiters: [] } as unknown as LockEntry;
}

const told = ({ live, locks }: LockWatch): string =>
  [live ? 'live' : 'stale', ...locks.map((one) => `${one.resource} ${one.holders[0]?.user.id}`)].join(' | ');

describe('SDK: watching locks', () => {
  let bench: SdkBench;
  let heard: string[];
  beforeEach(async () => {
    heard = [];
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
    bench.broker.answer('lock:watch', () => ({ locks: [entryOf('invoices/2', 'bob')] }));
  });
  afterEach(() => bench.stop());

  const listen = (watch: LockWatch): void => void heard.push(told(watch));

  it('[K10] tells what is locked, then each change, by name', async () => {
    const client = await bench.connected();
    client.watchLocks(PREFIX, listen);
    await until(() => heard.length === 1);
    bench.broker.push('lock:changed', entryOf('invoices/1', 'ann'));
    bench.broker.push('lock:changed', entryOf('orders/1', 'ann'));
    bench.broker.push('lock:changed', entryOf('invoices/2'));
    await until(() => heard.length === 3);
    expect(heard).to.deep.equal([
      'live | invoices/2 bob',
      'live | invoices/1 ann | invoices/2 bob',
      'live | invoices/1 ann',
    ]);
  });

  it('[K10] asks again after a reconnection, and says so while it is blind', async () => {
    const client = await bench.connected();
    client.watchLocks(PREFIX, listen);
    await until(() => heard.length === 1);
    bench.broker.answer('lock:watch', () => ({ locks: [entryOf('invoices/3', 'cyd')] }));
    await bench.reconnected(client);
    await until(() => heard.length === 3);
    expect(heard.slice(1)).to.deep.equal(['stale | invoices/2 bob', 'live | invoices/3 cyd']);
  });

  it('[K10] takes nothing older than what it heard meanwhile', async () => {
    const client = await bench.connected();
    const answer = new Gate<{ locks: readonly LockEntry[] }>();
    bench.broker.answer('lock:watch', () => answer.opened);
    client.watchLocks(PREFIX, listen);
    await until(() => bench.broker.said('lock:watch').length === 1);
    bench.broker.push('lock:changed', entryOf('invoices/2'));
    bench.broker.push('lock:changed', entryOf('invoices/4', 'ann'));
    await client.query(RESOURCE);
    answer.open({ locks: [entryOf('invoices/2', 'bob'), entryOf('invoices/5', 'bob')] });
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal(['live | invoices/4 ann | invoices/5 bob']);
  });

  it('[K10] shares one watch of the same prefix, and ends it with the last', async () => {
    const client = await bench.connected();
    const end = client.watchLocks(PREFIX, listen);
    await until(() => heard.length === 1);
    const endSecond = client.watchLocks(PREFIX, listen);
    expect(heard).to.have.length(2);
    end();
    end();
    await client.query(RESOURCE);
    expect(bench.broker.said('lock:unwatch')).to.deep.equal([]);
    endSecond();
    await until(() => bench.broker.said('lock:unwatch').length === 1);
    expect(bench.broker.said('lock:watch')).to.deep.equal([{ prefix: PREFIX }]);
  });

  it('[K10] begins when there is a connection, and tries again when the broker is without its store', async () => {
    const client = bench.client();
    const errors: (string | undefined)[] = [];
    bench.broker.answer('lock:watch', () => wireError('unavailable'));
    client.watchLocks(PREFIX, ({ error }) => errors.push(error?.code));
    await client.connect();
    await until(() => errors.length === 1);
    bench.broker.answer('lock:watch', () => ({ locks: [] }));
    bench.clock.advance(2_000);
    await until(() => errors.length === 2);
    expect(errors).to.deep.equal(['unavailable', undefined]);
  });

  it('[K10] says why it is refused, and does not insist', async () => {
    const client = await bench.connected();
    const errors: (string | undefined)[] = [];
    bench.broker.answer('lock:watch', () => wireError('forbidden'));
    client.watchLocks(PREFIX, ({ error }) => errors.push(error?.code));
    await until(() => errors.length === 1);
    bench.clock.advance(60_000);
    await settled();
    expect(errors).to.deep.equal(['forbidden']);
    expect(bench.broker.said('lock:watch')).to.have.length(1);
  });

  it('refuses what begins no resource, and too many watches', async () => {
    const client = bench.client();
    expect(() => client.watchLocks('no prefix', listen)).to.throw('not the beginning');
    for (let n = 0; n < 32; n += 1) client.watchLocks(`p${n}/`, listen);
    expect(() => client.watchLocks('one/more', listen)).to.throw('32');
  });

  it('[K6] goes on when a watcher throws (H84)', async () => {
    const client = await bench.connected();
    client.watchLocks(PREFIX, () => {
      throw new Error('watcher');
    });
    client.watchLocks(PREFIX, listen);
    await until(() => heard.length === 1);
    expect(bench.warnings).to.have.length(1);
  });

  it('[K10] says when there is more than it was told', async () => {
    const client = await bench.connected();
    const more: (boolean | undefined)[] = [];
    bench.broker.answer('lock:watch', () => ({ locks: [], more: true }));
    client.watchLocks(PREFIX, (watch) => more.push(watch.more));
    await until(() => more.length === 1);
    expect(more).to.deep.equal([true]);
  });

  it('moves a place in the queue when it hears of another', async () => {
    const client = await bench.connected();
    const waiting = client.lock(RESOURCE, { waitMs: 60_000 });
    waiting.catch(() => undefined);
    const requestId = await queued(client);
    bench.broker.push('lock:position', { requestId, resource: RESOURCE, position: 3 });
    await until(() => client.getSnapshot().waiting[0]?.position === 3);
  });
});
