import { expect } from 'chai';
import { newAttachment } from 'lastcall/internal/attachments.js';
import { type Connection, newConnection } from 'lastcall/internal/gateway/connection.js';
import { Farewell, leaving } from 'lastcall/internal/gateway/farewell.js';
import { administrator } from './support/broker.js';

/** A connection that only notes when it is closed. */
function connection(closed: () => void): Connection {
  const attachment = newAttachment(administrator('acme'), { address: '192.0.2.1' }, 'session', 'key');
  const socket = { conn: { close: closed }, disconnect: () => undefined };
  const made: Connection = newConnection(socket as unknown as Connection['socket'], attachment, 0);
  return made;
}

/** Lets a farewell have its turns until it is done; answers how many were sent away in each. */
async function turnsOf(
  count: number,
  pace: { perSecond: number; limitMs: number },
  prepare: (all: Connection[]) => void = () => undefined,
): Promise<number[]> {
  const turns: number[] = [0];
  const all = Array.from({ length: count }, () =>
    connection(() => {
      turns[turns.length - 1] = (turns.at(-1) ?? 0) + 1;
    }),
  );
  prepare(all);
  const farewell = new Farewell();
  const done = farewell.begin(all, pace).then(() => 'done');
  // The promise of one turn of the microtasks: lost to whatever is decided already.
  const notYet = async (): Promise<string> => {
    for (let n = 0; n < 5; n += 1) await Promise.resolve();
    return 'not yet';
  };
  for (let turn = 0; turn < 1_000 && (await Promise.race([done, notYet()])) !== 'done'; turn += 1) {
    turns.push(0);
    farewell.turn();
  }
  await done;
  return turns;
}

describe('the farewell of a node', () => {
  it('[N4] sends clients away no faster than another node takes them in', async () => {
    const turns = await turnsOf(1_000, { perSecond: 500, limitMs: 10_000 });
    expect(turns.filter((sent) => sent > 0)).to.deep.equal(Array.from({ length: 20 }, () => 50));
  });

  it('[N4] is over in time, however many there are', async () => {
    const turns = await turnsOf(50_000, { perSecond: 500, limitMs: 10_000 });
    expect(turns.length).to.be.at.most(101);
    expect(turns.reduce((sum, sent) => sum + sent, 0)).to.equal(50_000);
  });

  it('[N4] lets what is under way be answered, and last handlers run, while there is time', async () => {
    const turns = await turnsOf(3, { perSecond: 500, limitMs: 1_000 }, ([asks, isLoggedOff]) => {
      asks?.underWay.add(new Promise(() => undefined));
      if (isLoggedOff) isLoggedOff.attachment.ended = true;
    });
    expect(turns[0]).to.equal(1);
    expect(turns.slice(1, -1).every((sent) => sent === 0)).to.equal(true);
    expect(turns.at(-1), 'at the end of the time').to.equal(2);
  });

  it('[N4] is over at once when nobody is there', async () => {
    expect(await turnsOf(0, { perSecond: 500, limitMs: 10_000 })).to.deep.equal([0]);
  });

  it('[N4] tells newcomers times that differ', () => {
    const told = Array.from({ length: 50 }, () => leaving().extras.retryAfterMs ?? 0);
    for (const waitMs of told) expect(waitMs).to.be.within(1_000, 2_000);
    expect(new Set(told).size).to.be.greaterThan(10);
  });
});
