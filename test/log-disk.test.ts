import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { limitOf, setLimit } from './faults/limits.js';
import { BrokerProcess } from './support/process.js';
import { testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

describe('a log on a full disk', () => {
  it('loses lines, and ends no broker (S47)', async function () {
    if (limitOf(process.pid, 'fsize') === undefined) {
      process.stderr.write('  prlimit is not installed: left out: a log on a full disk\n');
      this.skip();
    }
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-log-'));
    const log = join(folder, 'broker.log');
    const broker = await BrokerProcess.start({
      redisUrl: (await testStore()).url,
      env: { LOG_LEVEL: 'debug' },
      log,
    });
    try {
      setLimit(broker.pid, 'fsize', 0);
      for (let i = 0; i < 20; i += 1) {
        expect((await fetch(`${broker.url}/v1/nodes`)).status).to.equal(401);
      }
      expect(broker.isRunning, broker.complaints).to.equal(true);
      setLimit(broker.pid, 'fsize', 'unlimited');
      await waitUntil(async () => (await fetch(`${broker.url}/readyz`)).ok, 'the broker to be ready');
    } finally {
      await broker.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
