import { expect } from 'chai';
import { Keys } from 'lastcall/internal/archive/chain.js';
import { Folder } from 'lastcall/internal/archive/files.js';
import { verifyArchive } from 'lastcall/internal/archive/verify.js';
import { ArchiveDir, AUDIT_KEY } from './archive.js';
import { freshTenant } from './broker.js';
import { BrokerProcess } from './process.js';
import type { Random } from './random.js';
import { ownStore } from './store.js';
import { Recorder } from './stream.js';
import { waitUntil } from './wait.js';

const TENANTS = 3;
const RECORDS = 60;

/** What killing brokers while they archive came to. */
export interface Outcome {
  readonly records: number;
  readonly kills: number;
  /** Kills that came while records were still to be archived. */
  readonly midway: number;
}

/** Kills one of several brokers again and again while records come, and compares the archive with what was recorded. */
export async function killWhileArchiving(kills: number, brokers: number, random: Random): Promise<Outcome> {
  const store = await ownStore();
  const recorder = await Recorder.connect(store.url);
  const dir = new ArchiveDir();
  const tenants = Array.from({ length: TENANTS }, freshTenant);
  const env = { AUDIT_DIR: dir.path, AUDIT_KEY };
  const processes = await Promise.all(
    Array.from({ length: brokers }, () => BrokerProcess.start({ redisUrl: store.url, env })),
  );
  const archived = (): number => tenants.reduce((sum, tenant) => sum + dir.entries(tenant).length, 0);
  let [records, midway] = [0, 0];
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const before = archived();
      for (const tenant of tenants) await recorder.record(tenant, RECORDS);
      records += TENANTS * RECORDS;
      // Once something of this round is on the disk, somewhere between the disk and Redis.
      await waitUntil(() => archived() > before || archived() === records, 'the first of them', 20_000);
      const until = performance.now() + random.within(0, 30);
      await waitUntil(() => performance.now() >= until, 'the moment');
      const victim = random.pick(processes);
      await victim.kill();
      if (archived() < records) midway += 1;
      await victim.start();
    }
    await waitUntil(() => archived() >= records, 'all records', 60_000);
    for (const tenant of tenants) {
      const revs = dir.entries(tenant).map(({ record }) => record.rev);
      expect(revs).to.deep.equal(Array.from({ length: revs.length }, (_, i) => i + 1));
      const folder = new Folder(dir.path, tenant);
      expect(await verifyArchive({ folder, keys: new Keys(AUDIT_KEY) })).to.include({ ok: true, lost: 0 });
    }
    expect(archived()).to.equal(records);
    return { records, kills, midway };
  } finally {
    await Promise.all(processes.map((one) => one.remove()));
    await recorder.close();
    await store.stop();
    dir.remove();
  }
}
