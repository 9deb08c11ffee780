import { expect } from 'chai';
import fc from 'fast-check';
import { ConfigError, loadConfig } from 'lastcall/internal/config.js';
import { SETTING_NAMES, settingOf } from 'lastcall/internal/settings.js';
import { refusal, SECRET, useFiles } from './support/config.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

describe('configuration: values', () => {
  const file = useFiles();

  const wrong: readonly [name: string, ...values: string[]][] = [
    ['PORT', 'abc', '-1', '65536', '4600.5', '0x10', '1e3', ' 1'],
    ['TRUST_PROXY', 'true', '17'],
    ['LOG_LEVEL', 'loud'],
    ['DEV', 'maybe', '2'],
    ['HOST', 'a\nb', 'x'.repeat(256)],
    ['JWT_SECRET', 'x'.repeat(31), 'ü'.repeat(15)],
    ['JWKS_URL', 'keys', 'ftp://a/keys', 'http://login.example/keys', 'https://u:p@login.example/keys'],
    [
      'REDIS_URL',
      'localhost',
      'http://r',
      'redis://',
      'redis+cluster://',
      'redis+sentinel://a,b',
      'redis+cluster://a b',
    ],
    [
      'ALLOWED_ORIGINS',
      '*',
      'https://*.example.com',
      'example.com',
      'https://a.example/',
      'HTTPS://a.example',
      'null',
    ],
    [
      'ALLOWED_ORIGINS',
      'https://a.example:443',
      'https://a.example/path',
      'https://u@a.example',
      'file:///x',
    ],
    ['MAX_PAYLOAD_BYTES', '10', '2000000'],
    ['RESUMES_PER_SECOND', '499'],
  ];
  for (const [name, ...values] of wrong) {
    it(`refuses a wrong ${name} with one line that names it`, () => {
      for (const value of values) {
        expect(refusal({ [`LASTCALL_${name}`]: value }), value).to.match(
          new RegExp(`^LASTCALL_${name} must `),
        );
      }
    });
  }

  it('takes every form of REDIS_URL and JWKS_URL', () => {
    const jwks = ['https://login.example/keys', 'http://127.0.0.1:8080/keys', 'http://[::1]/keys'];
    const redis = [
      'redis://r',
      'rediss://user:pass@r:6380/1',
      'redis+cluster://h1,h2:7001',
      'redis+cluster://:pass@h1:7000,h2:7001',
      'redis+sentinel://h1:26379,h2,h3/main',
    ];
    for (const url of redis) {
      const env = { LASTCALL_REDIS_URL: url, LASTCALL_JWT_SECRET: SECRET };
      expect(loadConfig({ env }).redisUrl).to.equal(url);
    }
    for (const url of jwks) expect(loadConfig({ env: { LASTCALL_JWKS_URL: url } }).jwksUrl).to.equal(url);
  });

  it('says why * is refused and how an origin is written (H17)', () => {
    expect(refusal({ LASTCALL_ALLOWED_ORIGINS: '*' })).to.match(/any web page could then act/);
    expect(refusal({ LASTCALL_ALLOWED_ORIGINS: 'https://a.example:443/x' })).to.match(
      /write https:\/\/a\.example$/,
    );
  });

  it('names where the wrong value stands', () => {
    expect(refusal({}, { file: file('wrong.yaml', 'port: abc') })).to.match(
      /^port in .*wrong.yaml must be a whole/,
    );
    expect(refusal({}, { flags: { port: 'abc' } })).to.match(/^--port must be a whole number/);
    expect(refusal({}, { file: file('nested.yaml', 'port:\n  a: 1') })).to.match(
      /^port in .* must be a whole/,
    );
  });

  it('never repeats a secret (H28)', () => {
    expect(refusal({ LASTCALL_JWT_SECRET: 'hunter2' })).not.to.include('hunter2');
    expect(refusal({ LASTCALL_REDIS_URL: 'http://:hunter2@r' })).not.to.include('hunter2');
  });

  it(`answers anything with a configuration or one line (seed ${SEED})`, () => {
    const names = SETTING_NAMES.map((name) => `LASTCALL_${settingOf(name).env}`);
    const key = fc.oneof(
      fc.constantFrom(...names),
      fc.string().map((text) => `LASTCALL_${text}`),
    );
    fc.assert(
      fc.property(fc.dictionary(key, fc.string({ unit: 'binary' }), { maxKeys: 3 }), (env) => {
        try {
          loadConfig({ env });
        } catch (error) {
          expect(error).to.be.instanceOf(ConfigError);
          expect((error as Error).message).to.match(/^[^\n\r]{1,600}$/);
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});
