import { expect } from 'chai';
import { forgetHandshake } from 'lastcall/internal/gateway/fast-path.js';
import type { Socket } from 'socket.io';
import { Cleanups } from './support/faults.js';
import { socketPair } from './support/socket-pair.js';
import { waitUntil } from './support/wait.js';

const OTHER = '/other';
const HEADERS = { origin: 'https://books.example', 'x-forwarded-for': '192.0.2.7', cookie: 'a=1' };

describe('what a connection began with', () => {
  const cleanups = new Cleanups();

  afterEach(() => cleanups.run());

  it('[A26] is let go of with the versions that are installed, but for what lets in a second channel', async () => {
    const auth = { token: 'secret' };
    const { server, client, socket } = await socketPair(cleanups, { auth, extraHeaders: HEADERS });
    const again = new Promise<Socket>((resolve) => void server.of(OTHER).on('connection', resolve));
    const request = new WeakRef(socket.request);
    expect(forgetHandshake(socket), 'all of it was found').to.equal(true);
    expect(JSON.stringify(socket.handshake)).not.to.include('secret');
    expect(socket.request).not.to.equal(request.deref());

    client.io.socket(OTHER, { auth: { token: 'another' } }).connect();
    const { handshake } = await again;
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
    const { socket } = await socketPair(cleanups, { transport: 'polling' });
    const { handshake, request } = socket;
    expect(forgetHandshake(socket)).to.equal(false);
    expect(socket).to.include({ handshake, request });
  });
});
