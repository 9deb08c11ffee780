import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, type LastcallClient, type LockHandle } from '@lastcall/client';
import { nowNs, Recorder } from '../support/histories/recorder.js';
import type { Random } from '../support/random.js';
import { heldName, type Look, type PeopleReport } from './messages.js';

const RESOURCES = Array.from({ length: 30 }, (_, i) => `invoices/${i}`);
/** People who do nothing: policy signs them out. */
const IDLE_SHARE = 0.06;
const CALL_MS = 2_000;
const MOST_WRITES = 4;
const SAVE_MS = 200;
const MOST_AWAY_MS = 1_500;
const ACTIVE_EVERY_MS = 500;

export interface PersonOptions {
  readonly name: string;
  readonly url: string;
  readonly token: () => Promise<string>;
  readonly random: Random;
  readonly report: (report: PeopleReport) => void;
}

/** Somebody who works with an application that uses the SDK, and signs in again whenever they were logged off. */
export class Person {
  readonly #options: PersonOptions;
  readonly #recorder: Recorder;
  readonly #isIdle: boolean;
  #client: LastcallClient;
  #handle: LockHandle | undefined;
  #sessionId = '';
  #isResting = false;
  #isGone = false;

  constructor(options: PersonOptions) {
    this.#options = options;
    this.#recorder = new Recorder(options.name);
    this.#isIdle = options.random.next() < IDLE_SHARE;
    this.#client = this.#sign();
  }

  /** A client of a new session. */
  #sign(): LastcallClient {
    const { url, token, random, name, report } = this.#options;
    const client = createClient({ url, token, callTimeoutMs: CALL_MS, logger: { warn: () => undefined } });
    client.onSave(() => delay(random.within(0, SAVE_MS)));
    client.subscribe(() => {
      // What the one before still does, such as a handler that comes to its end, is not about this session.
      if (client !== this.#client) return;
      const { session, ended, status, error } = client.getSnapshot();
      if (session && session.id !== this.#sessionId) {
        this.#sessionId = session.id;
        report({ kind: 'session', person: name, sessionId: session.id });
      }
      if (ended) report({ kind: 'ended', sessionId: this.#sessionId, ended });
      if (status === 'closed' && session && error) {
        report({ kind: 'stopped', sessionId: session.id, code: error.code });
      }
    });
    // It goes on by itself; what it cannot do now its snapshot says.
    client.connect().catch(() => undefined);
    return client;
  }

  async work(): Promise<void> {
    const { random } = this.#options;
    while (!this.#isResting) {
      const { status } = this.#client.getSnapshot();
      if (status === 'ended' || status === 'closed') {
        await delay(random.within(0, MOST_AWAY_MS));
        this.#handle = undefined;
        this.#client = this.#sign();
      } else if (!this.#isIdle && status === 'online') await this.#step();
      await delay(random.within(100, 700));
    }
    // Who rests is not away: policy has no reason to sign anybody out now.
    while (!this.#isGone) {
      this.#client.activity();
      await delay(ACTIVE_EVERY_MS);
    }
  }

  async #step(): Promise<void> {
    const { random } = this.#options;
    this.#client.activity();
    const handle = this.#handle;
    if (handle) {
      this.#client.setDirty(true);
      for (let i = random.within(1, MOST_WRITES); i > 0; i -= 1) {
        this.#write(handle);
        await delay(random.within(1, 100));
      }
      // Some keep their lock for long.
      if (random.next() < 0.7) await this.#release(handle);
    } else if (random.next() < 0.02) await this.#signOut();
    else await this.#acquire();
  }

  #write(handle: LockHandle): void {
    // Before the question: the process may be frozen behind it.
    const at = nowNs();
    const { resource, fence, state } = handle;
    if (state !== 'held') return;
    this.#options.report({ kind: 'write', resource, fence, sessionId: this.#sessionId, at });
  }

  async #acquire(): Promise<void> {
    const { random } = this.#options;
    const resource = random.pick(RESOURCES);
    const sessionId = this.#sessionId;
    const known = { op: 'acquire', opId: randomUUID(), key: resource, session: sessionId } as const;
    const waitMs = random.next() < 0.5 ? CALL_MS : 0;
    const patience = AbortSignal.timeout(2 * CALL_MS);
    this.#handle = await this.#recorder.during(
      known,
      () => this.#client.lock(resource, { waitMs, signal: patience }),
      ({ fence, mode, scope }) => ({ type: 'ok', value: { state: 'granted', mode, scope }, fence }),
    );
    this.#report();
  }

  async #release(handle: LockHandle): Promise<void> {
    this.#handle = undefined;
    this.#client.setDirty(false);
    await handle.release();
  }

  async #signOut(): Promise<void> {
    const client = this.#client;
    this.#options.report({ kind: 'left', sessionId: this.#sessionId });
    await client.end().catch(() => undefined);
    client.close();
    this.#client = this.#sign();
  }

  #report(): void {
    for (const op of this.#recorder.ops.splice(0)) this.#options.report({ kind: 'op', op });
  }

  rest(): void {
    this.#isResting = true;
  }

  look(): Look {
    const { status, locks, waiting, error } = this.#client.getSnapshot();
    const held = locks
      .filter(({ state }) => state === 'held')
      .map(({ resource, fence }) => heldName(resource, fence));
    const { name } = this.#options;
    return {
      person: name,
      sessionId: this.#sessionId,
      status,
      error: error?.code,
      held,
      waiting: waiting.length,
    };
  }

  async leave(): Promise<void> {
    this.#isGone = true;
    this.#options.report({ kind: 'left', sessionId: this.#sessionId });
    await this.#client.end().catch(() => undefined);
    this.#client.close();
  }
}
