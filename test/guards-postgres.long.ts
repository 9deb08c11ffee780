import { expect } from 'chai';
import { GuardCycles } from './support/guard-cycles.js';
import { type GuardedTable, postgresTable } from './support/guarded-table.js';
import { type Postgres, startPostgres } from './support/postgres.js';
import { Random } from './support/random.js';

const CYCLES = Number(process.env['CYCLES'] ?? 24);
const WRITERS = 8;
const WRITES = 50;

/** Not part of the default suite: `npm run test:postgres`. */
const random = new Random();
describe(`guarded writes, in PostgreSQL (seed ${random.seed})`, function () {
  this.timeout(60_000 + CYCLES * 3_000);
  let postgres: Postgres | undefined;

  before(async function () {
    postgres = await startPostgres(this, 'guarded writes of frozen holders');
  });
  after(() => postgres?.stop());

  const tableOf = (): Promise<GuardedTable> => postgresTable(postgres?.url ?? '');

  it(`[G4] takes no write of a holder that was frozen past its lease, in ${CYCLES} cycles (H01)`, async () => {
    const cycles = await GuardCycles.start(await tableOf(), random);
    try {
      const careless = cycles.withoutGuard();
      await cycles.run(CYCLES);
      expect(cycles.cycles).to.equal(CYCLES);
      expect(cycles.staleAccepted).to.equal(0);
      expect((await careless).left, 'without the guard').to.equal('written blindly');
    } finally {
      await cycles.stop();
    }
  });

  it('[G4] takes no lower fence after a higher one, however many connections write at once', async () => {
    const table = await tableOf();
    await table.add('busy');
    let highest = 0;
    let fence = 0;
    const accepted: number[] = [];
    const write = async (): Promise<void> => {
      for (let n = 0; n < WRITES; n += 1) {
        fence += 1;
        const mine = Math.max(1, fence - random.within(0, 20));
        // What had been taken before this one was sent must refuse what is lower.
        const before = highest;
        if (!(await table.write('busy', `written under ${mine}`, mine))) continue;
        if (mine < before) throw new Error(`${mine} was taken after ${before}`);
        highest = Math.max(highest, mine);
        accepted.push(mine);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
    const row = await table.read('busy');
    expect(row).to.deep.equal({
      body: `written under ${Math.max(...accepted)}`,
      fence: Math.max(...accepted),
    });
    expect(accepted.length).to.be.below(WRITERS * WRITES);
    await table.close();
  });
});
