import type { LastcallClient } from '@lastcall/client';
import { verdictsOf } from '../histories/check.js';
import { historyOfRun } from '../histories/recorder.js';
import { checkHistory, historyOf, ordersOf } from '../history.js';
import type { WorldView } from './view.js';

/** What may be wrong with histories in which the store lost data: clients saw what is recorded nowhere any more. */
const LOSSLESS = new Set(['exclusion', 'linear', 'queue', 'ends']);

/** What has to hold when all is well again and everything had its time: what is left, and what was recorded. */
export async function checkAtRest(world: WorldView): Promise<readonly string[]> {
  const found: string[] = [];
  for (const tenant of world.tenants) {
    found.push(...deadIn(world, tenant), ...waitingIn(world, tenant), ...strangersIn(world, tenant));
    found.push(...(await ordersIn(world, tenant)), ...historyIn(world, tenant));
    found.push(...(await readBack(world, tenant)));
  }
  return [...found, ...toldIn(world)].map((line) => `${line} [at rest]`);
}

const keysIn = ({ store }: WorldView, tenant: string, kind: string): string[] => {
  const prefix = `lc:{${tenant}}:${kind}:`;
  return (store.engine.call('KEYS', `${prefix}*`) as string[]).map((key) => key.slice(prefix.length));
};

const liveIn = ({ store }: WorldView, tenant: string): ReadonlySet<string> =>
  new Set(store.engine.call('ZRANGE', `lc:{${tenant}}:sessions`, '0', '-1') as string[]);

/** Nothing is left of sessions that are over. */
function deadIn(world: WorldView, tenant: string): string[] {
  const live = liveIn(world, tenant);
  const found: string[] = [];
  for (const kind of ['lease', 'held', 'waits']) {
    for (const sessionId of keysIn(world, tenant, kind)) {
      if (!live.has(sessionId)) found.push(`I13 ${tenant}: ${kind} of ${sessionId}, which is over`);
    }
  }
  for (const resource of keysIn(world, tenant, 'waiters')) {
    const key = `lc:{${tenant}}:waiters:${resource}`;
    for (const waiter of world.store.engine.call('ZRANGE', key, '0', '-1') as string[]) {
      const sessionId = waiter.slice(0, waiter.indexOf(':'));
      if (!live.has(sessionId)) found.push(`I13 ${tenant}: ${waiter} waits for ${resource} and is over`);
    }
  }
  return found;
}

const rootOf = (resource: string): string => resource.split('/', 1)[0] ?? '';

/** Nobody waits where nobody holds. */
function waitingIn(world: WorldView, tenant: string): string[] {
  const held = new Set(keysIn(world, tenant, 'lock').map(rootOf));
  return keysIn(world, tenant, 'waiters')
    .filter((resource) => !held.has(rootOf(resource)))
    .map((resource) => `I12 ${tenant}: somebody waits for ${resource}, which nobody holds`);
}

/** Clients and the store are of one mind. */
function strangersIn(world: WorldView, tenant: string): string[] {
  const live = liveIn(world, tenant);
  const found: string[] = [];
  for (const { host, client } of world.persons) {
    const { status, session, error } = client.getSnapshot();
    if (session === undefined ? tenant !== world.tenants[0] : session.tenant !== tenant) continue;
    if (status !== 'online') {
      const isOver = status === 'ended' || status === 'closed';
      if (!isOver && error?.code !== 'blocked')
        found.push(`I19 ${host.name} is ${status}: ${error?.message ?? ''}`);
      continue;
    }
    const sessionId = session?.id ?? '';
    if (!live.has(sessionId)) found.push(`I19 ${host.name} is online in ${sessionId}, which is over`);
    else
      found.push(...differences(world, tenant, sessionId, client).map((line) => `I19 ${host.name} ${line}`));
  }
  return found;
}

function differences(world: WorldView, tenant: string, sessionId: string, client: LastcallClient): string[] {
  const { engine } = world.store;
  const fieldsOf = (kind: string): string[] =>
    engine.call('HKEYS', `lc:{${tenant}}:${kind}:${sessionId}`) as string[];
  const { locks, waiting } = client.getSnapshot();
  const shown = locks.filter(({ state }) => state === 'held').map(({ resource }) => resource);
  const found: string[] = [];
  const compare = (what: string, one: readonly string[], other: readonly string[]): void => {
    const [a, b] = [one.toSorted().join(' '), other.toSorted().join(' ')];
    if (a !== b) found.push(`${what} ${a || 'nothing'}, but in the store ${b || 'nothing'}`);
  };
  compare('holds', shown, fieldsOf('held'));
  compare(
    'waits for',
    waiting.map(({ requestId }) => requestId),
    fieldsOf('waits'),
  );
  return found;
}

/** Every order whose time is over is done, and every receipt decided. */
async function ordersIn(world: WorldView, tenant: string): Promise<string[]> {
  const orders = await world.ask((core) => ordersOf(core, tenant));
  const open = orders.filter(
    ({ action, state }) => action === 'logoff' && state !== 'done' && state !== 'cancelled',
  );
  return open.map(({ id, state }) => `I5 ${tenant}: order ${id} is ${state}`);
}

/** The records as they were written, with what clients saw of them. */
function historyIn(world: WorldView, tenant: string): string[] {
  const all = world.observer.records.get(tenant) ?? [];
  const sessions = new Set(all.map(({ sessionId }) => sessionId));
  const ops = world.persons
    .flatMap(({ recorder }) => recorder.ops)
    .filter(({ session }) => sessions.has(session));
  const header = { seed: world.seed, settings: { beatMs: world.policy.beatMs }, versions: {} };
  const verdicts = verdictsOf(historyOfRun(header, ops, all, world.observer.leases.get(tenant)));
  return verdicts
    .filter(({ checker }) => !world.hasLosses || !LOSSLESS.has(checker))
    .flatMap(({ checker, violations }) => violations.map((line) => `${checker} ${tenant}: ${line}`));
}

/** What stands in the store is a history, and without losses the one that was seen. */
async function readBack(world: WorldView, tenant: string): Promise<string[]> {
  try {
    await world.ask((core) => checkHistory(core, tenant), 60_000);
    const kept = await world.ask((core) => historyOf(core, tenant));
    const seen = world.observer.records.get(tenant) ?? [];
    if (!world.hasLosses && kept.length !== seen.length) {
      return [`I10 ${tenant}: ${kept.length} records are kept of ${seen.length}`];
    }
    return [];
  } catch (error) {
    return [`I4 I5 ${tenant}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** What administrators were told is so. */
function toldIn(world: WorldView): string[] {
  if (world.hasLosses) return [];
  const found: string[] = [];
  for (const { told } of world.admins) {
    for (const { tenant, what, orderId, outcome } of told) {
      const own = (world.observer.records.get(tenant) ?? []).filter((record) => record.orderId === orderId);
      const isCancelled = own.some(({ type }) => type === 'order.cancelled');
      if (what === 'create' && outcome === 'ok' && own.length === 0)
        found.push(`I14 ${tenant}: order ${orderId} was answered and is not there`);
      if (what === 'cancel' && outcome === 'ok' && !isCancelled)
        found.push(`I11 ${tenant}: ${orderId} was said to be cancelled`);
    }
  }
  return found;
}
