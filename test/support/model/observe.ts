import type { AuditRecord, OrderRequest, Receipt } from '@lastcall/shared';
import { listOf, recordOf } from 'lastcall/internal/redis/store.js';
import type { VirtualDriver } from '../virtual-time.js';
import type { Brief } from './facts.js';

/** Reads sessions, orders and records after a rev, all of one instant. */
const OBSERVE = `local P = string.sub(KEYS[1], 1, -4)
local sessions, leases, orders, receipts, records = {}, {}, {}, {}, {}
for _, sid in ipairs(cjson.decode(ARGV[2])) do
  sessions[sid] = redis.call('HGETALL', P .. 'session:' .. sid)
  leases[sid] = redis.call('GET', P .. 'lease:' .. sid) or ''
end
for _, oid in ipairs(cjson.decode(ARGV[3])) do
  orders[oid] = redis.call('HGETALL', P .. 'order:' .. oid)
  receipts[oid] = redis.call('HGETALL', P .. 'order:' .. oid .. ':targets')
end
for _, entry in ipairs(redis.call('XRANGE', P .. 'log', '(' .. ARGV[1] .. '-0', '+')) do
  records[#records + 1] = entry[2][2]
end
return cjson.encode({ sessions = sessions, leases = leases, orders = orders, receipts = receipts, records = records })`;

interface Raw {
  readonly sessions: Readonly<Record<string, string[]>>;
  readonly leases: Readonly<Record<string, string>>;
  readonly orders: Readonly<Record<string, string[]>>;
  readonly receipts: Readonly<Record<string, string[]>>;
  readonly records: readonly string[];
}

/** What there is: fields by id, the lease's last input, receipts, and the new records. */
export interface Observation {
  session(id: string): Readonly<Record<string, string>>;
  /** Nothing: there is no lease. */
  leaseInputAt(id: string): number | undefined;
  order(id: string): Readonly<Record<string, string>>;
  receipts(id: string): ReadonlyMap<string, Omit<Receipt, 'sessionId'>>;
  readonly records: readonly AuditRecord[];
}

export async function observe(
  driver: VirtualDriver,
  tenant: string,
  wanted: { rev: number; sessions: readonly string[]; orders: readonly string[] },
): Promise<Observation> {
  const args = [wanted.rev, JSON.stringify(wanted.sessions), JSON.stringify(wanted.orders)];
  const raw = JSON.parse(String(await driver.run(OBSERVE, tenant, args))) as Raw;
  return {
    session: (id) => recordOf(listOf(raw.sessions[id])),
    leaseInputAt: (id) => {
      const lease = raw.leases[id];
      return lease ? Number(lease.split('|')[3]) : undefined;
    },
    order: (id) => recordOf(listOf(raw.orders[id])),
    receipts: (id) => {
      const all = Object.entries(recordOf(listOf(raw.receipts[id])));
      return new Map(all.map(([sid, text]) => [sid, JSON.parse(text) as Omit<Receipt, 'sessionId'>]));
    },
    records: listOf(raw.records).map((text) => JSON.parse(text) as AuditRecord),
  };
}

function aboutOf({ type, reason, details = {} }: AuditRecord, nameOf: (id: unknown) => string): string {
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
    default:
      return '';
  }
}

/** A record in the model's words. */
export function briefOf(record: AuditRecord, nameOf: (id: unknown) => string): Brief {
  const about = aboutOf(record, nameOf);
  return {
    type: record.type,
    ...(record.sessionId === undefined ? {} : { session: nameOf(record.sessionId) }),
    ...(record.orderId === undefined ? {} : { order: nameOf(record.orderId) }),
    ...(about === '' ? {} : { about }),
  };
}

/** Every field that an order is stored with has its default in it. */
export type FullRequest = Required<Pick<OrderRequest, 'graceMs' | 'holdMs' | 'includeSelf'>> &
  OrderRequest & { readonly denyMs: number; readonly ladderMs: readonly number[] };
