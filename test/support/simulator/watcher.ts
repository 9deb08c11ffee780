import type { AuditRecord } from '@lastcall/shared';
import { LOSSES, STORE_KINDS } from './faults.js';
import type { WorldView } from './view.js';

type Watched = Pick<WorldView, 'scheduler' | 'persons' | 'brokers' | 'guarded' | 'kinds' | 'hasLosses'>;

/** The last record of a tenant, and what ended there. */
interface Trail {
  epoch: number;
  rev: number;
  readonly ended: Set<string>;
  /** Deadlines of orders. */
  readonly orders: Map<string, number>;
  /** By order and session: more time that was given, and whose work is saved. */
  readonly extended: Map<string, number>;
  readonly saved: Set<string>;
}

/** Looks at each record in the moment in which it is written, when everybody's state can be seen. */
export class Watcher {
  readonly violations: string[] = [];
  readonly #world: Watched;
  readonly #trails = new Map<string, Trail>();

  constructor(world: Watched) {
    this.#world = world;
  }

  hear(tenant: string, record: AuditRecord): void {
    const trail = this.#trails.get(tenant) ?? {
      epoch: 0,
      rev: 0,
      ended: new Set<string>(),
      orders: new Map<string, number>(),
      extended: new Map<string, number>(),
      saved: new Set<string>(),
    };
    this.#trails.set(tenant, trail);
    this.#checkNumber(tenant, trail, record);
    const isExclusive = record.type === 'lock.granted' && record.details?.['mode'] === 'exclusive';
    if (isExclusive) this.#world.guarded.granted(`${tenant} ${record.resource}`, record.fence ?? 0);
    this.#noteOrder(trail, record);
    if (record.type === 'session.ended') this.#checkEnd(tenant, trail, record);
    if (record.type === 'session.opened' || record.type === 'session.resumed') {
      const isOver = trail.ended.has(record.sessionId ?? '') && !this.#world.hasLosses;
      this.#expect(!isOver, 'I8', `${nameOf(tenant, record)} after its end`);
    }
  }

  /** Nothing of the brokers' own may fail, and no guard be wrong. */
  look(): void {
    for (const { complaints } of this.#world.persons) {
      for (const line of complaints.splice(0)) this.#expect(false, 'client', line);
    }
    for (const line of this.#world.guarded.violations.splice(0)) this.#expect(false, 'guard', line);
    for (const { faults } of this.#world.brokers) {
      for (const { broker, line } of faults.splice(0)) this.#expect(false, 'I15', `${broker}: ${line}`);
    }
  }

  #expect(holds: boolean, invariant: string, what: string): void {
    if (!holds) this.violations.push(`${invariant} at ${Math.round(this.#world.scheduler.now)} ms: ${what}`);
  }

  /** Numbers have no gap; a new epoch comes with a loss of data only. */
  #checkNumber(tenant: string, trail: Trail, record: AuditRecord): void {
    const { epoch, rev } = record;
    if (epoch === trail.epoch || trail.epoch === 0) {
      // What fell back goes on from what is left, until somebody notices that records are missing.
      const isNext = rev === trail.rev + 1 || (this.#world.hasLosses && rev <= trail.rev);
      this.#expect(isNext, 'I10', `${nameOf(tenant, record)} after ${trail.rev}`);
    } else {
      this.#expect(
        this.#world.hasLosses,
        'I10',
        `${nameOf(tenant, record)}: a new epoch and nothing was lost`,
      );
      trail.ended.clear();
    }
    Object.assign(trail, { epoch, rev });
  }

  #noteOrder(trail: Trail, { type, orderId = '', sessionId = '', details = {} }: AuditRecord): void {
    const place = `${orderId} ${sessionId}`;
    if (type === 'order.created') trail.orders.set(orderId, Number(details['deadlineAt']));
    if (type === 'order.acked' && details['state'] === 'saved') trail.saved.add(place);
    if (type === 'order.extended') {
      trail.extended.set(place, (trail.extended.get(place) ?? 0) + Number(details['ms']));
    }
  }

  #checkEnd(tenant: string, trail: Trail, record: AuditRecord): void {
    const { sessionId = '', orderId = '', reason, at } = record;
    const isSecond = trail.ended.has(sessionId) && !this.#world.hasLosses;
    this.#expect(!isSecond, 'I4', `${nameOf(tenant, record)}: it had ended`);
    trail.ended.add(sessionId);
    const place = `${orderId} ${sessionId}`;
    const deadlineAt = trail.orders.get(orderId);
    if (deadlineAt !== undefined && reason !== 'user' && !trail.saved.has(place)) {
      const isTime = at >= deadlineAt + (trail.extended.get(place) ?? 0);
      this.#expect(isTime || this.#world.hasLosses, 'I6', `${nameOf(tenant, record)} before its deadline`);
    }
    if (reason === 'unresponsive' && orderId === '') this.#checkSilence(tenant, record);
  }

  /** Whose lease ran out knows it; and nobody is ended because the store was away. */
  #checkSilence(tenant: string, record: AuditRecord): void {
    const { persons, kinds, hasLosses } = this.#world;
    const person = persons.find((one) => one.sessionId === record.sessionId);
    if (!person) return;
    const { client } = person;
    const leftMs = client.leaseRemainingMs();
    if (!hasLosses) {
      this.#expect(
        leftMs <= 0,
        'I1',
        `${nameOf(tenant, record)}: its client may trust its locks for ${leftMs} ms`,
      );
    }
    const isStoreOnly = kinds.every((kind) => STORE_KINDS.includes(kind) && !LOSSES.has(kind));
    const wantsToStay = client.getSnapshot().status !== 'closed' && client.getSnapshot().status !== 'ended';
    this.#expect(
      !isStoreOnly || !wantsToStay,
      'I16',
      `${nameOf(tenant, record)}: nothing but the store was away`,
    );
  }
}

const nameOf = (tenant: string, { epoch, rev, type, sessionId = '' }: AuditRecord): string =>
  `${tenant} ${epoch}/${rev} ${type} ${sessionId}`.trim();
