import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { busily } from 'lastcall/internal/cli/busy.js';
import { COMMANDS } from 'lastcall/internal/cli/commands/index.js';
import { formatDuration, parseDuration } from 'lastcall/internal/cli/durations.js';
import { CliBench } from './support/cli.js';
import { problem } from './support/fake-api.js';
import { fakeTerminal } from './support/fake-terminal.js';
import { waitUntil } from './support/wait.js';

describe('command line', () => {
  const bench = CliBench.use();

  describe('durations', () => {
    const READ = { '30s': 30_000, '5m': 300_000, '1h30m': 5_400_000, '1.5h': 5_400_000, '250': 250, '0': 0 };
    for (const [text, ms] of Object.entries(READ)) {
      it(`reads ${text}`, () => expect(parseDuration(text)).to.equal(ms));
    }
    for (const text of ['', 's', '5 m', '-5s', '5x', '1e3', '5m!']) {
      it(`refuses "${text}"`, () => expect(parseDuration(text)).to.equal(undefined));
    }
    it('writes the two largest units', () => {
      const written = [0, -5, 250, 45_000, 125_000, 5_400_000, 90_061_000, 86_405_000].map(formatDuration);
      expect(written).to.deep.equal(['0s', '0s', '250ms', '45s', '2m 5s', '1h 30m', '1d 1h', '1d']);
    });
  });

  describe('help', () => {
    it('shows every command with its summary, examples and exit codes', async () => {
      const { code, out } = await bench.offline(['--help']);
      expect(code).to.equal(0);
      for (const { usage } of COMMANDS) expect(out).to.include(usage.split(' ')[0]);
      expect(out).to.include('LASTCALL_TOKEN').and.to.include('Exit codes');
    });

    for (const { usage } of COMMANDS) {
      const name = usage.split(/ [<[]/)[0] ?? '';
      it(`explains ${name}`, async () => {
        const { code, out, err } = await bench.offline([...name.split(' '), '--help']);
        expect({ code, err }).to.deep.equal({ code: 0, err: '' });
        expect(out).to.match(/^Usage: lastcall /);
        if (name !== 'serve') expect(out).to.include('--json');
      });
    }
  });

  describe('called wrongly', () => {
    const CALLS: Readonly<Record<string, readonly string[]>> = {
      'an unknown command': ['session'],
      'an unknown option': ['sessions', '--nope'],
      'a missing argument': ['show'],
      'a missing message': ['warn', '--all'],
      'no target': ['logoff'],
      'two kinds of target that exclude each other': ['logoff', '--all', '--user', 'ada'],
      'no duration': ['logoff', '--all', '--grace', 'soon'],
      'an unknown state': ['sessions', '--state', 'gone'],
      'an unknown record type': ['audit', '--type', 'session.end'],
      'no limit': ['sessions', '--limit', '0'],
      'an unknown setting': ['policy', 'set', 'gracems=5s'],
      'a setting without a value': ['policy', 'set', 'graceMs'],
      'an address that is none': ['sessions', '--url', 'broker:4600'],
      'a tenant that is none': ['sessions', '--tenant', 'A/B'],
      'an id that is none': ['verify', 'abc'],
      'an id of a variable that is not set': ['cancel', ''],
      'an id of a session that is none': ['show', '7'],
      'a token file that is not there': ['sessions', '--token-file', '/nowhere'],
    };
    for (const [what, args] of Object.entries(CALLS)) {
      it(`[C1] exits with 2 and one line for ${what}`, async () => {
        const { code, out, err } = await bench.offline(args, { LASTCALL_TOKEN: bench.token });
        expect({ code, out }).to.deep.equal({ code: 2, out: '' });
        expect(err).to.match(/^lastcall: [^\n]+\n$/);
      });
    }

    it('says how to get a token when there is none, and which record type is meant', async () => {
      expect((await bench.offline(['sessions'])).err).to.include('LASTCALL_TOKEN');
      expect((await bench.offline(['sessions'], { LASTCALL_TOKEN: 'wrong' })).err).to.include('not a token');
      const { err } = await bench.offline(['audit', '--type', 'session.end'], {
        LASTCALL_TOKEN: bench.token,
      });
      expect(err).to.include('session.ended');
    });
  });

  it('[C7] shows on a terminal that something lasts, and nothing of it in a pipe', async () => {
    const shown = fakeTerminal({}, 80);
    const work = () => waitUntil(() => shown.err().includes('2.5 MB written … 1s'), 'the line');
    await busily(shown, () => '2.5 MB written', work);
    expect(shown.err().endsWith('\r\u001b[K')).to.equal(true);
    const piped = fakeTerminal();
    expect(
      await busily(
        piped,
        () => 'nothing',
        () => Promise.resolve(7),
      ),
    ).to.equal(7);
    expect(piped.err()).to.equal('');
  });

  describe('a broker that cannot be asked', () => {
    it('[C1] says what to check when nothing listens', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => {
        server.close(resolve);
      });
      const env = { LASTCALL_TOKEN: bench.token, LASTCALL_URL: `http://127.0.0.1:${port}` };
      const { code, err } = await bench.offline(['sessions'], env);
      expect(code).to.equal(1);
      expect(err).to.match(/^lastcall: .*refused.*lastcall serve.*LASTCALL_URL.*\n$/);
    });

    it('[C1] says so when TLS is asked for and not spoken, and which token is to be another one', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      const { port } = server.address() as AddressInfo;
      const env = { LASTCALL_TOKEN: bench.token, LASTCALL_URL: `https://127.0.0.1:${port}` };
      const { err } = await bench.offline(['sessions'], env);
      await new Promise((resolve) => {
        server.close(resolve);
      });
      expect(err).to.include('write http://');
      const refused = await bench.run(['sessions'], {
        'GET /sessions': () => problem(401, 'unauthenticated', 'The token cannot be verified.'),
      });
      expect(refused.err).to.include('LASTCALL_TOKEN').and.to.include('--token-file');
    });

    it('says so when something else answers, and follows no redirection', async () => {
      const html = await bench.run(['sessions'], {
        'GET /sessions': () => ({ status: 404, body: '<html>' }),
      });
      expect(html).to.include({ code: 1, out: '' });
      expect(html.err).to.include('not a Lastcall broker');
      const moved = await bench.run(['sessions'], {
        'GET /sessions': () => ({ status: 302, headers: { Location: '/elsewhere' } }),
      });
      expect(moved.code).to.equal(1);
      expect(bench.seen).to.have.length(1);
    });

    it("[C1] prints a refusal's detail and issues on one harmless line", async () => {
      const detail = 'You need the role admin.\n\u001b[2JForged line';
      const { code, err } = await bench.run(['sessions'], {
        'GET /sessions': () =>
          problem(400, 'invalid', detail, { issues: [{ path: 'limit', message: 'must be less' }] }),
      });
      expect(code).to.equal(1);
      expect(err).to.equal('lastcall: You need the role admin. \ufffd[2JForged line (limit must be less)\n');
    });

    it('[C1] asks for nothing else in place of an id that an address leaves out', async () => {
      for (const args of [
        ['show', ''],
        ['show', '.'],
        ['cancel', '..'],
        ['verify', '.'],
      ]) {
        const { code, err } = await bench.run(args, { 'GET /sessions/': () => ({ body: { items: [] } }) });
        expect(code).to.equal(2);
        expect(err).to.match(/^lastcall: "\.{0,2}" is not the id of an? (?:order|session): /);
      }
      expect(bench.seen).to.deep.equal([]);
    });

    it('repeats what was cut off, with the same idempotency key', async () => {
      const { code } = await bench.run(['unlock', 'invoices/7', '--json'], {
        'POST /locks/break': (_, n) => (n === 0 ? { cut: true } : { body: { broken: true } }),
      });
      expect(code).to.equal(0);
      const keys = bench.seen.map(({ headers }) => headers['idempotency-key']);
      expect(keys).to.have.length(2);
      expect(new Set(keys).size).to.equal(1);
    });
  });
});
