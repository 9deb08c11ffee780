import { expect } from 'chai';
import { CliBench, NOW } from './support/cli.js';
import { problem } from './support/fake-api.js';

const ID = '01970000-0000-7000-8000-00000000000a';
const BLOCK = {
  id: ID,
  user: 'ada',
  reason: 'Left the company.',
  by: { kind: 'admin', id: 'root', name: 'Root' },
  createdAt: NOW,
};

describe('command line: blocks', () => {
  const bench = CliBench.use();

  it('[C1] [I7] blocks a person for a time, with what they read and why', async () => {
    const before = Date.now();
    const { code, out } = await bench.run(
      ['block', 'ada', '--for', '8h', '--reason', 'Left.', '-m', 'Ask Grace.'],
      { 'POST /blocks': () => ({ status: 201, body: { id: ID } }) },
    );
    expect({ code, out }).to.deep.equal({ code: 0, out: `ada is kept out by block ${ID}.\n` });
    const [seen] = bench.seen;
    const { untilAt, ...body } = (seen?.body ?? {}) as { untilAt: number };
    expect(body).to.deep.equal({ user: 'ada', reason: 'Left.', message: 'Ask Grace.' });
    expect(untilAt - before).to.be.within(8 * 3_600_000, 8 * 3_600_000 + 10_000);
    expect(seen?.headers['idempotency-key']).to.be.a('string');
  });

  it('[C1] blocks tokens of before, and says in one line what is wrong', async () => {
    const replies = { 'POST /blocks': () => ({ status: 201, body: { id: ID } }) };
    const { out } = await bench.run(['block', 'ada', '--tokens-before', '0s', '--json'], replies);
    expect(JSON.parse(out)).to.deep.equal({ id: ID });
    expect(bench.seen[0]?.body).to.have.keys('user', 'reason', 'notBeforeAt');
    const refused = await bench.run(['block', 'ada'], {
      'POST /blocks': () => problem(429, 'rate_limited', 'There are too many blocks.'),
    });
    expect(refused).to.include({ code: 1, err: 'lastcall: There are too many blocks.\n' });
    expect((await bench.run(['block'], {})).code).to.equal(2);
    expect((await bench.run(['block', 'ada', '--reason', ' '], {})).code).to.equal(2);
  });

  it('[C1] lists who is kept out, and from what', async () => {
    const items = [BLOCK, { ...BLOCK, notBeforeAt: NOW, untilAt: NOW + 1_000 }];
    const { out } = await bench.run(['blocks', '--user', 'ada'], {
      'GET /blocks': () => ({ body: { items } }),
    });
    expect(bench.seen[0]?.query).to.deep.equal({ user: 'ada', limit: '100' });
    expect(out).to.match(/USER +KEEPS OUT +UNTIL/);
    expect(out)
      .to.include('everything')
      .and.match(/tokens before \d{4}-\d\d-\d\d \d\d:/)
      .and.include(ID);
    const none = await bench.run(['blocks'], { 'GET /blocks': () => ({ body: { items: [] } }) });
    expect(none.err).to.equal('Nobody is kept out who matches.\n');
  });

  it('[C1] lifts one block, or all of a person', async () => {
    const replies = {
      'GET /blocks': () => ({ body: { items: [BLOCK] } }),
      [`DELETE /blocks/${ID}`]: () => ({ body: { lifted: true } }),
    };
    expect((await bench.run(['unblock', 'ada'], replies)).out).to.equal('1 block lifted.\n');
    expect((await bench.run(['unblock', ID, '--json'], replies)).out).to.include(ID);
    const none = await bench.run(['unblock', 'grace'], { 'GET /blocks': () => ({ body: { items: [] } }) });
    expect(none.out).to.equal('Nothing keeps grace out.\n');
  });
});
