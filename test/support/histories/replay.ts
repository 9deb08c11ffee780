import type { AuditRecord, LockMode, LockScope } from '@lastcall/shared';

/**
 * The sequential meaning of the records: who holds what, who waits, who is in reach, after each of them. Checkers look
 * at it before each record is applied; it takes whatever it is told, so that one fault does not hide the next.
 */

export interface Hold {
  readonly resource: string;
  readonly session: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
  readonly fence: number;
  /** Its session fell silent and was ended: until then it is kept back (`lockDelayMs`). */
  delayedUntil?: number;
}

export interface Wait {
  readonly resource: string;
  readonly session: string;
  readonly requestId: string;
  readonly kind: 'plain' | 'upgrade' | 'takeover';
  readonly mode: LockMode;
  readonly scope: LockScope;
  /** Place in the queue: who upgrades or takes over stands before all others. */
  readonly ticket: number;
  /** When its time to be answered is over, for who takes over. */
  readonly deadlineAt?: number;
  /** Since when nothing stands against it. */
  freeSince?: number | undefined;
}

type Claim = Pick<Hold, 'resource' | 'session' | 'mode' | 'scope'>;

const HEAD = -1e12;

export const END_TYPES = new Set<AuditRecord['type']>([
  'lock.released',
  'lock.lost',
  'lock.broken',
  'lock.taken_over',
]);

export const rootOf = (resource: string): string => resource.split('/', 1)[0] ?? '';

/** Whether two claims of different sessions exclude each other. */
export function conflict(one: Claim, other: Claim): boolean {
  if (one.session === other.session || (one.mode === 'shared' && other.mode === 'shared')) return false;
  if (one.resource === other.resource) return true;
  if (one.scope === 'tree' && other.resource.startsWith(`${one.resource}/`)) return true;
  return other.scope === 'tree' && one.resource.startsWith(`${other.resource}/`);
}

const detail = (record: AuditRecord, name: string): unknown => record.details?.[name];

export function requestOf(record: AuditRecord): string {
  const requestId = detail(record, 'requestId');
  return typeof requestId === 'string' ? requestId : '';
}

/** A grant's claim, as its record says. */
export function claimOf(record: AuditRecord): Claim {
  return {
    resource: record.resource ?? '',
    session: record.sessionId ?? '',
    mode: detail(record, 'mode') === 'shared' ? 'shared' : 'exclusive',
    scope: detail(record, 'scope') === 'tree' ? 'tree' : 'record',
  };
}

export const replacedBy = (record: AuditRecord): number | undefined => {
  const fence = detail(record, 'replaces');
  return fence === undefined ? undefined : Number(fence);
};

export class Replay {
  readonly holds = new Map<number, Hold>();
  /** Holds and waits by the first segment of their resource: nothing reaches across. */
  readonly holdsIn = new Map<string, Set<Hold>>();
  readonly waitsIn = new Map<string, Set<Wait>>();
  readonly waits = new Map<string, Wait>();
  readonly sessions = new Map<string, 'reachable' | 'away' | 'ended'>();
  /** The request that took locks over with the record before this one. */
  taking: string | undefined;
  readonly #silent = new Set<string>();
  #delayMs = 0;
  #epoch = 0;
  #tickets = 0;

  holdsAround(resource: string): ReadonlySet<Hold> {
    return this.holdsIn.get(rootOf(resource)) ?? new Set();
  }

  waitsAround(resource: string): ReadonlySet<Wait> {
    return this.waitsIn.get(rootOf(resource)) ?? new Set();
  }

  waitOf(session: string, requestId: string): Wait | undefined {
    return this.waits.get(`${session}:${requestId}`);
  }

  holdOn(resource: string, session: string): Hold | undefined {
    for (const hold of this.holdsAround(resource)) {
      if (hold.resource === resource && hold.session === session) return hold;
    }
    return undefined;
  }

  apply(record: AuditRecord): void {
    if (record.epoch !== this.#epoch) this.#begin(record);
    const { type, sessionId: session = '' } = record;
    this.taking = type === 'lock.taken_over' ? requestOf(record) : undefined;
    if (type === 'session.opened' || type === 'session.resumed') this.sessions.set(session, 'reachable');
    else if (type === 'session.state') this.#move(session, detail(record, 'to'));
    else if (type === 'session.ended') this.#end(session, record.reason);
    else if (type === 'policy.changed') this.#settle(detail(record, 'changed'));
    else if (type === 'lock.granted') this.#grant(record);
    else if (type === 'lock.requested') this.#request(record);
    else if (END_TYPES.has(type)) this.#lose(record);
  }

  /** A new epoch: what was there is lost. */
  #begin({ epoch, rev }: AuditRecord): void {
    this.#epoch = epoch;
    for (const map of [this.holds, this.holdsIn, this.waits, this.waitsIn, this.sessions]) map.clear();
    // With everything the settings went, too.
    if (rev === 1) this.#delayMs = 0;
  }

  #settle(changed: unknown): void {
    const { lockDelayMs } = changed as { lockDelayMs?: { after: number } };
    this.#delayMs = lockDelayMs?.after ?? this.#delayMs;
  }

  #lose({ type, sessionId = '', fence = 0, at }: AuditRecord): void {
    const hold = this.holds.get(fence);
    if (type === 'lock.lost' && hold && this.#delayMs > 0 && this.#silent.has(sessionId)) {
      hold.delayedUntil = at + this.#delayMs;
    } else this.#drop(fence);
  }

  #move(session: string, to: unknown): void {
    if (session === '' || to === undefined) return;
    this.sessions.set(session, to === 'disconnected' ? 'away' : 'reachable');
  }

  #end(session: string, reason: string | undefined): void {
    this.sessions.set(session, 'ended');
    if (reason === 'unresponsive') this.#silent.add(session);
    for (const wait of this.waits.values()) if (wait.session === session) this.#leave(wait);
  }

  #grant(record: AuditRecord): void {
    const claim = claimOf(record);
    const hold = { ...claim, fence: record.fence ?? 0 };
    const wait = this.waitOf(claim.session, requestOf(record));
    if (wait) this.#leave(wait);
    const before = replacedBy(record);
    if (before !== undefined) this.#drop(before);
    this.holds.set(hold.fence, hold);
    add(this.holdsIn, rootOf(hold.resource), hold);
  }

  #drop(fence: number): void {
    const hold = this.holds.get(fence);
    if (!hold) return;
    this.holds.delete(fence);
    this.holdsIn.get(rootOf(hold.resource))?.delete(hold);
  }

  #request(record: AuditRecord): void {
    const state = detail(record, 'state');
    const { session, resource } = claimOf(record);
    if (state !== 'queued' && state !== 'asked') {
      const over = this.waitOf(session, requestOf(record));
      if (over) this.#leave(over);
      return;
    }
    const isTakeover = state === 'asked';
    const isUpgrade = detail(record, 'upgrade') === true;
    this.#tickets += 1;
    const wait: Wait = {
      ...claimOf(record),
      requestId: requestOf(record),
      kind: isTakeover ? 'takeover' : isUpgrade ? 'upgrade' : 'plain',
      ticket: this.#tickets + (isTakeover || isUpgrade ? HEAD : 0),
      ...(isTakeover ? { deadlineAt: Number(detail(record, 'deadlineAt')) } : {}),
    };
    this.waits.set(`${session}:${wait.requestId}`, wait);
    add(this.waitsIn, rootOf(resource), wait);
  }

  #leave(wait: Wait): void {
    this.waits.delete(`${wait.session}:${wait.requestId}`);
    this.waitsIn.get(rootOf(wait.resource))?.delete(wait);
  }
}

function add<T>(sets: Map<string, Set<T>>, key: string, item: T): void {
  const set = sets.get(key);
  if (set) set.add(item);
  else sets.set(key, new Set([item]));
}
