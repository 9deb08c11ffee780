import { randomUUID } from 'node:crypto';
import { CLIENT_NAMESPACE, MAX_PAYLOAD_BYTES } from '@lastcall/shared';
import { expect } from 'chai';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { waitUntil } from './support/wait.js';

const EVENTS = [
  'heartbeat',
  'activity',
  'order:ack',
  'order:extend',
  'session:end',
  'auth:refresh',
  'lock:acquire',
  'lock:release',
  'lock:cancel',
  'lock:check',
  'lock:query',
] as const;

const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** Texts of JSON that no client of ours would send. */
const HOSTILE = [
  'null',
  '0',
  '""',
  '[]',
  'true',
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"idleMs":"1"}',
  '{"idleMs":-1}',
  '{"idleMs":1e400}',
  '{"idleMs":0,"more":1}',
  '{"resource":"../..","requestId":"x"}',
  '{"resource":{"toString":null}}',
  '{"orderId":["a"],"state":"saved"}',
  '{"token":123}',
  deep(1_000),
  `{"a":${deep(1_000)}}`,
  `"${'x'.repeat(30_000)}"`,
  '{"_placeholder":true,"num":0}',
];

describe('malformed input', function () {
  this.timeout(60_000);
  let broker: TestBroker;
  let tenant: string;
  let witness: TestClient;

  before(async () => {
    broker = await TestBroker.start({ env: { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '100000' } });
    tenant = freshTenant();
    witness = await broker.connect(tenant, 'witness');
  });
  after(() => broker.close());

  /** A WebSocket that speaks Engine.IO by hand. */
  async function raw(): Promise<{ socket: WebSocket; received: string[] }> {
    const received: string[] = [];
    const socket = new WebSocket(`${broker.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text === '2') socket.send('3');
      received.push(text);
    });
    await waitUntil(() => received.some((text) => text.startsWith('0')), 'the handshake');
    return { socket, received };
  }

  async function rawSession(sub: string) {
    const connection = await raw();
    const token = await broker.token(tenant, sub);
    connection.socket.send(`40${CLIENT_NAMESPACE},${JSON.stringify({ token })}`);
    await waitUntil(() => connection.received.some((text) => text.includes('"welcome"')), 'a welcome');
    return connection;
  }

  const isOpen = (socket: WebSocket): boolean => socket.readyState === WebSocket.OPEN;

  /** The broker lives, and another client notices nothing. */
  async function isUnharmed(): Promise<void> {
    expect((await witness.heartbeat()).ok).to.equal(true);
    expect(witness.disconnected).to.equal(false);
    expect(({} as { polluted?: number }).polluted).to.equal(undefined);
  }

  it('[P8] [I6] H23 H25 H85 H86 answers ten thousand malformed messages with codes', async () => {
    let connection = await rawSession('mallory');
    let sent = 0;
    let answered = 0;
    for (let round = 0; sent < 10_000; round += 1) {
      const before = connection.received.length;
      let expected = 0;
      for (const event of [...EVENTS, 'nonsense', 'toString', '__proto__', 'onAny']) {
        if (event === 'session:end') continue;
        for (const text of HOSTILE) {
          sent += 1;
          const id = round % 2 === 0 ? String(sent) : '';
          if (id !== '') expected += 1;
          connection.socket.send(`42${CLIENT_NAMESPACE},${id}["${event}",${text}]`);
        }
      }
      await waitUntil(
        () =>
          !isOpen(connection.socket) ||
          connection.received.slice(before).filter((text) => text.startsWith('43')).length >= expected,
        'the answers, or being cut off',
        10_000,
      );
      const answers = connection.received.slice(before).filter((text) => text.startsWith('43'));
      answered += answers.length;
      for (const answer of answers)
        expect(answer).to.match(/"ok":false,"error":\{"code":"(invalid|rate_limited)"/);
      // Who keeps on is cut off, and may come back.
      if (!isOpen(connection.socket)) connection = await rawSession('mallory');
    }
    expect(answered).to.be.greaterThan(100);
    await isUnharmed();
    connection.socket.close();
  });

  it('[P8] H25 H61 cuts off what is not the protocol, and lives', async () => {
    const frames = [
      '9',
      '4',
      '42',
      '42["heartbeat"',
      `42${CLIENT_NAMESPACE}`,
      `42${CLIENT_NAMESPACE},["heartbeat",{"idleMs":0}`,
      `45${CLIENT_NAMESPACE},1-["heartbeat",{"_placeholder":true,"num":0}]`,
      `451000-${CLIENT_NAMESPACE},["heartbeat"]`,
      `42${CLIENT_NAMESPACE},[null]`,
      `42${CLIENT_NAMESPACE},[1,2,3]`,
      `42${CLIENT_NAMESPACE},{}`,
      `42${CLIENT_NAMESPACE},[]`,
      `42${CLIENT_NAMESPACE},["connect",{}]`,
      `42${CLIENT_NAMESPACE},["disconnect",{}]`,
      `42${CLIENT_NAMESPACE},["error",{}]`,
      `40${CLIENT_NAMESPACE},[]`,
      `40/nowhere,{}`,
      '\u0000\u0001\u0002',
      `42${CLIENT_NAMESPACE},["heartbeat",${deep(20_000)}]`,
    ];
    for (const frame of frames) {
      const { socket } = await rawSession('mallory');
      socket.send(frame);
      socket.send(Buffer.from([1, 2, 3]));
      socket.close();
    }
    await isUnharmed();
  });

  it('[P8] S33 refuses a message over the limit with 1009', async () => {
    const { socket } = await rawSession('mallory');
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    socket.send(`42${CLIENT_NAMESPACE},["heartbeat","${'x'.repeat(MAX_PAYLOAD_BYTES + 1)}"]`);
    expect(await closed).to.equal(1009);
    await isUnharmed();
  });

  it('[P8] [I1] refuses a malformed handshake with a code', async () => {
    const handshakes = [
      {},
      { token: 1 },
      { token: 'x', resume: {} },
      { token: 'x', more: 1 },
      { token: 'a.b.c' },
    ];
    for (const auth of handshakes) {
      const { socket, received } = await raw();
      socket.send(`40${CLIENT_NAMESPACE},${JSON.stringify(auth)}`);
      await waitUntil(() => received.some((text) => text.startsWith('44')), 'the refusal');
      expect(received.find((text) => text.startsWith('44'))).to.match(/"code":"(invalid|unauthenticated)"/);
      socket.close();
    }
    await isUnharmed();
  });

  it('[P8] takes any value for any event without harm', async () => {
    const client = await broker.connect(tenant, 'fuzz');
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...EVENTS.filter((event) => event !== 'session:end' && event !== 'heartbeat')),
        fc.jsonValue(),
        async (event, value) => {
          if (client.disconnected) return;
          const answer = await client.call(event, value as never);
          if (!answer.ok) expect(answer.error.code).to.be.a('string');
        },
      ),
      { seed, numRuns: 400, verbose: false },
    );
    process.stderr.write(`      seed ${seed}\n`);
    await isUnharmed();
  });

  it('[P8] H85 a call without a callback, or with nothing at all, harms nobody', async () => {
    const client = await broker.connect(tenant, 'silent');
    for (const event of EVENTS.filter((name) => name !== 'session:end')) {
      client.socket.emit(event);
      client.socket.emit(event, null);
      client.socket.emit(event, { requestId: randomUUID() }, 'not a function');
    }
    await isUnharmed();
    expect((await client.heartbeat()).ok).to.equal(true);
  });
});
