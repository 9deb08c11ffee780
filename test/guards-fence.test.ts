import { expect } from 'chai';
import { GuardCycles } from './support/guard-cycles.js';
import { sqliteTable } from './support/guarded-table.js';
import { Random } from './support/random.js';

const CYCLES = Number(process.env['CYCLES'] ?? 12);

const random = new Random();
describe(`guarded writes, in SQLite (seed ${random.seed})`, function () {
  this.timeout(30_000 + CYCLES * 3_000);
  let cycles: GuardCycles;
  let careless: ReturnType<GuardCycles['withoutGuard']>;

  before(async () => {
    cycles = await GuardCycles.start(await sqliteTable(), random);
    // In the time of the others' leases.
    careless = cycles.withoutGuard();
    careless.catch(() => undefined);
  });
  after(() => cycles?.stop());

  it(`[G4][P2] takes no write of a holder that was frozen past its lease, in ${CYCLES} cycles (H01)`, async () => {
    await cycles.run(CYCLES);
    expect(cycles.cycles).to.equal(CYCLES);
    expect(cycles.staleAccepted).to.equal(0);
  });

  it('[G4] loses the next holder’s work where the table does not look at fences: a warning to readers', async () => {
    const { written, left } = await careless;
    expect(written).to.match(/^written under \d+$/);
    expect(left).to.equal('written blindly');
  });
});
