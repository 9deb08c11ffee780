import type { Order } from '@lastcall/shared';
import type { Evidence } from './evidence.js';
import { bends, healthy, loses, of } from './facts.js';

export function effects(evidence: Evidence): string[] {
  const { given, records } = evidence;
  const created = of(records, 'order.created').map(({ details }) => String(details?.['message']));
  return given.flatMap(({ tag, answers }) => {
    const found: string[] = [];
    const count = created.filter((message) => message.includes(tag)).length;
    if (count > 1) found.push(`${tag} was given ${count} times`);
    const ids = new Set(answers.flatMap(({ id }) => id ?? []));
    if (ids.size > 1 && !loses(evidence)) found.push(`${tag} was answered with ${ids.size} orders`);
    return found;
  });
}

export function cancels({ given, orders, records }: Evidence): string[] {
  return given.flatMap(({ answers, cancelled }) => {
    const id = answers.find((answer) => answer.id !== undefined)?.id;
    const order = orders.find((one) => one.order.id === id)?.order;
    if (!order || cancelled === undefined || cancelled === 'unknown') return [];
    const isCancelled = order.state === 'cancelled';
    if (isCancelled !== (cancelled === 'yes'))
      return [`${id} is ${order.state}, its giver was told ${cancelled}`];
    const at =
      of(records, 'order.cancelled').find(({ orderId }) => orderId === id)?.rev ?? Number.POSITIVE_INFINITY;
    const late = of(records, 'session.ended').filter(({ orderId, rev }) => orderId === id && rev > at);
    return late.map(({ sessionId }) => `${sessionId} was ended by ${id} after that was called off`);
  });
}

/** So long after its deadline, and the hold it gives, an order is over. */
const OVER_MS = 5_000;

/**
 * Whether an order may be open yet. Its deadline is an instant of Redis' clock: where that goes back after the order was
 * given, the deadline has still to come, and the order waits for it rightly.
 */
export function isAwaited(evidence: Pick<Evidence, 'nemeses' | 'storeNow'>, order: Order): boolean {
  return bends(evidence) && order.deadlineAt + (order.holdMs ?? 0) + OVER_MS > evidence.storeNow;
}

export function open(evidence: Evidence): string[] {
  return evidence.orders.flatMap(({ order, receipts }) => {
    if (order.state === 'cancelled') return [];
    if (order.state !== 'done' && isAwaited(evidence, order)) return [];
    if (order.state !== 'done') return [`${order.id} is ${order.state} long after its deadline`];
    const undecided = receipts.filter(({ outcome }) => outcome === undefined).length;
    return order.action === 'logoff' && undecided > 0 ? [`${order.id}: ${undecided} receipts are open`] : [];
  });
}

export function denials(evidence: Evidence): string[] {
  const { attempts, records, intrusions } = evidence;
  const created = new Set(of(records, 'order.created').map(({ details }) => String(details?.['message'])));
  const refused = attempts.filter(({ status }) => status === 403).length;
  const noted = of(records, 'access.denied').length;
  return [
    ...intrusions
      .filter(({ code }) => code !== 'forbidden')
      .map(({ sessionId }) => `${sessionId} was resumed with a wrong key`),
    ...attempts.filter(({ status }) => status < 400).map(({ tag }) => `${tag} was accepted`),
    ...attempts.filter(({ tag }) => created.has(tag)).map(({ tag }) => `${tag} had an effect`),
    // A refusal that cannot be written down is a refusal all the same: so only while the store is there.
    ...(noted < refused && healthy(evidence) ? [`${refused} refusals left ${noted} records`] : []),
  ];
}
