import { chmodSync } from 'node:fs';
import { expect } from 'chai';
import { CliBench } from './support/cli.js';
import { useFiles } from './support/config.js';
import { startFakeApi } from './support/fake-api.js';

const nobody = { 'GET /sessions': () => ({ body: { items: [] } }) };

describe('command line: profiles', () => {
  const bench = CliBench.use();
  const write = useFiles();
  const closing: (() => Promise<void>)[] = [];
  after(() => Promise.all(closing.map((close) => close())));

  /** A broker of its own, and a file with it as the profile "office", the default. */
  async function office(more: string = '') {
    const api = await startFakeApi(nobody);
    closing.push(() => api.close());
    write('token', `${bench.token}\n`);
    const text = [
      'default: office',
      'profiles:',
      '  office:',
      `    url: ${api.url}`,
      '    token_file: token',
      '    tenant: books',
      '  test: { url: http://127.0.0.1:4999 }',
      more,
    ];
    return { api, file: save(text.join('\n')) };
  }

  function save(text: string, mode = 0o600): string {
    const file = write('profiles.yaml', text);
    chmodSync(file, mode);
    return file;
  }

  it('[C8] takes address, token and tenant from the default, or from the one that is named', async () => {
    const { api, file } = await office(`  by-token: { token: ${bench.token}, tenant: other }`);
    const env = { LASTCALL_PROFILES: file };
    expect((await bench.offline(['sessions'], env)).code).to.equal(0);
    expect((await bench.offline(['sessions', '--profile', 'office', '--tenant', 'acme'], env)).code).to.equal(
      0,
    );
    expect((await bench.offline(['sessions'], { ...env, LASTCALL_PROFILE: 'office' })).code).to.equal(0);
    expect(api.seen.map(({ path }) => path)).to.deep.equal([
      '/v1/tenants/books/sessions',
      '/v1/tenants/acme/sessions',
      '/v1/tenants/books/sessions',
    ]);
    expect(api.seen[0]?.headers.authorization).to.equal(`Bearer ${bench.token}`);
  });

  it('[C8] variables come before a profile that is there anyhow, and after one that is asked for', async () => {
    const { api, file } = await office();
    const env = { LASTCALL_PROFILES: file };
    const { code } = await bench.run(['sessions'], nobody, undefined, env);
    expect(code).to.equal(0);
    expect(api.seen).to.deep.equal([]);
    expect(bench.seen[0]?.path).to.equal('/v1/tenants/books/sessions');
    await bench.run(['sessions', '--profile', 'office'], nobody, undefined, env);
    expect(bench.seen).to.deep.equal([]);
    expect(api.seen).to.have.length(1);
  });

  it('[C8] never sends the token of a profile to another address', async () => {
    const { file } = await office();
    const elsewhere = ['sessions', '--url', 'http://127.0.0.1:4998'];
    for (const [args, more] of [
      [elsewhere, {}],
      [['sessions'], { LASTCALL_URL: 'http://127.0.0.1:4998' }],
      [['sessions', '--profile', 'office', '--url', 'http://127.0.0.1:4998'], {}],
    ] as const) {
      const { code, err } = await bench.offline(args, { LASTCALL_PROFILES: file, ...more });
      expect(code).to.equal(2);
      expect(err).to.match(/^lastcall: The token of profile office is for its own address.*\n$/);
    }
  });

  it('[C8] refuses a file that others may read or write, and says how to mend it', async () => {
    const { file } = await office();
    for (const mode of [0o644, 0o640, 0o620, 0o606]) {
      chmodSync(file, mode);
      const { code, err } = await bench.offline(['sessions'], { LASTCALL_PROFILES: file });
      expect(code).to.equal(2);
      expect(err).to.include(`chmod 600 ${file}`).and.to.include(mode.toString(8));
      expect(err).not.to.include(bench.token);
    }
  });

  it('[C8] [C1] says in one line what is wrong with a profile', async () => {
    const { file } = await office();
    const cases: readonly (readonly [text: string | undefined, args: readonly string[], told: RegExp])[] = [
      [undefined, ['--profile', 'offise'], /"offise" is not a profile of .*; the nearest is office/],
      ['profiles: { a: { url: x, tokn: y } }', [], /cannot be used: profiles\.a\.tokn is not a field/],
      ['profiles: { a: { token: x, token_file: y } }', [], /profiles\.a\.token_file must be left out/],
      ['profiles: [', [], /is not YAML/],
      ['profiles: {}', ['--profile', 'a'], /it has none/],
    ];
    for (const [text, args, told] of cases) {
      if (text !== undefined) save(text);
      const { code, err } = await bench.offline(['sessions', ...args], { LASTCALL_PROFILES: file });
      expect(code, err).to.be.oneOf([1, 2]);
      expect(err)
        .to.match(told)
        .and.to.match(/^lastcall: [^\n]+\n$/);
    }
    const missing = await bench.offline(['sessions'], { LASTCALL_PROFILES: write.path('none.yaml') });
    expect(missing.err).to.include('There are no profiles');
    const unnamed = await bench.offline(['sessions', '--profile', 'office'], { HOME: write.path('nobody') });
    expect(unnamed.err).to.include('nobody/.config/lastcall/profiles.yaml');
  });
});
