import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AcquireAnswer, AcquireRequest, Answer, Lock, ServerPushes, WireError } from '@lastcall/shared';
import { TestClient } from '../broker.js';
import type { Random } from '../random.js';
import type { Op } from './format.js';
import { nowNs, Recorder, refusalOf } from './recorder.js';
import { RESOURCES, type UserOptions } from './user-options.js';
import { Writer } from './writer.js';

/** Longer than a free lock may take to be granted, so that a grant that never comes is noticed. */
const WAIT_MS = 4_000;
/** How long somebody who was cut off stays away, at most: longer than a lease. */
const AWAY_MS = 4_000;
const MAX_HELD = 3;
const RECONNECT_MS = 100;
const RECONNECTIONS = 150;
/** While the broker has no lease of a session, after a loss of data, asking again at once is of no use. */
const UNAVAILABLE_MS = 100;

type Asked = Pick<Op, 'op' | 'opId' | 'key' | 'session'>;

/** A person who takes, shares, upgrades, takes over and gives back locks by the protocol alone, and notes all of it. */
export class User {
  readonly recorder: Recorder;
  readonly #options: UserOptions;
  readonly #held = new Map<string, Lock>();
  readonly #sent = new Map<string, number>();
  readonly #writer: Writer;
  #last: { readonly known: Asked; readonly payload: AcquireRequest } | undefined;
  #client: TestClient | undefined;
  #session = '';
  #unavailable = false;

  constructor(options: UserOptions) {
    this.#options = options;
    this.recorder = new Recorder(options.name);
    this.#writer = new Writer(options, this.recorder);
  }

  get #random(): Random {
    return this.#options.random;
  }

  async connect(): Promise<void> {
    const { url, token } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const before = this.#client;
      const resume = before?.last('welcome') ? { resume: before.resume } : {};
      const client = new TestClient(url, { token, ...resume });
      // A broker that is killed while somebody comes in says nothing.
      const isAnswered = await client.opened().then(
        () => true,
        () => false,
      );
      if (isAnswered && !client.error) return this.#begin(client);
      client.socket.disconnect();
      if (client.error?.code === 'session_ended') this.#client = undefined;
      else if (attempt === RECONNECTIONS) throw new Error(`no way back: ${JSON.stringify(client.error)}`);
      else await delay(RECONNECT_MS);
    }
  }

  #begin(client: TestClient): void {
    this.#client = client;
    this.#session = client.sessionId;
    this.#held.clear();
    for (const lock of client.welcome.locks) this.#held.set(lock.resource, lock);
    client.socket.on('lock:granted', ({ requestId, lock }: { requestId: string; lock: Lock }) => {
      const sent = this.#sent.get(requestId);
      this.#held.set(lock.resource, lock);
      this.recorder.note(
        {
          op: 'granted',
          opId: requestId,
          key: lock.resource,
          session: this.#session,
          ...(sent === undefined ? {} : { call: sent }),
        },
        {
          type: 'ok',
          value: { mode: lock.mode, scope: lock.scope },
          fence: lock.fence,
          storeTime: lock.grantedAt,
        },
      );
    });
    client.socket.on('lock:lost', ({ resource, fence, reason }: ServerPushes['lock:lost']) => {
      const held = this.#held.get(resource);
      if (held?.fence === fence) {
        this.#held.delete(resource);
        this.#writer.isOver(held);
      }
      this.recorder.note(
        { op: 'lost', opId: `${fence}`, key: resource, session: this.#session },
        { type: 'ok', value: { reason }, fence },
      );
    });
    client.socket.on('lock:requested', ({ requestId }: { requestId: string }) => {
      const answer = this.#random.next() < 0.6 ? 'yield' : 'keep';
      client.call('lock:answer', { requestId, answer }).catch(() => undefined);
    });
  }

  /** Does so many things, coming back whenever the connection is gone. */
  async work(steps: number): Promise<void> {
    for (let i = 0; i < steps; i += 1) {
      const client = this.#client;
      if (!client?.socket.connected) await this.connect();
      else await this.#step(client);
      if (this.#unavailable) await delay(UNAVAILABLE_MS);
      this.#unavailable = false;
    }
  }

  async #step(client: TestClient): Promise<void> {
    const kind = this.#random.next();
    const held = [...this.#held.values()];
    const lock = held.length > 0 ? this.#random.pick(held) : undefined;
    if (kind < 0.004) return await this.#drop(client);
    if (kind < 0.008) return await this.#end(client);
    if (lock && (kind < 0.45 || held.length >= MAX_HELD)) return await this.#release(client, lock);
    if (lock && kind < 0.48) return await this.#check(client, lock);
    if (lock?.mode === 'shared' && kind < 0.58) return await this.#upgrade(client, lock);
    if (lock && kind < 0.6) return await this.#writer.write(lock, this.#session);
    if (kind < 0.63) return await this.#writer.writeLate(this.#session);
    if (kind < 0.72) return await this.#takeOver(client);
    if (kind < 0.78) return await this.#acquireMany(client);
    if (kind < 0.86 && this.#options.isAdmin) return await this.#writer.breakOne(this.#session);
    return await this.#acquire(client);
  }

  #known(op: Asked['op'], resource: string): Asked {
    const opId = randomUUID();
    this.#sent.set(opId, nowNs());
    return { op, opId, key: resource, session: this.#session } as const;
  }

  #seen(answer: Answer<AcquireAnswer | { state: 'asked'; deadlineMs: number }>) {
    if (!answer.ok) return this.#refused(answer.error);
    if (answer.state !== 'granted') return { type: 'ok' as const, value: { state: answer.state } };
    const { mode, scope, fence, grantedAt } = answer.lock;
    this.#held.set(answer.lock.resource, answer.lock);
    return { type: 'ok' as const, value: { state: answer.state, mode, scope }, fence, storeTime: grantedAt };
  }

  #refused(error: WireError): ReturnType<typeof refusalOf> {
    if (error.code === 'unavailable') this.#unavailable = true;
    return refusalOf(error);
  }

  /** Several at once: noted once for each, with the times of the one call. */
  async #acquireMany(client: TestClient): Promise<void> {
    const names = [...new Set([1, 2, 3].map(() => this.#random.pick(RESOURCES)))];
    const { opId, session } = this.#known('acquireMany', '');
    const ask = {
      requestId: opId,
      resources: names.map((resource) => ({
        resource,
        mode: this.#random.next() < 0.5 ? ('shared' as const) : ('exclusive' as const),
        scope: this.#random.next() < 0.1 ? ('tree' as const) : ('record' as const),
      })),
    };
    // Now and then a client that is not sure asks again.
    for (let times = this.#random.next() < 0.1 ? 2 : 1; times > 0; times -= 1) {
      const call = nowNs();
      const answer = await client.call('lock:acquireMany', ask).catch(() => undefined);
      names.forEach((key, i) => {
        const known = { op: 'acquireMany', opId, key, session, call } as const;
        if (!answer) this.recorder.note(known, { type: 'info', value: {} });
        else if (answer.ok) {
          const lock = answer.locks[i] as Lock;
          this.recorder.note(known, this.#seen({ ok: true, state: 'granted', lock }));
        } else if (i === 0 || answer.error.code === 'unavailable') {
          // A request is refused as a whole; but what became of it is not known of each.
          this.recorder.note(known, this.#refused(answer.error));
        }
      });
      if (!answer?.ok) return;
    }
  }

  async #acquire(client: TestClient): Promise<void> {
    // Now and then one asks again for what is over perhaps.
    if (this.#last?.known.session === this.#session && this.#random.next() < 0.04) {
      const { known, payload } = this.#last;
      await this.recorder.during(
        known,
        () => client.call('lock:acquire', payload),
        (seen) => this.#seen(seen),
      );
      return;
    }
    const resource = this.#random.pick(RESOURCES);
    const mode = this.#random.next() < 0.5 ? 'shared' : 'exclusive';
    const scope = this.#random.next() < 0.15 ? 'tree' : 'record';
    const waitMs = this.#random.next() < 0.5 ? WAIT_MS : 0;
    const known = this.#known('acquire', resource);
    const payload = { resource, mode, scope, waitMs, requestId: known.opId } as const;
    this.#last = { known, payload };
    const ask = () => client.call('lock:acquire', payload);
    const answer = await this.recorder.during(known, ask, (seen) => this.#seen(seen));
    // Now and then a client that is not sure asks again.
    if (answer && this.#random.next() < 0.05)
      await this.recorder.during(known, ask, (seen) => this.#seen(seen));
    else if (answer?.ok && answer.state === 'queued' && this.#random.next() < 0.1) {
      const cancel = { ...known, op: 'cancel' } as const;
      await this.recorder.during(
        cancel,
        () => client.call('lock:cancel', { requestId: known.opId }),
        () => ({ type: 'ok', value: {} }),
      );
      if (this.#held.has(resource)) this.#held.delete(resource);
    }
  }

  async #upgrade(client: TestClient, { resource, fence }: Lock): Promise<void> {
    const known = this.#known('upgrade', resource);
    const ask = { resource, fence, waitMs: WAIT_MS, requestId: known.opId };
    await this.recorder.during(
      known,
      () => client.call('lock:upgrade', ask),
      (seen) => this.#seen(seen),
    );
  }

  async #takeOver(client: TestClient): Promise<void> {
    const resource = this.#random.pick(RESOURCES);
    const known = this.#known('takeover', resource);
    const force = this.#options.isAdmin === true && this.#random.next() < 0.5;
    const ask = { resource, force, requestId: known.opId };
    await this.recorder.during(
      known,
      () => client.call('lock:takeover', ask),
      (seen) => this.#seen(seen),
    );
  }

  async #release(client: TestClient, lock: Lock): Promise<void> {
    const { resource } = lock;
    // Now and then with a fence that is not its own, which must release nothing.
    const fence = this.#random.next() < 0.05 ? lock.fence - 1 : lock.fence;
    if (fence === lock.fence) {
      this.#held.delete(resource);
      this.#writer.isOver(lock);
    }
    const known = {
      op: 'release',
      opId: randomUUID(),
      key: resource,
      session: this.#session,
      fence,
    } as const;
    const ask = () => client.call('lock:release', { resource, fence });
    await this.recorder.during(known, ask, (seen) =>
      seen.ok ? { type: 'ok', value: { released: seen.released } } : { type: 'info', value: {} },
    );
  }

  async #check(client: TestClient, { resource, fence }: Lock): Promise<void> {
    const known = { op: 'check', opId: randomUUID(), key: resource, session: this.#session, fence } as const;
    const ask = () => client.call('lock:check', { resource, fence });
    await this.recorder.during(known, ask, (seen) =>
      seen.ok ? { type: 'ok', value: { valid: seen.valid } } : refusalOf(seen.error),
    );
  }

  async #drop(client: TestClient): Promise<void> {
    this.recorder.note(
      { op: 'drop', opId: randomUUID(), key: '', session: this.#session },
      { type: 'info', value: {} },
    );
    await client.drop();
    await delay(this.#random.within(0, AWAY_MS));
  }

  async #end(client: TestClient): Promise<void> {
    const known = { op: 'end', opId: randomUUID(), key: '', session: this.#session } as const;
    await this.recorder.during(
      known,
      () => client.call('session:end', {}),
      (seen) => (seen.ok ? { type: 'ok', value: {} } : { type: 'info', value: {} }),
    );
    client.socket.disconnect();
    this.#client = undefined;
  }

  async leave(): Promise<void> {
    if (this.#client?.socket.connected) await this.#end(this.#client);
    this.#client?.socket.disconnect();
  }
}
