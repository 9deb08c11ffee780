import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Keys } from 'lastcall/internal/archive/chain.js';
import { ArchiveDir, AUDIT_KEY, recordOf } from './support/archive.js';
import { CliBench, NOW } from './support/cli.js';
import { problem } from './support/fake-api.js';

const WHOLE = {
  ok: true,
  records: 12,
  files: 2,
  anchored: true,
  signed: true,
  lost: 0,
  last: { seq: 12, epoch: 1, rev: 12, at: NOW },
};
const FAULT = { kind: 'missing', seq: 5, file: '2031-05-17.jsonl', line: 5, message: 'Link 5 is missing.' };
const DAMAGED = { ...WHOLE, ok: false, records: 4, fault: FAULT };

describe('command line: the audit archive', () => {
  const bench = CliBench.use();
  let dir: ArchiveDir;

  beforeEach(() => {
    dir = new ArchiveDir();
  });
  afterEach(() => dir.remove());

  it('[C3] verify exits 0 when the archive is whole, and 3 with the first wrong link when it is not', async () => {
    const whole = await bench.run(['audit', 'verify'], { 'GET /audit/verify': () => ({ body: WHOLE }) });
    expect(whole).to.include({ code: 0, err: '' });
    expect(whole.out).to.match(/^whole {2}12 records in 2 files, up to link 12 /);
    const replies = { 'GET /audit/verify': () => ({ body: DAMAGED }) };
    const damaged = await bench.run(['audit', 'verify', '--from', '2031-05-17'], replies);
    expect(damaged.code).to.equal(3);
    expect(damaged.out).to.match(/^missing {2}Link 5 is missing\. \(2031-05-17\.jsonl:5\)\n/);
    expect(bench.seen[0]?.query).to.deep.equal({ from: String(Date.UTC(2031, 4, 17)) });
    const json = await bench.run(['audit', 'verify', '--json'], replies);
    expect(json.code).to.equal(3);
    expect(JSON.parse(json.out)).to.deep.equal(DAMAGED);
  });

  it('[C3] verify reads an archive without a broker', async () => {
    const records = [1, 2, 3, 4, 5, 6].map((rev) => recordOf(rev));
    await dir.write('acme', records, new Keys(AUDIT_KEY));
    const args = ['audit', 'verify', '--dir', dir.path, '--tenant', 'acme'];
    const env = { LASTCALL_AUDIT_KEY: AUDIT_KEY };
    const whole = await bench.offline(args, env);
    expect(whole.code).to.equal(0);
    expect(whole.err).to.include('checkpoints alone');
    expect((await bench.offline(args)).out).to.include('a key that is not known');
    const file = dir.file('acme', dir.files('acme')[0] ?? '');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"rev":4', '"rev":9'));
    const damaged = await bench.offline(args, env);
    expect(damaged.code).to.equal(3);
    expect(damaged.out).to.match(/^broken {2}Link 4 /);
    const elsewhere = await bench.offline([...args.slice(0, -1), 'globex'], env);
    expect(elsewhere).to.include({ code: 2 });
    expect(elsewhere.err).to.include('There is no archive of globex');
  });

  it('[C3] export writes what it is given, to standard output or to a file, and says what was refused', async () => {
    const replies = { 'GET /audit': () => ({ body: 'epoch,rev\r\n1,2\r\n' }) };
    const out = await bench.run(['audit', 'export', '--type', 'session.ended'], replies);
    expect(out).to.include({ code: 0, out: 'epoch,rev\r\n1,2\r\n', err: '' });
    expect(bench.seen[0]?.headers.accept).to.equal('text/csv');
    expect(bench.seen[0]?.query).to.deep.equal({ type: 'session.ended' });
    const path = join(dir.path, 'export.ndjson');
    const filed = await bench.run(['audit', 'export', '--format', 'ndjson', '--output', path], replies);
    expect(filed).to.include({ code: 0, out: '' });
    expect(bench.seen[0]?.headers.accept).to.equal('application/x-ndjson');
    expect(readFileSync(path, 'utf8')).to.equal('epoch,rev\r\n1,2\r\n');
    const nowhere = await bench.run(['audit', 'export', '--output', join(path, 'x')], replies);
    expect(nowhere.code).to.equal(1);
    expect(nowhere.err).to.match(/--output: .* cannot be written \(ENOTDIR\)/);
    const busy = { 'GET /audit': () => problem(429, 'rate_limited', 'Others are reading. Try again.') };
    expect(await bench.run(['audit', 'export'], busy)).to.include({ code: 1, out: '' });
    const cut = await bench.run(['audit', 'export'], { 'GET /audit': () => ({ cut: true }) });
    expect(cut.code).to.equal(1);
    expect(cut.err).to.include('cannot be reached');
  });
});
