import type { Maintenance } from '@lastcall/shared';
import { expect } from 'chai';
import { run } from 'lastcall/internal/cli/main.js';
import type { TestClient } from './support/broker.js';
import { CliBench, COUNTS, DONE, NOW, ORDER_ID, order } from './support/cli.js';
import { problem, type Replies } from './support/fake-api.js';
import { type FakeTerminal, fakeTerminal } from './support/fake-terminal.js';
import { useMaintenance } from './support/maintenance.js';
import { waitUntil } from './support/wait.js';

const HOUR_MS = 3_600_000;

function windowOf(more: Partial<Maintenance> = {}): Maintenance {
  return {
    id: ORDER_ID,
    version: 2,
    state: 'announcing',
    action: 'logoff',
    message: 'Update to version 9.',
    startsAt: NOW + HOUR_MS,
    admissionStopsMs: 300_000,
    admissionStopsAt: NOW + HOUR_MS - 300_000,
    ladderMs: [60_000],
    bypassRoles: ['admin'],
    holdMs: 1_000,
    by: { kind: 'admin', id: 'root', name: 'Root' },
    createdAt: NOW,
    orderId: ORDER_ID,
    counts: COUNTS,
    ...more,
  };
}

const bodies = (bench: CliBench) =>
  bench.seen.filter(({ method }) => method === 'PUT').map(({ body }) => body);
const answers = (window: Maintenance): Replies => ({ 'PUT /maintenance': () => ({ body: window }) });

describe('command line: maintenance', () => {
  const bench = CliBench.use();

  it('[C1] [M1] shows the window, with who is still there, or that there is none', async () => {
    const counts = { ...COUNTS, targeted: 17, ended: 14, saving: 2, verified: 13 };
    const window = windowOf({ state: 'closing', counts, untilAt: NOW + 2 * HOUR_MS });
    const shown = await bench.run(['maintenance'], { 'GET /maintenance': () => ({ body: window }) });
    expect(shown.code).to.equal(0);
    for (const text of [
      'Maintenance: closing, by Root (root)',
      'Update to version 9.',
      'Spared:     admin',
      `Order:      ${ORDER_ID}`,
      '3 of 17 left, 2 saving · 13 verified',
    ])
      expect(shown.out).to.include(text);
    const json = await bench.run(['maintenance', 'show', '--json'], {
      'GET /maintenance': () => ({ body: window }),
    });
    expect(JSON.parse(json.out)).to.deep.equal(window);
    const none = { 'GET /maintenance': () => problem(404, 'not_found', 'There is no maintenance window.') };
    expect(await bench.run(['maintenance'], none)).to.include({
      code: 0,
      out: 'No maintenance is planned.\n',
    });
    expect((await bench.run(['maintenance', '--json'], none)).out).to.equal('null\n');
  });

  it('[C1] [M1] start sends what the options say, and leaves the rest to the broker', async () => {
    const options = [
      '--in',
      '30m',
      '--hold',
      '2m',
      '--stop',
      '10m',
      '--spare',
      'admin',
      'tester',
      '-m',
      'Go home.',
    ];
    const first = await bench.run(['maintenance', 'start', '--yes', ...options], answers(windowOf()));
    expect(first.code).to.equal(0);
    expect(first.out).to.include('Maintenance: announcing').and.to.include('when it is lifted');
    expect(first.err).to.include('lastcall maintenance lift');
    expect(bodies(bench)).to.deep.equal([
      {
        message: 'Go home.',
        startsInMs: 1_800_000,
        holdMs: 120_000,
        admissionStopsMs: 600_000,
        bypassRoles: ['admin', 'tester'],
      },
    ]);
    const at = ['--at', '2031-05-17T20:00:00Z', '--until', '2031-05-17T22:00:00Z', '--rehearse'];
    const second = await bench.run(['maintenance', 'start', ...at, '--json'], answers(windowOf()));
    expect(JSON.parse(second.out)).to.deep.equal(windowOf());
    expect(bodies(bench)[0]).to.deep.include({
      action: 'warn',
      startsAt: Date.parse('2031-05-17T20:00:00Z'),
      untilAt: Date.parse('2031-05-17T22:00:00Z'),
    });
  });

  it('[C1] start says what is wrong, and never begins by mistake', async () => {
    for (const [args, text] of [
      [[], 'Say when: --in 30m'],
      [['--in', '5m', '--at', '2h'], 'Say when'],
      [['--in', 'soon'], '"soon" is not a duration'],
      [['--in', '5m', '--until', 'noon'], '"noon" is not an instant'],
    ] as const) {
      const { code, err } = await bench.offline(['maintenance', 'start', ...args], {
        LASTCALL_TOKEN: bench.token,
      });
      expect({ code, lines: err.trim().split('\n').length }, err).to.deep.equal({ code: 2, lines: 1 });
      expect(err).to.include(text);
    }
    const late = await bench.run(['maintenance', 'start', '--yes', '--in', '5m'], {
      'PUT /maintenance': () => problem(409, 'conflict', 'The maintenance window is already closing.'),
    });
    expect(late.code).to.equal(1);
    expect(late.err).to.include('already closing');
  });

  it('[C9] start is asked about, for it is for everybody; a rehearsal is not', async () => {
    const args = ['maintenance', 'start', '--in', '30m'];
    const refused = await bench.run(args, answers(windowOf()));
    expect(refused).to.include({ code: 2, out: '' });
    expect(refused.err).to.match(/everybody in acme.*--yes/);
    expect(bench.seen).to.deep.equal([]);
    for (const [answer, code, sent] of [
      ['y', 0, 1],
      ['n', 1, 0],
    ] as const) {
      const asked = await bench.start(args, answers(windowOf()), 100);
      await waitUntil(() => asked.terminal.err().includes('[y/N]'), 'the question');
      asked.terminal.stdin.write(`${answer}\n`);
      expect(await asked.code).to.equal(code);
      expect(bench.seen).to.have.length(sent);
    }
    expect((await bench.run([...args, '--rehearse'], answers(windowOf()))).code).to.equal(0);
  });

  const WAIT = ['maintenance', 'start', '--in', '1s', '--wait', '--yes'];
  const course = (last: Maintenance | undefined): Replies => ({
    ...answers(windowOf({ state: 'scheduled' })),
    'GET /maintenance': (_, n) => {
      if (n === 0)
        return { body: windowOf({ state: 'closing', counts: { ...COUNTS, ended: 1, saving: 1 } }) };
      return last ? { body: last } : problem(404, 'not_found', 'There is no maintenance window.');
    },
  });

  it('[C2] [M9] start --wait exits with 0 only when all are proved to be out', async () => {
    const closed = windowOf({ state: 'closed', counts: DONE.counts });
    const good = await bench.run(WAIT, course(closed));
    expect(good).to.include({ code: 0, out: 'All are out: 2 sessions verified.\n' });
    expect(good.err).to.include('1 of 2 left, 1 saving · 0 verified');
    const doubt = windowOf({ state: 'closed', counts: { ...DONE.counts, verified: 1, unverified: 1 } });
    const bad = await bench.run(WAIT, course(doubt));
    expect(bad).to.include({ code: 3, out: 'All are out: 1 session verified, 1 could not be verified.\n' });
    const lifted = await bench.run(WAIT, course(undefined));
    expect(lifted).to.include({ code: 3, out: 'The maintenance window was lifted.\n' });
    const rehearsal = await bench.run([...WAIT, '--rehearse'], {
      ...answers(windowOf({ action: 'warn' })),
      'GET /maintenance': () => problem(404, 'not_found', 'There is no maintenance window.'),
    });
    expect(rehearsal).to.include({ code: 0, out: 'The rehearsal is over: 2 sessions warned.\n' });
  });

  it('[C2] start --wait exits with 130 when interrupted, and the window stays', async () => {
    const { terminal, code } = await bench.start(WAIT, {
      ...course(undefined),
      'GET /maintenance': () => ({ body: windowOf() }),
    });
    await waitUntil(() => terminal.err().includes('left'), 'the first line');
    terminal.signals.emit('SIGINT');
    expect(await code).to.equal(130);
    expect(terminal.err()).to.include('The maintenance window stays');
  });

  it('[C1] [M6] lift says who still saves', async () => {
    const closing = order({ state: 'closing', counts: { ...COUNTS, targeted: 3, ended: 1 } });
    const saving = await bench.run(['maintenance', 'lift'], {
      'DELETE /maintenance': () => ({ body: { lifted: true, order: closing } }),
    });
    expect(saving.out).to.equal(
      'Lifted: people are let in again. 2 sessions still saving will be logged off.\n',
    );
    const before = await bench.run(['maintenance', 'lift'], {
      'DELETE /maintenance': () => ({ body: { lifted: true, order: order({ state: 'cancelled' }) } }),
    });
    expect(before.out).to.equal('Lifted: people are let in again.\n');
  });
});

describe('command line: progress with a real broker', () => {
  const bench = useMaintenance();
  const PEOPLE = 17;

  /** Runs a command against the broker. */
  async function start(args: readonly string[]): Promise<{ terminal: FakeTerminal; code: Promise<number> }> {
    const token = await bench.api.broker.token(bench.api.tenant, 'root', ['admin']);
    const terminal = fakeTerminal({ LASTCALL_URL: bench.api.broker.url, LASTCALL_TOKEN: token });
    return { terminal, code: run(args, terminal) };
  }

  /** 14 say that they are saved, 2 save, 1 says nothing: until the administrator has seen it. */
  async function course(
    people: readonly TestClient[],
    { terminal }: { terminal: FakeTerminal },
  ): Promise<void> {
    const [first] = people as [TestClient];
    const { orderId } = await first.saw('warning');
    const say = (client: TestClient, state: 'saving' | 'saved') =>
      client.does('order:ack', { orderId, state });
    const saving = people.slice(0, 2);
    for (const client of saving) await say(client, 'saving');
    for (const client of people.slice(3)) await say(client, 'saved');
    await waitUntil(
      () => terminal.err().includes('3 of 17 left, 2 saving'),
      `the line in ${terminal.err()}`,
      8_000,
    );
    for (const client of saving) await say(client, 'saved');
  }

  for (const [what, args] of [
    ['logoff', ['logoff', '--all', '--yes', '--grace', '3s', '--hold', '8s', '--wait']],
    ['maintenance start', ['maintenance', 'start', '--yes', '--in', '3s', '--hold', '8s', '--wait']],
  ] as const) {
    it(`[C2] [O18] ${what} --wait shows "3 of 17 left, 2 saving", and exits with 0 when all are out`, async () => {
      const people = await Promise.all(Array.from({ length: PEOPLE }, (_, i) => bench.connect(`p-${i}`)));
      const command = await start(args);
      await course(people, command);
      expect(await command.code, command.terminal.err()).to.equal(0);
    });
  }
});
