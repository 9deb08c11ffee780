import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_POLICY, POLICY_PRESETS, PRESET_NAMES } from '@lastcall/shared';
import { expect } from 'chai';
import { createVerifier } from 'lastcall/internal/auth/index.js';
import { CliBench } from './support/cli.js';
import { SECRET } from './support/config.js';
import type { Replies } from './support/fake-api.js';

const verify = (text: string, jwtSecret = SECRET) =>
  createVerifier({
    jwtSecret,
    jwksUrl: undefined,
    jwtIssuer: 'me',
    jwtAudience: undefined,
    tenantClaim: 'firm',
  }).verify(text.trim());

describe('command line: settings', () => {
  const bench = CliBench.use();

  describe('policy', () => {
    const POLICY = { version: 4, ...DEFAULT_POLICY };
    const replies: Replies = {
      'GET /policy': () => ({ body: POLICY }),
      'PUT /policy': ({ body }) => ({ body: { ...(body as object), version: 5 } }),
    };

    it('shows all settings, or those that are named', async () => {
      const all = await bench.run(['policy'], replies);
      expect(all.out).to.match(/idleLogoffMs +1800000 +30m/);
      expect(all.err).to.equal('Version 4, the preset standard.\n');
      const one = await bench.run(['policy', 'get', 'graceMs'], replies);
      expect(one.out.trim().split('\n')).to.have.length(2);
    });

    it('changes what is named and sends the whole with If-Match', async () => {
      const { code, out } = await bench.run(
        ['policy', 'set', 'graceMs=90s', 'idleScope=session', 'maxSessions=5', '--json'],
        replies,
      );
      expect(code).to.equal(0);
      const put = bench.seen.find(({ method }) => method === 'PUT');
      expect(put?.headers['if-match']).to.equal('"4"');
      expect(put?.body).to.deep.equal({
        ...DEFAULT_POLICY,
        graceMs: 90_000,
        idleScope: 'session',
        maxSessions: 5,
      });
      expect(JSON.parse(out)).to.include({ version: 5, graceMs: 90_000 });
    });

    it('[C4] [A16] takes a preset, and what is named after it', async () => {
      const { code, out } = await bench.run(['policy', 'set', '--preset', 'strict', 'graceMs=2m'], replies);
      expect(code).to.equal(0);
      const put = bench.seen.find(({ method }) => method === 'PUT');
      expect(put?.headers['if-match']).to.equal('"4"');
      expect(put?.body).to.deep.equal({ ...POLICY_PRESETS.strict.settings, graceMs: 120_000 });
      expect(out).to.match(/graceMs +120000 +2m/);
      const wrong = await bench.run(['policy', 'set', '--preset', 'strickt'], replies);
      expect(wrong).to.include({ code: 2 });
      expect(wrong.err).to.include('the nearest is strict');
      expect(await bench.run(['policy', 'set'], replies)).to.include({ code: 2 });
    });

    it('[C4] [A16] shows presets with what they set, without a broker', async () => {
      const { code, out } = await bench.offline(['policy', 'presets']);
      expect(code).to.equal(0);
      for (const name of PRESET_NAMES) expect(out).to.include(POLICY_PRESETS[name].summary);
      expect(out).to.match(/^strict: .*idleLogoffMs=10m .*idleScope=session/m);
      const { out: json } = await bench.offline(['policy', 'presets', '--json']);
      expect(JSON.parse(json)).to.deep.equal(POLICY_PRESETS);
    });

    it('changes nothing when the version is another one', async () => {
      const { code, err } = await bench.run(['policy', 'set', 'graceMs=90s', '--if-match', '3'], replies);
      expect(code).to.equal(1);
      expect(err).to.include('version 4, not 3');
      expect(bench.seen.map(({ method }) => method)).to.deep.equal(['GET']);
    });
  });

  describe('token', () => {
    let dir = '';
    beforeEach(() => {
      dir = mkdtempSync(join(tmpdir(), 'lastcall-'));
    });
    afterEach(() => {
      rmSync(dir, { recursive: true });
    });

    it('signs what the broker accepts, with the secret of a file', async () => {
      writeFileSync(join(dir, 'secret'), `${SECRET}\n`);
      const env = {
        LASTCALL_JWT_SECRET_FILE: join(dir, 'secret'),
        LASTCALL_JWT_ISSUER: 'me',
        LASTCALL_TENANT_CLAIM: 'firm',
      };
      const args = [
        '--sub',
        'ada',
        '--tenant',
        'acme',
        '--name',
        'Ada',
        '--role',
        'admin',
        'clerk',
        '--expires',
        '10m',
      ];
      const { code, out } = await bench.offline(['token', ...args], env);
      expect(code).to.equal(0);
      const identity = await verify(out);
      expect(identity).to.deep.include({
        tenant: 'acme',
        user: { id: 'ada', name: 'Ada', roles: ['admin', 'clerk'] },
      });
      expect(identity.expiresAt - identity.issuedAt).to.equal(600_000);
    });

    it('makes a development secret once and says so', async () => {
      const env = { LASTCALL_DATA_DIR: join(dir, 'data'), LASTCALL_TENANT: 'acme' };
      const first = await bench.offline(['token', '--sub', 'ada'], env);
      expect(first.code).to.equal(0);
      expect(first.err).to.include(join(dir, 'data'));
      expect((await bench.offline(['token', '--sub', 'ada'], env)).err).to.equal('');
    });

    it('cannot sign where tokens come from elsewhere', async () => {
      const env = { LASTCALL_JWKS_URL: 'https://login.example.com/keys', LASTCALL_DEV: '0' };
      const { code, err } = await bench.offline(['token', '--sub', 'ada', '--tenant', 'acme'], env);
      expect(code).to.equal(1);
      expect(err).to.include('LASTCALL_JWKS_URL');
    });
  });
});
