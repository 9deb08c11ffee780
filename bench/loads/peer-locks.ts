import { setTimeout as delay } from 'node:timers/promises';
import { type Gone, goFor } from '../lib/goes.js';
import { LOCK_PEERS, type Take } from '../lib/lock-peers.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Clients that take locks of one kind, each its own, or all the same one. */

/** Whoever has the record keeps it so long, and asks for it again so long after. */
const HOLD_MS = 2;
const PAUSE_MS = 2;

/** How one record went from one to the next; times in milliseconds. */
export interface Shared {
  readonly grants: number;
  readonly tookMs: number;
  readonly waits: readonly number[];
  /** How often each client had it. */
  readonly turns: readonly number[];
}

let clients = 0;
let take: Take;

const methods = {
  async prepare(options: { kind: string; url: string; clients: number }): Promise<void> {
    clients = options.clients;
    const open = LOCK_PEERS[options.kind];
    if (!open) throw new Error(`there is no kind ${options.kind}`);
    take = await open(options.url, clients);
  },
  /** Every client takes and gives back a lock nobody else wants, again and again for a time. */
  run({ ms }: { ms: number }): Promise<Gone> {
    return goFor(ms, clients, (client) => {
      let giveBack: (() => Promise<unknown>) | undefined;
      return [
        async () => {
          giveBack = await take(client, `record/${client}`);
        },
        async () => giveBack?.(),
      ];
    });
  },
  /** Every client wants the same record. */
  async share({ ms }: { ms: number }): Promise<Shared> {
    const turns = Array.from({ length: clients }, () => 0);
    const waits: number[] = [];
    const startedAt = performance.now();
    const loop = async (client: number): Promise<void> => {
      while (performance.now() < startedAt + ms) {
        const askedAt = performance.now();
        const giveBack = await take(client, 'record/hot');
        waits.push(performance.now() - askedAt);
        turns[client] = (turns[client] ?? 0) + 1;
        await delay(HOLD_MS);
        await giveBack();
        await delay(PAUSE_MS);
      }
    };
    await Promise.all(turns.map((_, client) => loop(client)));
    return { grants: waits.length, tookMs: performance.now() - startedAt, waits, turns };
  },
  usage,
};

export type PeerLocks = typeof methods;
serve(methods);
