import { expect } from 'chai';
import { CliBench, DONE, session } from './support/cli.js';
import { problem, type Replies } from './support/fake-api.js';
import { waitUntil } from './support/wait.js';

const EVERY = ['--watch', '500ms'];
const people = (count: number) => ({ items: Array.from({ length: count }, (_, n) => session(n + 1)) });

/** One person more at each look. */
const growing: Replies = { 'GET /sessions': (_, n) => ({ body: people(n + 1) }) };

describe('command line: --watch', function () {
  this.timeout(10_000);
  const bench = CliBench.use();

  /** Runs it until this was written, then ends it as ^C does. */
  async function until(
    args: readonly string[],
    replies: Replies,
    seen: (out: string, err: string) => boolean,
    columns?: number,
  ) {
    const { terminal, code } = await bench.start(args, replies, columns);
    await waitUntil(() => seen(terminal.out(), terminal.err()), `more than ${terminal.err()}`, 8_000);
    terminal.signals.emit('SIGINT');
    expect(await code).to.equal(130);
    expect(terminal.signals.listenerCount('SIGINT')).to.equal(0);
    return { out: terminal.out(), err: terminal.err() };
  }

  it('[C7] paints the list again in place of the one before, no higher than the terminal', async () => {
    const { out } = await until(['sessions', ...EVERY], growing, (text) => text.includes('user2'), 100);
    const [, ...pictures] = out.split('\u001b[H');
    expect(pictures.length).to.be.at.least(2);
    expect(pictures[0]).to.include('every 500ms').and.to.include('user1').and.not.to.include('user2');
    expect(pictures[1]).to.include('user2');
    const tall = await until(
      ['sessions', ...EVERY],
      { 'GET /sessions': () => ({ body: people(60) }) },
      (text) => text.includes('more lines'),
      100,
    );
    const [, picture = ''] = tall.out.split('\u001b[H');
    expect(picture.trimEnd().split('\n').length).to.be.at.most(24);
  });

  it('[C7] writes one line of JSON per look, and plain text into a pipe', async () => {
    const json = await until(
      ['sessions', ...EVERY, '--json'],
      growing,
      (text) => text.split('\n').length > 2,
    );
    const looks = json.out.trim().split('\n').slice(0, 2);
    expect(looks.map((line) => JSON.parse(line))).to.deep.equal([people(1), people(2)]);
    const piped = await until(['sessions', ...EVERY], growing, (text) => text.includes('user2'));
    expect(piped.out).to.match(/^\d{4}-\d\d-\d\d .*\nSESSION .*\n/);
    expect(piped.out.includes('\u001b')).to.equal(false);
    const many = await until(
      ['sessions', ...EVERY],
      { 'GET /sessions': () => ({ body: people(500) }) },
      (text) => text.includes('user500'),
    );
    expect(many.out.match(/user\d+/g)?.slice(0, 500)).to.have.length(500);
  });

  it('[C7] goes on when the broker is away for a moment, and ends at what it refuses', async () => {
    const { err } = await until(
      ['locks', ...EVERY],
      {
        'GET /locks': (_, n) =>
          n < 2 ? problem(503, 'unavailable', 'The store is out of reach.') : { body: { items: [] } },
      },
      (out) => out.includes('Nothing is locked'),
    );
    expect(err).to.equal('The store is out of reach. Trying again.\n');
    const refused = await bench.run(['locks', ...EVERY], {
      'GET /locks': () => problem(403, 'forbidden', 'You need the role admin.'),
    });
    expect(refused).to.include({ code: 1, err: 'lastcall: You need the role admin.\n' });
  });

  for (const [list, replies] of [
    [['orders'], { 'GET /orders': () => ({ body: { items: [DONE] } }) }],
    [['blocks'], { 'GET /blocks': () => ({ body: { items: [] } }) }],
    [['audit'], { 'GET /audit': () => ({ body: { items: [] } }) }],
    [['audit', 'list'], { 'GET /audit': () => ({ body: { items: [] } }) }],
    [['maintenance'], { 'GET /maintenance': () => problem(404, 'not_found', 'There is none.') }],
  ] as const) {
    it(`[C7] watches ${list.join(' ')}, every 2 s unless it is told how often`, async () => {
      await until([...list, '--watch'], replies, (out) => out !== '');
    });
  }

  it('[C7] ends at once when it is told to, also while the broker does not answer', async () => {
    const { terminal, code } = await bench.start(['sessions', ...EVERY], {
      'GET /sessions': () => ({ hangs: true }),
    });
    await waitUntil(() => bench.seen.length > 0, 'the question');
    const askedAt = performance.now();
    terminal.signals.emit('SIGINT');
    expect(await code).to.equal(130);
    expect(performance.now() - askedAt, 'far from the limit of an answer').to.be.below(5_000);
  });

  it('[C7] refuses to look too often', async () => {
    for (const every of ['100ms', '2h', 'often']) {
      const { code, err } = await bench.offline(['sessions', '--watch', every]);
      expect(code).to.equal(2);
      expect(err).to.match(/^lastcall: .*500ms to 1h.*\n$/);
    }
  });

  it('[C1] lists orders with how far they are', async () => {
    const { code, out } = await bench.run(
      ['orders', '--by', 'policy', '--state', 'done'],
      { 'GET /orders': () => ({ body: { items: [DONE] } }) },
      120,
    );
    expect(code).to.equal(0);
    expect(bench.seen[0]?.query).to.deep.equal({ by: 'policy', state: 'done', limit: '100' });
    expect(out).to.include(DONE.id).and.to.include('0 of 2 left, 2 verified');
  });
});
