import type { AuditRecord } from '@lastcall/shared';
import { ends } from '../support/histories/checks.js';
import type { Evidence } from './evidence.js';
import { historyOf, loses, of, whole } from './facts.js';

/** A process that got nothing done for so long cannot prove that a session was ended without reason. */
const TOO_LATE_MS = 1_000;

export function withoutReason(evidence: Evidence): string[] {
  const { records, opened, left, nemeses, lateMs } = evidence;
  // An end that was lost has been told: who was ended does not answer to the older data, in which nothing is known of it.
  const over = new Set(loses(evidence) ? evidence.ended.map(({ sessionId }) => sessionId) : []);
  if (nemeses.some(({ cutsOff, bendsTime }) => cutsOff || bendsTime) || lateMs > TOO_LATE_MS) return [];
  return of(records, 'session.ended').flatMap(({ sessionId = '', reason, rev }) =>
    reason === 'unresponsive' && opened.has(sessionId) && !left.has(sessionId) && !over.has(sessionId)
      ? [`${rev}: ${sessionId} of ${opened.get(sessionId)} was said not to answer`]
      : [],
  );
}

/** Nobody has a second window: a client that says so was mistaken for one, by itself. */
export function mistaken({ stopped, opened }: Evidence): string[] {
  const ids = new Set(stopped.flatMap(({ sessionId, code }) => (code === 'superseded' ? [sessionId] : [])));
  return [...ids].map((id) => `${opened.get(id)} (${id}) gave up for another window, and has none`);
}

export function earlyEnds({ records, orders }: Evidence): string[] {
  const known = new Map(orders.map(({ order }) => [order.id, order]));
  const acks = new Set(
    of(records, 'order.acked').flatMap(({ details, orderId, sessionId }) =>
      details?.['state'] === 'saved' ? [`${orderId} ${sessionId}`] : [],
    ),
  );
  return of(records, 'session.ended').flatMap(({ rev, at, reason, orderId, sessionId }) => {
    if (orderId === undefined)
      return ['admin', 'idle'].includes(reason ?? '') ? [`${rev}: ${reason} without an order`] : [];
    const order = known.get(orderId);
    if (!order) return [];
    if (order.action === 'warn') return [`${rev}: ended by a warning`];
    const isSaved = acks.has(`${orderId} ${sessionId}`);
    return at < order.deadlineAt && !isSaved
      ? [`${rev}: ${order.deadlineAt - at} ms before its deadline`]
      : [];
  });
}

export function comebacksOf({ records, comebacks, revived }: Evidence): string[] {
  const over = new Map<string, AuditRecord>();
  const found: string[] = [];
  const after = new Set([
    'session.ended',
    'session.verified',
    'session.unverified',
    'lock.lost',
    'order.changed',
  ]);
  for (const record of records) {
    const { type, sessionId = '' } = record;
    if (over.has(sessionId) && !after.has(type))
      found.push(`${record.rev} ${type} of ${sessionId}, which had ended`);
    if (type === 'session.ended') over.set(sessionId, record);
  }
  const refused = comebacks.filter(({ code }) => code !== 'session_ended');
  return [
    ...found,
    ...refused.map(({ sessionId, code }) => `${sessionId} came back: ${code ?? 'welcome'}`),
    ...revived.map((sessionId) => `${sessionId} had ended, and its heartbeat was taken`),
  ];
}

export function endsOf(evidence: Evidence): string[] {
  const { records, sessions } = evidence;
  const over = new Map<string, number>();
  for (const { sessionId = '' } of of(records, 'session.ended'))
    over.set(sessionId, (over.get(sessionId) ?? 0) + 1);
  return [
    ...[...over].filter(([, count]) => count > 1).map(([id, count]) => `${id} ended ${count} times`),
    ...sessions.filter(({ id }) => over.has(id)).map(({ id, state }) => `${id} has ended, and is ${state}`),
    ...(loses(evidence) ? [] : vanished(evidence, over)),
    ...(whole(evidence) ? ends(historyOf(evidence, [])) : []),
  ];
}

/** Sessions that are neither there nor recorded to have ended. */
function vanished({ records, sessions, endedSince }: Evidence, over: ReadonlyMap<string, number>): string[] {
  const live = new Set(sessions.map(({ id }) => id));
  return of(records, 'session.opened').flatMap(({ sessionId = '' }) =>
    live.has(sessionId) || over.has(sessionId) || endedSince.has(sessionId)
      ? []
      : [`${sessionId} is gone without an end`],
  );
}

export function disagreements({ agreements }: Pick<Evidence, 'agreements'>): string[] {
  return agreements.flatMap(({ look, session, held }) => {
    const who = `${look.person} (${look.sessionId})`;
    const isOver = session === undefined || session.state === 'ended';
    if (look.status === 'ended') return isOver ? [] : [`${who} believes to be over, and is ${session.state}`];
    if (look.status !== 'online') return [`${who} is ${look.status} (${look.error ?? 'no error'})`];
    if (isOver || session.state === 'disconnected')
      return [`${who} believes to be online, and is ${session?.state ?? 'unknown'}`];
    const [theirs, ours] = [look.held, held].map((names) => names.toSorted().join(', '));
    return theirs === ours
      ? []
      : [`${who} believes to hold ${theirs || 'nothing'}, and holds ${ours || 'nothing'}`];
  });
}
