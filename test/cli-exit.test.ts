import type { Order } from '@lastcall/shared';
import { expect } from 'chai';
import { CliProcess, lastcall, type Ran } from './support/cli-process.js';
import { useOrders } from './support/orders.js';
import { waitUntil } from './support/wait.js';

const NOW = ['--grace', '0', '--hold', '0'];

describe('the exit codes of the command line, as a process, with a live broker', function () {
  this.timeout(30_000);
  const bench = useOrders();
  let admin = '';
  beforeEach(async () => {
    admin = await bench.broker.token(bench.tenant, 'root', ['admin']);
  });

  const run = (...args: string[]): Promise<Ran> => lastcall(bench.broker, admin, ...args);
  const orderIn = ({ stdout }: Ran): Order => (JSON.parse(stdout) as { readonly order: Order }).order;

  it('[C2] 0: every target of logoff --wait is verified', async () => {
    await bench.connect('ada');
    const ran = await run('logoff', '--user', 'ada', ...NOW, '--wait', '--json');
    expect(ran.code, ran.stderr).to.equal(0);
    expect(orderIn(ran).counts).to.include({ targeted: 1, verified: 1, unverified: 0 });
  });

  it('[C2] 3: one of them is not, and which check failed is told', async () => {
    await bench.broker.policy(bench.tenant, { flushMs: 0 });
    await bench.connect('ada');
    // On a live node that never says that its socket is closed.
    await bench.open(1, () => ({ id: 'silent' }));
    const ran = await run('logoff', '--user', 'ada', 'silent', ...NOW, '--wait');
    expect(ran.code, ran.stderr).to.equal(3);
    expect(ran.stdout).to.match(/silent by name \(silent\), .*: sockets: node .* has not closed its socket/);
    expect(ran.stderr).to.include('1 of 2 sessions verified, 1 could not be verified');
  });

  it('[C2] 130: interrupted; the order goes on, and is followed by what was said', async () => {
    const ada = await bench.connect('ada');
    const waiting = new CliProcess(bench.broker, admin, [
      'logoff',
      '--user',
      'ada',
      '--grace',
      '2s',
      '--hold',
      '0',
      '--wait',
    ]);
    await waitUntil(() => waiting.err.includes('1 of 1 left'), `the first line, not ${waiting.err}`, 15_000);
    waiting.child.kill('SIGINT');
    const { code, stderr } = await waiting.ended;
    expect(code).to.equal(130);
    const [, follow = ''] = /The order goes on; follow it by: lastcall (.*)$/m.exec(stderr) ?? [];
    expect(follow).to.match(/^verify [\da-f-]{36} --wait$/);
    expect(ada.disconnected).to.equal(false);
    const followed = await run(...follow.split(' '));
    expect(followed.code, followed.stderr).to.equal(0);
    expect(ada.disconnected).to.equal(true);
  });
});
