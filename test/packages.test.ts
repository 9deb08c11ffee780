import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { expect } from 'chai';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { sdkSize, sizeTable } from './support/sdk-size.js';
import { readJson } from './support/sources.js';

const ROOT = new URL('../../', import.meta.url).pathname;
/** Entries of the SDK, and how many bytes each may add to a page that has Socket.IO's client, compressed. */
const BUDGETS: readonly (readonly [entry: string, gzBytes: number])[] = [
  ['core', 10_400],
  ['index', 15_600],
  ['drafts', 3_400],
  ['view', 1_200],
  ['banner', 10_100],
  ['react', 3_500],
];

interface Manifest extends Record<string, unknown> {
  readonly exports: Readonly<Record<string, string | object>>;
}

/** What a script of Node prints. */
const printed = (source: string): string =>
  execFileSync(process.execPath, ['--input-type=commonjs', '-e', source], {
    cwd: join(ROOT, 'test'),
    encoding: 'utf8',
  });

describe('[K15] the packages of the SDK', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-packages-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  for (const name of ['shared', 'client-sdk']) {
    it(`pass publint and attw as they are published: ${name}`, async () => {
      const packed = execFileSync(
        'npm',
        ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
        {
          cwd: join(ROOT, name),
          encoding: 'utf8',
        },
      );
      const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
      const tarball = new Uint8Array(readFileSync(join(folder, filename)));
      const { messages } = await publint({ strict: true, pack: { tarball: tarball.slice().buffer } });
      const manifest = readJson(`${name}/package.json`) as Manifest;
      expect(messages.map((message) => formatMessage(message, manifest))).to.deep.equal([]);

      // The files for pages without a bundler are no modules of Node.
      const entrypoints = Object.entries(manifest.exports).flatMap(([path, entry]) =>
        typeof entry === 'object' && 'require' in entry ? [path] : [],
      );
      const result = await checkPackage(createPackageFromTarballData(tarball), { entrypoints });
      if (result.types === false) throw new Error('attw found no types');
      // Resolution as before Node 12 knows no entries; nobody who builds for today's browsers uses it.
      const problems = result.problems.filter(
        (problem) => !('resolutionKind' in problem) || problem.resolutionKind !== 'node10',
      );
      expect(problems).to.deep.equal([]);
      expect(Object.keys(result.entrypoints)).to.include.members(entrypoints).and.include('.');
    });
  }

  it('work in CommonJS, where every entry has the same errors', () => {
    const said = printed(`
      const all = require('@lastcall/client');
      const core = require('@lastcall/client/core');
      const { keepDrafts } = require('@lastcall/client/drafts');
      const { mountLastcall } = require('@lastcall/client/banner');
      const { LastcallProvider, useSession } = require('@lastcall/client/react');
      const { requireLock } = require('@lastcall/client/express');
      const { LastcallError } = require('@lastcall/shared');
      const client = core.createClient({ url: 'http://127.0.0.1:1', token: 't' });
      const { createElement } = require('react');
      const Status = () => useSession().status;
      const drawn = require('react-dom/server').renderToString(
        createElement(LastcallProvider, { client }, createElement(Status)),
      );
      const full = all.createClient({ url: 'http://127.0.0.1:1', token: 't' });
      console.log(JSON.stringify([
        client.getSnapshot().status, 'lock' in client, 'lock' in full, full instanceof core.SessionClient,
        all.LastcallError === LastcallError && core.LastcallError === LastcallError, typeof requireLock,
        keepDrafts(client).place, typeof mountLastcall, drawn,
      ]));`);
    expect(JSON.parse(said)).to.deep.equal([
      'idle',
      false,
      true,
      true,
      true,
      'function',
      'memory',
      'function',
      'idle',
    ]);
  });

  it('work as one script, which says what it has under one name', () => {
    const path = JSON.stringify(join(ROOT, 'client-sdk/dist/lastcall.global.js'));
    const said = printed(`
      const script = require('fs').readFileSync(${path}, 'utf8');
      console.log(Object.keys(new Function(script + '\\n;return Lastcall')()).join());`);
    expect(said.trim().split(',')).to.include.members([
      'LastcallClient',
      'LastcallError',
      'createClient',
      'keepDrafts',
    ]);
  });

  it('have the elements in a script beside it, and their languages in files of their own', () => {
    const dist = join(ROOT, 'client-sdk/dist');
    const read = (name: string) => readFileSync(join(dist, name), 'utf8');
    const said = printed(`
      const path = ${JSON.stringify(join(dist, 'lastcall.banner.global.js'))};
      new Function(require('fs').readFileSync(path, 'utf8')).call(globalThis);
      console.log(Object.keys(Lastcall).join());`);
    expect(said.trim().split(',')).to.have.members(['mountLastcall', 'speak']);
    for (const name of ['lastcall.banner.global.js', 'lastcall.banner.min.js']) {
      const languages = [...read(name).matchAll(/import\(`\.\/(lastcall\.\w\w\.min\.js)`\)/g)];
      expect(languages, name).to.have.length(5);
      for (const [, file = ''] of languages) expect(read(file)).to.include('direction');
    }
  });

  for (const [entry, budget] of BUDGETS) {
    it(`keep to their size: ${entry} in ${budget} bytes`, async () => {
      const size = await sdkSize(entry);
      expect(size.gzBytes, sizeTable(size)).to.be.at.most(budget);
      // A budget that is far from what there is keeps nobody from anything.
      expect(size.gzBytes, 'the budget can be lowered').to.be.above(budget * 0.93);
    });
  }
});
