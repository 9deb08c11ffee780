import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { TestClient } from './broker.js';
import type { BrokerProcess } from './process.js';
import type { Random } from './random.js';

const RESOURCES = Array.from({ length: 6 }, (_, i) => `invoices/${i}`);
const WAIT_MS = 60_000;

/** What the broker has acknowledged to somebody: it must not be lost. */
export interface Acknowledged {
  readonly opened: Set<string>;
  readonly granted: Set<number>;
  readonly released: Set<number>;
}

/** A person at work who knows what was acknowledged to them, and what is unknown because no answer came. */
export class Worker {
  readonly acknowledged: Acknowledged = { opened: new Set(), granted: new Set(), released: new Set() };
  readonly #broker: BrokerProcess;
  readonly #tenant: string;
  readonly #name: string;
  readonly #held = new Map<string, number>();
  readonly #unsure = new Set<string>();
  readonly #waiting = new Map<string, string>();
  #client: TestClient | undefined;

  constructor(broker: BrokerProcess, tenant: string, name: string) {
    this.#broker = broker;
    this.#tenant = tenant;
    this.#name = name;
  }

  get client(): TestClient {
    if (!this.#client) throw new Error('not connected');
    return this.#client;
  }

  /** Opens the session, or comes back to it, and compares what is there with what was acknowledged. */
  async connect(): Promise<void> {
    const before = this.#client;
    const token = await this.#broker.token(this.#tenant, this.#name);
    const client = new TestClient(this.#broker.url, { token, ...(before ? { resume: before.resume } : {}) });
    await client.opened();
    this.#client = client;
    const { welcome } = client;
    expect(welcome.resumed, 'resumed').to.equal(before !== undefined);
    if (before) expect(welcome.sessionId).to.equal(before.sessionId);
    this.acknowledged.opened.add(welcome.sessionId);
    this.#compare(welcome);
  }

  /** Does one thing after the other until the connection is gone. */
  async work(random: Random): Promise<void> {
    try {
      while (this.client.socket.connected) await this.#step(random);
    } catch {
      // The answer to the last step will never come.
    }
  }

  async #step(random: Random): Promise<void> {
    this.#hear();
    const kind = random.next();
    const [held] = this.#held;
    const resource = random.pick(RESOURCES);
    const isFree = !this.#held.has(resource) && ![...this.#waiting.values()].includes(resource);
    if (kind < 0.6 && isFree) await this.#acquire(resource, random.next() < 0.5);
    else if (kind < 0.9 && held) await this.#release(...held);
    else await this.client.heartbeat({ dirty: random.next() < 0.5, view: `view ${random.within(1, 9)}` });
  }

  /** What was waited for and granted meanwhile. */
  #hear(): void {
    for (const { requestId, lock } of this.client.all('lock:granted')) {
      if (!this.#waiting.delete(requestId)) continue;
      this.acknowledged.granted.add(lock.fence);
      this.#held.set(lock.resource, lock.fence);
    }
  }

  async #acquire(resource: string, waits: boolean): Promise<void> {
    const requestId = randomUUID();
    this.#unsure.add(resource);
    const answer = await this.client.acquire(resource, waits ? WAIT_MS : 0, requestId);
    if (answer.ok && answer.state === 'granted') {
      this.acknowledged.granted.add(answer.lock.fence);
      this.#held.set(resource, answer.lock.fence);
    } else if (answer.ok) {
      this.#waiting.set(requestId, resource);
    }
    if (answer.ok || answer.error.code === 'locked') this.#unsure.delete(resource);
  }

  async #release(resource: string, fence: number): Promise<void> {
    this.#held.delete(resource);
    this.#unsure.add(resource);
    const { released } = await this.client.does('lock:release', { resource, fence });
    expect(released, 'released what was granted').to.equal(true);
    this.acknowledged.released.add(fence);
    this.#unsure.delete(resource);
  }

  #compare({ locks, waiting }: TestClient['welcome']): void {
    const fences = new Map(locks.map(({ resource, fence }) => [resource, fence]));
    for (const [resource, fence] of this.#held)
      expect(fences.get(resource), `the lock of ${resource}`).to.equal(fence);
    const places = new Set(waiting.map(({ requestId }) => requestId));
    for (const [requestId, resource] of this.#waiting) {
      const isKept = places.has(requestId) || fences.has(resource) || this.#unsure.has(resource);
      expect(isKept, `the place in the queue of ${resource}, or its lock`).to.equal(true);
    }
    const expected = new Set([...this.#held.keys(), ...this.#unsure, ...this.#waiting.values()]);
    for (const { resource } of locks) expect(expected.has(resource), `a lock of ${resource}`).to.equal(true);
    this.#unsure.clear();
    this.#held.clear();
    for (const [resource, fence] of fences) this.#held.set(resource, fence);
    this.#waiting.clear();
    for (const { requestId, resource } of waiting) this.#waiting.set(requestId, resource);
  }
}
