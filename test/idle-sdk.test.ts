import { createClient, type LastcallClient } from '@lastcall/client';
import { expect } from 'chai';
import { TestBroker } from './support/broker.js';
import { endOf } from './support/lease.js';
import { PolicyBench, pass, QUICK } from './support/policy.js';
import { waitUntil } from './support/wait.js';

const { idleLogoffMs } = QUICK;
/** The person does something every so often. */
const USED_EVERY_MS = 300;
/** The promise. */
const EXACT_MS = 1_000;
/** The time a heartbeat is on its way makes the input it tells of seem later by as much. */
const WAY_MS = 500;

describe('idle logoff of a person with two sessions, by the SDK', function () {
  this.timeout(40_000);
  let here: TestBroker;
  let there: TestBroker;
  let bench: PolicyBench;
  let used: LastcallClient;
  let away: LastcallClient;

  before(async () => {
    [here, there] = await Promise.all([TestBroker.start(), TestBroker.start()]);
  });
  after(() => Promise.all([here.close(), there.close()]));
  beforeEach(async () => {
    bench = await PolicyBench.start(here);
    [used, away] = [here, there].map(({ url }) =>
      createClient({ url, token: () => here.token(bench.tenant, 'ada') }),
    ) as [LastcallClient, LastcallClient];
    await Promise.all([used.connect(), away.connect()]);
  });
  afterEach(() => {
    for (const client of [used, away]) client.close();
  });

  const idOf = (client: LastcallClient): string => client.getSnapshot().session?.id ?? '';
  const isWarned = (client: LastcallClient): boolean =>
    client.getSnapshot().warnings.some(({ reason }) => reason === 'idle');
  const sessions = async () =>
    (await bench.core.sessions.list(bench.tenant, { user: 'ada' }, { limit: 10 })).items;

  it('[S20] [S16] [P1] used in one none ends; dismissed in one both stay; then both end, exact to 1 s', async () => {
    const ids = [used, away].map(idOf);
    const using = setInterval(() => used.activity(), USED_EVERY_MS);
    try {
      await pass(idleLogoffMs + 2_000);
    } finally {
      clearInterval(using);
    }
    expect((await sessions()).map(({ id }) => id)).to.have.members(ids);
    if (!(await bench.wasAway())) expect(await bench.policyOrders(), 'no warning').to.deep.equal([]);

    const both = [used, away];
    await waitUntil(() => both.every(isWarned), 'both to be warned', 10_000);
    // It is the one that was not used: whichever the person looks at will do.
    await away.dismiss();
    await waitUntil(() => !both.some(isWarned), 'both warnings to be gone');
    const kept = await sessions();
    expect(kept.map(({ id }) => id)).to.have.members(ids);
    expect(kept.map(({ state }) => state)).not.to.include('warned');

    const inputAt = Math.max(...kept.map(({ lastInputAt }) => lastInputAt));
    await waitUntil(() => both.every(isWarned), 'both to be warned again', 10_000);
    for (const id of ids) {
      const { reason, at } = await endOf(bench.core, bench.tenant, id, 15_000);
      expect(reason).to.equal('idle');
      const lateMs = at - (inputAt + idleLogoffMs);
      expect(lateMs, 'after the last input in any of them').to.be.at.least(0);
      if (!(await bench.wasAway())) expect(lateMs).to.be.at.most(EXACT_MS + WAY_MS);
    }
    await waitUntil(
      () => both.every((client) => client.getSnapshot().ended?.reason === 'idle'),
      'to be told',
    );
    const states = (await bench.policyOrders()).map(({ state }) => state);
    expect(
      states.filter((state) => state === 'cancelled'),
      'withdrawn by the dismissal',
    ).to.have.length(2);
    await bench.check();
  });
});
