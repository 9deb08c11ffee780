import { createClient, type LastcallClient } from '@lastcall/client';
import type { Maintenance, OrderCounts, Receipt } from '@lastcall/shared';
import { expect } from 'chai';
import type { TestClient } from './support/broker.js';
import { useMaintenance } from './support/maintenance.js';
import { LATE_MS } from './support/orders.js';
import { Random } from './support/random.js';
import { waitUntil } from './support/wait.js';

/** Half of 500 have unsaved work: most with the SDK, some by hand, who lose their connection while they save. */
const SDK_DIRTY = 235;
const HAND_DIRTY = 15;
const SILENT = 50;
const CALM = 200;
const ALL = SDK_DIRTY + HAND_DIRTY + SILENT + CALM;
const NEWCOMERS = 100;
const STARTS_IN_MS = 10_000;
const HOLD_MS = 8_000;
const SAVE_LEAD_MS = 3_000;
const AT_ONCE = 50;

describe('a maintenance window with five hundred sessions in one process', function () {
  this.timeout(60_000);
  const bench = useMaintenance();
  const random = new Random();
  const clients: LastcallClient[] = [];
  after(() => {
    for (const client of clients) client.close();
  });

  /** Begins many things, some at once. */
  async function each<T>(count: number, begin: (i: number) => Promise<T>): Promise<readonly T[]> {
    const made: T[] = [];
    for (let from = 0; from < count; from += AT_ONCE) {
      const size = Math.min(AT_ONCE, count - from);
      made.push(...(await Promise.all(Array.from({ length: size }, (_, i) => begin(from + i)))));
    }
    return made;
  }

  const people = (name: string, count: number): Promise<readonly TestClient[]> =>
    each(count, (i) => bench.connect(`${name}-${i}`));

  /** An application with unsaved work that takes its time to be saved. */
  async function application(i: number): Promise<LastcallClient> {
    const token = await bench.api.broker.token(bench.api.tenant, `dirty-${i}`);
    const { url } = bench.api.broker;
    const client = createClient({ url, token, saveLeadMs: SAVE_LEAD_MS, logger: { warn: () => undefined } });
    clients.push(client);
    const saveMs = random.within(50, SAVE_LEAD_MS);
    client.onSave(async () => {
      const savedAt = performance.now() + saveMs;
      await waitUntil(() => performance.now() >= savedAt, 'the work to be saved', 2 * saveMs + LATE_MS);
      client.setDirty(false);
    });
    await client.connect();
    client.setDirty(true);
    return client;
  }

  /** Whatever an administrator sees at an instant adds up. */
  function expectSum(counts: OrderCounts, before: OrderCounts): void {
    const { targeted, saving, saved, ended, verified, unverified } = counts;
    const seen = JSON.stringify(counts);
    expect(targeted, seen).to.be.at.most(ALL);
    expect(saving + ended, `saving and gone of ${seen}`).to.be.at.most(targeted);
    expect(verified + unverified, `decided of ${seen}`).to.be.at.most(ended);
    expect(saved, `saved of ${seen}`).to.be.at.most(ended);
    for (const name of ['targeted', 'delivered', 'seen', 'saved', 'ended', 'verified'] as const) {
      expect(counts[name], `${name} of ${seen}`).to.be.at.least(before[name]);
    }
  }

  async function watch(window: Maintenance): Promise<{ samples: number; most: number; closed: Maintenance }> {
    let before = (await bench.order(window)).counts;
    const seen = { samples: 0, most: 0, closed: window };
    await waitUntil(
      async () => {
        const now = await bench.look();
        const { counts } = await bench.order(window);
        expectSum(counts, before);
        if (now.counts) expectSum(now.counts, before);
        before = counts;
        seen.samples += 1;
        seen.most = Math.max(seen.most, counts.saving);
        seen.closed = now;
        return now.state === 'closed';
      },
      'everybody to be out',
      40_000,
    );
    return seen;
  }

  const savedByHand = (client: TestClient, orderId: string, state: 'saving' | 'saved') =>
    client.does('order:ack', { orderId, state });

  /** Loses the connection while it saves, comes back to the same session although admission is closed, and is done. */
  async function comesBack(client: TestClient, orderId: string, startsAt: number): Promise<void> {
    await savedByHand(client, orderId, 'saving');
    await client.drop();
    await waitUntil(() => Date.now() > startsAt + 300, 'the start', STARTS_IN_MS + LATE_MS);
    const back = await bench.connect('whoever', {
      token: await bench.api.broker.token(bench.api.tenant, client.welcome.user.id),
      auth: { resume: client.resume },
    });
    expect(back.welcome).to.include({ resumed: true, sessionId: client.sessionId });
    await savedByHand(back, orderId, 'saved');
  }

  async function refusals(startsAt: number): Promise<void> {
    for (let from = 0; from < NEWCOMERS; from += NEWCOMERS / 2) {
      const newcomers = await Promise.all(
        Array.from({ length: NEWCOMERS / 2 }, (_, i) => bench.connect(`new-${from + i}`)),
      );
      for (const { error } of newcomers) {
        expect(error).to.include({ code: 'maintenance' });
        expect(error?.retryAfterMs).to.be.greaterThan(0);
      }
      // The second half comes while others save.
      await waitUntil(() => Date.now() > startsAt, 'the start', STARTS_IN_MS + LATE_MS);
    }
  }

  it(`[M4] [M9] [O6] [O7] lets every one save, ends the silent at the cap, keeps newcomers out, and adds up (seed ${random.seed})`, async () => {
    await each(SDK_DIRTY, application);
    const [byHand, silent] = [await people('hand', HAND_DIRTY), await people('silent', SILENT)];
    await people('calm', CALM);
    for (const client of byHand) await client.heartbeat({ dirty: true });

    const window = await bench.plan({ startsInMs: STARTS_IN_MS, holdMs: HOLD_MS });
    const { orderId = '', startsAt } = window;
    const watched = watch(window);
    const newcomers = refusals(startsAt);
    await waitUntil(() => Date.now() > startsAt - 1_500, 'the last moments', STARTS_IN_MS + LATE_MS);
    const back = Promise.all(byHand.map((client) => comesBack(client, orderId, startsAt)));
    await Promise.all(silent.map((client) => savedByHand(client, orderId, 'saving')));
    await Promise.all([back, newcomers]);
    const { samples, most, closed } = await watched;

    expect(closed.counts).to.deep.include({
      targeted: ALL,
      delivered: ALL,
      saving: 0,
      saved: SDK_DIRTY + HAND_DIRTY,
      ended: ALL,
      verified: ALL,
      unverified: 0,
    });
    const page = await bench.api.broker.core.orders.receipts(bench.api.tenant, orderId, { limit: 1_000 });
    const outcomes = (name: string): ReadonlySet<Receipt['outcome']> =>
      new Set(page.items.filter(({ user }) => user.id.startsWith(name)).map(({ outcome }) => outcome));
    expect(outcomes('dirty'), 'who saves').to.deep.equal(new Set(['clean']));
    expect(outcomes('hand'), 'who comes back').to.deep.equal(new Set(['clean']));
    expect(outcomes('silent'), 'who never answers').to.deep.equal(new Set(['forced']));
    expect(outcomes('calm'), 'who has nothing to save').to.deep.equal(new Set(['forced']));
    const records = await bench.records();
    const holds = records.filter(
      ({ type, details }) => type === 'order.acked' && details?.['state'] === 'saving',
    );
    expect(holds, 'holds').to.have.length(SDK_DIRTY + HAND_DIRTY + SILENT);
    const ends = records.filter(({ type }) => type === 'session.ended').map(({ at }) => at - startsAt);
    const last = Math.max(...ends);
    process.stdout.write(
      `      the last one out ${last - HOLD_MS} ms after the cap, up to ${most} saving, ${samples} looks\n`,
    );
    expect(last).to.be.within(HOLD_MS - 1_500, HOLD_MS + 1_000);
    expect(await bench.api.broker.core.sessions.count(bench.api.tenant)).to.equal(0);
  });
});
