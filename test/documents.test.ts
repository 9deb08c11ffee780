import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { COMMANDS } from 'lastcall/internal/cli/commands/index.js';
import { COMMAND_VARIABLES, PREFIX, SETTING_NAMES, settingOf } from 'lastcall/internal/settings.js';
import { anchorsOf, brokenLinks, codeOf } from './support/markdown.js';
import { ROOT, read, readJson, type Source, sourcesIn } from './support/sources.js';

const TOP = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
const documents: Source[] = [
  ...[...TOP, 'client-sdk/README.md', 'examples/README.md'].map((path) => ({ path, text: read(path) })),
  ...sourcesIn(['docs'], '.md'),
];
/** What names settings besides the documents. */
const DEPLOYMENT = ['Dockerfile', 'docker-compose.yml', 'deploy/kubernetes/lastcall.yaml'];
/** Where deploy/haproxy.cfg listens and whom it knows. */
const BALANCER = new Set(['FRONT', 'NODE_A', 'NODE_B']);
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
      const deployment = path === 'README.md' ? DEPLOYMENT.map(read).join('\n') : '';
      return [
        // `npm run dev` is Vite's, in an application of one's own.
        ...named(/npm run (?:--silent )?([\w:-]+)/g).filter(
          (name) => !Object.hasOwn(scripts, name) && name !== 'dev',
        ),
        ...named(/(?:^|npx )lastcall ([a-z]+)/gm).filter((name) => !commands.has(name)),
        ...[...`${text}${deployment}`.matchAll(/\bLASTCALL_([A-Z_]*[A-Z])/g)]
          .map((match) => match[1] ?? '')
          // The page on settings shows a misspelt one.
          .filter((name) => !variables.has(name) && name !== 'REDIS_ULR' && !BALANCER.has(name))
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
