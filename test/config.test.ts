import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Config, loadConfig } from 'lastcall/internal/config.js';
import { nearest } from 'lastcall/internal/nearest.js';
import {
  SETTING_NAMES,
  settingOf,
  settingOptions,
  settingsHelp,
  settingsTable,
} from 'lastcall/internal/settings.js';
import { type Env, refusal, SECRET, useFiles } from './support/config.js';

describe('configuration', () => {
  const file = useFiles();

  describe('defaults', () => {
    it('is development on loopback with the embedded engine when nothing is set', () => {
      const config = loadConfig({ env: {} });
      expect(config).to.include({
        dev: true,
        host: '127.0.0.1',
        port: 4600,
        dataDir: '.lastcall',
        trustProxy: 0,
      });
      expect(config.redisUrl).to.equal(undefined);
      expect(config).to.include({ messagesPerSecond: 50, messageBurst: 200, maxPayloadBytes: 65_536 });
    });

    it('is not development with a Redis, with DEV=0 or with NODE_ENV=production', () => {
      const served: Env[] = [
        { LASTCALL_REDIS_URL: 'redis://r', LASTCALL_JWT_SECRET: SECRET },
        { LASTCALL_DEV: '0', LASTCALL_JWT_SECRET: SECRET },
        { NODE_ENV: 'production', LASTCALL_JWT_SECRET: SECRET },
      ];
      for (const env of served) expect(loadConfig({ env })).to.include({ dev: false, host: '0.0.0.0' });
    });

    it('is frozen', () => {
      const config = loadConfig({ env: {} }) as { -readonly [K in keyof Config]: Config[K] };
      expect(() => {
        config.port = 1;
      }).to.throw(TypeError);
      expect(Object.isFrozen(config.allowedOrigins)).to.equal(true);
    });
  });

  describe('sources', () => {
    it('takes flags before the environment, the environment before the file, the file before the default', () => {
      const path = file('order.yaml', 'port: 1\nlog_level: debug\ntrust_proxy: 2\n');
      const env = { LASTCALL_PORT: '2', LASTCALL_LOG_LEVEL: 'warn' };
      expect(loadConfig({ env, file: path, flags: { port: '3' } })).to.include({
        port: 3,
        logLevel: 'warn',
        trustProxy: 2,
        tenantClaim: 'tenant',
      });
    });

    it('reads the same names from YAML, in either case, with or without the prefix', () => {
      const path = file(
        'names.yaml',
        'PORT: 5000\nLASTCALL_DATA_DIR: /data\ndev: false\njwt_secret: ' + SECRET,
      );
      expect(loadConfig({ env: {}, file: path })).to.include({ port: 5000, dataDir: '/data', dev: false });
    });

    it('reads lists from YAML and from text', () => {
      const origins = ['https://a.example', 'http://localhost:5173'];
      const path = file('list.yaml', `allowed_origins:\n  - ${origins.join('\n  - ')}\n`);
      expect(loadConfig({ env: {}, file: path }).allowedOrigins).to.deep.equal(origins);
      const env = { LASTCALL_ALLOWED_ORIGINS: origins.join(' , ') };
      expect(loadConfig({ env }).allowedOrigins).to.deep.equal(origins);
    });

    it('takes an empty YAML file and empty values as nothing', () => {
      expect(loadConfig({ env: {}, file: file('empty.yaml', '') }).port).to.equal(4600);
      expect(
        loadConfig({ env: { LASTCALL_JWT_SECRET: '' }, file: file('null.yaml', 'port:\n') }).port,
      ).to.equal(4600);
    });

    it('reads secrets from files and leaves their last line break out', () => {
      const env = { LASTCALL_DEV: '0', LASTCALL_JWT_SECRET_FILE: file('secret', `${SECRET}\n`) };
      expect(loadConfig({ env }).jwtSecret).to.equal(SECRET);
      const path = file('files.yaml', `dev: 0\njwt_secret_file: ${file.path('secret')}\n`);
      expect(loadConfig({ env: {}, file: path }).jwtSecret).to.equal(SECRET);
    });

    it('refuses a setting that is given twice, a file that is missing, and a file for what is no secret', () => {
      const secret = file('secret2', SECRET);
      expect(refusal({ LASTCALL_JWT_SECRET: SECRET, LASTCALL_JWT_SECRET_FILE: secret })).to.match(/both set/);
      expect(refusal({ LASTCALL_JWT_SECRET_FILE: file.path('gone') })).to.match(
        /^LASTCALL_JWT_SECRET_FILE: .*gone cannot be read \(ENOENT\)$/,
      );
      expect(refusal({ LASTCALL_PORT_FILE: secret })).to.match(/^LASTCALL_PORT_FILE is not a setting/);
      expect(refusal({ LASTCALL_JWT_SECRET_FILE: file('huge', 'x'.repeat(70_000)) })).to.match(/larger than/);
    });

    it('refuses YAML that is broken, is no mapping, or grows by aliases', () => {
      expect(refusal({}, { file: file('broken.yaml', 'port: [1') })).to.match(
        /^--config: .*broken.yaml is not YAML/,
      );
      expect(refusal({}, { file: file('list2.yaml', '- port') })).to.match(/one setting per line/);
      expect(refusal({}, { file: file('twice.yaml', 'port: 1\nport: 2') })).to.match(/not YAML/);
      expect(refusal({}, { file: file('alias.yaml', 'host: &a x\ndata_dir: *a') })).to.match(/not YAML/);
      expect(refusal({}, { file: file.path('none.yaml') })).to.match(/cannot be read/);
    });
  });

  describe('names', () => {
    it('answers an unknown variable, YAML key or flag with the nearest known one', () => {
      expect(refusal({ LASTCALL_REDIS_ULR: 'x' })).to.equal(
        'LASTCALL_REDIS_ULR is not a setting; the nearest is LASTCALL_REDIS_URL',
      );
      expect(refusal({ LASTCALL_JWT_SECRT_FILE: 'x' })).to.match(/nearest is LASTCALL_JWT_SECRET_FILE$/);
      expect(refusal({}, { file: file('typo.yaml', 'prot: 1') })).to.match(
        /^prot in .* the nearest is PORT$/,
      );
      expect(refusal({}, { flags: { prot: 1 } })).to.match(/^--prot is not a setting/);
      expect(refusal({ LASTCALL___PROTO__: 'x' })).to.match(/is not a setting/);
    });

    it('refuses an unknown name even when it is empty', () => {
      expect(refusal({ LASTCALL_PROT: '' })).to.match(/LASTCALL_PORT$/);
    });

    it('leaves the variables of the commands and of others alone', () => {
      const env = {
        LASTCALL_URL: 'x',
        LASTCALL_TOKEN: 'x',
        LASTCALL_TENANT: 'x',
        PORT: 'x',
        lastcall_port: 'x',
      };
      expect(loadConfig({ env }).port).to.equal(4600);
    });

    it('finds the nearest name', () => {
      expect(nearest('HOTS', ['PORT', 'HOST', 'DEV'])).to.equal('HOST');
      expect(nearest('', ['PORT', 'DEV'])).to.equal('DEV');
    });
  });

  describe('settings together', () => {
    it('needs exactly one of JWT_SECRET and JWKS_URL unless DEV', () => {
      const both = { LASTCALL_JWT_SECRET: SECRET, LASTCALL_JWKS_URL: 'https://login.example/keys' };
      expect(refusal(both)).to.match(/both set; keep one/);
      expect(refusal({ LASTCALL_DEV: '0' })).to.match(/JWT_SECRET or LASTCALL_JWKS_URL must be set/);
      expect(loadConfig({ env: { LASTCALL_DEV: '1', LASTCALL_REDIS_URL: 'redis://r' } }).dev).to.equal(true);
      expect(loadConfig({ env: { LASTCALL_DEV: '1', LASTCALL_JWT_SECRET: SECRET } }).jwtSecret).to.equal(
        SECRET,
      );
    });

    it('serves development on loopback only, and never in production', () => {
      for (const host of ['0.0.0.0', '::', '192.168.1.4', 'example.com', '127.0.0.1.example.com']) {
        expect(refusal({ LASTCALL_HOST: host }), host).to.match(/^LASTCALL_HOST must be a loopback address/);
      }
      for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) {
        expect(loadConfig({ env: { LASTCALL_HOST: host } }).dev).to.equal(true);
      }
      expect(refusal({ LASTCALL_DEV: '1', NODE_ENV: 'production' })).to.match(/^LASTCALL_DEV=1/);
    });

    it('needs a burst of at least the rate', () => {
      expect(refusal({ LASTCALL_MESSAGE_BURST: '10' })).to.match(/^LASTCALL_MESSAGE_BURST must be at least/);
    });
  });

  describe('the table', () => {
    it('is the one in docs/configuration.md', () => {
      const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
      const table = /<!-- settings:begin -->\n\n([^]*?)\n\n<!-- settings:end -->/.exec(text)?.[1];
      expect(table).to.equal(settingsTable());
    });

    it('gives help for every setting, and an option for every one but secrets', () => {
      const help = settingsHelp();
      for (const name of SETTING_NAMES) expect(help).to.include(`LASTCALL_${settingOf(name).env}`);
      const options = settingOptions();
      expect(options.map((option) => option.name)).to.have.members(
        SETTING_NAMES.filter((name) => settingOf(name).secret !== true),
      );
      expect(options.find((option) => option.name === 'dataDir')?.flags).to.equal('--data-dir <value>');
    });
  });
});
