import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import type { AuditVerdict } from '@lastcall/shared';
import { expect } from 'chai';
import { Keys } from 'lastcall/internal/archive/chain.js';
import { Folder } from 'lastcall/internal/archive/files.js';
import { verifyArchive } from 'lastcall/internal/archive/verify.js';
import { Writer } from 'lastcall/internal/archive/writer.js';
import { archiveKey, logKey } from 'lastcall/internal/redis/keys.js';
import { ArchiveDir, AUDIT_KEY, DAY, recordOf } from './support/archive.js';
import { freshTenant, TestBroker, TestClient } from './support/broker.js';
import { ApiClient, send } from './support/http.js';
import { BrokerProcess } from './support/process.js';
import { type Observer, observer } from './support/redis.js';
import { type OwnStore, ownStore } from './support/store.js';
import { Recorder } from './support/stream.js';
import { waitUntil } from './support/wait.js';

const detailOf = async (url: string): Promise<string> => {
  const { body } = await send<{ checks: { name: string; detail: string }[] }>(`${url}/readyz`);
  return body.checks.find(({ name }) => name === 'archive')?.detail ?? '';
};

const metricOf = async (url: string, name: string): Promise<number> => {
  const { body } = await send<string>(`${url}/metrics`);
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
};

describe('the audit archive', () => {
  let store: OwnStore;
  let redis: Observer;
  let recorder: Recorder;
  let dir: ArchiveDir;
  let tenant: string;
  let running: TestBroker[];

  beforeEach(async () => {
    store = await ownStore();
    redis = await observer(store.url);
    recorder = await Recorder.connect(store.url);
    dir = new ArchiveDir();
    tenant = freshTenant();
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((broker) => broker.close()));
    await recorder.close();
    redis.destroy();
    await store.stop();
    dir.remove();
  });

  async function start(): Promise<TestBroker> {
    const env = { AUDIT_DIR: dir.path, AUDIT_KEY };
    const broker = await TestBroker.start({ redisUrl: store.url, env });
    running.push(broker);
    return broker;
  }

  async function stop(broker: TestBroker): Promise<void> {
    running = running.filter((one) => one !== broker);
    await broker.close();
  }

  async function archived(total: number): Promise<void> {
    await waitUntil(() => dir.entries(tenant).length >= total, `${total} archived records`, 15_000);
  }

  async function asks(broker: TestBroker): Promise<ApiClient> {
    return new ApiClient(broker.url, await broker.token(tenant, 'root', ['admin']));
  }

  async function verify(broker: TestBroker): Promise<AuditVerdict> {
    return await (await asks(broker)).does('audit.verify', { params: { tenant } });
  }

  it('[A11] has every record once, in order, in files of one day and for the owner alone', async () => {
    const brokers = [await start(), await start()] as const;
    await recorder.record(tenant, 450);
    await archived(450);
    await recorder.record(tenant, 7);
    await archived(457);
    const { epoch } = await brokers[0].core.audit
      .list(tenant, {}, { limit: 1 })
      .then(({ items }) => items[0] as { epoch: number });
    expect(dir.places(tenant)).to.deep.equal(Array.from({ length: 457 }, (_, i) => `${epoch}.${i + 1}`));
    const [file = ''] = dir.files(tenant);
    expect(file).to.match(/^\d{4}-\d\d-\d\d\.jsonl$/);
    expect(statSync(dir.file(tenant, file)).mode & 0o777).to.equal(0o600);
    expect(statSync(dir.file(tenant, '')).mode & 0o777).to.equal(0o700);
    expect(await verify(brokers[1])).to.include({ ok: true, anchored: true, signed: true, lost: 0 });
    await waitUntil(
      async () => (await detailOf(brokers[0].url)) === 'archiving; nothing waits',
      'that nothing waits',
    );
  });

  it('[A11] whoever lost the right writes what is there already', async () => {
    const keys = new Keys(AUDIT_KEY);
    const folder = new Folder(dir.path, tenant);
    const first = await Writer.open(folder, keys, undefined);
    await first.append([1, 2, 3].map((rev) => recordOf(rev)));
    // Two that believe to have the right: one froze before it wrote, the other went on meanwhile, over midnight.
    const frozen = await Writer.open(folder, keys, first.place);
    const second = await Writer.open(folder, keys, first.place);
    const records = [4, 5, 6, 7].map((rev) => recordOf(rev, rev > 5 ? DAY + 86_400_000 : DAY));
    await second.append(records);
    await second.append([recordOf(8, DAY + 86_400_000)]);
    await frozen.append(records.slice(0, 3));
    expect(dir.places(tenant)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8].map((rev) => `1.${rev}`));
    // Redis learned of none of it: the disk is ahead, and is gone on from.
    expect((await Writer.open(folder, keys, first.place)).place).to.include({ seq: 8, rev: 8 });
  });

  it('[A12] nothing leaves Redis before it is archived, and what is archived leaves it beyond auditRetention', async () => {
    mkdirSync(dir.file(tenant, ''), { recursive: true });
    // A disk that is full, for whatever day.
    const full = dir.file(tenant, '9999-12-31.jsonl');
    symlinkSync('/dev/full', full);
    const broker = await start();
    await broker.policy(tenant, { auditRetention: 1_000 });
    await recorder.record(tenant, 2_500);
    await waitUntil(async () => /ENOSPC/.test(await detailOf(broker.url)), 'the trouble', 10_000);
    expect(await redis.xLen(logKey(tenant))).to.equal(2_501);
    rmSync(full);
    await archived(2_501);
    await waitUntil(async () => (await redis.xLen(logKey(tenant))) < 1_200, 'the trimming', 10_000);
    expect(await redis.xLen(logKey(tenant))).to.be.at.least(1_000);
    expect(new Set(dir.places(tenant)).size).to.equal(2_501);
  });

  it('[A15] a full disk is said, raises an alarm at 80 %, stops no session and loses nothing', async () => {
    mkdirSync(dir.file(tenant, ''), { recursive: true });
    const full = dir.file(tenant, '9999-12-31.jsonl');
    symlinkSync('/dev/full', full);
    const broker = await start();
    await broker.policy(tenant, { auditRetention: 1_000 });
    await recorder.record(tenant, 700);
    await waitUntil(async () => /takes nothing \(ENOSPC\)/.test(await detailOf(broker.url)), 'the trouble');
    expect(await detailOf(broker.url)).not.to.include('alarm');
    await recorder.record(tenant, 150);
    await waitUntil(async () => /alarm: .* 8\d % of auditRetention/.test(await detailOf(broker.url)), 'it');
    expect(await metricOf(broker.url, 'lastcall_archive_backlog_ratio')).to.be.at.least(0.8);
    expect(await metricOf(broker.url, 'lastcall_archive_failures_total')).to.be.at.least(1);
    expect((await send(`${broker.url}/readyz`)).status).to.equal(200);
    const ada = await broker.connect(tenant, 'ada');
    expect(await ada.heartbeat()).to.include({ ok: true });
    rmSync(full);
    await archived(852);
    await waitUntil(async () => (await detailOf(broker.url)).startsWith('archiving; '), 'the good news');
    expect(await verify(broker)).to.include({ ok: true });
  });

  it('[A15] what was dropped before it could be archived is counted and said', async () => {
    mkdirSync(dir.file(tenant, ''), { recursive: true });
    const full = dir.file(tenant, '9999-12-31.jsonl');
    const broker = await start();
    await broker.policy(tenant, { auditRetention: 1_000, auditOverflow: 'drop' });
    await archived(1);
    symlinkSync('/dev/full', full);
    await recorder.record(tenant, 1_500);
    rmSync(full);
    await waitUntil(
      async () => /records left the stream/.test(await detailOf(broker.url)),
      'the loss',
      15_000,
    );
    // More may be dropped while the first loss is told of, and told of later than it is counted.
    const lost = (): Promise<number> => metricOf(broker.url, 'lastcall_archive_lost_records_total');
    await waitUntil(async () => dir.entries(tenant).length >= 1_501 - (await lost()), 'the rest', 10_000);
    await waitUntil(async () => (await verify(broker)).lost === (await lost()), 'all that is lost', 10_000);
    expect(await verify(broker)).to.include({ ok: true });
  });

  it('[A13] an archive that is gone is no new beginning: it goes on behind the gap, and says so', async () => {
    const first = await start();
    await recorder.record(tenant, 20);
    await archived(20);
    await waitUntil(async () => (await verify(first)).ok, 'the anchor');
    await stop(first);
    const before = await recorder.total(tenant);
    await waitUntil(() => dir.entries(tenant).length > 0, 'the files');
    const known = dir.entries(tenant).length;
    rmSync(dir.file(tenant, ''), { recursive: true });
    const [seq, hash = ''] = ((await redis.hGet(archiveKey(tenant), 'mark')) ?? '').split('|');
    const anchor = { seq: Number(seq), hash };
    const gone = { folder: new Folder(dir.path, tenant), keys: new Keys(AUDIT_KEY), anchor };
    expect((await verifyArchive(gone)).fault).to.include({ kind: 'cut', seq: 1 });
    const second = await start();
    await waitUntil(() => dir.entries(tenant).length > 0, 'the next link');
    expect(dir.entries(tenant)[0]?.seq).to.equal(known + 1);
    expect(known).to.be.at.most(before);
    expect((await verify(second)).fault).to.include({ kind: 'missing', seq: 1 });
    expect(await detailOf(second.url)).to.match(/is damaged: links 1 to \d+ are missing/);
  });

  it('[C3] exports the archive and what Redis has besides, safe for spreadsheets, and says who read', async () => {
    const broker = await start();
    await broker.policy(tenant, { auditRetention: 1_000 });
    await recorder.record(tenant, 2_200, '=HYPERLINK("http://evil")');
    await archived(2_200);
    await waitUntil(async () => (await redis.xLen(logKey(tenant))) < 1_200, 'the trimming', 10_000);
    const root = await asks(broker);
    const ask = (accept: string, query = {}) =>
      root.call<string>('audit.list', { params: { tenant }, query, headers: { Accept: accept } });
    const lines = await ask('application/x-ndjson');
    expect(lines.headers.get('content-type')).to.match(/^application\/x-ndjson/);
    const text = typeof lines.body === 'string' ? lines.body : '';
    const revs = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { rev: number }).rev);
    expect(revs.slice(0, 2_202)).to.deep.equal(Array.from({ length: 2_202 }, (_, i) => i + 1));

    const csv = await ask('text/csv', { type: 'audit.read' });
    expect(csv.headers.get('content-disposition')).to.equal(`attachment; filename="audit-${tenant}.csv"`);
    const [head = '', row = ''] = csv.body.split('\r\n');
    expect(head.replace('\ufeff', '')).to.match(/^epoch,rev,at,time,type,byKind,byId,byName,/);
    expect(row)
      .to.include(`"'=HYPERLINK(""http://evil"")"`)
      .and.not.match(/,=|,"=/);
    const reads = await broker.core.audit.list(tenant, { type: 'audit.read' }, { limit: 1 });
    expect(reads.items[0]?.details).to.deep.equal({ type: 'audit.read', format: 'text/csv' });
    const none = await ask('text/csv', { type: 'lock.lost' });
    expect(none.body.trim().split('\r\n')).to.have.length(1);
  });

  it('[A11] Redis may fall back behind the archive and go on under the same numbers: what follows is another epoch', async () => {
    const first = await start();
    await recorder.record(tenant, 20);
    await archived(20);
    await waitUntil(async () => (await redis.hGet(archiveKey(tenant), 'rev')) === '20', 'the place');
    await stop(first);
    // What it had five records ago; the archive has them all.
    const [, , { seq, hash } = { seq: 0, hash: '' }] = dir.entries(tenant).slice(12);
    const older = (await redis.xRange(logKey(tenant), '-', '15-0')) ?? [];
    await redis.del(logKey(tenant));
    for (const { id, message } of older) await redis.xAdd(logKey(tenant), id, message);
    await redis.set(`lc:{${tenant}}:rev`, '15');
    await redis.hSet(archiveKey(tenant), { rev: '15', mark: `${seq}|${hash}` });
    await recorder.record(tenant, 8, 'Somebody else');
    const broker = await start();
    const seen = async (): Promise<unknown> =>
      (await broker.core.audit.list(tenant, {}, { limit: 1 })).items[0]?.details?.['lost'];
    await waitUntil(async () => (await seen()) !== undefined, 'the loss to be seen');
    await recorder.record(tenant, 3);
    const epochs = (): Set<number> => new Set(dir.entries(tenant).map(({ record }) => record.epoch));
    await waitUntil(() => epochs().size === 2, 'the new epoch in the archive');
    const places = dir.places(tenant);
    expect(new Set(places).size).to.equal(places.length);
    expect(await verify(broker)).to.include({ ok: true });
  });

  it('[A11] the embedded engine may fall back behind its archive: no place is given twice', async () => {
    const env = { AUDIT_DIR: dir.path, AUDIT_KEY };
    const broker = await BrokerProcess.start({ env });
    try {
      for (let round = 0; round < 3; round += 1) {
        const known = dir.entries(tenant).length;
        const client = new TestClient(broker.url, { token: await broker.token(tenant, `user-${round}`) });
        await client.opened();
        await waitUntil(() => dir.entries(tenant).length > known, 'the archived opening', 10_000);
        client.socket.disconnect();
        await broker.kill();
        await broker.start();
      }
      const root = new ApiClient(broker.url, await broker.token(tenant, 'root', ['admin']));
      const verdict = await root.does<AuditVerdict>('audit.verify', { params: { tenant } });
      expect(verdict).to.include({ ok: true });
      const places = dir.places(tenant);
      expect(new Set(places).size).to.equal(places.length);
      const opened = dir.entries(tenant).filter(({ record }) => record.type === 'session.opened');
      expect(opened.map(({ record }) => record.user?.id)).to.deep.equal(['user-0', 'user-1', 'user-2']);
    } finally {
      await broker.remove();
    }
  });
});
