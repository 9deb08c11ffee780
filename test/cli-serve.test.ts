import { expect } from 'chai';
import { run } from 'lastcall/internal/cli/main.js';
import { type FakeTerminal, fakeTerminal } from './support/fake-terminal.js';
import { startProxy } from './support/proxy.js';
import { needsRedisServer, startRedis } from './support/redis.js';
import { Serve } from './support/serve.js';
import { waitUntil } from './support/wait.js';

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
    expect(serve.out).to.match(/\/console\/#code=[\w-]{43} /);
    const url = lines.find((line) => line.startsWith('export LASTCALL_URL='));
    expect(url).to.equal(`export LASTCALL_URL=${serve.url}`);
    expect(lines).to.include('npx lastcall sessions');
    const sessions = await command(serve, 'sessions');
    expect([sessions.code, sessions.err()]).to.deep.equal([0, 'Nobody is logged in.\n']);
    expect(await (await fetch(`${serve.url}/readyz`)).text()).to.include('The embedded engine answers in');
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

  it('[N11] says once that Redis is out of reach, and once that it is back', async function () {
    needsRedisServer(this, 'what a broker says of a Redis that is gone');
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    try {
      const REDIS_URL = `redis://127.0.0.1:${proxy.port}`;
      serve = await Serve.start(['--port', '0'], { LASTCALL_REDIS_URL: REDIS_URL, LASTCALL_DEV: '1' });
      const before = proxy.taken;
      proxy.refuse(true);
      await waitUntil(() => proxy.taken - before >= 10, 'some attempts to connect', 20_000);
      proxy.refuse(false);
      await waitUntil(() => serve?.log.includes('Redis is back') === true, 'Redis to be back', 20_000);
      expect(serve.log.match(/Redis is out of reach: requests are answered/g)).to.have.length(1);
      // What was under way when the connection broke may be told of, too.
      expect(serve.log.match(/the loops could not reach the store/g)?.length ?? 0).to.be.below(2);
    } finally {
      await proxy.stop();
      await redis.stop();
    }
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
