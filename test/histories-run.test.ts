import { expect } from 'chai';
import { freshTenant, TestBroker } from './support/broker.js';
import { violationsIn } from './support/histories/check.js';
import { historyOfRun, versions } from './support/histories/recorder.js';
import { User } from './support/histories/user.js';
import { historyOf } from './support/history.js';
import { Random } from './support/random.js';
import { waitUntil } from './support/wait.js';

const USERS = 20;
const STEPS = 100;
const SETTINGS = { beatMs: 1_000, leaseMs: 3_000, takeoverMs: 1_000 };
const ACQUIRERS = 64;
const ROUNDS = 20;

describe('locks by their history', function () {
  this.timeout(60_000);
  const random = new Random();
  let broker: TestBroker;
  let tenant: string;

  before(async () => {
    broker = await TestBroker.start({ env: { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '10000' } });
  });
  after(() => broker.close());
  beforeEach(() => {
    tenant = freshTenant();
  });

  it(`[P2] [L1] [L3] [L8] holds, fences, queues and ends are right under ${USERS} people (SEED=${random.seed})`, async () => {
    await broker.policy(tenant, SETTINGS);
    const users: User[] = [];
    for (let i = 0; i < USERS; i += 1) {
      const token = await broker.token(tenant, `user-${i}`);
      users.push(
        new User({ name: `user-${i}`, url: broker.url, token, random: new Random(random.seed + i) }),
      );
    }
    await Promise.all(users.map((user) => user.work(STEPS)));
    await Promise.all(users.map((user) => user.leave()));
    await waitUntil(
      async () => (await broker.core.locks.count(tenant)) === 0,
      'all locks to be free',
      15_000,
    );
    const ops = users.flatMap(({ recorder }) => recorder.ops);
    const records = await historyOf(broker.core, tenant);
    const history = historyOfRun(
      { seed: random.seed, settings: SETTINGS, versions: versions() },
      ops,
      records,
    );
    expect(ops.length).to.be.at.least((USERS * STEPS) / 2);
    for (const type of ['lock.granted', 'lock.released', 'lock.taken_over', 'lock.lost'] as const) {
      expect(
        records.some((record) => record.type === type),
        type,
      ).to.equal(true);
    }
    expect(violationsIn(history)).to.deep.equal([]);
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
