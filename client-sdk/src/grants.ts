import type { Lock, ServerPushes } from '@lastcall/shared';
import { Alarm, type Clock } from './clock.js';
import { mayRepeat } from './errors.js';
import { EarlyLosses, type Grant, keyOf, type Loss, newGrant, renew } from './grant.js';
import { Handle, type HandleOwner, type UpgradeOptions } from './handle.js';
import type { LeaseState } from './lease.js';
import type { Logger } from './logger.js';
import { isLock } from './pushes.js';
import type { LockView, LostReason, LostView } from './snapshot.js';

/** A lock found at a (re)connection that nobody here has asked for (again) by then is given back. */
const ADOPT_MS = 10_000;
/** Lost locks that are told of at once. */
const MAX_LOST = 64;

export interface GrantPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  leaseState(): LeaseState;
  release(lock: Lock): Promise<unknown>;
  /** Asks the broker whether this lock is still ours. */
  check(lock: Lock): Promise<{ readonly valid: boolean; readonly lock?: Lock }>;
  upgrade(handle: Handle, options: UpgradeOptions): Promise<void>;
  /** Whether a question is under way that would be answered with the lock this session holds. */
  asked(resource: string): boolean;
  changed(): void;
}

/**
 * What this session holds at the broker. Several handles may share one grant, since a session that asks again for
 * what it holds gets the same; the lock goes back when the last of them is released.
 */
export class Grants {
  readonly #ports: GrantPorts;
  readonly #owner: HandleOwner;
  readonly #grants = new Map<string, Grant>();
  /** Requests that may bring an exclusive grant of a resource, which takes the place of the one held. */
  readonly #replacing = new Map<string, Set<object>>();
  readonly #early = new EarlyLosses();
  readonly #tidy: Alarm;
  #lost: readonly LostView[] = [];
  #stale = false;

  constructor(ports: GrantPorts) {
    this.#ports = ports;
    this.#tidy = new Alarm(ports.clock, () => {
      this.tidy();
    });
    this.#owner = {
      logger: ports.logger,
      leaseState: (handle) => {
        const state = ports.leaseState();
        return state === 'safe' && this.#grants.get(keyOf(handle))?.doubt ? 'at-risk' : state;
      },
      upgrade: (handle, options) => ports.upgrade(handle, options),
      stale: () => {
        this.#settleSoon();
      },
      release: (handle) => this.#released(handle),
    };
  }

  get views(): readonly LockView[] {
    return [...this.#grants.values()].flatMap(({ lock: { resource, mode, scope, fence }, handles }) => {
      const [handle] = handles;
      return handle ? [{ resource, mode, scope, fence, state: handle.state }] : [];
    });
  }

  /** What was lost and not locked again since. */
  get gone(): readonly LostView[] {
    return this.#lost;
  }

  /** Whether anybody here relies on a lock of this resource. */
  inUse(resource: string): boolean {
    return this.#of(resource).some((grant) => grant.handles.size > 0);
  }

  /** A handle on a lock that was granted. */
  hold(lock: Lock): Handle {
    const handle = new Handle(lock, this.#owner);
    this.#lost = this.#lost.filter(({ resource }) => resource !== lock.resource);
    const grant = this.#grant(lock);
    grant.handles.add(handle);
    handle.settle();
    this.#loseEarly(grant);
    return handle;
  }

  /** A request begins whose grant takes the place of what is held of this resource. To be called once it is decided. */
  replacing(resource: string): () => void {
    const request = {};
    const all = this.#replacing.get(resource) ?? new Set();
    this.#replacing.set(resource, all.add(request));
    return () => {
      if (all.delete(request) && all.size === 0) this.#replacing.delete(resource);
    };
  }

  /** The exclusive lock that takes the place of this handle's shared one. */
  upgraded(handle: Handle, lock: Lock): Handle {
    const grant = this.#grant(lock);
    if (handle.state !== 'lost' && handle.state !== 'released') grant.handles.add(handle);
    this.settle();
    this.#loseEarly(grant);
    this.tidy();
    return handle;
  }

  /** The broker may have taken these: they are at risk until it says what is the case. */
  async doubt(resource: string, loss: Loss): Promise<void> {
    const grants = this.#of(resource);
    for (const grant of grants) grant.doubt = loss;
    this.settle();
    await Promise.all(grants.map((grant) => this.#ask(grant)));
  }

  /** A lock that was granted, but that nobody waits for any more. */
  unwanted(lock: Lock): void {
    this.#grant(lock);
    this.tidy();
  }

  /** Resolves when no release of this resource is under way: a new grant must not be hit by it. */
  async released(resource: string): Promise<void> {
    await Promise.all(this.#of(resource).flatMap((grant) => grant.releasing ?? []));
  }

  /** Gives back what nobody relies on; repeated when the broker could not be told. */
  tidy(): void {
    const now = this.#ports.clock.now();
    const idle = [...this.#grants.values()].filter((grant) => grant.handles.size === 0 && !grant.releasing);
    for (const grant of idle) {
      if (grant.keptUntil <= now && !this.#ports.asked(grant.lock.resource))
        grant.releasing = this.#release(grant);
    }
    const kept = idle.map((grant) => grant.keptUntil).filter((until) => until > now);
    if (kept.length > 0) this.#tidy.at(Math.min(...kept));
  }

  /** What the broker says we hold, after a (re)connection: nothing else is ours. */
  confirm(locks: readonly Lock[]): void {
    const held = new Set(locks.map(keyOf));
    for (const [key, grant] of this.#grants) {
      const next =
        this.#replacing.has(grant.lock.resource) &&
        locks.find(({ resource }) => resource === grant.lock.resource);
      if (next) this.#grant(next);
      if (held.has(keyOf(grant.lock))) this.#believe(grant);
      else this.#lose(key, grant, { reason: 'away' });
    }
    const keptUntil = this.#ports.clock.now() + ADOPT_MS;
    for (const lock of locks) if (!this.#grants.has(keyOf(lock))) this.#grant(lock).keptUntil = keptUntil;
    this.tidy();
    this.settle();
  }

  /** The lease was renewed on a connection that was never interrupted. */
  renewed(): void {
    if (this.#ports.leaseState() === 'safe') {
      for (const grant of this.#grants.values()) {
        if (grant.doubt) void this.#ask(grant);
        else this.#believe(grant);
      }
    }
    this.tidy();
    this.#ports.changed();
  }

  lost(push: ServerPushes['lock:lost']): void {
    const { reason, by } = push;
    const key = keyOf(push);
    const loss = { reason, ...(by && { by }) };
    const grant = this.#grants.get(key);
    if (grant) this.#lose(key, grant, loss);
    else this.#early.note(key, loss);
    this.#ports.changed();
  }

  /** None of them is ours any more. */
  loseAll(reason: LostReason): void {
    this.#tidy.clear();
    for (const [key, grant] of this.#grants) this.#lose(key, grant, { reason });
    this.#lost = [];
    this.#ports.changed();
  }

  /** Brings every handle to what the lease leaves of it. */
  settle(): void {
    for (const { lock, handles } of this.#grants.values()) {
      for (const handle of handles) {
        handle.settle();
        if (handle.state !== 'lost') continue;
        handles.delete(handle);
        this.#note(lock, { reason: 'lease' });
      }
    }
    this.#ports.changed();
  }

  #believe(grant: Grant): void {
    grant.doubt = undefined;
    for (const handle of grant.handles) handle.enter('held');
  }

  /** Without an answer the next renewal of the lease, or the next welcome, settles it. */
  async #ask(grant: Grant): Promise<void> {
    const { lock, doubt } = grant;
    const answer = await this.#ports.check(lock).catch(() => undefined);
    if (!answer || !doubt || grant.doubt !== doubt || grant.lock !== lock) return;
    if (answer.lock && isLock(answer.lock) && keyOf(answer.lock) === keyOf(lock)) renew(grant, answer.lock);
    if (!answer.valid) this.#lose(keyOf(lock), grant, doubt);
    else if (this.#ports.leaseState() === 'safe') this.#believe(grant);
    this.#ports.changed();
  }

  #note({ resource, fence }: Lock, loss: Loss): void {
    const others = this.#lost.filter((one) => one.resource !== resource);
    this.#lost = [...others, { resource, fence, ...loss }].slice(-MAX_LOST);
  }

  /** Whoever asked may be drawing at this moment; nobody is told before they are done. */
  #settleSoon(): void {
    if (this.#stale) return;
    this.#stale = true;
    queueMicrotask(() => {
      this.#stale = false;
      this.settle();
    });
  }

  /** Its loss was told before it. */
  #loseEarly(grant: Grant): void {
    const key = keyOf(grant.lock);
    const loss = this.#early.take(key);
    if (loss) this.#lose(key, grant, loss);
  }

  #lose(key: string, grant: Grant, loss: Loss): void {
    this.#grants.delete(key);
    this.#replacing.delete(grant.lock.resource);
    if (grant.handles.size > 0) this.#note(grant.lock, loss);
    for (const handle of grant.handles) handle.enter('lost', loss);
  }

  async #released(handle: Handle): Promise<void> {
    const grant = this.#grants.get(keyOf(handle));
    grant?.handles.delete(handle);
    this.#lost = this.#lost.filter(({ fence }) => fence !== handle.fence);
    this.#ports.changed();
    this.tidy();
    await grant?.releasing;
  }

  async #release(grant: Grant): Promise<void> {
    const key = keyOf(grant.lock);
    const outcome: unknown = await this.#ports.release(grant.lock).catch((error: unknown) => error);
    if (!mayRepeat(outcome)) this.#grants.delete(key);
    grant.releasing = undefined;
    // An upgrade was granted meanwhile: what came in its place goes back, too.
    if (keyOf(grant.lock) !== key) this.tidy();
  }

  #grant(lock: Lock): Grant {
    const key = keyOf(lock);
    const grant = this.#grants.get(key) ?? this.#upgraded(lock) ?? newGrant(lock);
    this.#grants.set(key, grant);
    return grant;
  }

  /** The grant whose place this lock takes. */
  #upgraded(lock: Lock): Grant | undefined {
    const grant = this.#of(lock.resource).find((one) => one.lock.fence < lock.fence);
    if (!grant || !this.#replacing.has(lock.resource)) return undefined;
    this.#grants.delete(keyOf(grant.lock));
    grant.doubt = undefined;
    renew(grant, lock);
    return grant;
  }

  #of(resource: string): readonly Grant[] {
    return [...this.#grants.values()].filter((grant) => grant.lock.resource === resource);
  }
}
