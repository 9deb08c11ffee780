import { createHash } from 'node:crypto';
import type { OrderRequest } from '@lastcall/shared';
import { listOf } from 'lastcall/internal/redis/store.js';
import type { Answer } from './clients.js';
import { isAlive, type ModelOrder, type ModelSession } from './facts.js';
import type { FullRequest } from './observe.js';
import type { StepOf } from './steps.js';

/** Marks before the deadline at which an order is told again. */
const LADDER = [1_000, 300];

/** The number of a session's first socket. */
export const FIRST_SOCKET = 1;

/** A socket as its client and node know it. */
export interface Seat {
  readonly session: ModelSession;
  readonly attach: number;
  readonly node: string;
  linked: boolean;
}

interface Warning {
  readonly orderId: string;
  readonly version: number;
  readonly action: string;
  readonly deadlineAt: number;
  readonly extendable: boolean;
  readonly holdable: boolean;
}
interface Welcome {
  readonly attach: number;
  readonly leaseMs: number;
  readonly orders: readonly Warning[];
}

export const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

/** A session as it is when it begins. */
export function newSession(own: {
  name: string;
  id: string;
  user: string;
  app: string;
  now: number;
}): ModelSession {
  const { now, ...who } = own;
  return {
    ...who,
    roles: who.user === 'root' || who.user === 'ops' ? ['lead'] : ['clerk'],
    attach: 1,
    connected: true,
    idle: false,
    inputAt: now,
    beatAt: now,
    inputIsVague: false,
    leaseEndsAt: 0,
    leaseAtSweep: 0,
    staysUntil: 0,
    gifts: 0,
    sockets: new Map(),
    over: [],
    answered: false,
    deniedUntil: 0,
  };
}

/** An order as it is when it begins. */
export function newOrder(own: {
  id: string;
  name: string;
  request: FullRequest;
  issuer: string;
  now: number;
}): ModelOrder {
  const { id, name, request, issuer, now } = own;
  const isCut = request.action === 'logoff' && request.reason === 'security';
  const { target } = request;
  const deadlineAt = now + (isCut ? 0 : request.graceMs);
  const reminders = LADDER.map((leftMs) => ({ at: deadlineAt - leftMs, leftMs }));
  return {
    name,
    id,
    request,
    issuer,
    denyMs: request.denyMs,
    state: 'preparing',
    version: 1,
    deadlineAt,
    holdMs: isCut ? 0 : request.holdMs,
    reminders: reminders.filter((mark) => mark.at > now),
    extend: isCut ? undefined : request.extend,
    lasting: [target.all, target.users, target.roles, target.apps].some((one) => one !== undefined),
    receipts: new Map(),
  };
}

/** What an administrator sends; `sessions`: those of the step. */
export function requestOf(wanted: StepOf<'order'>, sessions: readonly string[]): FullRequest {
  const { action, reason, graceMs, holdMs, extend, denyMs, includeSelf } = wanted;
  const targets: Record<StepOf<'order'>['target'], OrderRequest['target']> = {
    all: { all: true },
    user: { users: ['ada'] },
    session: { sessions: sessions.slice(0, 1) },
    role: { roles: ['clerk'] },
    app: { apps: ['desk'] },
    idle: { minIdleMs: 1_500 },
    named: { sessions, users: ['grace', 'nobody'] },
    nobody: { sessions: ['00000000-0000-4000-8000-ffffffffffff'] },
  };
  return {
    action,
    reason,
    message: 'Please save your work.',
    target: targets[wanted.target],
    graceMs,
    holdMs,
    denyMs,
    includeSelf,
    ladderMs: LADDER,
    ...(wanted.spares ? { except: { users: ['grace'] } } : {}),
    ...(extend ? { extend } : {}),
  };
}

export function actor(admin: string): string {
  return JSON.stringify({ kind: 'admin', id: admin, name: admin });
}

/** A welcome, as far as it is the model's. */
export function welcomed(answer: object): object {
  const { attach, leaseMs, orders } = answer as Welcome;
  const told = listOf(orders).map(({ orderId, version, action, deadlineAt, extendable, holdable }) => ({
    orderId,
    version,
    action,
    deadlineAt,
    extendable,
    holdable,
  }));
  return { attach, leaseMs, orders: told };
}

/** What became of a heartbeat without a lease. */
export function verdictOf(verdict: { revived?: true; superseded?: true; ended?: true }): Answer {
  if (verdict.revived) return {};
  if (verdict.superseded) return 'superseded';
  return verdict.ended ? 'session_ended' : 'unknown';
}

/** One of these, whatever the number. */
export const at = <T>(items: readonly T[], index: number): T | undefined =>
  items[index % Math.max(1, items.length)];

/** A living session under an order that is not over; now and then whichever. */
export function pairOf(
  orders: readonly ModelOrder[],
  session: number,
  order: number,
): { session: ModelSession; order: ModelOrder } | undefined {
  const pairs = orders.flatMap((one) =>
    [...one.receipts.keys()].map((under) => ({ session: under, order: one })),
  );
  const now = pairs.filter((pair) => !pair.session.ended && isAlive(pair.order));
  return at(order === 0 ? pairs : now, session + order);
}
