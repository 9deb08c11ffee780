import type { AuditRecord, OrderRequest, Receipt } from '@lastcall/shared';
import { listOf, recordOf } from 'lastcall/internal/redis/store.js';
import type { VirtualDriver } from '../virtual-time.js';
import type { Brief } from './facts.js';

/**
 * Reads what is `wanted`: leases and records, and if there are any, or all is wanted, everything else. What changes
 * without a record is so seen at the next one.
 */
export const OBSERVE = `local P = string.sub(KEYS[1], 1, -4)
local sessions, leases, orders, receipts, records, locks, queues = {}, {}, {}, {}, {}, {}, {}
for _, entry in ipairs(redis.call('XRANGE', P .. 'log', '(' .. wanted.rev .. '-0', '+')) do
  records[#records + 1] = entry[2][2]
end
for _, sid in ipairs(wanted.sessions) do
  leases[sid] = redis.call('GET', P .. 'lease:' .. sid) or ''
end
if #records == 0 and not wanted.all then
  return cjson.encode({ leases = leases })
end
for _, sid in ipairs(wanted.sessions) do
  sessions[sid] = redis.call('HGETALL', P .. 'session:' .. sid)
end
for _, oid in ipairs(wanted.orders) do
  orders[oid] = redis.call('HGETALL', P .. 'order:' .. oid)
  receipts[oid] = redis.call('HGETALL', P .. 'order:' .. oid .. ':targets')
end
for _, resource in ipairs(wanted.resources) do
  locks[resource] = redis.call('HGETALL', P .. 'lock:' .. resource)
  queues[resource] = redis.call('ZRANGE', P .. 'waiters:' .. resource, 0, -1)
end
return cjson.encode({ sessions = sessions, leases = leases, orders = orders, receipts = receipts, records = records,
  locks = locks, queues = queues })`;

/** Answers which of these keys there are. */
const LEFT = `local P, left = string.sub(KEYS[1], 1, -4), {}
for _, name in ipairs(cjson.decode(ARGV[1])) do
  if redis.call('EXISTS', P .. name) == 1 then left[#left + 1] = name end
end
return left`;

type Lists = Readonly<Record<string, readonly string[]>>;

interface Raw {
  readonly leases: Readonly<Record<string, string>>;
  readonly sessions?: Lists;
  readonly orders?: Lists;
  readonly receipts?: Lists;
  readonly records?: readonly string[];
  readonly locks?: Lists;
  readonly queues?: Lists;
}

/** What there is: fields by id, the lease's last input, receipts, and the new records. */
export interface Observation {
  /** Leases alone were read. */
  readonly isBrief: boolean;
  session(id: string): Readonly<Record<string, string>>;
  /** Nothing: there is no lease. */
  leaseInputAt(id: string): number | undefined;
  order(id: string): Readonly<Record<string, string>>;
  receipts(id: string): ReadonlyMap<string, Omit<Receipt, 'sessionId'>>;
  /** Locks of a resource by session: `mode|scope|fence|grantedAt|requestIds|note`. */
  locks(resource: string): Readonly<Record<string, string>>;
  /** `session:requestId` in their order. */
  queue(resource: string): readonly string[];
  readonly records: readonly StoredRecord[];
}

/** A record as it is stored: the fence in digits. */
export type StoredRecord = Omit<AuditRecord, 'fence'> & { readonly fence?: string };

/** What is to be read; records after a rev. */
export interface Wanted {
  readonly rev: number;
  readonly sessions: readonly string[];
  readonly orders: readonly string[];
  readonly resources: readonly string[];
  readonly all: boolean;
}

/** Reads what a script of the tests answered. */
export function observationOf(answer: unknown): Observation {
  const raw = JSON.parse(String(answer)) as Raw;
  return {
    isBrief: raw.sessions === undefined,
    session: (id) => recordOf(listOf(raw.sessions?.[id])),
    leaseInputAt: (id) => {
      const lease = raw.leases[id];
      return lease ? Number(lease.split('|')[3]) : undefined;
    },
    order: (id) => recordOf(listOf(raw.orders?.[id])),
    receipts: (id) => {
      const all = Object.entries(recordOf(listOf(raw.receipts?.[id])));
      return new Map(all.map(([sid, text]) => [sid, JSON.parse(text) as Omit<Receipt, 'sessionId'>]));
    },
    locks: (resource) => recordOf(listOf(raw.locks?.[resource])),
    queue: (resource) => listOf(raw.queues?.[resource]),
    records: listOf(raw.records).map((text) => JSON.parse(text) as StoredRecord),
  };
}

/** Which of these keys a tenant has. */
export async function leftOf(
  driver: VirtualDriver,
  tenant: string,
  names: readonly string[],
): Promise<string[]> {
  return (await driver.run(LEFT, tenant, [JSON.stringify(names)])) as string[];
}

function aboutOf(
  { type, reason, resource, details = {} }: StoredRecord,
  nameOf: (id: unknown) => string,
): string {
  const names = (ids: unknown): string =>
    listOf(ids as readonly unknown[])
      .map(nameOf)
      .toSorted()
      .join();
  const told = details as Readonly<Record<string, string | number | undefined>>;
  switch (type) {
    case 'session.resumed':
      return String(told['attach']);
    case 'session.state':
      if (told['gap']) return 'gap';
      return told['from'] ? `${String(told['from'])}>${String(told['to'])}` : told['idle'] ? 'idle' : 'other';
    case 'session.ended': {
      const { reentryMs } = told;
      return `${reason} from ${String(told['from'])}${reentryMs === undefined ? '' : ` out ${Number(reentryMs)}`}`;
    }
    case 'order.changed':
    case 'order.done':
    case 'order.cancelled':
      if (told['targeted']) return `targeted ${names(told['targeted'])}`;
      if (told['reminded']) return `reminded ${Number(told['reminded'])}`;
      return told['released'] ? `released ${names(told['released'])}` : String(told['state']);
    case 'order.acked':
      return told['sessions'] ? `delivered ${names(told['sessions'])}` : String(told['state']);
    case 'order.extended':
      return `${Number(told['ms'])} to ${Number(told['deadlineAt'])}`;
    case 'block.changed':
      return `${String(told['state'])} ${String(told['user'])}`;
    case 'lock.granted':
      return `${resource} ${String(told['mode'])} ${String(told['scope'])} ${String(told['requestId'])}`;
    case 'lock.requested':
      return `${resource} ${String(told['requestId'])} ${String(told['state'])}`;
    case 'lock.released':
    case 'lock.lost':
    case 'lock.taken_over':
    case 'lock.broken':
      return reason === undefined ? String(resource) : `${resource} ${reason}`;
    default:
      return '';
  }
}

/** A record in the model's words. */
export function briefOf(record: StoredRecord, nameOf: (id: unknown) => string): Brief {
  const about = aboutOf(record, nameOf);
  return {
    type: record.type,
    ...(record.sessionId === undefined ? {} : { session: nameOf(record.sessionId) }),
    ...(record.orderId === undefined ? {} : { order: nameOf(record.orderId) }),
    ...(about === '' ? {} : { about }),
    ...(record.fence === undefined ? {} : { fence: record.fence }),
  };
}

/** Every field that an order is stored with has its default in it. */
export type FullRequest = Required<Pick<OrderRequest, 'graceMs' | 'holdMs' | 'includeSelf'>> &
  OrderRequest & { readonly denyMs: number; readonly ladderMs: readonly number[] };
