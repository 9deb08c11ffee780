import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ADMIN_NAMESPACE, CLIENT_NAMESPACE } from '@lastcall/shared';
import { expect } from 'chai';
import { loadConfig } from 'lastcall/internal/config.js';
import { createSocketServer } from 'lastcall/internal/gateway/index.js';
import type { Socket } from 'socket.io';
import { WebSocket } from 'ws';
import { freshTenant, TestBroker } from './support/broker.js';
import { waitUntil } from './support/wait.js';

describe('transports', () => {
  let broker: TestBroker;
  let tenant: string;
  const sockets: WebSocket[] = [];

  before(async () => {
    broker = await TestBroker.start();
  });
  beforeEach(() => {
    tenant = freshTenant();
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
  });
  after(() => broker.close());

  /** A WebSocket that speaks Engine.IO by hand. */
  async function open(url: string = broker.url): Promise<{ socket: WebSocket; received: string[] }> {
    const received: string[] = [];
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text === '2') socket.send('3');
      received.push(text);
    });
    await waitUntil(() => received.some((text) => text.startsWith('0')), 'the handshake');
    return { socket, received };
  }

  const isClosed = (socket: WebSocket): boolean => socket.readyState === WebSocket.CLOSED;
  const countOf = (received: readonly string[], part: string): number =>
    received.filter((text) => text.includes(part)).length;

  it('[I1] lets nobody without a token stay on the main namespace', async () => {
    const { socket, received } = await open();
    socket.send('40');
    await waitUntil(() => received.some((text) => text.startsWith('44')), 'the refusal');
    await waitUntil(() => isClosed(socket), 'the end of a connection without a session', 10_000);
  }).timeout(15_000);

  it('[S1] gives one session to a transport that asks for many at once, and another after its end', async () => {
    const { socket, received } = await open();
    const connect = `40${CLIENT_NAMESPACE},${JSON.stringify({ token: await broker.token(tenant, 'ada') })}`;
    for (let i = 0; i < 20; i += 1) socket.send(connect);
    await waitUntil(() => countOf(received, '"welcome"') === 1, 'a welcome');
    await waitUntil(() => countOf(received, '"conflict"') >= 1 || isClosed(socket), 'the refusals');
    expect(await broker.core.sessions.count(tenant)).to.equal(1);

    const again = await open();
    again.socket.send(connect);
    await waitUntil(() => countOf(again.received, '"welcome"') === 1, 'a welcome');
    const attached = broker.core.attachments.size;
    again.socket.send(`41${CLIENT_NAMESPACE},`);
    await waitUntil(() => broker.core.attachments.size === attached - 1, 'the session to lose its socket');
    again.socket.send(connect);
    await waitUntil(() => countOf(again.received, '"welcome"') === 2, 'a second welcome');
  });

  it('[I2] records few of many refused attempts at administration', async () => {
    const token = await broker.token(tenant, 'mallory');
    for (let i = 0; i < 70; i += 1) {
      const { socket, received } = await open();
      socket.send(`40${ADMIN_NAMESPACE},${JSON.stringify({ token })}`);
      await waitUntil(() => countOf(received, '"forbidden"') === 1, 'the refusal');
      socket.terminate();
    }
    const { items } = await broker.core.audit.list(tenant, { type: 'access.denied' }, { limit: 100 });
    expect(items.length).to.be.within(1, 60);
  });

  it('[I5] [P8] cuts off a flood of packets of any kind', async () => {
    const { socket } = await open();
    const token = await broker.token(tenant, 'mallory');
    socket.send(`40${CLIENT_NAMESPACE},${JSON.stringify({ token })}`);
    for (let i = 0; i < 3_000; i += 1) socket.send(`43${CLIENT_NAMESPACE},${i}[]`);
    await waitUntil(() => isClosed(socket), 'the end of the flood');
  });

  it('[I5] [P8] cuts off a flood of pings, whose answers nobody reads', async () => {
    const { socket, received } = await open();
    const token = await broker.token(tenant, 'mallory');
    socket.send(`40${CLIENT_NAMESPACE},${JSON.stringify({ token })}`);
    await waitUntil(() => countOf(received, '"welcome"') === 1, 'a welcome');
    for (let i = 0; i < 5_000; i += 1) socket.ping('x'.repeat(125));
    await waitUntil(() => isClosed(socket), 'the end of the flood');
  });

  it('[P8] [N8] cuts off a client that does not read what it is sent', async () => {
    const server = createServer();
    const io = createSocketServer(server, loadConfig({ env: { LASTCALL_JWT_SECRET: 'x'.repeat(32) } }));
    try {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const connected = once(io.of('/large'), 'connection') as Promise<[Socket]>;
      const { socket } = await open(`http://127.0.0.1:${port}`);
      socket.send('40/large,');
      const [client] = await connected;
      socket.pause();
      let sent = 0;
      await waitUntil(() => {
        for (let i = 0; i < 10 && sent < 1_000; i += 1, sent += 1) client.emit('large', 'x'.repeat(65_536));
        return client.disconnected;
      }, 'the client to be cut off');
      expect(sent).to.be.lessThan(1_000);
    } finally {
      io.engine.close();
      server.close();
    }
  });

  it('stops in time though a client is frozen', async () => {
    const stopping = await TestBroker.start();
    const { socket, received } = await open(stopping.url);
    const token = await stopping.token(tenant, 'ada');
    socket.send(`40${CLIENT_NAMESPACE},${JSON.stringify({ token })}`);
    await waitUntil(() => countOf(received, '"welcome"') === 1, 'a welcome');
    socket.pause();
    const from = performance.now();
    await stopping.close();
    expect(performance.now() - from).to.be.lessThan(9_000);
  }).timeout(20_000);
});
