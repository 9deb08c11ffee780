import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AUDIT_KEY } from '../support/archive.js';
import { TestBroker } from '../support/broker.js';
import { Cleanups } from '../support/faults.js';
import { BrokerProcess } from '../support/process.js';
import type { Random } from '../support/random.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type Sentinels, startSentinels } from '../support/sentinel.js';
import { type MovableClock, movableClock } from './clock.js';
import { type Link, openLink } from './link.js';

/** `redis`: one redis-server that keeps what it acknowledged; `sentinel`: a primary, two replicas, three sentinels. */
export type Topology = 'redis' | 'sentinel';

const BROKERS = 3;
const STARTS = 30;
/** A script that runs for longer than this makes Redis answer BUSY. */
const BUSY_MS = '300';
const LIMITS = { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '10000' };

/** A broker in its process, and the way from it to its store. */
export class Node {
  readonly broker: BrokerProcess;
  readonly store: Link | undefined;
  /** Whether the run took it down itself. */
  isDown = false;

  constructor(broker: BrokerProcess, store: Link | undefined) {
    this.broker = broker;
    this.store = store;
  }

  async kill(): Promise<void> {
    this.isDown = true;
    await this.broker.kill();
  }

  /** Again and again, as whoever looks after processes does: without its store it does not start. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.broker.start();
        this.isDown = false;
        return;
      } catch (error) {
        if (attempt === STARTS) throw error;
      }
    }
  }

  /** As an operator restarts it. @throws Error when it did not end well */
  async restart(): Promise<void> {
    this.isDown = true;
    await this.broker.end();
    await this.start();
  }
}

/** Three brokers on one store, and links between everybody that can be disturbed. */
export class World {
  readonly topology: Topology;
  readonly nodes: readonly Node[];
  /** From clients to whichever broker is there. */
  readonly front: Link;
  /** The same for requests over HTTP. */
  readonly api: Link;
  readonly redis: RedisServer | undefined;
  readonly sentinels: Sentinels | undefined;
  readonly clock: MovableClock | undefined;
  readonly #parts: Parts;

  private constructor(topology: Topology, parts: Parts, front: Link, api: Link) {
    this.topology = topology;
    this.#parts = parts;
    this.nodes = parts.nodes;
    this.redis = parts.redis;
    this.sentinels = parts.sentinels;
    this.clock = parts.clock;
    this.front = front;
    this.api = api;
  }

  static async build(topology: Topology, random: Random): Promise<World> {
    const cleanups = new Cleanups();
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-faults-'));
    cleanups.add(() => rmSync(folder, { recursive: true, force: true }));
    try {
      const store = topology === 'redis' ? await plainStore(cleanups) : await watchedStore(cleanups);
      const parts = { ...store, folder, cleanups, nodes: await startNodes(store, folder, random, cleanups) };
      const target = (): number => {
        const up = parts.nodes.filter(({ isDown }) => !isDown);
        return random.pick(up.length > 0 ? up : parts.nodes).broker.port;
      };
      const [front, api] = await Promise.all([
        openLink(target, random, true),
        openLink(target, random, false),
      ]);
      cleanups.add(() => Promise.all([front.stop(), api.stop()]));
      return new World(topology, parts, front, api);
    } catch (error) {
      await cleanups.run();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.front.port}`;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.api.port}`;
  }

  /** Past all links. */
  get storeUrl(): string {
    return this.#parts.url;
  }

  /** Another broker, in this process, that nothing is wrong with: it tells what is in the store. */
  reader(): Promise<TestBroker> {
    return TestBroker.start({ redisUrl: this.storeUrl, env: archiveIn(this.#parts.folder) });
  }

  /** Everything the brokers wrote since they were started first. */
  logs(): string {
    const files = readdirSync(this.#parts.folder).filter((name) => name.endsWith('.log'));
    const written = files.map((name) => readFileSync(join(this.#parts.folder, name), 'utf8'));
    return [...written, ...this.nodes.map(({ broker }) => broker.complaints)].join('');
  }

  /** All links as they should be. */
  heal(): void {
    for (const link of [this.front, this.api, ...this.nodes.map(({ store }) => store)]) link?.heal();
  }

  async remove(): Promise<void> {
    await this.#parts.cleanups.run();
  }
}

interface Store {
  readonly url: string;
  readonly redis?: RedisServer;
  readonly sentinels?: Sentinels;
  readonly clock?: MovableClock | undefined;
}

interface Parts extends Store {
  readonly nodes: readonly Node[];
  readonly folder: string;
  readonly cleanups: Cleanups;
}

const archiveIn = (folder: string) => ({ AUDIT_DIR: join(folder, 'audit'), AUDIT_KEY });

async function plainStore(cleanups: Cleanups): Promise<Store> {
  const clock = movableClock();
  if (clock) cleanups.add(() => clock.remove());
  const redis = await startRedis({
    appendonly: true,
    config: { 'busy-reply-threshold': BUSY_MS },
    env: clock?.env ?? {},
  });
  cleanups.add(() => redis.stop());
  cleanups.add(() => redis.resume());
  return { url: redis.url, redis, clock };
}

async function watchedStore(cleanups: Cleanups): Promise<Store> {
  const sentinels = await startSentinels();
  cleanups.add(() => sentinels.stop());
  return { url: sentinels.url, sentinels };
}

async function startNodes(
  { url, redis }: Store,
  folder: string,
  random: Random,
  cleanups: Cleanups,
): Promise<readonly Node[]> {
  const start = async (i: number): Promise<Node> => {
    // Sentinels tell where the primary is themselves: nothing stands between it and the brokers.
    const link = redis && (await openLink(() => redis.port, random, false));
    if (link) cleanups.add(() => link.stop());
    const broker = await BrokerProcess.start({
      redisUrl: link ? `redis://127.0.0.1:${link.port}` : url,
      env: { ...LIMITS, ...archiveIn(folder), LOG_LEVEL: 'info', DRAIN_MS: '1000' },
      log: join(folder, `broker-${i}.log`),
    });
    cleanups.add(() => broker.remove());
    cleanups.add(() => broker.resume());
    return new Node(broker, link);
  };
  // All of them, before what they need is cleared away again if one fails.
  const started = await Promise.allSettled(Array.from({ length: BROKERS }, (_, i) => start(i)));
  return started.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
