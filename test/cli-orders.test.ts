import { stripVTControlCharacters } from 'node:util';
import type { Order, Receipt } from '@lastcall/shared';
import { expect } from 'chai';
import {
  CliBench,
  COUNTS,
  DONE,
  FAILED,
  OK,
  ORDER_ID,
  order,
  receipt,
  session,
  sessionId,
} from './support/cli.js';
import { problem, type Replies } from './support/fake-api.js';
import { waitUntil } from './support/wait.js';

const replies = (last: Order, items: readonly Receipt[]): Replies => ({
  [`GET /orders/${ORDER_ID}`]: () => ({ body: last }),
  [`GET /orders/${ORDER_ID}/receipts`]: () => ({ body: { items } }),
});

const preview = (count: number) => ({
  dryRun: true,
  total: count,
  items: Array.from({ length: count }, (_, n) => session(n + 1)),
});

const waiting = (last: Order, receipts: readonly Receipt[]): Replies => ({
  'POST /orders': () => ({ status: 201, body: order() }),
  [`GET /orders/${ORDER_ID}`]: (_, n) => {
    if (n === 0) return { body: order({ counts: { ...COUNTS, saving: 1 } }) };
    if (n === 1) return problem(503, 'unavailable', 'The store is out of reach.');
    return { body: n === 2 ? order({ state: 'closing', counts: { ...COUNTS, ended: 2 } }) : last };
  },
  [`GET /orders/${ORDER_ID}/receipts`]: () => ({ body: { items: receipts } }),
});

/** Answers a rehearsal with so many people, and an order with this one. */
const orders = (people: number, given = order()): Replies => ({
  'POST /orders': ({ body }) =>
    (body as { dryRun?: boolean }).dryRun ? { body: preview(people) } : { status: 201, body: given },
});

describe('command line: orders', () => {
  const bench = CliBench.use();

  describe('orders', () => {
    it('sends what the options say', async () => {
      const options = [
        '--user',
        'ada',
        'bob',
        '--user',
        'eve',
        '--session',
        sessionId(1),
        '--except-user',
        'root',
      ];
      const more = [
        '--grace',
        '5s',
        '--hold',
        '30s',
        '--deny',
        '10m',
        '--reason',
        'security',
        '--include-self',
      ];
      const { code, out, err } = await bench.run(['logoff', ...options, ...more, '-m', 'Go.'], orders(0));
      expect(code).to.equal(0);
      expect(bench.posted).to.deep.equal([
        {
          action: 'logoff',
          target: { sessions: [sessionId(1)], users: ['ada', 'bob', 'eve'] },
          except: { users: ['root'] },
          includeSelf: true,
          message: 'Go.',
          reason: 'security',
          graceMs: 5_000,
          holdMs: 30_000,
          reentry: { denyMs: 600_000 },
        },
      ]);
      expect(out).to.equal(`Order ${ORDER_ID}: 2 sessions will be logged off in 5s.\n`);
      expect(err).to.include(`lastcall verify ${ORDER_ID}`);
    });

    it('leaves to the broker what was not said', async () => {
      await bench.run(['warn', '--idle', '2h', '-m', 'Still there?'], orders(1));
      expect(bench.posted.at(-1)).to.deep.equal({
        action: 'warn',
        target: { minIdleMs: 7_200_000 },
        message: 'Still there?',
        reason: 'admin',
      });
    });

    it('only rehearses with --dry-run', async () => {
      const { code, out, err } = await bench.run(['logoff', '--all', '--dry-run'], orders(3));
      expect({ code, lines: out.trim().split('\n').length }).to.deep.equal({ code: 0, lines: 4 });
      expect(err).to.include('Nothing was done');
      expect(bench.posted).to.have.length(1);
      expect(bench.posted[0]).to.include({ dryRun: true });
    });

    it('[O19] says which administrator stays', async () => {
      const spared = { id: 'root', name: 'Root' };
      const given = await bench.run(['logoff', '--all', '--yes'], orders(2, order({ spared })));
      expect(given.err).to.include('Root (root) stays, so that an administrator is left; --include-self');
      const { err } = await bench.run(['logoff', '--all', '--dry-run'], {
        'POST /orders': () => ({ body: { ...preview(2), spared } }),
      });
      expect(err).to.include('Root (root) stays');
    });

    for (const [what, args, people] of [
      ['everybody', ['--all'], 2],
      ['more than ten people', ['--role', 'user'], 11],
    ] as const) {
      it(`needs --yes for ${what} where nobody can be asked`, async () => {
        const refused = await bench.run(['logoff', ...args], orders(people));
        expect(refused.code).to.equal(2);
        expect(refused.err).to.include('--yes').and.to.include('Person 1 (user1)');
        expect(bench.posted).to.have.length(1);
        const given = await bench.run(['logoff', ...args, '--yes'], orders(people));
        expect(given.code).to.equal(0);
        expect(bench.posted).to.have.length(1);
        expect(bench.posted[0]).not.to.have.property('dryRun');
      });
    }

    it('asks nothing for few people', async () => {
      const { code } = await bench.run(['logoff', '--role', 'user'], orders(10));
      expect(code).to.equal(0);
      expect(bench.posted).to.have.length(2);
    });

    for (const [answer, code, given] of [
      ['y', 0, 2],
      ['n', 1, 1],
      ['', 1, 1],
    ] as const) {
      it(`asks on a terminal, and takes "${answer}" as ${code === 0 ? 'yes' : 'no'}`, async () => {
        const { terminal, code: exit } = await bench.start(['warn', '--all', '-m', 'Hi'], orders(2), 100);
        await waitUntil(() => terminal.err().includes('[y/N]'), 'the question');
        terminal.stdin.write(`${answer}\n`);
        expect(await exit).to.equal(code);
        expect(bench.posted).to.have.length(given);
      });
    }
  });

  it('[C1] [O8] cancel says how many go on, and what the broker says when it is too late', async () => {
    const given = order({ state: 'cancelled', counts: { ...COUNTS, targeted: 3, ended: 1 } });
    const done = await bench.run(['cancel', ORDER_ID], {
      [`DELETE /orders/${ORDER_ID}`]: () => ({ body: given }),
    });
    expect(done).to.include({ code: 0, out: 'Cancelled: 2 sessions go on.\n' });
    const late = await bench.run(['cancel', ORDER_ID], {
      [`DELETE /orders/${ORDER_ID}`]: () => problem(409, 'conflict', 'The order is already closing.'),
    });
    expect(late.code).to.equal(1);
    expect(late.err).to.include('already closing');
  });

  describe('logoff --wait and verify', () => {
    const WAIT = ['logoff', '--user', 'user1', 'user2', '--grace', '5s', '--wait'];

    it('[C2] exits with 0 when every target is verified, and tells each step on a line', async () => {
      const { code, out, err } = await bench.run(WAIT, waiting(DONE, [receipt(1), receipt(2)]));
      expect(code).to.equal(0);
      expect(out).to.match(/USER +OUTCOME +VERIFIED +SESSION\nPerson 1 \(user1\) +clean +yes/);
      const steps = [
        '2 of 2 left · 0 verified',
        '2 of 2 left, 1 saving',
        'out of reach. Trying again',
        '0 of 2 left',
        '2 of 2 sessions verified',
      ];
      expect(steps.filter((step) => !err.includes(step))).to.deep.equal([]);
    });

    it('[C2] exits with 3 and names the check when one is not verified', async () => {
      const checks = {
        registry: OK,
        locks: OK,
        reentry: OK,
        sockets: { ok: false, detail: 'node-2 is silent' },
      };
      const bad = receipt(2, { verified: false, outcome: 'fenced', checks });
      const { code, out, err } = await bench.run(WAIT, waiting(FAILED, [receipt(1), bad]));
      expect(code).to.equal(3);
      expect(out).to.include(`Person 2 (user2), ${sessionId(2)}: sockets: node-2 is silent`);
      expect(err).to.include('1 of 2 sessions verified, 1 could not be verified');
    });

    it('prints the order and its receipts as JSON', async () => {
      const { out } = await bench.run([...WAIT, '--json'], waiting(DONE, [receipt(1), receipt(2)]));
      expect(JSON.parse(out)).to.deep.equal({ order: DONE, receipts: [receipt(1), receipt(2)] });
    });

    it('shows a bar on a terminal', async () => {
      const { code, err } = await bench.run(WAIT, waiting(DONE, [receipt(1), receipt(2)]), 100);
      expect(code).to.equal(0);
      expect(stripVTControlCharacters(err)).to.include('░  2 of 2 left · 0 verified · 5s to go');
    });

    it('[C2] exits with 130 when interrupted, and says how to go on', async () => {
      const { terminal, code } = await bench.start(WAIT, {
        ...waiting(DONE, []),
        [`GET /orders/${ORDER_ID}`]: () => ({ body: order() }),
      });
      await waitUntil(() => terminal.err().includes('2 of 2 left'), 'the first line');
      terminal.signals.emit('SIGINT');
      expect(await code).to.equal(130);
      expect(terminal.err()).to.include(`lastcall verify ${ORDER_ID} --wait`);
      expect(terminal.signals.listenerCount('SIGINT')).to.equal(0);
    });

    it('verify prints the four checks, and exits with 0 or 3', async () => {
      const good = await bench.run(['verify', ORDER_ID], replies(DONE, [receipt(1), receipt(2)]));
      expect(good.code).to.equal(0);
      expect(good.out).to.match(/ENDED +NO SOCKET +NO LOCK +STAYS OUT +VERIFIED/);
      const {
        checks: _checks,
        verified: _verified,
        outcome: _outcome,
        ...open
      } = receipt(2, { state: 'seen' });
      const pending = order({ counts: { ...COUNTS, ended: 1, verified: 1 } });
      const early = await bench.run(['verify', ORDER_ID], replies(pending, [receipt(1), open]));
      expect(early.code).to.equal(3);
      expect(early.err).to.include('1 not decided yet');
      const cancelled = await bench.run(['verify', ORDER_ID], replies(order({ state: 'cancelled' }), [open]));
      expect(cancelled.code).to.equal(3);
      expect(cancelled.err).to.include('cancelled');
    });
  });
});
