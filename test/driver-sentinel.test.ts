import { connect, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { connected, useDriverHooks } from './support/driver.js';
import {
  needsRedisServer,
  type Observer,
  observer,
  type RedisServer,
  startRedis,
  waitFor,
} from './support/redis.js';

/** A sentinel that says when it is asked for the primary; for everything else a Redis stands in. */
function startSentinel(primary: number, asked: () => Promise<unknown>): Promise<Server> {
  const server = createServer((client) => {
    const redis = connect(primary, '127.0.0.1');
    const end = (): void => void [client.destroy(), redis.destroy()];
    for (const socket of [client, redis]) socket.on('error', end).on('close', end);
    redis.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes) => {
      if (!/sentinel\r\n/i.test(bytes.toString())) redis.write(bytes);
      else if (!/get-master-addr-by-name/i.test(bytes.toString())) client.write('*0\r\n');
      else {
        const port = String(primary);
        const answer = `*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`;
        void asked().then(() => client.writable && client.write(answer));
      }
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('[A20] [P6] the Redis driver and the word of sentinels', () => {
  useDriverHooks();
  let redis: RedisServer;
  let other: Observer;
  let sentinel: Server;
  let isFailing = false;

  before(async function () {
    needsRedisServer(this, "the sentinels' word while they are asked");
    redis = await startRedis();
    other = await observer(redis.url);
    sentinel = await startSentinel(redis.port, async () => {
      if (!isFailing) return;
      isFailing = false;
      // Whoever listens from before hears of the new primary before the answer comes.
      await other.publish('+switch-master', 'primary 127.0.0.1 1 127.0.0.1 2');
      await waitFor(async () => (await other.ping()) === 'PONG', 'the word to be out');
    });
  });
  after(async () => {
    sentinel?.close();
    other?.destroy();
    await redis?.stop();
  });

  it('goes on when the word of a new primary comes while it asks for the primary', async () => {
    const address = sentinel.address() as { readonly port: number };
    const driver = await connected(`redis+sentinel://127.0.0.1:${address.port}/primary`);
    const listeners = async () => (await other.pubSubNumSub(['+switch-master']))['+switch-master'] ?? 0;
    await waitFor(async () => (await listeners()) >= 2, 'both connections to listen to the sentinel');
    let readies = 0;
    driver.onReady(() => (readies += 1));
    isFailing = true;
    const clients = (await other.clientList()).filter(({ name }) => name === 'lastcall');
    expect(clients).to.have.length(1);
    for (const { id } of clients) await other.clientKill({ filter: 'ID', id });
    await waitFor(() => readies >= 1, 'the driver to be ready again', 10_000);
    expect(isFailing, 'it asked').to.equal(false);
    await driver.commands.set('there', 'again');
    expect(await other.get('there')).to.equal('again');
  });
});
