import type { AuditRecord, Order, Outcome, Receipt } from '@lastcall/shared';
import { expect } from 'chai';
import type { Core } from 'lastcall/internal/core.js';

type Nouns = Pick<Core, 'audit' | 'orders' | 'sessions'>;

const PAGE = 1_000;
const ATTEMPTS = 20;

/** Everything that was recorded in a tenant, oldest first. */
export async function historyOf(
  { audit }: Pick<Nouns, 'audit'>,
  tenant: string,
): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await audit.list(tenant, {}, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    records.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return records.toReversed();
}

/** Every order of a tenant, policy's own included. */
export async function ordersOf({ orders }: Pick<Nouns, 'orders'>, tenant: string): Promise<readonly Order[]> {
  const pages = [{}, { by: 'policy' }].map((filter) => orders.list(tenant, filter, { limit: PAGE }));
  return (await Promise.all(pages)).flatMap(({ items }) => items);
}

interface Everything {
  readonly records: readonly AuditRecord[];
  readonly orders: readonly { readonly order: Order; readonly receipts: readonly Receipt[] }[];
}

async function read(nouns: Nouns, tenant: string): Promise<Everything> {
  const records = await historyOf(nouns, tenant);
  const orders = [];
  for (const order of await ordersOf(nouns, tenant)) {
    const { items: receipts } = await nouns.orders.receipts(tenant, order.id, { limit: 100_000 });
    orders.push({ order, receipts });
  }
  return { records, orders };
}

/** All of it as of one instant: whatever changes leaves a record, so that without a new one nothing changed. */
async function readAtOnce(nouns: Nouns, tenant: string): Promise<Everything> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const everything = await read(nouns, tenant);
    const [newest] = (await nouns.audit.list(tenant, {}, { limit: 1 })).items;
    if (newest?.rev === everything.records.at(-1)?.rev) return everything;
  }
  throw new Error(`the history of ${tenant} does not come to rest`);
}

/** What holds of every history, whatever happened. */
export async function checkHistory(nouns: Nouns, tenant: string): Promise<void> {
  const { records, orders } = await readAtOnce(nouns, tenant);
  checkNumbers(records);
  checkEnds(records);
  for (const { order, receipts } of orders) {
    checkCounts(order, receipts);
    for (const receipt of receipts) checkReceipt(order, receipt, records);
    expect(new Set(receipts.map(({ sessionId }) => sessionId)).size, 'receipts').to.equal(receipts.length);
    checkStates(order, receipts, records);
    checkExtensions(order, records);
  }
}

/** The same while things may still happen: what is looked at over several reads has to be of one moment. */
export async function checkHistoryAtRest(nouns: Nouns, tenant: string, attempts = 20): Promise<void> {
  const before = (await historyOf(nouns, tenant)).length;
  try {
    await checkHistory(nouns, tenant);
  } catch (error) {
    if (attempts === 1 || (await historyOf(nouns, tenant)).length === before) throw error;
    await checkHistoryAtRest(nouns, tenant, attempts - 1);
  }
}

/** Revs have no gap and no repetition; time does not run backwards. */
function checkNumbers(records: readonly AuditRecord[]): void {
  records.forEach((record, i) => {
    const before = records[i - 1];
    if (!before) return;
    expect(record.rev, 'rev').to.equal(before.rev + 1);
    expect(record.at, `instant of rev ${record.rev}`).to.be.at.least(before.at);
  });
}

const ofSession = (records: readonly AuditRecord[], sessionId: string, type: AuditRecord['type']) =>
  records.filter((record) => record.sessionId === sessionId && record.type === type);

/** A session has one end and one proof; nothing of it is recorded after its end but what proves it. */
function checkEnds(records: readonly AuditRecord[]): void {
  const sessionIds = new Set(records.flatMap(({ sessionId }) => (sessionId ? [sessionId] : [])));
  for (const sessionId of sessionIds) {
    const own = records.filter((record) => record.sessionId === sessionId);
    const end = own.findIndex(({ type }) => type === 'session.ended');
    expect(ofSession(own, sessionId, 'session.ended').length, `ends of ${sessionId}`).to.be.at.most(1);
    expect(ofSession(own, sessionId, 'session.verified').length, `proofs of ${sessionId}`).to.be.at.most(1);
    if (end < 0) continue;
    const after = new Set(own.slice(end + 1).map(({ type }) => type));
    for (const type of ['session.verified', 'session.unverified', 'lock.lost'] as const) after.delete(type);
    expect([...after], `records of ${sessionId} after its end`).to.deep.equal([]);
  }
}

/** Counts are what the receipts say. */
export function checkCounts({ id, counts }: Order, receipts: readonly Receipt[]): void {
  const having = (is: (receipt: Receipt) => boolean): number => receipts.filter(is).length;
  expect(counts, `counts of ${id}`).to.deep.equal({
    targeted: receipts.length,
    delivered: having(({ deliveredAt }) => deliveredAt !== undefined),
    seen: having(({ seenAt }) => seenAt !== undefined),
    saving: having(({ state }) => state === 'saving'),
    saved: having(({ savedAt }) => savedAt !== undefined),
    ended: having(({ endedAt }) => endedAt !== undefined),
    verified: having(({ verified }) => verified === true),
    unverified: having(({ verified }) => verified === false),
  });
}

/** A receipt says what the records say. */
function checkReceipt(order: Order, receipt: Receipt, records: readonly AuditRecord[]): void {
  const { sessionId } = receipt;
  const [end] = ofSession(records, sessionId, 'session.ended');
  const acks = ofSession(records, sessionId, 'order.acked').filter(({ orderId }) => orderId === order.id);
  const saved = acks.find(({ details }) => details?.['state'] === 'saved');
  if (receipt.endedAt !== undefined) expect(receipt.endedAt, 'endedAt').to.equal(end?.at);
  expect(receipt.savedAt, 'savedAt').to.equal(saved?.at);
  expect(receipt.seenAt, 'seenAt').to.equal(acks[0]?.at);
  expect(receipt.verified === undefined, 'decided with its checks').to.equal(receipt.checks === undefined);
  if (receipt.verified === undefined) return;
  expect(receipt).to.include.keys('outcome', 'endedAt');
  expect(receipt.outcome, `outcome of ${sessionId}`).to.be.oneOf(outcomesOf(order, receipt, end));
  const holds = Object.values(receipt.checks ?? {}).every(({ ok }) => ok);
  expect(receipt.verified, 'verified by its checks').to.equal(holds);
  const proof = receipt.verified ? 'session.verified' : 'session.unverified';
  expect(ofSession(records, sessionId, proof), proof).to.have.length(1);
}

/** What an end may mean for an order; whether the client answered no record says. */
function outcomesOf(order: Order, receipt: Receipt, end: AuditRecord | undefined): Outcome[] {
  if (receipt.savedAt !== undefined || end?.reason === 'user') return ['clean'];
  if (end?.reason === 'unresponsive' && order.action === 'logoff') return ['fenced'];
  return end?.orderId === order.id ? ['forced', 'fenced'] : ['gone'];
}

/** More time is given within the order's limits, and while there is time. */
function checkExtensions(order: Order, records: readonly AuditRecord[]): void {
  const given = new Map<string, { count: number; totalMs: number }>();
  for (const { type, orderId, sessionId = '', at, details } of records) {
    if (type !== 'order.extended' || orderId !== order.id) continue;
    const { count, totalMs } = given.get(sessionId) ?? { count: 0, totalMs: 0 };
    expect(at, 'the instant of an extension').to.be.below(order.deadlineAt + totalMs);
    given.set(sessionId, { count: count + 1, totalMs: totalMs + Number(details?.['ms']) });
  }
  for (const { count, totalMs } of given.values()) {
    expect(count).to.be.at.most(order.extend?.maxCount ?? 0);
    expect(totalMs).to.be.at.most(order.extend?.maxTotalMs ?? 0);
  }
}

/** An order is created once, closes once, and is done when all is decided; cancelled, it ends nobody. */
function checkStates(order: Order, receipts: readonly Receipt[], records: readonly AuditRecord[]): void {
  const own = records.filter(({ orderId }) => orderId === order.id);
  const count = (type: AuditRecord['type']): number => own.filter((record) => record.type === type).length;
  expect(own[0]?.type, 'the first record of an order').to.equal('order.created');
  expect(count('order.created')).to.equal(1);
  expect(count('order.done')).to.equal(order.state === 'done' ? 1 : 0);
  expect(count('order.cancelled')).to.equal(order.state === 'cancelled' ? 1 : 0);
  const ended = own.filter(({ type }) => type === 'session.ended');
  if (order.action === 'warn') expect(ended, 'ended by a warning').to.have.length(0);
  const cancelled = own.find(({ type }) => type === 'order.cancelled');
  const pending = own.find(({ details }) => details?.['state'] === 'pending');
  const closing = own.find(({ details }) => details?.['state'] === 'closing');
  if (cancelled) {
    expect(closing, 'cancelled and closing').to.equal(undefined);
    // What policy gave is looked at once more at its deadline, and withdrawn if its reason is gone.
    const isPolicy = order.by.kind === 'policy';
    if (order.action === 'logoff' && !isPolicy) {
      expect(cancelled.at, 'cancelled').to.be.below(order.deadlineAt);
    }
  }
  for (const end of ended) {
    if (cancelled) expect(end.rev, 'ended by a cancelled order').to.be.below(cancelled.rev);
    const isSaved = receipts.some(
      ({ sessionId, savedAt }) => sessionId === end.sessionId && savedAt === end.at,
    );
    if (isSaved || !pending || pending.rev > end.rev) continue;
    expect(closing?.rev ?? Number.POSITIVE_INFINITY, 'closing comes first').to.be.below(end.rev);
  }
  if (order.action === 'logoff' && order.state === 'done') {
    expect(
      receipts.every(({ verified }) => verified !== undefined),
      'done when all is decided',
    ).to.equal(true);
  }
}
