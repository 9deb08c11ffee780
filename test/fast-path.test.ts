import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { expect } from 'chai';
import { takeHeartbeats } from 'lastcall/internal/gateway/fast-path.js';
import { frameOf, heartbeatIn } from 'lastcall/internal/gateway/frames.js';
import { Server } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { freshTenant, TestBroker } from './support/broker.js';
import { Cleanups } from './support/faults.js';
import { socketPair } from './support/socket-pair.js';
import { waitUntil } from './support/wait.js';

/** What a socket may send as a heartbeat, right and wrong. */
const SAID: readonly (readonly unknown[])[] = [
  [{ idleMs: 0 }],
  [{ n: 3, idleMs: 12, dirty: true, view: 'invoices/7' }],
  [{ idleMs: 0, view: 'Größe 5 – 世界 🙂' }],
  [{ idleMs: 0, view: '"]}\\' }],
  [{ idleMs: 0, view: '\u2028' }],
  [{ idleMs: 0, view: 'x'.repeat(2_000) }],
  [{ idleMs: -1 }],
  [{ idleMs: 0.5 }],
  [{ idleMs: '0' }],
  [{ idleMs: 0, more: 1 }],
  [JSON.parse('{"idleMs":0,"__proto__":{"dirty":true}}')],
  [{}],
  [null],
  [undefined],
  [[]],
  ['heartbeat'],
  [7],
  [true],
  [{ idleMs: 0 }, { idleMs: 1 }],
  [],
];

const ask = (client: Socket, ...args: readonly unknown[]): Promise<unknown> =>
  client.timeout(5_000).emitWithAck('heartbeat', ...args);

/** A text as a client's frame. */
function masked(text: string, head = 0x81): Buffer {
  const payload = Buffer.from(text);
  const mask = [7, 0, 255, 128];
  const body = payload.map((byte, i) => byte ^ (mask[i % 4] as number));
  return Buffer.from([head, 0x80 | payload.length, ...mask, ...body]);
}

describe('heartbeats before Socket.IO', () => {
  const cleanups = new Cleanups();

  afterEach(() => cleanups.run());

  it('[A22] are taken with the versions that are installed, whatever else is sent', async () => {
    const { client, socket } = await socketPair(cleanups);
    const events: unknown[] = [];
    socket.onAny((event: string, ...args: unknown[]) => {
      const acknowledge = args.at(-1);
      if (typeof acknowledge === 'function') acknowledge('the ordinary way');
      events.push(event);
    });
    const takes = takeHeartbeats(socket, (idleMs, answer) => {
      if (idleMs === 3) return false;
      if (idleMs === 2) answer.refused({ code: 'superseded', message: 'no' });
      else answer.renewed(idleMs);
      return true;
    });
    expect(takes).to.equal(true);
    // Behind a message of many chunks, and perhaps in the last of them.
    client.emit('long', 'x'.repeat(200_000));
    await ask(client, { idleMs: 0 });
    expect(events.shift()).to.equal('long');
    events.length = 0;
    const said: unknown[] = [];
    for (const payload of [
      { n: 9, idleMs: 1 },
      { idleMs: 2 },
      { idleMs: 3 },
      { idleMs: 4, view: 'ä' },
      { idleMs: 5 },
    ]) {
      said.push(await ask(client, payload));
    }
    client.emit('other', 1);
    expect(said).to.deep.equal([
      { ok: true, leaseMs: 1 },
      { ok: false, error: { code: 'superseded', message: 'no' } },
      'the ordinary way',
      'the ordinary way',
      { ok: true, leaseMs: 5 },
    ]);
    await waitUntil(() => events.length === 3, 'the other events');
    expect(events).to.deep.equal(['heartbeat', 'heartbeat', 'other']);
  });

  it('[A22] answer in the order of what was sent before, in frames of any length', async () => {
    const { client, socket } = await socketPair(cleanups);
    const heard: unknown[] = [];
    client.on('before', (n: number) => void heard.push(n));
    takeHeartbeats(socket, (length, answer) => {
      socket.emit('before', length);
      answer.refused({ code: 'invalid', message: 'ä'.repeat(length) });
      return true;
    });
    for (const length of [0, 20, 40, 130, 40_000, 70_000]) {
      const said = (await ask(client, { idleMs: length })) as { error: { message: string } };
      expect(said.error.message).to.have.length(length);
      expect(heard.at(-1), 'what was sent before').to.equal(length);
    }
  });

  it('[A22] go the ordinary way where the parts are not those that are known', async () => {
    const refuse = (): never => {
      throw new Error('it was taken');
    };
    const taken = await socketPair(cleanups);
    expect(takeHeartbeats(taken.socket, () => false)).to.equal(true);
    const polling = await socketPair(cleanups, { transport: 'polling' });
    for (const { client, socket } of [taken, polling]) {
      socket.on('heartbeat', (payload: unknown, answer: (value: unknown) => void) => answer(payload));
      expect(takeHeartbeats(socket, refuse)).to.equal(false);
      expect(await ask(client, { idleMs: 5 })).to.deep.equal({ idleMs: 5 });
    }
  });

  it('[A22] are nothing but what is exactly one', () => {
    const plain = '42/lastcall,0["heartbeat",{"idleMs":12}]';
    expect(heartbeatIn(masked(plain))).to.deep.equal({ number: '0', idleMs: 12 });
    const answering = '42/lastcall,17["heartbeat",{"n":4,"idleMs":0}]';
    expect(heartbeatIn(masked(answering))).to.deep.equal({ number: '17', idleMs: 0 });
    for (const other of [
      '42/lastcall,["heartbeat",{"idleMs":0}]',
      '42/lastcall,0["heartbeat",{"idleMs":0}',
      '42/lastcall,0["heartbeat",{"idleMs":0}]]',
      '42/lastcall,0["heartbeat",{"idleMs":0},1]',
      '42/lastcall,0["heartbeat",{"idleMs":0,"dirty":true}]',
      '42/lastcall,0["heartbeat",{"idleMs":-1}]',
      '42/lastcall,0["heartbeat",{"idleMs":1.5}]',
      '42/lastcall,0["heartbeat",{"idleMs":00}]',
      '42/lastcall,0["heartbeat",{"idleMs":9999999999999999}]',
      '42/lastcall,0["heartbeat",{"n":"1","idleMs":0}]',
      '42/lastcall,0["heartbeat"]',
      '42/lastcall,0["heartbeats",{"idleMs":0}]',
      '42/lastcall,-1["heartbeat",{"idleMs":0}]',
      '42/lastcall,0x1["heartbeat",{"idleMs":0}]',
      '42/lastcall/admin,0["heartbeat",{"idleMs":0}]',
      '42/other,0["heartbeat",{"idleMs":0}]',
      '420["heartbeat",{"idleMs":0}]',
      '2',
      '',
    ]) {
      expect(heartbeatIn(masked(other)), other).to.equal(undefined);
    }
    const frame = masked(plain);
    // Not masked, compressed, the beginning of a message, a binary one, the end of one, cut off, two at once.
    for (const other of [
      Buffer.from(`\x81${String.fromCharCode(plain.length)}${plain}`, 'latin1'),
      masked(plain, 0xc1),
      masked(plain, 0x01),
      masked(plain, 0x82),
      masked(plain, 0x80),
      frame.subarray(0, -1),
      Buffer.concat([frame, frame]),
    ]) {
      expect(heartbeatIn(other), other.toString('latin1')).to.equal(undefined);
    }
  });

  it('[A22] become frames as RFC 6455 has them', () => {
    const headerOf = (length: number): number[] => [...(frameOf('x'.repeat(length)) ?? [])].slice(0, 4);
    expect([...(frameOf('é') ?? [])]).to.deep.equal([0x81, 2, 0xc3, 0xa9]);
    expect(headerOf(125).slice(0, 2)).to.deep.equal([0x81, 125]);
    expect(headerOf(126)).to.deep.equal([0x81, 126, 0, 126]);
    expect(headerOf(65_535)).to.deep.equal([0x81, 126, 255, 255]);
    expect(frameOf('x'.repeat(65_536))).to.equal(undefined);
  });

  it('[A22] [I5] are answered alike by a broker of its own and by one in another application', async () => {
    const own = await TestBroker.start();
    cleanups.add(() => own.close());
    const http = createServer();
    const server = new Server(http);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const within = await TestBroker.start({ io: server });
    cleanups.add(() => server.close());
    cleanups.add(() => within.close());
    const { port } = http.address() as AddressInfo;
    const tenant = freshTenant();
    const answersOf = async (url: string): Promise<unknown[]> => {
      const token = await own.token(tenant, 'ada');
      const client = io(`${url}${CLIENT_NAMESPACE}`, {
        transports: ['websocket'],
        auth: { token },
        forceNew: true,
      });
      await new Promise((resolve) => client.once('welcome', resolve));
      const answers: unknown[] = [];
      for (const args of SAID) answers.push(await ask(client, ...args));
      client.disconnect();
      return answers;
    };
    const taken = await answersOf(own.url);
    expect(taken).to.deep.equal(await answersOf(`http://127.0.0.1:${port}`));
    expect(taken.slice(0, 4).every((answer) => (answer as { ok: boolean }).ok)).to.equal(true);
    expect(taken.slice(4, -2).some((answer) => (answer as { ok: boolean }).ok)).to.equal(false);
  });
});
