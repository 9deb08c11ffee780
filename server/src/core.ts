import { v7 as uuid } from 'uuid';
import { Archive, type ArchiveSettings } from './archiving/index.js';
import { Attachments } from './attachments.js';
import { Audit } from './audit.js';
import { Blocks } from './blocks.js';
import { StoreClock } from './clock.js';
import { Denials } from './denials.js';
import { Heartbeats } from './heartbeats.js';
import { Load } from './load.js';
import { Locks } from './locks.js';
import type { Logger } from './log.js';
import { Logouts } from './logouts.js';
import { Maintenance } from './maintenance.js';
import type { Metrics } from './metrics.js';
import { Nodes } from './nodes.js';
import { Once } from './once.js';
import { Orders } from './orders.js';
import { Patience } from './patience.js';
import { Policies } from './policy.js';
import { Bus } from './redis/bus.js';
import type { RedisDriver } from './redis/driver.js';
import { Store } from './redis/store.js';
import { Reviews } from './reviews.js';
import type { Position } from './right.js';
import { Sessions } from './sessions.js';
import { Sweeper } from './sweeper.js';
import { Tenants } from './tenants.js';
import { type WebhookSettings, Webhooks } from './webhooks/index.js';

const FAULT_LINE_EVERY_MS = 1_000;

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
  readonly maintenance: Maintenance;
  readonly locks: Locks;
  readonly logouts: Logouts;
  readonly audit: Audit;
  readonly archive: Archive;
  readonly reviews: Reviews;
  readonly denials: Denials;
  readonly once: Once;
  readonly bus: Bus;
  readonly sweeper: Sweeper;
  /** How long the edges wait for all this. */
  readonly patience: Patience;
  /** Only where they are configured. */
  readonly webhooks: Webhooks | undefined;
  /** Loads the scripts, says that this node is there, and begins to sweep. */
  start(): Promise<void>;
  /** Stops sweeping and says that this node leaves. */
  stop(): Promise<void>;
}

/**
 * A store that fails every look at every tenant: one line a second says as much. While Redis is out of reach there is
 * none: that has been said.
 */
function faultLogger({ driver, log }: Pick<CoreParts, 'driver' | 'log'>): (error: unknown) => void {
  let loggedAt = 0;
  return (error) => {
    if (driver.status().state === 'lost' || performance.now() - loggedAt < FAULT_LINE_EVERY_MS) return;
    loggedAt = performance.now();
    log.warn({ err: error }, 'the loops could not reach the store; they go on trying');
  };
}

/** Says once that Redis is out of reach, and once that it is back. */
function tellOfRedis({ driver, log, metrics }: Pick<CoreParts, 'driver' | 'log' | 'metrics'>): void {
  let lostAt = 0;
  metrics.redisUp(true);
  driver.onLost((reason) => {
    lostAt = performance.now();
    metrics.redisUp(false);
    log.warn(
      { reason },
      'Redis is out of reach: requests are answered `unavailable`, nobody is logged off for it',
    );
  });
  driver.onReady(() => {
    metrics.redisUp(true);
    log.info({ afterMs: Math.round(performance.now() - lostAt) }, 'Redis is back');
  });
}

/** What core is made of. `persist` saves an engine that keeps its data in memory; with Redis there is nothing to do. */
export interface CoreParts {
  readonly driver: RedisDriver;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Shared with the edges, which it slows down. */
  readonly load?: Load;
  readonly version: string;
  readonly persist?: () => Promise<void>;
  readonly webhooks?: WebhookSettings | undefined;
  readonly archive: ArchiveSettings;
}

type Chores = Pick<Core, 'nodes' | 'attachments' | 'sessions' | 'webhooks' | 'archive'>;

/** Puts the nouns together. */
export function createCore(parts: CoreParts): Core {
  const { driver, log, metrics, load = new Load(), version } = parts;
  const store = new Store(driver, {
    observe: (name, tookMs) => metrics.script(name, tookMs),
    ...(parts.persist ? { persist: parts.persist } : {}),
  });
  const fail = faultLogger(parts);
  tellOfRedis(parts);
  const clock = new StoreClock();
  const bus = new Bus(driver, store, fail);
  const attachments = new Attachments();
  const nodes = new Nodes(store, clock, { id: uuid(), version, sessions: () => attachments.size });
  const watch = (tenant: string): void => sweeper.watch(tenant);
  const kick = (tenant: string): void => sweeper.kick(tenant);
  const isBehind = (tenant: string): boolean => sweeper.isBehind(tenant);
  const sessions = new Sessions({ store, bus, clock, nodes, attachments, watch, isBehind });
  const policies = new Policies(store);
  const { webhooks, archive } = drainsOf(parts, { store, clock, nodes, fail });
  const chores = choresOf({ log, metrics, load }, { nodes, attachments, sessions, webhooks, archive });
  const sweeper = new Sweeper({ store, bus, clock, nodes, fail, ...chores });
  if (webhooks) bus.listen((tenant, record) => webhooks.hear(tenant, record));
  const audit = new Audit(store);
  const locks = new Locks(store, metrics);
  const once = new Once(store);
  const orders = new Orders({ store, policies, sessions, nodes, metrics, kick });
  const nouns = {
    nodes,
    tenants: new Tenants(store),
    policies,
    sessions,
    heartbeats: new Heartbeats({ store, bus, sessions, nodeId: nodes.id, metrics, load }),
    attachments,
    orders,
    blocks: new Blocks(store),
    maintenance: new Maintenance({ store, policies, orders, kick }),
    locks,
    audit,
    archive,
    reviews: new Reviews({ audit, sessions, locks, policies, clock }),
    denials: new Denials(audit, log),
    once,
    logouts: new Logouts(store, nodes, once),
    webhooks,
  };
  return {
    ...nouns,
    log,
    metrics,
    clock,
    bus,
    sweeper,
    patience: new Patience(() => driver.isSlow),
    ...lifecycle(store, nodes, sweeper, archive, webhooks),
  };
}

/** What the sweep loop is to do besides: once a second, and after each look at a tenant. */
function choresOf(
  { log, metrics, load }: Pick<CoreParts, 'log' | 'metrics'> & { readonly load: Load },
  { nodes, attachments, sessions, webhooks, archive }: Chores,
): { everySecond: () => Promise<void>; swept: (tenant: string, head: Position) => void } {
  let saidTooOld = false;
  return {
    everySecond: () => {
      if (nodes.tooOld !== undefined && !saidTooOld) log.fatal(nodes.tooOld);
      saidTooOld = nodes.tooOld !== undefined;
      metrics.sessions(attachments.size);
      metrics.strain(load.strain());
      webhooks?.measure();
      archive.measure();
      return sessions.retryReports();
    },
    swept: (tenant, head) => {
      webhooks?.look(tenant, head);
      archive.look(tenant, head);
    },
  };
}

/** What goes on with the streams of all tenants. */
function drainsOf(
  { webhooks: hooks, archive: kept, log, metrics, version }: CoreParts,
  shared: { store: Store; clock: StoreClock; nodes: Nodes; fail: (error: unknown) => void },
): Pick<Core, 'webhooks' | 'archive'> {
  const parts = { ...shared, log, metrics };
  const webhooks = hooks && new Webhooks(hooks, { ...parts, version });
  return { webhooks, archive: new Archive(kept, { ...parts, hasWebhooks: webhooks !== undefined }) };
}

function lifecycle(
  store: Store,
  nodes: Nodes,
  sweeper: Sweeper,
  archive: Archive,
  webhooks: Webhooks | undefined,
): Pick<Core, 'start' | 'stop'> {
  return {
    async start() {
      await store.load();
      await nodes.beat();
      if (nodes.tooOld !== undefined) throw new Error(nodes.tooOld);
      if (nodes.areAlike) await store.tidy();
      await archive.start();
      await webhooks?.start();
      sweeper.start();
    },
    async stop() {
      sweeper.stop();
      await Promise.all([webhooks?.stop(), archive.stop()]);
      await nodes.beat(true);
    },
  };
}
