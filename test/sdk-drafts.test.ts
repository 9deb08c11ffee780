import type { LastcallClient } from '@lastcall/client';
import { type DraftOptions, type Drafts, keepDrafts } from '@lastcall/client/drafts';
import { expect } from 'chai';
import { lockOn, until } from './support/fake-broker.js';
import { RESOURCE, SdkBench, settled } from './support/sdk.js';

const DAY_MS = 86_400_000;

describe('[K16] SDK: drafts', () => {
  let bench: SdkBench;
  let client: LastcallClient;
  let drafts: Drafts;
  let now: number;
  const all: Drafts[] = [];

  const editor = { text: 'typed', dirty: true };
  const parts = { resource: RESOURCE, isDirty: () => editor.dirty, read: () => editor.text };

  beforeEach(async () => {
    bench = await SdkBench.start();
    client = await bench.connected();
    now = DAY_MS;
    Object.assign(editor, { text: 'typed', dirty: true });
    drafts = keep();
  });
  afterEach(async () => {
    for (const one of all.splice(0)) one.close();
    await bench.stop();
  });

  function keep(options: DraftOptions = {}): Drafts {
    const kept = keepDrafts(client, { logger: bench.logger, now: () => now, ...options });
    all.push(kept);
    return kept;
  }

  const loggedOff = async (): Promise<void> => {
    bench.broker.push('logoff', { reason: 'admin', message: 'Good night.', by: { kind: 'system' } });
    await until(() => client.getSnapshot().locks.length === 0);
    await settled();
    bench.clock.advance(5_000);
    await until(() => client.getSnapshot().status === 'ended');
  };
  const texts = async () => (await drafts.offered()).map(({ text }) => text);

  it('offers nothing while nobody is signed in, and nothing of anybody else', async () => {
    drafts.add(parts);
    await loggedOff();
    expect(await texts()).to.deep.equal([]);
    bench.broker.welcome = { user: { id: 'bob', name: 'Bob', roles: ['user'] } };
    await client.connect();
    expect(await texts()).to.deep.equal([]);
    await loggedOff();
    bench.broker.welcome = {};
    await client.connect();
    expect(await texts()).to.deep.equal(['typed']);
  });

  it('tells of them at a sign-in, and of none when there are none', async () => {
    const offers: string[] = [];
    keep({ onOffer: () => offers.push('none of its own') });
    drafts.close();
    drafts = keep({ onOffer: (found) => offers.push(...found.map(({ text }) => text)) });
    drafts.add(parts);
    await loggedOff();
    await client.connect();
    await until(() => offers.length > 0);
    expect(offers).to.deep.equal(['typed']);
  });

  it('goes on to offer a draft whose editor is still open, until it is saved after all', async () => {
    drafts.add({
      ...parts,
      save: () => {
        editor.dirty = false;
      },
    });
    await bench.held(client);
    await loggedOff();
    await client.connect();
    expect(await texts()).to.deep.equal(['typed']);
    await bench.held(client);
    await client.saveNow();
    expect(await texts()).to.deep.equal([]);
  });

  it('forgets what has expired, what is dropped and what is forgotten', async () => {
    for (const text of ['one', 'two', 'three']) {
      Object.assign(editor, { text });
      drafts.add(parts)();
      now += DAY_MS;
    }
    expect(await texts()).to.deep.equal(['one', 'two', 'three']);
    now += 5 * DAY_MS;
    expect(await texts()).to.deep.equal(['two', 'three']);
    const [two] = await drafts.offered();
    await drafts.drop(two?.id ?? '');
    expect(await texts()).to.deep.equal(['three']);
    drafts.add(parts);
    await drafts.forget();
    await loggedOff();
    await client.connect();
    expect(await texts()).to.deep.equal([]);
  });

  it('keeps what is unsaved in an editor that is closed, unless it is discarded', async () => {
    drafts.add(parts)();
    expect(await texts()).to.deep.equal(['typed']);
    Object.assign(editor, { text: 'discarded' });
    drafts.add(parts)({ discard: true });
    Object.assign(editor, { dirty: false });
    drafts.add(parts)();
    expect(await texts()).to.deep.equal(['typed']);
  });

  it('keeps at most 256 of a person, the latest', async () => {
    for (let count = 1; count <= 260; count += 1) {
      Object.assign(editor, { text: `text ${count}` });
      drafts.add(parts)();
    }
    const kept = await texts();
    expect(kept).to.have.length(256);
    expect(kept.at(-1)).to.equal('text 260');
  });

  it('saves nothing under a lock that is gone, and says where the work is', async () => {
    let saves = 0;
    drafts.add({ ...parts, save: () => void (saves += 1) });
    await bench.held(client);
    bench.broker.push('lock:lost', { resource: RESOURCE, fence: 7, reason: 'admin' });
    await until(() => client.getSnapshot().lost.length === 1);
    const result = await client.saveNow();
    expect(result.failures).to.deep.equal(['The work is kept as a draft on this device.']);
    expect(saves).to.equal(0);
    bench.broker.answer('lock:acquire', ({ resource }) => ({ state: 'granted', lock: lockOn(resource, 9) }));
    await client.lock(RESOURCE);
    expect((await client.saveNow()).saved).to.equal(true);
    expect(saves).to.equal(1);
  });

  it('[K6] survives an editor and a listener that throw', async () => {
    const throws = (): never => {
      throw new Error('no');
    };
    drafts.add({ ...parts, isDirty: throws, read: throws });
    keep({ onOffer: throws }).add(parts)();
    drafts.add(parts);
    await loggedOff();
    await client.connect();
    expect(await texts()).to.deep.equal(['typed']);
    expect(bench.warnings).to.include('read threw');
  });

  it('[K4] runs the handlers before it signs out, and signs out all the same when they hang', async () => {
    const ran: string[] = [];
    client.onSave(({ cause }) => void ran.push(cause));
    await client.end();
    expect(ran).to.deep.equal(['asked']);
    expect(bench.broker.said('session:end')).to.have.length(1);
    await client.connect();
    client.onSave(() => new Promise(() => undefined));
    const ended = client.end();
    await settled();
    expect(bench.broker.said('session:end')).to.have.length(1);
    bench.clock.advance(5_000);
    await ended;
    expect(bench.broker.said('session:end')).to.have.length(2);
  });
});
