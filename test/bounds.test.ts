import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ADMIN_NAMESPACE } from '@lastcall/shared';
import { expect } from 'chai';
import { maxConnections } from 'lastcall/internal/descriptors.js';
import { WebSocket } from 'ws';
import { freshTenant, TestBroker, TestClient } from './support/broker.js';
import { Serve } from './support/serve.js';
import { waitUntil } from './support/wait.js';

const OPEN_FILES = 256;
/** More than the system buffers for a reader that does not read. */
const MANY = 1_500;
const LARGE = 'x'.repeat(16_000);

describe('what a node may be asked to hold', function () {
  this.timeout(30_000);

  describe('for slow readers', () => {
    let broker: TestBroker;
    let tenant: string;
    let socket: WebSocket;
    let reader: WebSocket;
    const received: string[] = [];
    const read: string[] = [];

    before(async () => {
      broker = await TestBroker.start();
      tenant = freshTenant();
    });
    after(async () => {
      socket?.terminate();
      reader?.terminate();
      await broker.close();
    });

    const countOf = (part: string, of = received): number => of.filter((text) => text.includes(part)).length;
    /** The raw channel of an administrator, so that nothing but the system's own buffers stands behind the reading. */
    const open = async (texts: string[]): Promise<WebSocket> => {
      const token = await broker.token(tenant, 'root', ['admin']);
      const opened = new WebSocket(
        `${broker.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`,
      );
      opened.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text === '2') opened.send('3');
        texts.push(text.slice(0, 200));
      });
      await once(opened, 'open');
      opened.send(`40${ADMIN_NAMESPACE},${JSON.stringify({ token })}`);
      await waitUntil(() => countOf('"snapshot"', texts) === 1, 'a snapshot');
      return opened;
    };

    it('[N8] H56 an administrator who does not read misses changes and gets one new snapshot; nobody else notices', async () => {
      socket = await open(received);
      reader = await open(read);
      const ada = await broker.connect(tenant, 'ada');
      const before = process.memoryUsage.rss();
      socket.pause();
      for (let n = 0; n < MANY; n += 1) {
        await broker.core.audit.note(tenant, 'audit.read', { kind: 'system' }, { reason: LARGE });
        // Records may be on their way from Redis still, and who reads again in time misses nothing.
        if ((n + 1) % 50 === 0)
          await waitUntil(() => countOf(LARGE.slice(0, 20), read) === n + 1, 'what who reads is told');
      }
      expect(await ada.heartbeat()).to.include({ ok: true });
      socket.resume();
      await waitUntil(() => countOf('"snapshot"') === 2, 'a new snapshot', 15_000);
      expect(countOf('"audit:record"'), 'records that were not sent').to.be.below(MANY);
      // And then everything again.
      await broker.core.audit.note(tenant, 'audit.read', { kind: 'system' }, { reason: 'the last one' });
      await waitUntil(() => countOf('the last one') === 1, 'the last record');
      expect((process.memoryUsage.rss() - before) / (1 << 20), 'MB more').to.be.below(200);
    });
  });

  describe('by the system', () => {
    let serve: Serve;
    const crowd: Socket[] = [];

    before(async () => {
      serve = await Serve.start(['--port', '0'], { LASTCALL_LOG_LEVEL: 'warn' }, OPEN_FILES);
    });
    after(async () => {
      for (const socket of crowd) socket.destroy();
      await serve?.stop();
    });

    const join = async (): Promise<TestClient> => {
      const response = await fetch(`${serve.url}/dev/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify({ tenant: 'demo', sub: 'ada' }),
      });
      const { token } = (await response.json()) as { token: string };
      const client = new TestClient(serve.url, { token });
      await client.opened();
      return client;
    };

    it('[N6] H83 refuses connections beyond its limit of open files, and serves those that are there', async () => {
      const ada = await join();
      const { port } = new URL(serve.url);
      let refused = 0;
      for (let n = 0; n < 2 * OPEN_FILES; n += 1) {
        const socket = connect(Number(port), '127.0.0.1');
        socket.on('error', () => undefined);
        socket.once('close', () => {
          refused += 1;
        });
        crowd.push(socket);
        await once(socket, 'connect');
      }
      await waitUntil(() => refused >= OPEN_FILES, 'the rest to be refused', 10_000);
      expect(await ada.heartbeat()).to.include({ ok: true });
      expect(await ada.acquire('invoices/1')).to.include({ ok: true, state: 'granted' });
      for (const socket of crowd.splice(0)) socket.destroy();
      let grace: TestClient | undefined;
      await waitUntil(async () => {
        grace = await join().catch(() => undefined);
        return grace?.error === undefined && grace !== undefined;
      }, 'somebody to be let in again');
      ada.socket.disconnect();
      grace?.socket.disconnect();
    });

    it('[N6] leaves files for the store, and asks for no limit where the system tells none', () => {
      expect(maxConnections()).to.be.greaterThan(0);
      expect(maxConnections('/nowhere')).to.equal(undefined);
    });
  });
});
