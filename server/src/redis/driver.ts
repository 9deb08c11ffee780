import { Cluster, type Redis, type RedisCommander } from 'ioredis';
import { makeClients } from './clients.js';
import type { Pulse } from './pulse.js';
import { Subscriber } from './subscriber.js';
import { StoreUnavailableError } from './unavailable.js';
import { describeAddress, parseRedisUrl, type StoreAddress } from './url.js';

export { isUnavailable, StoreUnavailableError } from './unavailable.js';
export { RedisUrlError } from './url.js';

/** Less than two seconds, so that whoever asked hears within them. */
const COMMAND_LIMIT_MS = 1_800;
const CONNECT_LIMIT_MS = 10_000;
const PROBE_EVERY_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;
const GO_ON_MS = 250;
/** What follows a write on its connection waits so long at most for replicas, which need about a millisecond. */
const REPLICAS_LIMIT_MS = 500;

export interface ConnectOptions {
  /** `redis://`, `rediss://`, `redis+cluster://h1,h2` or `redis+sentinel://h1,h2/name`. */
  readonly url: string;
  /** Stands in for the password of the URL. */
  readonly password?: string;
  /** Milliseconds within which each command is answered or fails (1 800). */
  readonly commandTimeoutMs?: number;
  /** Milliseconds the first connection may take, a Redis that still starts included (10 000). */
  readonly connectTimeoutMs?: number;
  /** Milliseconds between probes of idle connections, so that a dead one is noticed (5 000). */
  readonly probeEveryMs?: number;
}

/** Plain commands by name: strings and numbers in, strings out. */
export type RedisCommands = RedisCommander;

export type StoreStatus =
  | { readonly state: 'ready'; readonly forMs: number }
  | { readonly state: 'lost'; readonly forMs: number; readonly reason: string }
  | { readonly state: 'closed' };

/**
 * Connects to Redis and stays connected: commands fail within their limit while it is out of reach, and work again
 * by themselves afterwards.
 * @throws {RedisUrlError} when the URL cannot be understood
 * @throws {StoreUnavailableError} when there is no connection within `connectTimeoutMs`, or Redis refuses the password
 * @example
 * const store = await connectRedis({ url: 'redis://127.0.0.1:6379' });
 * await store.commands.pttl('lc:{acme}:lease:…');
 */
export async function connectRedis(options: ConnectOptions): Promise<RedisDriver> {
  const parsed = parseRedisUrl(options.url);
  const address = options.password === undefined ? parsed : { ...parsed, password: options.password };
  const driver = new RedisDriver(address, options);
  try {
    await driver.whenReady(options.connectTimeoutMs ?? CONNECT_LIMIT_MS);
    return driver;
  } catch (error) {
    await driver.close();
    throw error;
  }
}

/** The client's words, but for those that are a riddle to who wrote the address. */
function wordsOf({ message }: Error): string {
  return message.startsWith('Unknown RESP type') ? 'what answers there is not Redis' : message;
}

/** Takes a refusal for an answer that says that nothing is left to do. */
async function unless<T>(refusal: RegExp, reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof Error && refusal.test(error.message)) return undefined;
    throw error;
  }
}

/** The connections to Redis. Made by {@link connectRedis}. */
export class RedisDriver {
  /** The address without its password. */
  readonly target: string;
  readonly kind: StoreAddress['kind'];
  readonly #client: Redis | Cluster;
  readonly #subscriberClient: Redis | Cluster;
  readonly #subscriber: Subscriber;
  readonly #pulses: readonly Pulse[];
  readonly #probe: NodeJS.Timeout;
  readonly #readyListeners = new Set<() => void>();
  readonly #lostListeners = new Set<(reason: string) => void>();
  #state: 'ready' | 'lost' | 'closed' = 'lost';
  #since = performance.now();
  #reason = 'not connected yet';
  #lastError: string | undefined;
  #settleStart: (() => void) | undefined;

  constructor(address: StoreAddress, options: ConnectOptions) {
    this.kind = address.kind;
    this.target = describeAddress(address);
    const clients = makeClients(address, options.commandTimeoutMs ?? COMMAND_LIMIT_MS);
    this.#client = clients.commands;
    this.#subscriberClient = clients.subscriber;
    this.#pulses = clients.pulses;
    // First the subscriber's own listeners: what happened to it is known when the driver looks.
    this.#subscriber = new Subscriber(this.#subscriberClient, (refusal) => this.#update(refusal));
    for (const client of new Set([this.#client, this.#subscriberClient])) {
      client.on('error', (error: Error) => this.#fail(error));
      client.on('close', () => this.#update(this.#lastError ?? 'the connection was closed'));
      client.on('ready', () => this.#update());
      client.on('end', () => this.#goOn(client));
    }
    this.#probe = setInterval(() => this.#probeIdle(), options.probeEveryMs ?? PROBE_EVERY_MS).unref();
  }

  /** The client gives up for good when the sentinels' word of a new primary comes while it asks them for it. */
  #goOn(client: Redis | Cluster): void {
    if (this.#state === 'closed') return;
    setTimeout(() => {
      if (this.#state !== 'closed' && client.status === 'end') client.connect().catch(() => undefined);
    }, GO_ON_MS).unref();
  }

  get commands(): RedisCommands {
    return this.#client;
  }

  /** Runs a function that Redis has. On a cluster the first key decides where. */
  fcall(name: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#client.fcall(name, keys.length, ...keys, ...args);
  }

  /** Gives every primary a library of functions, unless it has it. */
  async functionLoad(source: string): Promise<void> {
    await this.#onPrimaries((node) => unless(/already exists/, node.function('LOAD', source)));
  }

  /** The names of the libraries of each primary. */
  async functionList(pattern: string): Promise<readonly (readonly string[])[]> {
    // Name and value in turns: the name is the first.
    const lists = await this.#onPrimaries((node) => node.function('LIST', 'LIBRARYNAME', pattern));
    return lists.map((list) => (list as string[][]).map(([, name = '']) => name));
  }

  /** Takes a library away from every primary that has it. */
  async functionDelete(name: string): Promise<void> {
    await this.#onPrimaries((node) => unless(/not found/, node.function('DELETE', name)));
  }

  async #onPrimaries<T>(ask: (node: Redis) => Promise<T>): Promise<T[]> {
    const nodes = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
    if (nodes.length === 0) {
      throw new StoreUnavailableError('the cluster has no primary', { mayHaveRun: false });
    }
    return await Promise.all(nodes.map(ask));
  }

  /**
   * Hears a sharded channel (`SPUBLISH`), also after reconnections, until `unsubscribe`.
   * @throws {StoreUnavailableError} when Redis is out of reach; the channel is not kept then
   */
  async subscribe(channel: string): Promise<void> {
    // What is published is of no use to anybody who cannot ask.
    if (this.#client.status !== 'ready') {
      throw new StoreUnavailableError('there is no connection', { mayHaveRun: false });
    }
    await this.#subscriber.subscribe(channel);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#subscriber.unsubscribe(channel);
  }

  onMessage(listener: (channel: string, message: string) => void): () => void {
    return this.#subscriber.onMessage(listener);
  }

  /**
   * Calls back after each reconnection, when commands work and every channel is subscribed again: what was published
   * meanwhile is to be read now. Not for the first connection, which {@link connectRedis} awaits.
   */
  onReady(listener: () => void): () => void {
    this.#readyListeners.add(listener);
    return () => void this.#readyListeners.delete(listener);
  }

  /** Calls back with the reason when Redis gets out of reach. */
  onLost(listener: (reason: string) => void): () => void {
    this.#lostListeners.add(listener);
    return () => void this.#lostListeners.delete(listener);
  }

  /** Redis is out of reach, or takes its time to answer. */
  get isSlow(): boolean {
    return this.#state !== 'ready' || this.#pulses.some((pulse) => pulse.isSlow);
  }

  status(): StoreStatus {
    if (this.#state === 'closed') return { state: 'closed' };
    const forMs = Math.round(performance.now() - this.#since);
    return this.#state === 'ready'
      ? { state: 'ready', forMs }
      : { state: 'lost', forMs, reason: this.#whyLost() };
  }

  /** @returns the milliseconds a round trip takes. @throws {StoreUnavailableError} */
  async ping(): Promise<number> {
    const startedAt = performance.now();
    await this.#client.ping();
    return performance.now() - startedAt;
  }

  /**
   * Resolves when that many replicas have all that was written so far, and those that are in step besides, unless these
   * take their time: sentinels may promote any of them, by what they heard of it a while ago.
   * @throws {StoreUnavailableError} when they do not in time: it was done, but may not outlast a fail-over
   */
  async replicated(replicas: number): Promise<void> {
    const info = await this.#client.info('replication').catch(() => '');
    const inStep = Number(/^min_slaves_good_slaves:(\d+)/m.exec(info)?.[1] ?? replicas);
    const have = await this.#client.wait(Math.max(replicas, inStep), REPLICAS_LIMIT_MS);
    if (have >= replicas) return;
    throw new StoreUnavailableError(`${have} of ${replicas} replicas have it`, { mayHaveRun: true });
  }

  /** Lets go of the connections; unanswered commands fail. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#probe);
    this.#subscriber.close();
    this.#readyListeners.clear();
    this.#lostListeners.clear();
    await Promise.all([...new Set([this.#client, this.#subscriberClient])].map(disconnect));
  }

  /** Waits for the first connection. @throws {StoreUnavailableError} */
  async whenReady(limitMs: number): Promise<void> {
    const started = new Promise<void>((resolve) => {
      this.#settleStart = resolve;
    });
    const timer = setTimeout(() => this.#settleStart?.(), limitMs);
    this.#update();
    await started;
    clearTimeout(timer);
    if (this.#state === 'ready') return;
    throw new StoreUnavailableError(
      `no connection to ${this.target}: ${this.#whyLost()}. Check that it runs, and LASTCALL_REDIS_URL.`,
      { mayHaveRun: false },
    );
  }

  #whyLost(): string {
    const isSilent = this.#client.status === 'connect' || this.#subscriberClient.status === 'connect';
    return this.#lastError ?? (isSilent ? 'it does not answer, or still loads its data' : this.#reason);
  }

  #fail(error: Error & { lastNodeError?: Error }): void {
    const nearest = error.lastNodeError ?? error;
    this.#lastError = nearest instanceof StoreUnavailableError ? nearest.reason : wordsOf(nearest);
    // Waiting does not make a password right.
    if (/^(?:WRONGPASS|NOAUTH|NOPERM)/.test(this.#lastError)) this.#settleStart?.();
  }

  #probeIdle(): void {
    if (this.#client.status === 'ready') this.#client.ping().catch(() => undefined);
    this.#subscriber.probe();
  }

  #update(reason?: string): void {
    if (reason !== undefined) this.#reason = reason;
    if (this.#state === 'closed') return;
    const next = this.#client.status === 'ready' && this.#subscriber.ready ? 'ready' : 'lost';
    if (next === this.#state) return;
    this.#state = next;
    this.#since = performance.now();
    if (next === 'lost') {
      for (const listener of this.#lostListeners) listener(this.#reason);
      return;
    }
    this.#lastError = undefined;
    this.#settleStart?.();
    for (const listener of this.#readyListeners) listener();
  }
}

function disconnect(client: Redis | Cluster): Promise<void> {
  return new Promise((resolve) => {
    // A client that is between two attempts tells nobody when it ends.
    const timer = setTimeout(resolve, client.status === 'reconnecting' ? 0 : CLOSE_LIMIT_MS);
    client.once('end', () => {
      clearTimeout(timer);
      resolve();
    });
    client.disconnect();
  });
}
