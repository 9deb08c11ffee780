import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { expect } from 'chai';
import { forgetHandshake } from 'lastcall/internal/gateway/fast-path.js';
import { Server, type Socket } from 'socket.io';
import { io } from 'socket.io-client';
import { waitUntil } from './support/wait.js';

const OTHER = '/other';
const HEADERS = { origin: 'https://books.example', 'x-forwarded-for': '192.0.2.7', cookie: 'a=1' };

/** What a test opened, closed after it whatever came of it. */
const open: (() => unknown)[] = [];

/** A Socket.IO server with one client that is let in by a token, and what the server's side of it is. */
async function pair(transport: 'websocket' | 'polling') {
  const http = createServer();
  const server = new Server(http, { transports: [transport] });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const accepted = (name: string) =>
    new Promise<Socket>((resolve) => void server.of(name).on('connection', resolve));
  const [first, second] = [accepted(CLIENT_NAMESPACE), accepted(OTHER)];
  const { port } = http.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const client = io(`${url}${CLIENT_NAMESPACE}`, {
    transports: [transport],
    auth: { token: 'secret' },
    extraHeaders: HEADERS,
    forceNew: true,
  });
  open.push(
    () => client.disconnect(),
    () => server.close(),
  );
  const again = (): Promise<Socket> => {
    client.io.socket(OTHER, { auth: { token: 'another' } }).connect();
    return second;
  };
  return { client, socket: await first, again };
}

describe('what a connection began with', () => {
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close();
  });

  it('[A26] is let go of with the versions that are installed, but for what lets in a second channel', async () => {
    const { client, socket, again } = await pair('websocket');
    const request = new WeakRef(socket.request);
    expect(forgetHandshake(socket), 'all of it was found').to.equal(true);
    expect(JSON.stringify(socket.handshake)).not.to.include('secret');
    expect(socket.request).not.to.equal(request.deref());

    const { handshake } = await again();
    expect(handshake.headers).to.include({ origin: HEADERS.origin, 'x-forwarded-for': '192.0.2.7' });
    expect(handshake.headers).not.to.have.property('cookie');
    expect(handshake.auth).to.deep.equal({ token: 'another' });

    socket.on('echo', (text: string, answer: (text: string) => void) => answer(text));
    expect(await client.timeout(5_000).emitWithAck('echo', 'still there')).to.equal('still there');
    let reason = '';
    socket.on('disconnect', (why) => {
      reason = why;
    });
    client.io.engine.close();
    await waitUntil(() => reason !== '', 'the end to be noticed');
  });

  it('[A26] stays where its parts are others than those that are known', async () => {
    const { socket } = await pair('polling');
    const { handshake, request } = socket;
    expect(forgetHandshake(socket)).to.equal(false);
    expect(socket).to.include({ handshake, request });
  });
});
