import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { COMMANDS } from 'lastcall/internal/cli/commands/index.js';
import { COMMAND_VARIABLES, PREFIX, SETTING_NAMES, settingOf } from 'lastcall/internal/settings.js';
import { parse } from 'yaml';
import { anchorsOf, brokenLinks, codeOf } from './support/markdown.js';
import { ROOT, read, readJson, type Source, sourcesIn } from './support/sources.js';

const TOP = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
const documents: Source[] = [
  ...[...TOP, 'client-sdk/README.md'].map((path) => ({ path, text: read(path) })),
  ...sourcesIn(['docs'], '.md'),
];
const inRepository = (path: string): boolean => existsSync(ROOT + path);

describe('the documents', () => {
  it('are all there', () => {
    const needed = [
      ...TOP,
      'LICENSE',
      'docs/protocol.md',
      'docs/configuration.md',
      'docs/operations.md',
      'docs/spec.md',
    ];
    expect(needed.filter((path) => !inRepository(path))).to.deep.equal([]);
  });

  it('link to what is there', () => {
    expect(brokenLinks(documents, inRepository)).to.deep.equal([]);
  });

  it('would be found out if they did not', () => {
    const text = [
      '# One thing, and `another`',
      '[a](b.md) [c](#one-thing-and-another) [d](#two)',
      '`[e](f.md)` [g](https://h)',
    ].join('\n');
    expect(anchorsOf(text)).to.deep.equal(['one-thing-and-another']);
    const found = brokenLinks([{ path: 'docs/x.md', text }], (path) => path === 'docs/x.md');
    expect(found).to.deep.equal(['docs/x.md: b.md', 'docs/x.md: #two']);
  });

  it('name only scripts, commands and settings that there are', () => {
    const { scripts } = readJson('package.json') as { scripts: Readonly<Record<string, string>> };
    const commands = new Set(COMMANDS.map(({ usage }) => usage.split(' ')[0]));
    const variables = new Set([
      ...Object.keys(COMMAND_VARIABLES),
      ...SETTING_NAMES.map((name) => settingOf(name).env),
      ...SETTING_NAMES.filter((name) => settingOf(name).secret).map((name) => `${settingOf(name).env}_FILE`),
    ]);
    const wrong = documents.flatMap(({ path, text }) => {
      const code = codeOf(text);
      const named = (pattern: RegExp) => [...code.matchAll(pattern)].map((match) => match[1] ?? '');
      const deployment = path === 'README.md' ? read('docker-compose.yml') + read('Dockerfile') : '';
      return [
        ...named(/npm run (?:--silent )?([\w:-]+)/g).filter((name) => !Object.hasOwn(scripts, name)),
        ...named(/(?:^|npx )lastcall ([a-z]+)/gm).filter((name) => !commands.has(name)),
        ...[...`${text}${deployment}`.matchAll(/\bLASTCALL_([A-Z_]*[A-Z])/g)]
          .map((match) => match[1] ?? '')
          // The page on settings shows a misspelt one.
          .filter((name) => !variables.has(name) && name !== 'REDIS_ULR')
          .map((name) => PREFIX + name),
      ].map((name) => `${path}: ${name}`);
    });
    expect(wrong).to.deep.equal([]);
  });

  it('begin the changelog with what is not released yet, then this version', () => {
    const { version } = readJson('server/package.json') as { version: string };
    const heads = [...read('CHANGELOG.md').matchAll(/^## \[(.+?)\]/gm)].map((match) => match[1]);
    expect(heads.slice(0, 2)).to.deep.equal(['Unreleased', version]);
  });
});

interface Service {
  readonly [field: string]: unknown;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
}

interface Compose {
  readonly services: { readonly redis: Service; readonly broker: Service };
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Fields of a service that this project uses; a misspelt one would be refused by the engine, or worse, be ignored. */
const SERVICE_FIELDS = new Set([
  'build',
  'cap_drop',
  'command',
  'depends_on',
  'environment',
  'healthcheck',
  'image',
  'init',
  'ports',
  'read_only',
  'restart',
  'secrets',
  'security_opt',
  'stop_grace_period',
  'volumes',
]);

describe('the deployment', () => {
  const compose = parse(read('docker-compose.yml')) as Compose;
  const { redis, broker } = compose.services;
  const dockerfile = read('Dockerfile');

  it('is a broker and its Redis, in fields that there are', () => {
    expect(Object.keys(compose)).to.have.members(['services', 'secrets', 'volumes']);
    expect(Object.keys(compose.services)).to.have.members(['redis', 'broker']);
    for (const service of [redis, broker]) {
      expect(Object.keys(service).filter((field) => !SERVICE_FIELDS.has(field))).to.deep.equal([]);
      expect(service.healthcheck?.test[0]).to.equal('CMD');
      expect(service['restart']).to.equal('unless-stopped');
    }
    const volumes = [redis, broker].flatMap((service) => service.volumes ?? []);
    expect(compose.volumes).to.have.keys(volumes.map((volume) => volume.split(':')[0] ?? ''));
    expect(broker.volumes, 'where the audit archive is').to.deep.equal(['broker-data:/data']);
  });

  it('[A5] runs a Redis that keeps what it has', () => {
    const words = redis.command?.join(' ') ?? '';
    expect(redis['image']).to.match(/^redis:[7-9]/);
    for (const setting of ['--appendonly yes', '--appendfsync everysec', '--maxmemory-policy noeviction']) {
      expect(words).to.include(setting);
    }
  });

  it('runs a broker that waits for it, has its secret from a file and is looked after', () => {
    expect(broker.depends_on).to.deep.equal({ redis: { condition: 'service_healthy' } });
    const { environment = {}, secrets = [] } = broker;
    expect(environment['LASTCALL_REDIS_URL']).to.equal('redis://redis:6379');
    expect(environment['LASTCALL_JWT_SECRET_FILE']).to.equal(`/run/secrets/${secrets[0]}`);
    expect(compose.secrets).to.have.keys([...secrets]);
    expect(broker.healthcheck?.test.join(' ')).to.include('/readyz');
    expect(broker.ports).to.deep.equal(['127.0.0.1:4600:4600']);
    expect(broker).to.include({ read_only: true, init: true });
  });

  it('keeps the secret out of the repository and out of the image', () => {
    const file = compose.secrets['jwt_secret']?.file.replace('./', '') ?? '';
    expect(read('.gitignore').split('\n')).to.include(file);
    expect(read('.dockerignore').split('\n')).to.include(file);
  });

  it('builds in one stage and runs in another, without rights', () => {
    const stages = dockerfile.split(/^FROM /m).slice(1);
    const last = stages.at(-1) ?? '';
    expect(stages).to.have.length.greaterThan(1);
    expect(last).to.match(/^USER node$/m);
    expect(last).not.to.match(/^RUN npm|^COPY \. /m);
    expect(last).to.match(/^ENV NODE_ENV=production/m);
    expect(last).to.include('/readyz');
    const from = [...last.matchAll(/^COPY --from=\w+ \/app\/(?<path>\S+)/gm)].map(
      ({ groups = {} }) => groups['path'] ?? '',
    );
    for (const file of ['shared/dist', 'server/dist', 'server/lua', 'server/bin', 'node_modules']) {
      expect(from).to.include(file);
    }
  });

  it('gives the installation every workspace of the lock file', () => {
    const { workspaces } = readJson('package.json') as { workspaces: readonly string[] };
    for (const folder of workspaces) expect(dockerfile).to.include(`COPY ${folder}/package.json ${folder}/`);
  });
});
