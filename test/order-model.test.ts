import type { AuditRecord, Order, Receipt } from '@lastcall/shared';
import { expect } from 'chai';
import fc from 'fast-check';
import { checkHistory, historyOf, ordersOf } from './support/history.js';
import { OrderModel, type Step, steps } from './support/order-model.js';

const RUNS = 12;
/** Worlds that live at the same time, for most of their time is waiting. */
const AT_ONCE = 6;
const LONGEST = 60;
/** On a machine that others use fewer runs are better than none. */
const LIMIT_MS = 20_000;

/** One order with what became of it. */
interface Story {
  readonly order: Order;
  readonly receipts: readonly Receipt[];
  /** The order's own records. */
  readonly records: readonly AuditRecord[];
  readonly overRev: number;
}

/** When an order ends a session, by what was recorded before a rev: deadline, more time, hold. */
function endsAt({ order, records }: Story, sessionId: string, beforeRev: number): number {
  let deadlineAt = order.deadlineAt;
  let holdAt = 0;
  for (const record of records) {
    if (record.sessionId !== sessionId || record.rev >= beforeRev) continue;
    if (record.type === 'order.extended') deadlineAt += Number(record.details?.['ms']);
    const isSaving = record.type === 'order.acked' && record.details?.['state'] === 'saving';
    if (isSaving && holdAt === 0) holdAt = Math.min(record.at, deadlineAt) + (order.holdMs ?? 0);
  }
  return Math.max(deadlineAt, holdAt);
}

/** When the order came over a session; records tell it by their lists. */
function targetedRev({ records }: Story, sessionId: string): number {
  const record = records.find(({ details }) => {
    const targeted = details?.['targeted'];
    return Array.isArray(targeted) && targeted.includes(sessionId);
  });
  return record?.rev ?? Number.POSITIVE_INFINITY;
}

function checkEnd(end: AuditRecord, stories: readonly Story[]): void {
  const sessionId = end.sessionId ?? '';
  const over = stories.filter(
    (story) =>
      story.order.action === 'logoff' && targetedRev(story, sessionId) < end.rev && story.overRev > end.rev,
  );
  const own = over.find(({ order }) => order.id === end.orderId);
  if (end.orderId === undefined) {
    expect(end.reason, 'an end without an order').to.be.oneOf(['user', 'unresponsive']);
    return;
  }
  expect(own, `the order ${end.orderId} that ended ${sessionId} is over it`).not.to.equal(undefined);
  if (!own) return;
  const receipt = own.receipts.find((one) => one.sessionId === sessionId);
  expect(end.reason).to.equal(own.order.reason);
  if (receipt?.savedAt === end.at) return;
  const dueAt = endsAt(own, sessionId, end.rev);
  expect(end.at, `the end of ${sessionId}, due at ${dueAt}`).to.be.at.least(dueAt);
  for (const other of over) {
    expect(dueAt, 'the earliest one ends it').to.be.at.most(endsAt(other, sessionId, end.rev));
  }
}

/** When everything is over: every logoff that was not cancelled has ended whom it hit, and is done. */
function checkOver({ order, receipts }: Story): void {
  if (order.state === 'cancelled') return;
  expect(order.state, `order ${order.id}`).to.equal('done');
  if (order.action === 'warn') return;
  for (const { sessionId, endedAt, verified } of receipts) {
    expect(endedAt, `the end of ${sessionId}`).not.to.equal(undefined);
    expect(verified, `the proof of ${sessionId}`).not.to.equal(undefined);
  }
}

describe('orders, whatever happens', function () {
  this.timeout(60_000);
  let model: OrderModel;

  before(async () => {
    model = await OrderModel.start();
  });
  after(() => model.stop());

  async function holds(worlds: readonly (readonly Step[])[]): Promise<void> {
    const tenants = await Promise.all(worlds.map((todo) => model.run(todo)));
    for (const tenant of tenants) await check(tenant);
  }

  async function check(tenant: string): Promise<void> {
    const { core } = model;
    await checkHistory(core, tenant);
    const records = await historyOf(core, tenant);
    const stories: Story[] = [];
    for (const order of await ordersOf(core, tenant)) {
      const own = records.filter(({ orderId }) => orderId === order.id);
      const over = own.find(({ type }) => type === 'order.done' || type === 'order.cancelled');
      const { items: receipts } = await core.orders.receipts(tenant, order.id, { limit: 1_000 });
      stories.push({ order, receipts, records: own, overRev: over?.rev ?? Number.POSITIVE_INFINITY });
    }
    for (const record of records) if (record.type === 'session.ended') checkEnd(record, stories);
    for (const story of stories) checkOver(story);
    const { items: living } = await core.sessions.list(tenant, {}, { limit: 1_000 });
    for (const { id, state, warned } of living) {
      expect(warned, `an order over ${id}`).to.equal(undefined);
      expect(state).to.be.oneOf(['active', 'disconnected']);
    }
  }

  it('[P3] [P4] [O5] [O6] [O8] [O9] [O10] [O13] [O14] end each session once, in time, as records and receipts say', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    process.stdout.write(`      seed ${seed} (SEED=${seed} repeats it)\n`);
    const world = fc.array(steps, { minLength: 10, maxLength: LONGEST, size: 'max' });
    await fc.assert(fc.asyncProperty(fc.array(world, { minLength: AT_ONCE, maxLength: AT_ONCE }), holds), {
      seed,
      numRuns: RUNS,
      interruptAfterTimeLimit: LIMIT_MS,
    });
  });
});
