import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import type { Snapshot } from '@lastcall/client';
import { expect } from 'chai';
import fc from 'fast-check';
import { logoffWarning, until } from './support/fake-broker.js';
import { rejection, rejectionInTime, SdkBench } from './support/sdk.js';

const PUSHES = [
  'welcome',
  'beat',
  'superseded',
  'warning',
  'warning:cancelled',
  'logoff',
  'policy',
  'auth:expiring',
  'lock:granted',
  'lock:denied',
  'lock:requested',
  'lock:lost',
  'lock:changed',
  'lock:position',
];

describe('SDK: snapshot and what arrives', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
  });
  afterEach(() => bench.stop());

  it('is the same object until something changes, and cannot be changed', async () => {
    const client = await bench.connected();
    const before = client.getSnapshot();
    bench.broker.beat();
    await until(() => bench.broker.said('heartbeat').length === 1);
    await client.query('invoices/7');
    expect(client.getSnapshot()).to.equal(before);
    expect(Object.isFrozen(before)).to.equal(true);
  });

  it('keeps the lists that did not change', async () => {
    const client = await bench.connected();
    const before = client.getSnapshot();
    await bench.broker.pushAcknowledged('warning', logoffWarning());
    await until(() => client.getSnapshot() !== before);
    expect(client.getSnapshot().locks).to.equal(before.locks);
    expect(client.getSnapshot().warnings).not.to.equal(before.warnings);
  });

  it('tells each change once, as a whole', async () => {
    const client = await bench.connected();
    const seen: Snapshot[] = [];
    client.subscribe(() => seen.push(client.getSnapshot()));
    bench.broker.welcome = { orders: [logoffWarning()] };
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
    expect(seen.map(({ status, warnings }) => `${status} ${warnings.length}`)).to.deep.equal([
      'reconnecting 0',
      'online 1',
    ]);
  });

  it('[K6] tells everybody although one of them throws, subscribes or leaves (H84)', async () => {
    const client = await bench.connected();
    const heard: string[] = [];
    client.subscribe(() => {
      throw new Error('listener');
    });
    const leave = client.subscribe(() => {
      heard.push('once');
      leave();
      client.subscribe(() => heard.push('new'));
    });
    client.subscribe(() => heard.push('last'));
    client.close();
    expect(heard).to.deep.equal(['once', 'last']);
    await client.connect();
    expect(heard.filter((name) => name === 'once')).to.have.length(1);
    expect(heard.filter((name) => name === 'new').length).to.be.above(0);
    expect(bench.warnings).to.include('A subscriber threw');
  });

  it('works as React reads it: methods without their object', async () => {
    const { getSnapshot, subscribe, ...rest } = await bench.connected();
    expect(rest).to.be.an('object');
    let told = 0;
    const leave = subscribe(() => {
      told += 1;
    });
    bench.broker.push('logoff', { reason: 'admin', message: 'Bye', by: { kind: 'admin' } });
    await until(() => getSnapshot().status === 'ended');
    leave();
    expect(told).to.be.above(0);
  });

  it('[K6] survives whatever arrives, and works on (H85, H86)', async () => {
    const client = await bench.connected();
    const names = fc.oneof(fc.constantFrom(...PUSHES), fc.string());
    const payloads = fc.array(fc.oneof(fc.anything(), fc.jsonValue()), { maxLength: 3 });
    const sent = fc.sample(fc.tuple(names, payloads), { numRuns: 500, seed: 7 });
    for (const [event, payload] of sent) {
      // What ends the session by right is no garbage.
      if (['superseded', 'connect', 'connect_error', 'disconnect', 'disconnecting'].includes(event)) continue;
      try {
        bench.broker.pushRaw(event, ...payload);
      } catch {
        // Not everything can be sent.
      }
    }
    await bench.broker.pushAcknowledged('warning', logoffWarning());
    await until(() => client.getSnapshot().warnings.length === 1);
    expect(client.getSnapshot().status).to.equal('online');
    expect(bench.warnings.length).to.be.above(100);
  });

  it('takes near misses for garbage, and keeps what is whole in a welcome (H85)', async () => {
    bench.broker.welcome = {
      orders: [null, { orderId: 7 }, logoffWarning()] as never,
      locks: [[], { resource: 'invoices/7' }] as never,
      waiting: [{ requestId: null }] as never,
    };
    const client = await bench.connected();
    expect(client.getSnapshot().warnings).to.have.length(1);
    for (const garbled of [
      { ...logoffWarning({ version: 2 }), deadlineMs: 'soon' },
      { ...logoffWarning({ version: 2 }), by: null },
      [logoffWarning({ version: 2 })],
    ]) {
      bench.broker.pushRaw('warning', garbled);
    }
    bench.broker.pushRaw('lock:granted', { requestId: 'r', lock: { resource: 'invoices/7' } });
    bench.broker.pushRaw('toString', {});
    bench.broker.pushRaw('__proto__', {});
    await client.query('invoices/7');
    expect(client.getSnapshot().warnings[0]?.version).to.equal(1);
    expect(bench.broker.said('lock:release')).to.have.length(0);
  });

  it('rejects a command that is answered with garbage (H85)', async () => {
    const client = await bench.connected();
    const garbled = [null, 7, 'ok', [], { ok: 'yes' }, { ok: false }, { ok: false, error: { code: 7 } }];
    for (const answer of [[], ...garbled.map((one) => [one])]) {
      bench.broker.answerRaw(...answer);
      expect(await rejection(client.check('invoices/7', 1))).to.include({ code: 'unavailable' });
    }
    bench.broker.answerRaw({ ok: true });
    bench.broker.beat();
    await until(() => bench.broker.said('heartbeat').length === 1);
    const locked = rejectionInTime(bench.clock, client.lock('invoices/7'), 2_000);
    expect(await locked).to.include({ code: 'unavailable' });
  });

  it('is one script file for pages without a bundler', function () {
    const file = fileURLToPath(new URL('../../client-sdk/dist/lastcall.global.js', import.meta.url));
    if (!existsSync(file)) this.skip();
    const page = createContext({ performance, AbortController, setTimeout });
    const names: unknown = runInContext(`${readFileSync(file, 'utf8')}\nObject.keys(Lastcall).join()`, page);
    expect(names).to.equal('LastcallClient,LastcallError,createClient,keepDrafts');
    const status: unknown = runInContext(
      "Lastcall.createClient({ url: 'http://127.0.0.1', token: 't' }).getSnapshot().status",
      page,
    );
    expect(status).to.equal('idle');
  });
});
