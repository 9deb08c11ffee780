import { expect } from 'chai';
import { killWhileArchiving } from './support/archive-kills.js';
import { Random } from './support/random.js';

const KILLS = 100;
const random = new Random();

/** The longer form, by `npm run test:archive`: takes some minutes. */
describe(`[A11] the audit archive while brokers are killed ${KILLS} times (SEED=${random.seed})`, function () {
  this.timeout(1_200_000);

  it('has every record once', async () => {
    const { records, kills, midway } = await killWhileArchiving(KILLS, 3, random);
    expect(midway).to.be.greaterThan(0);
    process.stdout.write(
      `      ${records} records, ${kills} kills, ${midway} while records waited; none lost, none twice\n`,
    );
  });
});
