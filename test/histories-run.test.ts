import type { AuditRecord, AuditType } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestBroker } from './support/broker.js';
import { violationsIn } from './support/histories/check.js';
import { LeaseNotes } from './support/histories/leases.js';
import { changeTakeover, loseData, SETTINGS, settle } from './support/histories/nemesis.js';
import { historyOfRun, versions } from './support/histories/recorder.js';
import { MemoryTable } from './support/histories/table.js';
import { User } from './support/histories/user.js';
import { ADMIN_EVERY } from './support/histories/user-options.js';
import { historyOf } from './support/history.js';
import { Random } from './support/random.js';
import { type Observer, observer, testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const USERS = 20;
const STEPS = 80;
/** So much is done before the data is lost, and as much again after it. */
const OPS_PER_EPOCH = (USERS * STEPS) / 2;
const ACQUIRERS = 64;
const ROUNDS = 20;

describe('locks by their history', function () {
  this.timeout(60_000);
  const random = new Random();
  let broker: TestBroker;
  let redis: Observer;
  let tenant: string;

  before(async () => {
    redis = await observer((await testStore()).url);
    broker = await TestBroker.start({ env: { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '10000' } });
  });
  after(async () => {
    redis.destroy();
    await broker.close();
  });
  beforeEach(() => {
    tenant = freshTenant();
  });

  async function someone(i: number, table: MemoryTable): Promise<User> {
    const [name, isAdmin] = [`user-${i}`, i % ADMIN_EVERY === 0];
    const token = await broker.token(tenant, name, [isAdmin ? 'admin' : 'user']);
    const seeded = new Random(random.seed + i);
    return new User({ name, url: broker.url, token, tenant, table, isAdmin, random: seeded });
  }

  it(`[P2] [L1] [L3] [L8] [L17] [L21] [L22] I3 holds, fences, queues and ends are right under ${USERS} people, with a loss of all data (SEED=${random.seed})`, async () => {
    const notes = await LeaseNotes.begin(await observer((await testStore()).url), tenant);
    await settle(broker, tenant);
    const table = new MemoryTable();
    const users = await Promise.all(Array.from({ length: USERS }, (_, i) => someone(i, table)));
    const takeovers = changeTakeover(broker, tenant);
    const working = Promise.all(users.map((user) => user.work(STEPS)));
    const done = (): number => users.reduce((sum, { recorder }) => sum + recorder.ops.length, 0);
    await waitUntil(() => done() >= OPS_PER_EPOCH, 'the work', 30_000);
    const lost = await loseData(redis, tenant);
    await settle(broker, tenant);
    await working;
    await takeovers.stop();
    await Promise.all(users.map((user) => user.leave()));
    await waitUntil(
      async () => (await broker.core.locks.count(tenant)) === 0,
      'all locks to be free',
      15_000,
    );
    const ops = users.flatMap(({ recorder }) => recorder.ops);
    const records = [...lost, ...(await historyOf(broker.core, tenant))];
    const header = { seed: random.seed, settings: SETTINGS, versions: versions() };
    const history = historyOfRun(header, ops, records, await notes.end(records));
    const seen = (type: AuditType, of: readonly AuditRecord[] = records): boolean =>
      of.some((record) => record.type === type);
    const wanted = ['lock.granted', 'lock.released', 'lock.taken_over', 'lock.broken', 'lock.lost'] as const;
    expect(wanted.filter((type) => !seen(type))).to.deep.equal([]);
    expect([lost, records.slice(lost.length)].map((part) => seen('lock.granted', part))).to.deep.equal([
      true,
      true,
    ]);
    // As many as are told of.
    expect(violationsIn(history).slice(0, 20)).to.deep.equal([]);
  });

  it(`[P2] H16 of ${ACQUIRERS} who ask at the same moment one has it, ${ROUNDS} times`, async () => {
    const clients = await Promise.all(
      Array.from({ length: ACQUIRERS }, (_, i) => broker.connect(tenant, `user-${i}`)),
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      const answers = await Promise.all(clients.map((client) => client.acquire(`hot/${round}`)));
      expect(answers.filter((answer) => answer.ok)).to.have.length(1);
      const refused = answers.flatMap((answer) => (answer.ok ? [] : [answer.error.code]));
      expect(new Set(refused)).to.deep.equal(new Set(['locked']));
    }
  });
});
