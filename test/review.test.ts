import type { AuditRecord, LockEntry, Page, Policy, Review } from '@lastcall/shared';
import { DEFAULT_POLICY, MAX_REVIEW_ROWS, POLICY_PRESETS, REVIEW_SPAN_MS } from '@lastcall/shared';
import { expect } from 'chai';
import { locked, logoff, useApi } from './support/api.js';
import { type Observer, observer, testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

describe('the periodic review', () => {
  const api = useApi();
  let redis: Observer;
  before(async () => {
    redis = await observer((await testStore()).url);
  });
  after(() => redis?.destroy());

  const review = (query: { since?: number } = {}): Promise<Review> =>
    api.admin.does<Review>('review.get', api.here({ query }));
  const key = (name: string): string => `lc:{${api.tenant}}:${name}`;
  const byName = (id: string) => ({ id, name: `${id} by name` });

  /** Moves the last input of a session into the past. */
  async function rest(sessionId: string, ms: number): Promise<void> {
    const lease = key(`lease:${sessionId}`);
    const parts = String(await redis.get(lease)).split('|');
    parts[3] = String(Number(parts[3]) - ms);
    await redis.set(lease, parts.join('|'), { expiration: 'KEEPTTL' });
  }

  async function setPolicy(settings: object): Promise<void> {
    const { version } = await api.admin.does<Policy>('policy.get', api.here());
    const headers = { 'If-Match': `"${version}"` };
    await api.admin.does<Policy>('policy.set', api.here({ body: settings, headers }));
  }

  /** Logs a person off; with `saves` the client says that the work is saved before. */
  async function sendOff(user: string, saves = false): Promise<void> {
    const client = await api.broker.connect(api.tenant, user);
    const body = logoff({ target: { sessions: [client.sessionId] }, graceMs: saves ? 60_000 : 0 });
    const { id } = await api.admin.does<{ id: string }>('orders.create', api.here({ body }));
    if (saves) {
      await client.saw('warning');
      await client.does('order:ack', { orderId: id, state: 'saved' });
    }
    await api.done(id);
  }

  it('[A17] of nothing is empty and complete', async () => {
    const { at, since, ...empty } = await review();
    expect(at - since).to.equal(REVIEW_SPAN_MS);
    expect(empty).to.deep.equal({
      from: since,
      complete: true,
      sessions: { total: 0, looked: 0 },
      locks: { total: 0, looked: 0 },
      staleUsers: [],
      longestLocks: [],
      mostForced: [],
      withoutLogoff: [],
      policy: { version: 0, preset: 'standard', changes: [] },
    });
  });

  it('[A17] names who is signed in without input, by the latest in any of their sessions', async () => {
    const old = await api.broker.connect(api.tenant, 'ada', { answersBeats: false });
    const other = await api.broker.connect(api.tenant, 'ada', { answersBeats: false });
    const grace = await api.broker.connect(api.tenant, 'grace', { answersBeats: false });
    const half = await api.broker.connect(api.tenant, 'half', { answersBeats: false });
    await api.broker.connect(api.tenant, 'half');
    await rest(old.sessionId, 9_000_000);
    await rest(other.sessionId, 1_200_000);
    await rest(grace.sessionId, 1_300_000);
    await rest(half.sessionId, 1_300_000);
    const { staleUsers, sessions, complete } = await review();
    expect(staleUsers.map(({ user, sessions: count }) => [user, count])).to.deep.equal([
      [byName('grace'), 1],
      [byName('ada'), 2],
    ]);
    expect({ sessions, complete }).to.deep.equal({ sessions: { total: 5, looked: 5 }, complete: true });
  });

  it('[A17] names the longest locks first, and no more than twenty', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const grants: number[] = [];
    for (let i = 0; i < MAX_REVIEW_ROWS + 2; i += 1) {
      await locked(ada, `z/${100 - i}`);
      const { items } = await api.admin.does<Page<LockEntry>>(
        'locks.list',
        api.here({ query: { prefix: `z/${100 - i}` } }),
      );
      grants.push(items[0]?.holders[0]?.grantedAt ?? 0);
    }
    const { longestLocks, locks } = await review();
    expect(longestLocks.map(({ grantedAt }) => grantedAt)).to.deep.equal(grants.slice(0, MAX_REVIEW_ROWS));
    expect(locks).to.deep.equal({ total: MAX_REVIEW_ROWS + 2, looked: MAX_REVIEW_ROWS + 2 });
  });

  it('[A17] counts who was forced off, not who had saved, and who went without signing out', async () => {
    await sendOff('ada');
    await sendOff('ada');
    await sendOff('grace');
    await sendOff('saver', true);
    const lost = await api.broker.connect(api.tenant, 'lost');
    await redis.del(key(`lease:${lost.sessionId}`));
    await redis.zAdd(key('due'), { score: 1, value: `s:${lost.sessionId}` });
    await lost.saw('logoff');
    const leaver = await api.broker.connect(api.tenant, 'leaver');
    await leaver.does('session:end', {});
    const { mostForced, withoutLogoff } = await review();
    expect(mostForced.map(({ lastAt: _at, ...count }) => count)).to.deep.equal([
      { user: byName('ada'), times: 2, reasons: { admin: 2 } },
      { user: byName('grace'), times: 1, reasons: { admin: 1 } },
    ]);
    expect(withoutLogoff.map(({ lastAt: _at, ...count }) => count)).to.deep.equal([
      { user: byName('lost'), times: 1, reasons: { unresponsive: 1 } },
    ]);
  });

  it('[A17] [A16] tells the changes of settings since, and which preset they are', async () => {
    await setPolicy(POLICY_PRESETS.strict.settings);
    const first = await review();
    expect(first.policy).to.include({ version: 1, preset: 'strict' });
    await setPolicy({ ...DEFAULT_POLICY, graceMs: 90_000 });
    const second = await review();
    expect(second.policy).to.include({ version: 2 }).and.not.to.have.property('preset');
    expect(second.policy.changes.map(({ details }) => details?.['version'])).to.deep.equal([2, 1]);
    const changed = second.policy.changes[0]?.details?.['changed'] as Record<string, unknown>;
    expect(changed['graceMs']).to.deep.equal({ before: 30_000, after: 90_000 });
    const since = (second.policy.changes[0]?.at ?? 0) + 1;
    await waitUntil(() => api.broker.core.clock.now() > since, 'the instant to be over');
    expect((await review({ since })).policy.changes).to.deep.equal([]);
  });

  it('[A17] says from when on when the trail is not kept for so long', async () => {
    for (let i = 0; i < 3; i += 1) await setPolicy({ ...DEFAULT_POLICY, graceMs: i });
    await redis.xTrim(key('log'), 'MAXLEN', 1);
    const { complete, from, since, policy } = await review();
    expect(policy.changes.map(({ details }) => details?.['version'])).to.deep.equal([3]);
    expect(complete).to.equal(false);
    expect(from).to.equal(policy.changes[0]?.at).and.to.be.greaterThan(since);
  });

  it('[A17] [A3] is recorded like a reading of the trail, and takes an instant of the past alone', async () => {
    const { since } = await review();
    const query = { type: 'audit.read' };
    const [read] = (await api.admin.does<Page<AuditRecord>>('audit.list', api.here({ query }))).items;
    expect(read?.by).to.include({ id: 'root' });
    expect(read?.details).to.deep.equal({ review: true, since });
    for (const [wrong, message] of [
      [9e15, 'must be in the past'],
      [-1, 'must be'],
    ] as const) {
      const refused = await api.admin.refused('review.get', api.here({ query: { since: wrong } }));
      expect(refused.issues?.[0]).to.include({ path: 'since' });
      expect(refused.issues?.[0]?.message).to.include(message);
    }
  });
});
