import { randomUUID } from 'node:crypto';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { isEvent, readPacket } from '../lib/packets.js';
import { inParallel } from '../lib/pool.js';
import { packetFrame, RawClient } from '../lib/raw-client.js';
import { tokenFor } from '../lib/tokens.js';
import { serve } from '../lib/worker.js';

/** People who connect as fast as their server takes them, and go back to what they had if it was lost to them. */

const AT_ONCE = 64;
const LOCK_ID = 1;

interface Person {
  readonly token: string;
  readonly resource: string;
  client?: RawClient;
  resume?: { readonly sessionId: string; readonly key: string };
}

interface Welcome {
  readonly sessionId: string;
  readonly resumeKey: string;
  readonly locks: readonly unknown[];
}

let people: Person[] = [];
const nobody = (): void => undefined;

/** Resolves when the server took them in; of a broker, when they were welcomed. */
async function come(port: number, person: Person, isBroker: boolean): Promise<Welcome | undefined> {
  const { token, resume } = person;
  let welcomed: (welcome: Welcome) => void = nobody;
  const welcome = new Promise<Welcome>((resolve) => {
    welcomed = resolve;
  });
  person.client = await RawClient.open({
    port,
    namespace: CLIENT_NAMESPACE,
    auth: { token, ...(resume ? { resume } : {}) },
    onPacket: (bytes, from, to) => {
      if (!isEvent(bytes, from, to, 'welcome')) return;
      const packet = readPacket(bytes, from, to);
      if (packet.type === 'event') welcomed(packet.payload as Welcome);
    },
  });
  return isBroker ? await welcome : undefined;
}

/** Takes a lock, which is to be theirs still when they are back. */
function lock({ client, resource }: Person): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!client) throw new Error('nobody is connected');
    client.onPacket = (bytes, from, to) => {
      const packet = readPacket(bytes, from, to);
      if (packet.type !== 'ack') return;
      const answer = JSON.stringify(packet);
      if (answer.includes('"granted"')) resolve();
      else reject(new Error(`a lock nobody else wants: ${answer}`));
    };
    client.write(
      packetFrame(CLIENT_NAMESPACE, 'event', LOCK_ID, [
        'lock:acquire',
        { resource, requestId: randomUUID() },
      ]),
    );
  });
}

const methods = {
  /** Has them come for the first time; to a broker, each with a lock. */
  async come(options: { port: number; clients: number; isBroker: boolean }): Promise<void> {
    const { port, clients, isBroker } = options;
    people = await inParallel(clients, AT_ONCE, async (i) => {
      const person: Person = { token: await tokenFor('bench', `person-${i}`), resource: `record/${i}` };
      const welcome = await come(port, person, isBroker);
      if (welcome) {
        person.resume = { sessionId: welcome.sessionId, key: welcome.resumeKey };
        await lock(person);
      }
      return person;
    });
  },
  /** Has all of them come again, as many at once as before; answers how long that took, in ms. */
  async comeBack({ port, isBroker }: { port: number; isBroker: boolean }): Promise<{ tookMs: number }> {
    const startedAt = performance.now();
    await inParallel(people.length, AT_ONCE, async (i) => {
      const person = people[i] as Person;
      const welcome = await come(port, person, isBroker);
      if (isBroker && (welcome?.sessionId !== person.resume?.sessionId || welcome?.locks.length !== 1))
        throw new Error('a session came back as another, or without its lock');
    });
    return { tookMs: performance.now() - startedAt };
  },
};

export type Comers = typeof methods;
serve(methods);
