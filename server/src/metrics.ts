import type { EndReason, ErrorCode, OrderAction } from '@lastcall/shared';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What became of a request for a lock. */
export type LockResult = 'granted' | 'queued' | 'asked' | 'denied';

/** What became of one attempt to deliver a webhook. */
export type WebhookResult = 'delivered' | 'failed';

/** What the broker counts and measures. Durations are milliseconds; nothing here names a tenant or a person. */
export interface Metrics {
  /** How many sessions this node holds. */
  sessions(count: number): void;
  /** How hard it is for this node at the moment, from 0 to 1. */
  strain(ratio: number): void;
  /** Heartbeats that went into one script, each by the time from its arrival to its commit. */
  heartbeats(durationsMs: readonly number[]): void;
  script(name: string, durationMs: number): void;
  orderCreated(action: OrderAction): void;
  /** A session of this node was logged off, and whether its client answered. */
  logoff(reason: EndReason, answered: boolean): void;
  lock(result: LockResult): void;
  handshakeRefused(code: ErrorCode): void;
  redisUp(up: boolean): void;
  /** One attempt to deliver a webhook. */
  webhook(result: WebhookResult): void;
  /** Records that left the stream before they could be delivered. */
  webhooksLost(records: number): void;
  /** Records that wait to be delivered, and since when the oldest message does. */
  webhookLag(records: number, durationMs: number): void;
  /** Records that were written to the archive. */
  archived(records: number): void;
  /** The archive did not take what it was given. */
  archiveFailed(): void;
  /** Records that left the stream before they could be archived. */
  archiveLost(records: number): void;
  /** Records that wait to be archived, and the largest share of what a tenant's policy keeps in Redis. */
  archiveBacklog(records: number, share: number): void;
  /** All of it, as Prometheus reads it. */
  expose(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const SECONDS = 1 / 1_000;
/** From a tenth of a millisecond to a few seconds: a script is to take less than 5 ms. */
const DURATION_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200];

function counters(registers: Registry[]) {
  return {
    heartbeats: new Counter({
      name: 'lastcall_heartbeats_total',
      help: 'Heartbeats that were answered.',
      registers,
    }),
    ordersCreated: new Counter({
      name: 'lastcall_orders_created_total',
      help: 'Orders that were taken.',
      labelNames: ['action'],
      registers,
    }),
    logoffs: new Counter({
      name: 'lastcall_logoffs_total',
      help: 'Sessions of this process that were logged off, by reason and whether the client answered.',
      labelNames: ['reason', 'answered'],
      registers,
    }),
    locks: new Counter({
      name: 'lastcall_lock_requests_total',
      help: 'Requests for locks by what became of them.',
      labelNames: ['result'],
      registers,
    }),
    handshakesRefused: new Counter({
      name: 'lastcall_handshakes_refused_total',
      help: 'Connections that were refused, by error code.',
      labelNames: ['code'],
      registers,
    }),
    webhooks: new Counter({
      name: 'lastcall_webhook_attempts_total',
      help: 'Attempts to deliver a webhook, by what became of them.',
      labelNames: ['result'],
      registers,
    }),
    webhooksLost: new Counter({
      name: 'lastcall_webhook_lost_records_total',
      help: 'Records that left the stream before they could be delivered.',
      registers,
    }),
    archived: new Counter({
      name: 'lastcall_archive_records_total',
      help: 'Audit records that this process archived.',
      registers,
    }),
    archiveFailures: new Counter({
      name: 'lastcall_archive_failures_total',
      help: 'Attempts to archive audit records that the disk did not take.',
      registers,
    }),
    archiveLost: new Counter({
      name: 'lastcall_archive_lost_records_total',
      help: 'Audit records that left the stream before they could be archived.',
      registers,
    }),
  };
}

function measures(registers: Registry[]) {
  return {
    sessions: new Gauge({
      name: 'lastcall_sessions',
      help: 'Sessions whose socket this process holds.',
      registers,
    }),
    strain: new Gauge({
      name: 'lastcall_strain_ratio',
      help: 'From 0, at ease, to 1: heartbeats are asked for as rarely as may be, and admission is slowest.',
      registers,
    }),
    webhookLagRecords: new Gauge({
      name: 'lastcall_webhook_lag_records',
      help: 'Records that the delivery of webhooks is behind, as this node knows.',
      registers,
    }),
    webhookLag: new Gauge({
      name: 'lastcall_webhook_lag_seconds',
      help: 'Since the oldest webhook that waits was recorded; 0 while none does.',
      registers,
    }),
    archiveBacklog: new Gauge({
      name: 'lastcall_archive_backlog_records',
      help: 'Audit records that wait to be archived, as this node knows.',
      registers,
    }),
    archiveBacklogShare: new Gauge({
      name: 'lastcall_archive_backlog_ratio',
      help: 'The same as a share of auditRetention, of the tenant where it is largest.',
      registers,
    }),
    redisUp: new Gauge({ name: 'lastcall_redis_up', help: '1 while Redis answers, else 0.', registers }),
    heartbeatDuration: new Histogram({
      name: 'lastcall_heartbeat_duration_seconds',
      help: 'From the arrival of a heartbeat to its commit.',
      buckets: DURATION_BUCKETS,
      registers,
    }),
    batchSize: new Histogram({
      name: 'lastcall_heartbeat_batch_size',
      help: 'Heartbeats per script call.',
      buckets: BATCH_BUCKETS,
      registers,
    }),
    scriptDuration: new Histogram({
      name: 'lastcall_script_duration_seconds',
      help: 'Round trip of a Lua script, by script.',
      labelNames: ['script'],
      buckets: DURATION_BUCKETS,
      registers,
    }),
  };
}

/** The metrics of one broker, in a registry of its own, with those of the process (event-loop lag, memory, handles). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const count = counters([registry]);
  const measure = measures([registry]);
  return {
    sessions: (sessions) => measure.sessions.set(sessions),
    strain: (ratio) => measure.strain.set(ratio),
    heartbeats(durationsMs) {
      count.heartbeats.inc(durationsMs.length);
      measure.batchSize.observe(durationsMs.length);
      for (const durationMs of durationsMs) measure.heartbeatDuration.observe(durationMs * SECONDS);
    },
    script: (script, durationMs) => measure.scriptDuration.observe({ script }, durationMs * SECONDS),
    orderCreated: (action) => count.ordersCreated.inc({ action }),
    logoff: (reason, answered) => count.logoffs.inc({ reason, answered: String(answered) }),
    lock: (result) => count.locks.inc({ result }),
    handshakeRefused: (code) => count.handshakesRefused.inc({ code }),
    redisUp: (up) => measure.redisUp.set(up ? 1 : 0),
    webhook: (result) => count.webhooks.inc({ result }),
    webhooksLost: (records) => count.webhooksLost.inc(records),
    webhookLag(records, durationMs) {
      measure.webhookLagRecords.set(records);
      measure.webhookLag.set(durationMs * SECONDS);
    },
    archived: (records) => count.archived.inc(records),
    archiveFailed: () => count.archiveFailures.inc(),
    archiveLost: (records) => count.archiveLost.inc(records),
    archiveBacklog(records, share) {
      measure.archiveBacklog.set(records);
      measure.archiveBacklogShare.set(share);
    },
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
