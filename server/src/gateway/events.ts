import type { ClientCall, ClientCalls } from '@lastcall/shared';
import { noteOrder } from '../attachments.js';
import type { Verifier } from '../auth/index.js';
import type { Core } from '../core.js';
import type { HeartbeatListener, HeartbeatResult } from '../heartbeats.js';
import { askerOf, type Connection } from './connection.js';
import { tellLost } from './lock-news.js';
import type { Watches } from './watches.js';

/** What a handler may use. */
export interface EventContext {
  readonly core: Core;
  readonly verifier: Verifier;
  readonly watches: Watches;
  readonly connection: Connection;
}

type Handler<E extends ClientCall> = (
  context: EventContext,
  payload: ClientCalls[E]['payload'],
) => Promise<ClientCalls[E]['answer']>;

/** Renews a session's lease; for whoever takes heartbeats before Socket.IO, too. `since`: when it came, monotonic. */
export function beat(
  { core, watches, connection }: EventContext,
  payload: ClientCalls['heartbeat']['payload'],
  since: number,
  listener: Pick<HeartbeatListener, 'done' | 'failed'>,
): void {
  let locks: Iterable<[string, number]> = connection.locks;
  let waits: Iterable<[string, string]> = connection.waits;
  core.heartbeats.take(connection.attachment, payload, since, {
    losing() {
      // What it has got since it is there again was not lost.
      [locks, waits] = [new Map(locks), new Map(waits)];
    },
    done(result) {
      // Its data was lost and it was opened anew: the client gets the whole truth again, without its locks.
      if (result.welcome) {
        tellLost(connection, 'data_loss', locks);
        watches.lose(connection, waits);
        connection.socket.emit('welcome', result.welcome);
      }
      listener.done(result);
    },
    failed: listener.failed,
  });
}

const heartbeat: Handler<'heartbeat'> = async (context, payload) => {
  const { leaseMs } = await new Promise<HeartbeatResult>((done, failed) =>
    beat(context, payload, performance.now(), { done, failed }),
  );
  return { leaseMs };
};

async function orderAck(
  { core, connection: { attachment } }: EventContext,
  payload: ClientCalls['order:ack']['payload'],
): Promise<ClientCalls['order:ack']['answer']> {
  const { tenant, sessionId } = attachment;
  const { deadlineMs, holdMs, endsAt } = await core.orders.ack(tenant, sessionId, payload);
  // A reminder must not take back the hold that was given.
  noteOrder(attachment, payload.orderId, endsAt);
  return { deadlineMs, holdMs };
}

/** A row per event: which noun does it. */
export const HANDLERS: { readonly [E in ClientCall]: Handler<E> } = {
  heartbeat,
  activity: async ({ core, connection }) => {
    await core.sessions.change(connection.attachment, { idleMs: 0 });
    connection.attachment.idle = false;
    connection.attachment.inputAt = performance.now();
    return {};
  },
  'order:ack': orderAck,
  'order:extend': ({ core, connection: { attachment } }, payload) =>
    core.orders.extend(attachment.tenant, attachment.sessionId, payload),
  'session:end': async ({ core, connection: { attachment } }) => {
    const { user } = attachment.identity;
    const by = { kind: 'user', id: user.id, name: user.name } as const;
    await core.sessions.end(attachment.tenant, attachment.sessionId, { reason: 'user', by });
    return {};
  },
  'auth:refresh': async ({ core, verifier, connection }, { token }) =>
    await core.sessions.refresh(connection.attachment, await verifier.verify(token)),
  'lock:acquire': ({ core, connection }, payload) =>
    core.locks.acquire(connection.attachment.tenant, askerOf(connection), payload),
  'lock:acquireMany': async ({ core, connection }, payload) => ({
    locks: await core.locks.acquireMany(connection.attachment.tenant, askerOf(connection), payload),
  }),
  'lock:upgrade': ({ core, connection }, payload) =>
    core.locks.upgrade(connection.attachment.tenant, askerOf(connection), payload),
  'lock:release': ({ core, connection: { attachment } }, { resource, fence }) =>
    core.locks.release(attachment.tenant, attachment.sessionId, resource, fence),
  'lock:cancel': async ({ core, connection: { attachment } }, { requestId }) => {
    await core.locks.cancel(attachment.tenant, attachment.sessionId, requestId);
    return {};
  },
  'lock:takeover': ({ core, connection }, payload) =>
    core.locks.takeover(connection.attachment.tenant, askerOf(connection), payload),
  'lock:answer': async ({ core, connection: { attachment } }, { requestId, answer }) => {
    await core.locks.answer(attachment.tenant, attachment.sessionId, requestId, answer);
    return {};
  },
  'lock:check': ({ core, connection: { attachment } }, { resource, fence }) =>
    core.locks.check(attachment.tenant, resource, fence),
  'lock:watch': ({ watches, connection }, { prefix }) => watches.watch(connection, prefix),
  'lock:unwatch': ({ watches, connection }, { prefix }) => {
    watches.unwatch(connection, prefix);
    return Promise.resolve({});
  },
  'lock:query': async ({ core, connection }, { resource }) => {
    const { tenant } = connection.attachment;
    const { holders, waiters } = await core.locks.query(tenant, askerOf(connection), resource);
    return { holders, waiters };
  },
};
