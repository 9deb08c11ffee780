import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_POLICY } from '@lastcall/shared';
import { Redlock as SesameRedlock } from '@sesamecare-oss/redlock';
import { Etcd3 } from 'etcd3';
import { Redis } from 'ioredis';
import { COMPARE_AND_DELETE } from './naive-lock.js';
import { openCore, openSession } from './registry.js';

/** Waits until it holds a record; answers with what gives it back. */
export type Take = (client: number, resource: string) => Promise<() => Promise<unknown>>;

const TENANT = 'bench';
const TTL_MS = 60_000;
/** What polls does so often: the lowest pace at which the libraries' own notes see no harm. */
const POLL_MS = 10;
const WAIT_MS = 300_000;
const SESSION_MS = 30_000;

const require = createRequire(import.meta.url);

/** Of packages without types: what is used of them. */
interface OldRedlock {
  lock(resource: string, ttl: number): Promise<{ unlock(): Promise<void> }>;
}
type OldRedlockClass = new (clients: Redis[], options: object) => OldRedlock;
type Reply<T> = (error: Error | null, value: T) => void;
interface ZooKeeper {
  once(event: 'connected', listener: () => void): void;
  connect(): void;
  mkdirp(path: string, reply: Reply<string>): void;
  create(path: string, mode: number, reply: Reply<string>): void;
  getChildren(path: string, reply: Reply<string[]>): void;
  exists(path: string, watcher: () => void, reply: Reply<object | null>): void;
  remove(path: string, reply: (error: Error | null) => void): void;
}
interface ZooKeeperPackage {
  readonly createClient: (address: string, options: object) => ZooKeeper;
  readonly CreateMode: { readonly EPHEMERAL_SEQUENTIAL: number };
}

const POLLING = { retryCount: -1, retryDelay: POLL_MS, retryJitter: POLL_MS / 2 };

async function setNx(url: string): Promise<Take> {
  const redis = new Redis(url);
  const release = String(await redis.script('LOAD', COMPARE_AND_DELETE));
  return async (_client, resource) => {
    const token = randomUUID();
    while (!(await redis.set(resource, token, 'PX', TTL_MS, 'NX'))) await delay(POLL_MS);
    return () => redis.evalsha(release, 1, resource, token);
  };
}

function oldRedlock(url: string): Take {
  const Redlock = require('redlock') as OldRedlockClass;
  const redlock = new Redlock([new Redis(url)], POLLING);
  return async (_client, resource) => {
    const lock = await redlock.lock(resource, TTL_MS);
    return () => lock.unlock();
  };
}

function sesameRedlock(url: string): Take {
  const redlock = new SesameRedlock([new Redis(url)], { ...POLLING, retryCount: Number.MAX_SAFE_INTEGER });
  return async (_client, resource) => {
    const lock = await redlock.acquire([resource], TTL_MS);
    return () => lock.release();
  };
}

/** Lastcall's scripts, and the news of the node of whoever waits. */
async function scripts(url: string, clients: number): Promise<Take> {
  const core = await openCore(url);
  const policy = { ...DEFAULT_POLICY, leaseMs: 3_600_000 };
  await core.policies.set(TENANT, 0, policy, { kind: 'system' });
  await core.bus.follow(TENANT);
  const waiting = new Map<string, (fence: number) => void>();
  core.bus.listen((_tenant, { type, sessionId = '', fence = 0 }) => {
    if (type === 'lock.granted') waiting.get(sessionId)?.(fence);
  });
  const sessions: string[] = [];
  for (let i = 0; i < clients; i += 1) sessions.push(await openSession(core, TENANT, `user-${i}`, false));
  return async (client, resource) => {
    const sessionId = sessions[client] as string;
    const told = new Promise<number>((resolve) => waiting.set(sessionId, resolve));
    const asker = { sessionId, attach: 1, mayForce: false };
    const wish = { resource, waitMs: WAIT_MS, requestId: randomUUID() };
    const answer = await core.locks.acquire(TENANT, asker, wish);
    const fence = answer.state === 'granted' ? answer.lock.fence : await told;
    return () => core.locks.release(TENANT, sessionId, resource, fence);
  };
}

const promised = <T>(ask: (reply: Reply<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    ask((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });

/** The recipe of its documentation: a numbered node that ends with the session, and a look at the one before it. */
async function zookeeper(url: string): Promise<Take> {
  const { createClient, CreateMode } = require('node-zookeeper-client') as ZooKeeperPackage;
  const client = createClient(url, { sessionTimeout: SESSION_MS });
  await new Promise<void>((resolve) => {
    client.once('connected', resolve);
    client.connect();
  });
  const made = new Set<string>();
  return async (_client, resource) => {
    const folder = `/locks/${resource.replaceAll('/', '-')}`;
    if (!made.has(folder)) await promised<string>((reply) => client.mkdirp(folder, reply));
    made.add(folder);
    const own = await promised<string>((reply) =>
      client.create(`${folder}/n-`, CreateMode.EPHEMERAL_SEQUENTIAL, reply),
    );
    for (;;) {
      const children = await promised<string[]>((reply) => client.getChildren(folder, reply));
      const before = children
        .map((child) => `${folder}/${child}`)
        .filter((path) => path < own)
        .toSorted()
        .at(-1);
      if (before === undefined) break;
      const gone = new Promise<void>((resolve, reject) => {
        client.exists(before, resolve, (error, found) => {
          if (error) reject(error);
          else if (!found) resolve();
        });
      });
      await gone;
    }
    return () => promised<undefined>((reply) => client.remove(own, (error) => reply(error, undefined)));
  };
}

/** A key that must not be there, under a lease that lasts; whoever finds it waits until it is deleted. */
async function etcd(url: string): Promise<Take> {
  const client = new Etcd3({ hosts: url });
  const lease = client.lease(SESSION_MS / 1_000);
  const leaseId = await lease.grant();
  return async (_client, resource) => {
    for (;;) {
      const put = client.put(resource).value('').lease(leaseId);
      const { succeeded } = await client.if(resource, 'Create', '==', 0).then(put).commit();
      if (succeeded) return () => client.delete().key(resource).exec();
      const watcher = await client.watch().key(resource).create();
      await Promise.race([new Promise((resolve) => watcher.once('delete', resolve)), delay(POLL_MS)]);
      await watcher.cancel();
    }
  };
}

export const LOCK_PEERS: Readonly<Record<string, (url: string, clients: number) => Promise<Take> | Take>> = {
  scripts,
  'set-nx': setNx,
  redlock: oldRedlock,
  'sesame-redlock': sesameRedlock,
  zookeeper,
  etcd,
};
