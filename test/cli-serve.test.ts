import { expect } from 'chai';
import { run } from 'lastcall/internal/cli/main.js';
import { type FakeTerminal, fakeTerminal } from './support/fake-terminal.js';
import { Serve } from './support/serve.js';

/** Runs a command against this broker, with the token it has printed. */
async function command(serve: Serve, ...args: string[]): Promise<FakeTerminal & { code: number }> {
  const terminal = fakeTerminal({ LASTCALL_URL: serve.url, LASTCALL_TOKEN: serve.token });
  const code = await run(args, terminal);
  return { ...terminal, code };
}

describe('command line: serve', function () {
  this.timeout(40_000);
  let serve: Serve | undefined;
  afterEach(async () => {
    await serve?.stop();
    serve = undefined;
  });

  it('[P5] says where it is, how data is kept, and what to do next; the commands then work as printed', async () => {
    serve = await Serve.start();
    const lines = serve.out.split('\n').map((line) => line.trim());
    expect(serve.out).to.include(`${serve.url}/demo/`).and.to.include('.lastcall/').and.to.include('2 s');
    const url = lines.find((line) => line.startsWith('export LASTCALL_URL='));
    expect(url).to.equal(`export LASTCALL_URL=${serve.url}`);
    expect(lines).to.include('npx lastcall sessions');
    const sessions = await command(serve, 'sessions');
    expect([sessions.code, sessions.err()]).to.deep.equal([0, 'Nobody is logged in.\n']);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`ends with 0 after ${signal}`, async () => {
      serve = await Serve.start();
      expect(await serve.stop(signal)).to.equal(0);
    });
  }

  it('changes and shows the settings of a real broker', async () => {
    serve = await Serve.start();
    const changed = await command(serve, 'policy', 'set', 'graceMs=90s', 'lockTakeover=never');
    expect(changed.code).to.equal(0);
    const shown = await command(serve, 'policy', 'get', 'graceMs', 'lockTakeover');
    expect(shown.out())
      .to.match(/graceMs +90000 +1m 30s +60000/)
      .and.to.match(/lockTakeover +never/);
    const refused = await command(serve, 'policy', 'set', 'beatMs=1m', 'leaseMs=1m');
    expect(refused.code).to.equal(1);
    expect(refused.err()).to.match(/^lastcall: [^\n]*leaseMs[^\n]*three times[^\n]*\n$/);
    const audit = await command(serve, 'audit', '--type', 'policy.changed', '--json');
    expect((JSON.parse(audit.out()) as { items: unknown[] }).items).to.have.length(1);
  });

  it('[C1] says in one line that a setting is wrong, or that the port is taken', async () => {
    const wrong = await Serve.fail(['--port', 'http']);
    expect(wrong).to.deep.equal({
      code: 1,
      out: '',
      err: 'lastcall: --port must be a whole number from 0 to 65535, not "http"\n',
    });
    serve = await Serve.start();
    const { port } = new URL(serve.url);
    const taken = await Serve.fail(['--port', port], { LASTCALL_LOG_LEVEL: 'silent' });
    expect(taken.code).to.equal(1);
    expect(taken.err).to.match(
      new RegExp(`^lastcall: Port ${port} on 127\\.0\\.0\\.1 is in use: [^\\n]+--port[^\\n]+\\n$`),
    );
  });
});
