import type { Order, Receipt, Session } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestClient } from './support/broker.js';
import { lastcall } from './support/cli-process.js';
import { BrokerProcess, ClientProcess } from './support/process.js';
import { waitUntil } from './support/wait.js';

const GRACE_MS = 5_000;

interface Proof {
  readonly order: Order;
  readonly receipts: readonly Receipt[];
}

describe('the four steps, by the command line, with applications in processes of their own', function () {
  this.timeout(60_000);
  const tenant = freshTenant();
  let broker: BrokerProcess;
  let admin: string;
  const started: ClientProcess[] = [];

  async function asked<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await lastcall(broker, admin, ...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout) as T;
  }

  async function work(sub: string, more: { saveMs?: number } = {}): Promise<ClientProcess> {
    const client = await ClientProcess.start({
      url: broker.url,
      token: await broker.token(tenant, sub),
      ...more,
    });
    started.push(client);
    return client;
  }

  before(async () => {
    broker = await BrokerProcess.start();
    admin = await broker.token(tenant, 'root', ['admin']);
  });

  after(async () => {
    await Promise.all(started.map((client) => client.kill()));
    await broker?.remove();
  });

  it('[O5] [O7] [O9] [O12] [C2] [K4] list, warn, log off, verify', async () => {
    // The last handlers of a client have this long; the frozen one is waited for as long.
    await asked('policy', 'set', 'flushMs=1500');
    const [saves, ignores, frozen] = await Promise.all([
      work('saves', { saveMs: 300 }),
      work('ignores'),
      work('frozen'),
    ]);
    await saves.does({ verb: 'dirty', dirty: true });
    await frozen.does({ verb: 'lock', resource: 'invoices/7' });

    // 1. Who is working, on what, with unsaved work?
    const find = (sessions: readonly Session[], sub: string) => sessions.find(({ user }) => user.id === sub);
    let sessions: readonly Session[] = [];
    await waitUntil(async () => {
      sessions = (await asked<{ items: Session[] }>('sessions')).items;
      return find(sessions, 'saves')?.dirty === true;
    }, 'the unsaved work to be listed');
    expect(sessions.map(({ user }) => user.id).toSorted()).to.deep.equal(['frozen', 'ignores', 'saves']);
    expect(find(sessions, 'frozen')).to.include({ state: 'active', locks: 1 });

    // 2. Ask them.
    const said = 'Please save. The books close at 18:00.';
    const warning = await asked<Order>('warn', '--all', '-m', said, '--grace', '10m', '--yes');
    expect(warning.counts.targeted).to.equal(3);
    for (const client of [saves, ignores, frozen]) {
      await waitUntil(() => client.view.warnings.some(({ message }) => message === said), 'the warning');
    }

    // 3. Log them off; one of them does not answer any more.
    frozen.pause();
    const logoff = ['logoff', '--all', '--grace', '5s', '--deny', '1m', '-m', 'Closing time.', '--yes'];
    const gone = await asked<Proof>(...logoff, '--wait');
    const { order } = gone;
    expect(order.deadlineAt - order.createdAt).to.equal(GRACE_MS);
    expect(order).to.include({ state: 'done' });
    expect(order.counts).to.include({ targeted: 3, ended: 3, verified: 3, unverified: 0 });

    // 4. Prove it.
    const { receipts } = await asked<Proof>('verify', order.id);
    expect(receipts).to.deep.equal(gone.receipts);
    const outcomes = Object.fromEntries(receipts.map(({ user, outcome }) => [user.id, outcome]));
    expect(outcomes).to.deep.equal({ saves: 'clean', ignores: 'forced', frozen: 'fenced' });
    for (const { checks, verified, endedAt = 0, savedAt } of receipts) {
      expect(verified).to.equal(true);
      expect(Object.values(checks ?? {}).map(({ ok }) => ok)).to.deep.equal([true, true, true, true]);
      if (savedAt === undefined) expect(endedAt).to.be.at.least(order.deadlineAt);
      else expect(endedAt, 'who has saved is let go at once').to.be.below(order.deadlineAt);
    }
    expect((await asked<{ items: Session[] }>('sessions')).items).to.deep.equal([]);

    // The frozen one wakes up, comes back, is refused, and learns why, like the others; its lock is lost.
    frozen.resume();
    for (const client of [saves, ignores, frozen]) {
      await waitUntil(() => client.view.status === 'ended', 'the client to know', 20_000);
      expect(client.view.ended).to.include({ reason: 'admin', message: 'Closing time.', orderId: order.id });
      expect(client.view.ended?.by).to.include({ kind: 'admin', id: 'root' });
    }
    expect(frozen.view.locks.filter(({ state }) => state === 'held')).to.deep.equal([]);
    for (const sub of ['saves', 'ignores', 'frozen']) {
      const again = new TestClient(broker.url, { token: await broker.token(tenant, sub) });
      await again.opened();
      expect(again.error?.code, `${sub} in again`).to.equal('blocked');
    }
  });

  it('[C1] [C2] says in one line what is wrong, and exits with it', async () => {
    const [unknown, unconfirmed, nobody] = await Promise.all([
      lastcall(broker, admin, 'verify', '01970000-0000-7000-8000-000000000001'),
      lastcall(broker, admin, 'logoff', '--all', '--wait'),
      lastcall(broker, admin, 'logoff', '--user', 'nobody', '--wait'),
    ]);
    expect(unknown.code).to.equal(1);
    expect(unknown.stderr.trim().split('\n')).to.have.length(1);
    expect(unconfirmed.code).to.equal(2);
    expect(unconfirmed.stderr).to.include('--yes');
    expect(nobody.code, nobody.stderr).to.equal(0);
  });
});
