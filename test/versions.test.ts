import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { SCHEMA } from 'lastcall/internal/nodes.js';
import { TestBroker } from './support/broker.js';
import { Pair } from './support/brokers.js';
import { type Cleanups, cleaned } from './support/faults.js';
import { otherVersion } from './support/other-version.js';
import { observer } from './support/redis.js';
import { ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

const NEWER = '9.9.0';

/** A version to come: its records have a field more, there is a type more of them, and nodes say more of themselves. */
const EDITS = [
  { file: 'dist/version.js', from: 'manifest.version', to: `'${NEWER}'` },
  { file: 'dist/nodes.js', from: 'version: this.#version', to: "version: this.#version, region: 'north'" },
  { file: 'lua/_lib.lua', from: 'fields.by = by', to: "fields.by = by\n  fields.region = 'north'" },
  {
    file: 'lua/session_open.lua',
    from: "record('session.opened'",
    to: "record('session.greeted', SYSTEM, { sessionId = sid, words = { 'good', 'morning' } })\nrecord('session.opened'",
  },
];

/** The first broker is of this version, the second of one to come. */
async function sideBySide(cleanups: Cleanups): Promise<void> {
  const newer = otherVersion(EDITS);
  cleanups.add(() => newer.remove());
  const store = await ownStore();
  cleanups.add(() => store.stop());
  const pair = await Pair.start({ redisUrl: store.url, script: newer.script }, undefined, {
    script: new URL('./support/broker-process.js', import.meta.url).href,
  });
  cleanups.add(() => pair.cleanups.run());
  const { here, there } = pair;
  await waitUntil(async () => {
    const nodes = await pair.nodes(here);
    return nodes.length === 2 && nodes.some(({ version }) => version === NEWER);
  }, 'each to know of the other');

  const admin = await pair.watch(here);
  const ada = await pair.connect(here, 'ada');
  const taken = await ada.does('lock:acquire', { resource: 'invoices/1', requestId: randomUUID() });
  const grace = await pair.connect(there, 'grace');
  // The record of a type that is not known here came by, and what came after it is heard all the same.
  await admin.saw('audit:record', ({ type }) => (type as string) === 'session.greeted');
  await admin.saw(
    'audit:record',
    ({ sessionId, type }) => sessionId === grace.sessionId && type === 'session.opened',
  );
  expect(await grace.acquire('invoices/1', 10_000)).to.include({ ok: true, state: 'queued' });
  const fence = taken.state === 'granted' ? taken.lock.fence : 0;
  expect(await ada.does('lock:release', { resource: 'invoices/1', fence })).to.include({ released: true });
  await grace.saw('lock:granted');

  // The older one is replaced: its clients and what it was asked for go on with the newer one.
  const order = await pair.order(here, { target: { users: ['ada'] }, graceMs: 2_000 });
  await here.end();
  const back = await pair.connect(there, 'ada', ada);
  expect(back.welcome).to.deep.include({ resumed: true, sessionId: ada.sessionId });
  await back.saw('logoff', ({ orderId }) => orderId === order.id, 10_000);
  await waitUntil(
    async () => (await pair.read(there, order.id)).state === 'done',
    'the order to be done',
    15_000,
  );
  expect((await pair.receipts(there, order.id))[0]).to.include({ verified: true });
}

/** What stands in Redis was changed by a version that this one cannot follow. */
async function outgrown(cleanups: Cleanups): Promise<void> {
  const store = await ownStore();
  cleanups.add(() => store.stop());
  const redis = await observer(store.url);
  cleanups.add(() => redis.destroy());
  const broker = await TestBroker.start({ redisUrl: store.url });
  cleanups.add(() => broker.close());
  expect(await redis.get('lc:{~}:schema')).to.equal(String(SCHEMA));
  expect((await broker.broker.health.ready()).ok).to.equal(true);
  await redis.set('lc:{~}:schema', String(SCHEMA + 1));

  const refused = await TestBroker.start({ redisUrl: store.url }).catch((error: unknown) => error);
  expect(refused).to.be.instanceOf(Error);
  expect((refused as Error).message).to.match(/schema 2.*knows 1.*Upgrade this broker/);
  const look = async () => (await broker.broker.health.ready()).checks.find(({ name }) => name === 'schema');
  await waitUntil(async () => (await look())?.ok === false, 'the running one to take itself out of service');
  expect((await look())?.detail).to.include('Upgrade this broker');
  expect(await redis.zCard('lc:{~}:nodes')).to.equal(0);
  expect(await redis.get('lc:{~}:schema'), 'never back').to.equal(String(SCHEMA + 1));
}

describe('versions side by side', function () {
  this.timeout(40_000);

  it('[N5] H74 an older broker lives with a newer one, and is replaced by it', cleaned(sideBySide));

  it('[N5] data of a newer schema is refused at the start, with what to do', cleaned(outgrown));
});
