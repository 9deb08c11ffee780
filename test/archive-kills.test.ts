import { expect } from 'chai';
import { killWhileArchiving } from './support/archive-kills.js';
import { Random } from './support/random.js';

const random = new Random();

describe(`the audit archive while brokers are killed (SEED=${random.seed})`, function () {
  this.timeout(60_000);

  it('[A11] [P5] no record is lost or there twice', async () => {
    expect(await killWhileArchiving(5, 2, random)).to.include({ kills: 5, records: 900 });
  });
});
