import type { AuditRecord, Maintenance, MaintenanceRequest, Page } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestClient } from './support/broker.js';
import { ApiClient } from './support/http.js';
import { LATE_MS } from './support/orders.js';
import { BrokerProcess } from './support/process.js';
import { Random } from './support/random.js';
import { type OwnStore, ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

/** Windows that are somewhere between their announcement and their end when the brokers are killed. */
const NEAR = 6;

/** One tenant and its window, seen through two brokers. */
class Site {
  readonly tenant = freshTenant();
  readonly #brokers: readonly BrokerProcess[];
  readonly clients: TestClient[] = [];
  window!: Maintenance;

  constructor(brokers: readonly BrokerProcess[]) {
    this.#brokers = brokers;
  }

  async connect(sub: string, resume?: TestClient): Promise<TestClient> {
    const broker = this.#brokers[this.clients.length % this.#brokers.length] as BrokerProcess;
    const token = await broker.token(this.tenant, sub);
    const client = new TestClient(broker.url, { token, ...(resume ? { resume: resume.resume } : {}) });
    this.clients.push(client);
    await client.opened();
    return client;
  }

  async admin(): Promise<ApiClient> {
    const [broker] = this.#brokers as [BrokerProcess];
    return new ApiClient(broker.url, await broker.token(this.tenant, 'root', ['admin']));
  }

  async plan(more: Partial<MaintenanceRequest>): Promise<void> {
    const sent = {
      params: { tenant: this.tenant },
      body: { message: 'Nightly update.', holdMs: 0, ...more },
    };
    this.window = await (await this.admin()).does<Maintenance>('maintenance.set', sent);
  }

  async until(state: Maintenance['state'] | 'lifted'): Promise<void> {
    const admin = await this.admin();
    const params = { tenant: this.tenant };
    await waitUntil(
      async () => {
        const { status, body } = await admin.call<Maintenance>('maintenance.get', { params });
        return state === 'lifted' ? status === 404 : body.state === state;
      },
      `the window to be ${state}`,
      20_000,
    );
  }

  async records(type: AuditRecord['type']): Promise<readonly AuditRecord[]> {
    const sent = { params: { tenant: this.tenant }, query: { type, limit: 100 } };
    return (await (await this.admin()).does<Page<AuditRecord>>('audit.list', sent)).items.toReversed();
  }

  async states(): Promise<readonly unknown[]> {
    return (await this.records('maintenance.changed')).map(({ details }) => details?.['state']);
  }

  /** Everybody was ended once, by the window, not before its start and at once when there was a broker again. */
  async expectOut(): Promise<void> {
    await this.until('closed');
    const ends = await this.records('session.ended');
    expect(ends, 'each once').to.have.length(this.clients.length);
    expect(new Set(ends.map(({ sessionId }) => sessionId))).to.deep.equal(
      new Set(this.clients.map(({ sessionId }) => sessionId)),
    );
    const gaps = (await this.records('session.state')).flatMap(({ details }) =>
      details?.['gap'] ? [(details['gap'] as { to: number }).to] : [],
    );
    const latest = Math.max(this.window.startsAt, ...gaps) + LATE_MS;
    for (const { at, reason } of ends) {
      expect(reason).to.equal('maintenance');
      expect(at).to.be.within(this.window.startsAt, latest);
    }
    expect(await this.records('order.done')).to.have.length(1);
    expect(await this.states()).to.deep.equal(['scheduled', 'announcing', 'closing', 'closed']);
  }
}

const passed = (at: number) => waitUntil(() => Date.now() > at, 'the instant', 20_000);

describe('maintenance windows of brokers that are all killed', function () {
  this.timeout(60_000);
  const random = new Random();
  let store: OwnStore;
  let brokers: readonly BrokerProcess[] = [];
  let announced: Site;
  let scheduled: Site;
  let over: Site;
  let near: readonly Site[] = [];

  before(async () => {
    store = await ownStore();
    const start = () => BrokerProcess.start({ redisUrl: store.url });
    brokers = await Promise.all([start(), start()]);
    [announced, scheduled, over] = [new Site(brokers), new Site(brokers), new Site(brokers)];
    near = Array.from({ length: NEAR }, () => new Site(brokers));
    for (const site of [announced, scheduled, over, ...near]) {
      await Promise.all([site.connect('ada'), site.connect('bob')]);
    }
    await announced.plan({ startsInMs: 5_000, ladderMs: [4_000] });
    await scheduled.plan({ startsInMs: 6_000, ladderMs: [1_000], admissionStopsMs: 0 });
    await over.plan({ startsInMs: 5_000, untilAt: Date.now() + 6_500 });
    await Promise.all(near.map((site, i) => site.plan({ startsInMs: 100 + 250 * i, holdMs: 200 })));
    await passed(Date.now() + random.within(0, 1_500));
    expect(scheduled.window.state).to.equal('scheduled');
    await Promise.all(brokers.map((broker) => broker.kill()));
    await passed((over.window.untilAt ?? 0) + 200);
    await Promise.all(brokers.map((broker) => broker.start()));
  });
  after(async () => {
    for (const site of [announced, scheduled, over, ...near]) {
      for (const { socket } of site?.clients ?? []) socket.disconnect();
    }
    await Promise.all(brokers.map((broker) => broker.remove()));
    await store?.stop();
  });

  it('[M8] whose end has passed are lifted, and nobody is logged off', async () => {
    await over.until('lifted');
    for (const client of over.clients.slice()) {
      const back = await over.connect(client.welcome.user.id, client);
      expect(back.welcome).to.deep.include({ resumed: true, orders: [] });
    }
    expect(await over.records('session.ended')).to.deep.equal([]);
    expect(await over.states()).to.deep.equal(['scheduled', 'announcing', 'lifted']);
  });

  it('[M8] [P3] [P5] announced before are carried out at once, and once', async () => {
    await announced.expectOut();
    const [one] = announced.clients as [TestClient];
    const { error } = await announced.connect(one.welcome.user.id, one);
    expect(error?.ended, JSON.stringify(error)).to.include({ reason: 'maintenance' });
    expect((await announced.connect('eve')).error?.code).to.equal('maintenance');
  });

  it('[M8] [P3] scheduled before are announced and carried out in one', () => scheduled.expectOut());

  it(`[M8] [P5] are closed once, wherever the kill met them (seed ${random.seed})`, async () => {
    for (const site of near) await site.expectOut();
  });
});
