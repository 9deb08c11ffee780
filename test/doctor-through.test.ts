import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { readFrame } from 'lastcall/internal/cli/frames.js';
import { run } from 'lastcall/internal/cli/main.js';
import { TestBroker } from './support/broker.js';
import { goodSettings, useFiles } from './support/config.js';
import { fakeTerminal } from './support/fake-terminal.js';
import { freePort } from './support/redis.js';

interface Way {
  /** What `/readyz` is answered with. */
  readonly body?: string;
  /** Whether WebSockets pass; otherwise the upgrade is answered like any request. */
  readonly passes?: boolean;
  /** When a connection is cut on which nobody says anything. */
  readonly cutMs?: number;
  /** What comes through the WebSocket first. */
  readonly opening?: string;
}

/** A text as a server's frame. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(payload.length < 126 ? 2 : 4);
  head[0] = 0x81;
  head[1] = Math.min(payload.length, 126);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

/** What Engine.IO says to who connects, until the way cuts it off. */
function speak(socket: Duplex, { cutMs, opening = '0{"sid":"x","pingInterval":10000}' }: Way): void {
  socket.on('error', () => undefined);
  socket.write(frame(opening));
  if (cutMs === undefined) return;
  const timer = setTimeout(() => socket.destroy(), cutMs);
  socket.on('close', () => clearTimeout(timer));
}

describe('doctor: the way through proxies', function () {
  this.timeout(30_000);
  const write = useFiles();
  const closing: (() => unknown)[] = [];
  after(async () => {
    for (const close of closing.splice(0)) await close();
  });

  /** A proxy with a broker behind it, as far as the doctor looks. */
  async function way(options: Way): Promise<string> {
    const { body = '{"ok":true,"checks":[]}', passes = true } = options;
    const server = createServer((_, response) => response.writeHead(passes ? 200 : 400).end(body));
    server.on('upgrade', (request, socket) => {
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      const head = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
      if (!passes) socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
      else {
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head.join('\r\n')}\r\n\r\n`);
        speak(socket, options);
      }
    });
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** What it says of the way: `ok quiet: A quiet connection …`, with the remedy behind it. */
  async function told(url: string): Promise<readonly string[]> {
    const terminal = fakeTerminal({
      ...goodSettings(write.path('data')),
      LASTCALL_PUBLIC_URL: url,
    });
    const code = await run(['doctor', '--json'], terminal);
    const { ok, findings } = JSON.parse(terminal.out()) as {
      readonly ok: boolean;
      readonly findings: readonly { name: string; level: string; message: string; remedy?: string }[];
    };
    expect(code).to.equal(ok ? 0 : 3);
    return findings
      .filter(({ name }) => ['public', 'upgrade', 'quiet'].includes(name))
      .map(({ level, name, message, remedy = '' }) => `${level} ${name}: ${message} ${remedy}`.trim());
  }

  it('[C6] finds nothing on a good way', async () => {
    const [address, upgrade, quiet, ...more] = await told(await way({}));
    expect(more).to.deep.equal([]);
    expect(address).to.match(/^ok public: A broker answers/);
    expect(upgrade).to.match(/^ok upgrade: WebSockets pass/);
    expect(quiet).to.equal('ok quiet: A quiet connection is left alone for 4s.');
  });

  it('[C6] finds an address that leads nowhere or elsewhere', async () => {
    const [nowhere, ...more] = await told(`http://127.0.0.1:${await freePort()}`);
    expect(more).to.deep.equal([]);
    expect(nowhere).to.match(/^error public: .*refused\. Check LASTCALL_PUBLIC_URL.*the proxy/);
    const [elsewhere] = await told(await way({ body: '<html>' }));
    expect(elsewhere).to.match(/^error public: .*not a Lastcall broker.*where the proxy leads to/);
  });

  it('[C6] finds a proxy that passes no WebSockets', async () => {
    const [, upgrade, ...more] = await told(await way({ passes: false }));
    expect(more).to.deep.equal([]);
    expect(upgrade).to.match(/^error upgrade: .* answered with 400\. .*Upgrade and Connection/);
  });

  it('[C6] finds a proxy that cuts quiet connections', async () => {
    const [, , quiet] = await told(await way({ cutMs: 150 }));
    expect(quiet).to.match(/^error quiet: A quiet connection was cut after \d+ms\. .*30 s/);
  });

  it('[C6] finds a proxy behind which something else speaks', async () => {
    for (const opening of ['hello', '{"pingInterval":1}', 'x'.repeat(60_000)]) {
      const [, , quiet] = await told(await way({ opening }));
      expect(quiet).to.match(/^error quiet: Nothing of a broker came through/);
    }
  });

  it('[C6] says in one line which address is none', async () => {
    const terminal = fakeTerminal(goodSettings(write.path('data')));
    expect(await run(['doctor', '--through', 'broker.example'], terminal)).to.equal(2);
    expect(terminal.err()).to.match(/^lastcall: [^\n]* must be like http[^\n]*\n$/);
  });

  it('[C6] looks through at a real broker', async () => {
    const broker = await TestBroker.start();
    closing.push(() => broker.close());
    expect((await told(broker.url)).map((line) => line.split(':')[0])).to.deep.equal([
      'ok public',
      'ok upgrade',
      'ok quiet',
    ]);
  });

  it('reads a frame of every length it may meet', () => {
    for (const length of [0, 125, 126, 65_535]) {
      const text = 'x'.repeat(length);
      const bytes = frame(text);
      expect(readFrame(Buffer.concat([bytes, Buffer.from('rest')]))).to.equal(text);
      for (const part of [0, 1, bytes.length - 1].filter((size) => size < bytes.length))
        expect(readFrame(bytes.subarray(0, part))).to.equal(undefined);
    }
    expect(() => readFrame(Buffer.of(0x81, 127))).to.throw(RangeError);
  });
});
