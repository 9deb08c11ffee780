import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { askAll } from 'lastcall/internal/gateway/fast-path.js';
import type { Socket } from 'socket.io';
import type { Socket as Client } from 'socket.io-client';
import { Cleanups } from './support/faults.js';
import { socketPair } from './support/socket-pair.js';
import { waitUntil } from './support/wait.js';

const WITHIN_MS = 5_000;

/** Packets as bytes rather than as texts, as other parsers make them. */
const BYTES = {
  Encoder: class {
    encode(packet: object): Buffer[] {
      return [Buffer.from(JSON.stringify(packet))];
    }
  },
  Decoder: class extends EventEmitter {
    add(chunk: Buffer): void {
      this.emit('decoded', JSON.parse(chunk.toString()));
    }

    destroy(): void {
      this.removeAllListeners();
    }
  },
};

/** What a client hears, which it acknowledges unless it is told not to. */
function listening(client: Client, event: string, acknowledges = true): unknown[] {
  const heard: unknown[] = [];
  client.on(event, (argument: unknown, acknowledge: (answer?: unknown) => void) => {
    heard.push(argument);
    if (acknowledges) acknowledge();
  });
  return heard;
}

const waitingFor = (socket: Socket): number =>
  (socket as unknown as { readonly acks: ReadonlyMap<number, unknown> }).acks.size;

describe('one event for many', () => {
  const cleanups = new Cleanups();

  afterEach(() => cleanups.run());

  it('[A27] is encoded once, with the versions that are installed, and acknowledged by each for itself', async () => {
    const pair = await socketPair(cleanups);
    const all = [pair, await pair.another(), await pair.another(), await pair.another()];
    const text = { message: 'Größe – 世界', ms: 7 };
    const heard = all.map(({ client }, i) => listening(client, 'warning', i !== 2));
    const acknowledged: Socket[] = [];
    const ordinary = pair.socket.timeout(WITHIN_MS).emitWithAck('warning', 'before');
    const sent = askAll(all, ['warning', text], WITHIN_MS, ({ socket }) => void acknowledged.push(socket));
    expect(sent).to.equal(4);
    await pair.socket.timeout(WITHIN_MS).emitWithAck('warning', 'after');
    await ordinary;
    await waitUntil(() => acknowledged.length === 3, 'three acknowledgements');
    expect(heard).to.deep.equal([['before', text, 'after'], [text], [text], [text]]);
    expect(all.map(({ socket }) => acknowledged.filter((one) => one === socket).length)).to.deep.equal([
      1, 1, 0, 1,
    ]);
  });

  it('[A27] waits for nobody for ever, and not for who is gone', async () => {
    const pair = await socketPair(cleanups);
    const all = [pair, await pair.another()];
    for (const { client } of all) listening(client, 'warning', false);
    pair.client.disconnect();
    await waitUntil(() => !pair.socket.connected, 'the end of the first');
    let acknowledged = 0;
    const sent = askAll(all, ['warning', 1], 50, () => {
      acknowledged += 1;
    });
    expect(sent).to.equal(1);
    await waitUntil(() => all.every(({ socket }) => waitingFor(socket) === 0), 'the end of both waits');
    expect(acknowledged).to.equal(0);
  });

  for (const [how, options, argument, common] of [
    ['over polling', { transport: 'polling' }, 'x', 0],
    ['by another parser', { parser: BYTES }, 'x', 0],
    ['behind what waits for it', {}, 'x'.repeat(70_000), 1],
  ] as const) {
    it(`[A27] goes the ordinary way ${how}, in its turn`, async () => {
      const pair = await socketPair(cleanups, options);
      const heard = listening(pair.client, 'warning');
      let acknowledged = 0;
      for (const n of [1, 2, 3]) pair.socket.emit('warning', n, () => undefined);
      const sent = askAll([pair], ['warning', argument], WITHIN_MS, () => {
        acknowledged += 1;
      });
      expect(sent).to.equal(common);
      await waitUntil(() => acknowledged === 1, 'the acknowledgement');
      expect(heard).to.deep.equal([1, 2, 3, argument]);
    });
  }
});
