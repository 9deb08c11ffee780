import { expect } from 'chai';
import { NEMESES } from './faults/nemeses.js';
import { Run } from './faults/run.js';
import { World } from './faults/world.js';
import { Random } from './support/random.js';
import { needsRedisServer } from './support/redis.js';

const AT_ONCE = new Set(['N1', 'N3', 'N15', 'N20']);
const TIMES = { faultMs: 3_000, quietMs: 1_500, people: 20, hands: 4, orders: 2 };

/** The whole of it: `npm run test:faults`. */
describe('[P2] [P3] [P4] [P5] [P6] [P7] faults, in short', function () {
  this.timeout(60_000);
  const random = new Random();
  let world: World;

  before(async function () {
    needsRedisServer(this, 'faults of three brokers and a Redis');
    world = await World.build('redis', random);
  });
  after(() => world?.remove());

  it(`a broker and Redis killed, clients frozen, everybody cut off: all 20 invariants hold (SEED=${random.seed})`, async () => {
    const nemeses = NEMESES.filter(({ id }) => AT_ONCE.has(id));
    const { violations, sessions, records } = await Run.of(world, nemeses, { ...TIMES, seed: random.seed });
    expect(violations.slice(0, 20)).to.deep.equal([]);
    expect(sessions).to.be.at.least(TIMES.people);
    expect(records).to.be.at.least(100);
  });
});
