import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { CliBench, DONE, NOW, ORDER_ID, receipt, session, sessionId } from './support/cli.js';
import type { Replies } from './support/fake-api.js';

const many = (count: number) => Array.from({ length: count }, (_, n) => session(n + 1));

describe('command line: looking', () => {
  const bench = CliBench.use();

  describe('sessions', () => {
    it("[C1] asks for the token's tenant with the filters, and prints JSON as the API has it", async () => {
      const page = { items: many(2) };
      const { code, out } = await bench.run(
        ['sessions', '--user', 'ada', '--state', 'idle', '--idle', '5m', '--search', 'x y', '--json'],
        { 'GET /sessions': () => ({ body: page }) },
      );
      expect(code).to.equal(0);
      expect(JSON.parse(out)).to.deep.equal(page);
      const [seen] = bench.seen;
      expect(seen?.path).to.equal('/v1/tenants/acme/sessions');
      expect(seen?.headers.authorization).to.equal(`Bearer ${bench.token}`);
      expect(seen?.query).to.deep.equal({
        user: 'ada',
        state: 'idle',
        minIdleMs: '300000',
        q: 'x y',
        limit: '100',
      });
    });

    it('reads the token from a file, and takes another tenant', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'lastcall-'));
      writeFileSync(join(dir, 'token'), `${bench.token}\n`);
      const { code, err } = await bench.run(
        ['sessions', '--token-file', join(dir, 'token'), '--tenant', 'other'],
        { 'GET /sessions': () => ({ body: { items: [] } }) },
        undefined,
        { LASTCALL_TOKEN: '' },
      );
      rmSync(dir, { recursive: true });
      expect({ code, err }).to.deep.equal({ code: 0, err: 'Nobody is logged in.\n' });
      expect(bench.seen[0]?.path).to.equal('/v1/tenants/other/sessions');
    });

    it('follows the pages up to the limit and says that there are more', async () => {
      const { out, err } = await bench.run(['sessions', '--limit', '3'], {
        'GET /sessions': (_, n) => ({
          body: { items: many(2).slice(0, n === 0 ? 2 : 1), next: `page-${n + 1}` },
        }),
      });
      expect(bench.seen.map(({ query }) => query)).to.deep.equal([
        { limit: '3' },
        { limit: '1', cursor: 'page-1' },
      ]);
      expect(out.trim().split('\n')).to.have.length(4);
      expect(err).to.include('more than these 3');
    });

    for (const columns of [60, 80, 120, 200]) {
      it(`fits a terminal of ${columns} columns and keeps the id whole`, async () => {
        const items = [
          ...many(2),
          session(3, { user: { id: 'x'.repeat(60), name: '字'.repeat(30), roles: [] } }),
        ];
        const { out } = await bench.run(
          ['sessions'],
          { 'GET /sessions': () => ({ body: { items } }) },
          columns,
        );
        const lines = stripVTControlCharacters(out).trimEnd().split('\n');
        expect(lines).to.have.length(4);
        for (const line of lines) expect(line.length).to.be.at.most(columns);
        expect(lines[1]).to.include(sessionId(1));
      });
    }

    it('colours a terminal only, and not with NO_COLOR', async () => {
      const replies: Replies = { 'GET /sessions': () => ({ body: { items: many(1) } }) };
      const coloured = await bench.run(['sessions'], replies, 100);
      expect(coloured.out).to.include('\u001b[');
      expect((await bench.run(['sessions'], replies)).out).not.to.include('\u001b[');
      const plain = await bench.run(['sessions'], replies, 100, { NO_COLOR: '1' });
      expect(plain.out).to.include(sessionId(1)).and.not.to.include('\u001b[');
    });

    it('lets no name move the cursor or forge a line', async () => {
      const user = { id: 'eve', name: 'Eve\u001b[1A\r\nRoot\u202e', roles: [] };
      const { out } = await bench.run(['sessions'], {
        'GET /sessions': () => ({ body: { items: [session(1, { user })] } }),
      });
      expect(out.trim().split('\n')).to.have.length(2);
      for (const hidden of ['\u001b', '\r', '\u202e']) expect(out).not.to.include(hidden);
    });
  });

  describe('review', () => {
    const user = { id: 'ada', name: 'Ada' };
    const record = {
      epoch: 1,
      rev: 9,
      at: NOW,
      type: 'policy.changed',
      by: DONE.by,
      details: { version: 3, changed: { graceMs: { before: 60_000, after: 30_000 } } },
    };
    const REVIEW = {
      at: NOW,
      since: NOW - 86_400_000,
      from: NOW - 3_600_000,
      complete: false,
      sessions: { total: 7_000, looked: 5_000 },
      locks: { total: 1, looked: 1 },
      staleUsers: [{ user, sessions: 2, lastInputAt: NOW - 7_200_000 }],
      longestLocks: [],
      mostForced: [{ user, times: 3, lastAt: NOW, reasons: { admin: 2, idle: 1 } }],
      withoutLogoff: [],
      policy: { version: 3, changes: [record] },
    };
    const replies: Replies = { 'GET /review': () => ({ body: REVIEW }) };

    it('[C4] [A17] prints what there is, and that it is not everything', async () => {
      const { code, out, err } = await bench.run(['review', '--since', '1d'], replies);
      expect(code).to.equal(0);
      expect(bench.seen[0]?.query['since']).to.match(/^\d+$/);
      expect(out).to.include('7000 sessions, 1 locked resource');
      expect(out)
        .to.match(/Ada \(ada\) +2h +2/)
        .and.to.include('admin 2, idle 1');
      expect(out).to.include('graceMs 60000 → 30000').and.to.include('version 3, no preset');
      expect(out.match(/^None\.$/gm)).to.have.length(2);
      expect(err).to.include('looked at the trail from').and.to.include('5000 of 7000 sessions');
    });

    it('[C1] [C4] says nothing of limits when there were none, and prints JSON', async () => {
      const whole: Replies = { 'GET /review': () => ({ body: { ...REVIEW, complete: true } }) };
      expect((await bench.run(['review'], whole)).err).to.equal('');
      expect(JSON.parse((await bench.run(['review', '--json'], replies)).out)).to.deep.equal(REVIEW);
    });
  });

  describe('show, locks, unlock, audit', () => {
    it('shows a session with its end and receipt', async () => {
      const ended = {
        reason: 'admin' as const,
        by: DONE.by,
        message: 'Bye',
        endedAt: NOW,
        orderId: ORDER_ID,
      };
      const detail = {
        session: session(1, { state: 'ended', ended }),
        locks: [],
        orders: [DONE],
        audit: [{ epoch: 1, rev: 7, at: NOW, type: 'session.ended', by: DONE.by, reason: 'admin' }],
        receipt: receipt(1),
      };
      const { code, out } = await bench.run(['show', sessionId(1)], {
        [`GET /sessions/${sessionId(1)}`]: () => ({ body: detail }),
      });
      expect(code).to.equal(0);
      expect(out).to.include('Person 1 (user1)').and.to.include('Root (root)').and.to.include('STAYS OUT');
      expect(out).to.include('session.ended').and.to.include(ORDER_ID);
    });

    it('lists locks with who waits', async () => {
      const user = { id: 'ada', name: 'Ada' };
      const holder = {
        resource: 'invoices/7',
        mode: 'exclusive',
        scope: 'tree',
        sessionId: sessionId(1),
        user,
      };
      const entry = {
        resource: 'invoices/7',
        holders: [
          { ...holder, grantedAt: NOW, idleMs: 61_000, dirty: true, state: 'active', takeable: 'no' },
        ],
        waiters: [
          { ...holder, requestId: ORDER_ID, user: { id: 'bob', name: 'Bob' }, position: 1, since: NOW },
          {
            ...holder,
            requestId: ORDER_ID,
            user: { id: 'eve', name: 'Eve' },
            position: 2,
            since: NOW,
            takesOverAt: Date.now() + 59_500,
          },
        ],
      };
      const { out } = await bench.run(['locks', '--prefix', 'invoices/'], {
        'GET /locks': () => ({ body: { items: [entry] } }),
      });
      expect(out).to.match(
        /invoices\/7 +exclusive tree +Ada \(ada\) .* 1m 1s .*yes .*Bob \(bob\), Eve \(eve\) \(takes over in 5\ds\)/,
      );
      expect(bench.seen[0]?.query).to.include({ prefix: 'invoices/' });
    });

    it('breaks a lock with a reason and says whether it was held', async () => {
      const held = await bench.run(['unlock', 'invoices/7', '--reason', 'left for lunch'], {
        'POST /locks/break': () => ({ body: { broken: true } }),
      });
      expect(held.out).to.equal('invoices/7 is free now.\n');
      expect(bench.posted[0]).to.deep.equal({ resource: 'invoices/7', reason: 'left for lunch' });
      const free = await bench.run(['unlock', 'invoices/7'], {
        'POST /locks/break': () => ({ body: { broken: false } }),
      });
      expect(free).to.include({ code: 0, out: 'Nobody held invoices/7.\n' });
    });

    it('lists the audit trail of a time, although pages may be empty', async () => {
      const record = {
        epoch: 1,
        rev: 7,
        at: NOW,
        type: 'lock.granted',
        by: { kind: 'system' },
        resource: 'a',
        fence: 9,
      };
      const { out } = await bench.run(['audit', '--from', '2h', '--to', '2031-05-17T08:30:00Z'], {
        'GET /audit': (_, n) => ({ body: n === 0 ? { items: [], next: 'more' } : { items: [record] } }),
      });
      expect(out).to.include('lock.granted').and.to.include('resource=a').and.to.include('the broker');
      const query = bench.seen[0]?.query ?? {};
      expect(Number(query['from'])).to.be.closeTo(Date.now() - 7_200_000, 5_000);
      expect(Number(query['to'])).to.equal(Date.UTC(2031, 4, 17, 8, 30));
    });
  });
});
