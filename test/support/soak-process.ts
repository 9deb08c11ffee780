import { createClient, type LastcallClient } from '@lastcall/client';
import { Random } from './random.js';

/** People at work in a process of their own: they lock records and give them back until they are told to sign out. */

export interface SoakStart {
  readonly url: string;
  readonly tokens: readonly string[];
  readonly seed: number;
}

export type SoakCommand = 'work' | 'end';

export interface SoakReport {
  readonly online: number;
  /** Locks that were had and given back, sessions that were opened after another had ended, refusals. */
  readonly locks: number;
  readonly anew: number;
  readonly refused: number;
  readonly over: boolean;
}

const RECORDS = 500;
const REPORT_MS = 500;
/** Between two things that one person does. */
const PAUSE_MS = 10_000;
const HOLD_MS = 500;
const WAIT_MS = 2_000;
/** How many connect, or sign out, at the same time. */
const AT_ONCE = 50;

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

function run({ url, tokens, seed }: SoakStart): void {
  const random = new Random(seed);
  const clients = new Set<LastcallClient>();
  const count = { locks: 0, anew: 0, refused: 0 };
  let isOver = false;
  let round = 0;

  async function lockOne(client: LastcallClient): Promise<void> {
    try {
      const handle = await client.lock(`records/${random.within(1, RECORDS)}`, { waitMs: WAIT_MS });
      client.setDirty(random.next() < 0.5);
      await pause(HOLD_MS);
      await handle.release();
      count.locks += 1;
    } catch {
      // Taken, or a broker or Redis was away: the next one may be had.
      count.refused += 1;
    }
  }

  /** One person, from sign-in to sign-out; who is logged off comes back. */
  async function work(token: string, mine: number): Promise<void> {
    let client = newClient(token);
    await client.connect().catch(() => undefined);
    const isWorking = (): boolean => mine === round;
    while (isWorking()) {
      await pause(random.next() * PAUSE_MS);
      if (client.getSnapshot().status === 'ended') {
        clients.delete(client);
        client.close();
        client = newClient(token);
        count.anew += 1;
        await client.connect().catch(() => undefined);
      } else await lockOne(client);
    }
    await signOut(client);
  }

  function newClient(token: string): LastcallClient {
    const client = createClient({ url, token, logger: { warn: () => undefined } });
    clients.add(client);
    return client;
  }

  async function signOut(client: LastcallClient): Promise<void> {
    await client.end().catch(() => undefined);
    client.close();
    clients.delete(client);
  }

  async function begin(): Promise<void> {
    round += 1;
    isOver = false;
    const working: Promise<void>[] = [];
    for (let from = 0; from < tokens.length; from += AT_ONCE) {
      working.push(...tokens.slice(from, from + AT_ONCE).map((token) => work(token, round)));
      await pause(100);
    }
    await Promise.all(working);
    isOver = true;
  }

  process.on('message', (command: SoakCommand) => {
    if (command === 'work') void begin();
    else round += 1;
  });
  process.once('disconnect', () => process.exit(0));
  setInterval(() => {
    const online = [...clients].filter((client) => client.getSnapshot().status === 'online').length;
    process.send?.({ online, ...count, over: isOver } satisfies SoakReport);
  }, REPORT_MS);
}

if (process.send) process.once('message', (start) => run(start as SoakStart));
