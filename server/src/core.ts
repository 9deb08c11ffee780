import type { AuditRecord } from '@lastcall/shared';
import { v7 as uuid } from 'uuid';
import { Attachments } from './attachments.js';
import { Audit } from './audit.js';
import { Blocks } from './blocks.js';
import { StoreClock } from './clock.js';
import { Heartbeats } from './heartbeats.js';
import { Locks } from './locks.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import { Nodes } from './nodes.js';
import { Once } from './once.js';
import { Orders } from './orders.js';
import { Policies } from './policy.js';
import { Bus } from './redis/bus.js';
import type { RedisDriver } from './redis/driver.js';
import { Store } from './redis/store.js';
import { Sessions } from './sessions.js';
import { Sweeper } from './sweeper.js';
import { Tenants } from './tenants.js';

/** Everything the broker can do, by noun; the edges (sockets, HTTP) call it and know nothing of Redis. */
export interface Core {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: StoreClock;
  readonly nodes: Nodes;
  readonly tenants: Tenants;
  readonly policies: Policies;
  readonly sessions: Sessions;
  readonly heartbeats: Heartbeats;
  readonly attachments: Attachments;
  readonly orders: Orders;
  readonly blocks: Blocks;
  readonly locks: Locks;
  readonly audit: Audit;
  readonly once: Once;
  readonly bus: Bus;
  readonly sweeper: Sweeper;
  /** Loads the scripts, says that this node is there, and begins to sweep. */
  start(): Promise<void>;
  /** Stops sweeping and says that this node leaves. */
  stop(): Promise<void>;
}

/** Counts what the records of the tenants served here tell. */
function countRecords(metrics: Metrics, record: AuditRecord): void {
  if (record.type === 'order.created') metrics.orderCreated(record.details?.['action'] === 'warn' ? 'warn' : 'logoff');
  if (record.type === 'lock.granted') metrics.lock('granted');
  if (record.type === 'lock.requested') metrics.lock(record.details?.['state'] === 'queued' ? 'queued' : 'denied');
}

/** Puts the nouns together. `persist` saves an engine that keeps its data in memory; with Redis there is nothing to do. */
export function createCore(parts: {
  driver: RedisDriver;
  log: Logger;
  metrics: Metrics;
  version: string;
  persist?: () => Promise<void>;
}): Core {
  const { driver, log, metrics, version } = parts;
  const store = new Store(driver, {
    observe: (name, tookMs) => metrics.script(name, tookMs),
    ...(parts.persist ? { persist: parts.persist } : {}),
  });
  let faultLogged = 0;
  const fail = (error: unknown): void => {
    // A store that is away fails every look at every tenant: one line a second says as much.
    if (performance.now() - faultLogged < 1_000) return;
    faultLogged = performance.now();
    log.warn({ err: error }, 'the loops could not reach the store; they go on trying');
  };
  const clock = new StoreClock();
  const bus = new Bus(driver, store, fail);
  const attachments = new Attachments();
  const nodes = new Nodes(store, clock, { id: uuid(), version, sessions: () => attachments.size });
  const sessions = new Sessions({
    store,
    bus,
    clock,
    nodes,
    attachments,
    watch: (tenant) => sweeper.watch(tenant),
  });
  const policies = new Policies(store);
  const sweeper = new Sweeper({ store, bus, clock, nodes, fail, everySecond: () => sessions.retryReports() });
  const heartbeats = new Heartbeats({ store, bus, sessions, nodeId: nodes.id, metrics });
  const orders = new Orders({ store, policies, sessions, nodes, kick: (tenant) => sweeper.kick(tenant) });
  bus.listen((_tenant, record) => countRecords(metrics, record));
  return {
    log,
    metrics,
    clock,
    nodes,
    tenants: new Tenants(store),
    policies,
    sessions,
    heartbeats,
    attachments,
    orders,
    blocks: new Blocks(store),
    locks: new Locks(store),
    audit: new Audit(store),
    once: new Once(store),
    bus,
    sweeper,
    async start() {
      await store.load();
      await nodes.beat();
      sweeper.start();
    },
    async stop() {
      sweeper.stop();
      await nodes.beat(true);
    },
  };
}
