import type { OrderExcept, OrderTarget } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator } from './support/broker.js';
import { LONG_MS, sessionsOf, useOrders } from './support/orders.js';

const MORE_THAN_A_STEP = 120;

describe('orders: whom they hit', () => {
  const bench = useOrders();

  /** Four people of different kinds; `idle` had no input for an hour. */
  async function people() {
    const kinds = [
      { id: 'ada', roles: ['user'], app: 'books' },
      { id: 'grace', roles: ['user', 'clerk'], app: 'payroll' },
      { id: 'linus', roles: ['clerk', 'auditor'] },
      { id: 'idle', roles: ['user'], app: 'books' },
    ];
    const opened = await bench.open(kinds.length, (i) => kinds[i] ?? { id: '?' });
    const ids = new Map(opened.map(({ attachment }) => [attachment.identity.user.id, attachment.sessionId]));
    await rest(ids.get('idle') ?? '', 3_600_000);
    return ids;
  }

  /** Moves a session's last input into the past. */
  async function rest(sessionId: string, ms: number): Promise<void> {
    const key = bench.key(`lease:${sessionId}`);
    const parts = String(await bench.redis.get(key)).split('|');
    parts[3] = String(Number(parts[3]) - ms);
    await bench.redis.set(key, parts.join('|'), { expiration: 'KEEPTTL' });
  }

  type Ids = ReadonlyMap<string, string>;
  const targets: readonly [what: string, target: (ids: Ids) => OrderTarget, hit: readonly string[]][] = [
    ['everybody', () => ({ all: true }), ['ada', 'grace', 'idle', 'linus']],
    ['sessions', (ids) => ({ sessions: [ids.get('ada') ?? ''] }), ['ada']],
    ['users', () => ({ users: ['grace', 'nobody'] }), ['grace']],
    ['roles', () => ({ roles: ['clerk'] }), ['grace', 'linus']],
    ['apps', () => ({ apps: ['books'] }), ['ada', 'idle']],
    ['idle time', () => ({ minIdleMs: 3_000_000 }), ['idle']],
    ['idle time nobody has', () => ({ minIdleMs: 4_000_000 }), []],
    [
      'any of several',
      (ids) => ({ sessions: [ids.get('ada') ?? ''], roles: ['auditor'], minIdleMs: 3_000_000 }),
      ['ada', 'idle', 'linus'],
    ],
    ['names that repeat', (ids) => ({ sessions: [ids.get('ada') ?? ''], users: ['ada', 'ada'] }), ['ada']],
    [
      'names of nobody',
      () => ({ sessions: ['01970000-0000-7000-8000-000000000001'], users: ['nobody'] }),
      [],
    ],
  ];
  for (const [what, target, hit] of targets) {
    it(`[O1] hits ${what}`, async () => {
      const ids = await people();
      expect(await bench.hit(await bench.logoff(target(ids)))).to.deep.equal(hit);
    });
  }

  const exceptions: readonly [what: string, except: (ids: Ids) => OrderExcept, hit: readonly string[]][] = [
    ['sessions', (ids) => ({ sessions: [ids.get('ada') ?? ''] }), ['grace', 'idle', 'linus']],
    ['users', () => ({ users: ['grace'] }), ['ada', 'idle', 'linus']],
    ['roles', () => ({ roles: ['user'] }), ['linus']],
    ['apps', () => ({ apps: ['books', 'payroll'] }), ['linus']],
    ['idle time', () => ({ minIdleMs: 3_000_000 }), ['ada', 'grace', 'linus']],
    ['any of several', () => ({ users: ['ada'], roles: ['auditor'] }), ['grace', 'idle']],
  ];
  for (const [what, except, hit] of exceptions) {
    it(`[O1] spares ${what} that are excepted, though the target names them`, async () => {
      const ids = await people();
      const order = await bench.logoff({ all: true }, { except: except(ids) });
      expect(await bench.hit(order)).to.deep.equal(hit);
    });
  }

  it('[O1] spares the sessions of its giver unless told otherwise', async () => {
    await bench.open(3, (i) => ({ id: i === 0 ? 'ada' : 'root' }));
    expect(await bench.hit(await bench.warn({ all: true }))).to.deep.equal(['ada']);
    expect(await bench.hit(await bench.warn({ users: ['root'] }))).to.deep.equal([]);
    const all = await bench.warn({ all: true }, { includeSelf: true });
    expect(await bench.hit(all)).to.deep.equal(['ada', 'root', 'root']);
  });

  it('[O1] [I3] does not spare somebody of this tenant who is called like an operator of another one', async () => {
    await bench.open(1, () => ({ id: 'root' }));
    const operator = {
      ...administrator('elsewhere'),
      user: { id: 'root', name: 'Root', roles: ['operator'] },
    };
    const request = { action: 'warn', target: { all: true }, message: 'Hello', reason: 'admin' } as const;
    expect((await bench.orders.preview(operator, bench.tenant, request)).total).to.equal(1);
    const order = await bench.orders.create(operator, bench.tenant, request);
    expect(await bench.hit(order)).to.deep.equal(['root']);
  });

  it('[O1] [O11] hits everybody when there are more than one step looks at', async () => {
    await bench.open(MORE_THAN_A_STEP);
    const order = await bench.until(await bench.logoff({ all: true }), 'pending');
    expect(order.counts.targeted).to.equal(MORE_THAN_A_STEP);
  });

  it('[O1] [O11] hits every session of every user that is named', async () => {
    const users = Array.from({ length: MORE_THAN_A_STEP }, (_, i) => `user-${i}`);
    await bench.open(MORE_THAN_A_STEP);
    // One person has more sessions than a step looks at.
    await bench.open(MORE_THAN_A_STEP, () => ({ id: 'user-1' }));
    const order = await bench.until(await bench.logoff({ users }), 'pending');
    expect(order.counts.targeted).to.equal(2 * MORE_THAN_A_STEP);
  });

  it('[O1] a receipt and a warning name who, why, until when and by whom', async () => {
    const ada = await bench.connect('ada');
    const order = await bench.logoff(sessionsOf(ada), {
      message: 'Maintenance tonight.',
      reason: 'maintenance',
      extend: { maxCount: 1, maxTotalMs: 1_000 },
      holdMs: 5_000,
    });
    const { deadlineMs, version, ...warning } = await ada.saw('warning');
    expect(warning).to.deep.equal({
      orderId: order.id,
      action: 'logoff',
      reason: 'maintenance',
      message: 'Maintenance tonight.',
      by: { kind: 'admin', id: 'root', name: 'Root' },
      extendable: true,
      holdable: true,
    });
    expect(version).to.be.at.least(1);
    expect(deadlineMs).to.be.within(LONG_MS - 10_000, LONG_MS + 50);
    expect((await bench.receipt(order, ada)).user).to.deep.equal({ id: 'ada', name: 'ada by name' });
    expect(order).to.include({ action: 'logoff', graceMs: LONG_MS, holdMs: 5_000, includeSelf: false });
    expect(order.deadlineAt - order.createdAt).to.equal(LONG_MS);
  });

  it('[O1] takes what the request leaves open from the settings', async () => {
    await bench.broker.policy(bench.tenant, { graceMs: 41_000, holdMs: 7_000 });
    const request = {
      action: 'logoff',
      target: { all: true },
      message: 'Hello',
      reason: 'maintenance',
    } as const;
    const order = await bench.orders.create(bench.admin, bench.tenant, request);
    expect(order).to.include({ graceMs: 41_000, holdMs: 7_000, reason: 'maintenance' });
    expect(order).not.to.have.any.keys('extend', 'reentry', 'except');
  });

  it('[O2] a rehearsal tells who would be hit, and does nothing', async () => {
    await bench.open(MORE_THAN_A_STEP);
    const ada = await bench.connect('ada');
    const before = (await bench.records('order.created')).length;
    const request = {
      action: 'logoff',
      message: 'Hello',
      reason: 'admin',
      graceMs: 0,
      dryRun: true,
    } as const;
    const preview = (target: OrderTarget, more: object = {}) =>
      bench.orders.preview(bench.admin, bench.tenant, { ...request, target, ...more });
    const all = await preview({ all: true });
    expect(all).to.include({ dryRun: true, total: MORE_THAN_A_STEP + 1 });
    expect(all.items, 'the first hundred one by one').to.have.length(100);
    const one = await preview({ users: ['ada'], sessions: [ada.sessionId] });
    expect(one.items.map(({ id, state }) => [id, state])).to.deep.equal([[ada.sessionId, 'active']]);
    expect((await preview({ all: true }, { except: { users: ['ada'] } })).total).to.equal(MORE_THAN_A_STEP);
    expect((await preview({ roles: ['nobody'] })).total).to.equal(0);
    expect(await bench.records('order.created')).to.have.length(before);
    expect((await bench.orders.list(bench.tenant, {}, { limit: 10 })).items).to.deep.equal([]);
    await ada.heartbeat();
    expect(ada.all('warning')).to.deep.equal([]);
  });

  const later: readonly [what: string, target: OrderTarget, isHit: boolean][] = [
    ['everybody', { all: true }, true],
    ['users', { users: ['late'] }, true],
    ['roles', { roles: ['clerk'] }, true],
    ['apps', { apps: ['books'] }, true],
    ['users and idle time', { users: ['late'], minIdleMs: 1 }, true],
    ['other users', { users: ['ada'] }, false],
    ['sessions', { sessions: ['01970000-0000-7000-8000-000000000001'] }, false],
    ['idle time', { minIdleMs: 1 }, false],
  ];
  for (const [what, target, isHit] of later) {
    it(`[O4] an order for ${what} ${isHit ? 'hits' : 'does not hit'} a session opened later`, async () => {
      // Somebody it hits now, so that it stays open.
      const [first] = await bench.open(1, () => ({ id: 'ada', roles: ['clerk'], app: 'books' }));
      await rest(first?.attachment.sessionId ?? '', 60_000);
      const sessions = target.sessions && [first?.attachment.sessionId ?? ''];
      const users = target.users && [...target.users, 'ada'];
      const order = await bench.logoff({ ...target, ...(sessions && { sessions }), ...(users && { users }) });
      expect(order.counts.targeted).to.equal(1);
      const late = await bench.connect('late', {
        roles: ['user', 'clerk'],
        auth: { app: { name: 'books' } },
      });
      const told = late.welcome.orders.map(({ orderId }) => orderId);
      expect(told).to.deep.equal(isHit ? [order.id] : []);
      expect((await bench.get(order)).counts.targeted).to.equal(isHit ? 2 : 1);
      expect((await bench.session(late)).state).to.equal(isHit ? 'warned' : 'active');
    });
  }

  it('[O4] spares later sessions of who is excepted and of its giver', async () => {
    await bench.open(1);
    const order = await bench.logoff({ all: true }, { except: { users: ['spared'] } });
    await bench.open(3, (i) => ({ id: ['spared', 'root', 'late'][i] ?? '' }));
    expect(await bench.hit(order)).to.deep.equal(['late', 'user-0']);
  });

  it('[O4] hits nobody any more when it is cancelled, over, or was for nobody', async () => {
    await bench.open(1);
    const cancelled = await bench.logoff({ all: true });
    await bench.cancel(cancelled);
    const nobody = await bench.logoff({ roles: ['nobody'] });
    const over = await bench.warn({ all: true }, { graceMs: 0 });
    await bench.until(over, 'done');
    const late = await bench.connect('late', { roles: ['nobody'] });
    expect(late.welcome.orders).to.deep.equal([]);
    for (const order of [cancelled, over]) expect(await bench.hit(order)).to.deep.equal(['user-0']);
    expect(await bench.hit(nobody)).to.deep.equal([]);
  });
});
