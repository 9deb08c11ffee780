import type { StoreClock } from './clock.js';
import { NODE_BEAT_MS, type Nodes } from './nodes.js';
import type { Bus } from './redis/bus.js';
import type { Store } from './redis/store.js';

/** The shortest and longest time between two looks at a tenant (below the gap of 1 s), and between two looks for new ones. */
const MIN_WAIT_MS = 20;
const MAX_WAIT_MS = 400;
const TENANTS_EVERY_MS = 2_000;
/** The longest a tenant rests, at most half of it less, so that they do not all wake at once. */
const REST_MS = 30_000;
/** How often resting tenants are asked whether anything happened there, and how many at a time. */
const REST_LOOK_MS = 1_000;
const REST_LOOK_BATCH = 200;
/** How many looks at one tenant follow each other without a pause for the others, and how many are asked for at once. */
const MAX_ROUNDS = 200;
const LOOKS_AT_ONCE = 2;
/** When a tenant is due in which something is: it is swept without a look before. */
const KICKED = 0;

interface SweepAnswer {
  readonly now: number;
  readonly rev: number;
  readonly epoch: number;
  readonly fence: string;
  readonly waitMs: number;
  readonly more: boolean;
  readonly resting: boolean;
}

interface Head {
  readonly epoch: number;
  readonly rev: number;
}

/**
 * The sweep loop: looks at every tenant every 400 ms or when something is due there, says that this node lives, and
 * learns of new tenants. It decides nothing; scripts do, by Redis' clock: a small one whether anything is due, and the
 * large one that does it. A tenant without sessions rests: whatever happens there has a record, so its last one is all
 * that is looked at until it changes.
 */
export class Sweeper {
  readonly #store: Store;
  readonly #bus: Bus;
  readonly #clock: StoreClock;
  readonly #nodes: Nodes;
  readonly #fail: (error: unknown) => void;
  readonly #everySecond: () => Promise<void>;
  readonly #swept: (tenant: string, head: Head) => void;
  readonly #dueAt = new Map<string, number>();
  /** Tenants at rest, and their last records. */
  readonly #resting = new Map<string, Head>();
  /** Tenants in which more is due than one look does. */
  readonly #behind = new Set<string>();
  #restDueAt = 0;
  #isLookingAtRest = false;
  #nodesDueAt = 0;
  #tenantsDueAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #stopped = true;

  constructor(parts: {
    store: Store;
    bus: Bus;
    clock: StoreClock;
    nodes: Nodes;
    fail: (error: unknown) => void;
    /** What is to be done about once a second while Redis answers. */
    everySecond: () => Promise<void>;
    /** A tenant was looked at: this is its last record. */
    swept: (tenant: string, head: Head) => void;
  }) {
    this.#store = parts.store;
    this.#bus = parts.bus;
    this.#clock = parts.clock;
    this.#nodes = parts.nodes;
    this.#fail = parts.fail;
    this.#everySecond = parts.everySecond;
    this.#swept = parts.swept;
  }

  start(): void {
    this.#stopped = false;
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** A tenant that may be new, or at rest: swept from now on, without waiting for the next look for such tenants. */
  watch(tenant: string): void {
    if (!this.#dueAt.has(tenant) || this.#resting.has(tenant)) this.kick(tenant);
  }

  /** Something just became due in a tenant. */
  kick(tenant: string): void {
    this.#resting.delete(tenant);
    this.#dueAt.set(tenant, KICKED);
    this.#arm(performance.now() + MIN_WAIT_MS);
  }

  /** Whether more is due in a tenant than could be done yet. */
  isBehind(tenant: string): boolean {
    return this.#behind.has(tenant);
  }

  #tick(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    if (now >= this.#nodesDueAt) {
      this.#nodesDueAt = now + NODE_BEAT_MS;
      this.#nodes.beat().then(this.#everySecond).catch(this.#fail);
    }
    if (now >= this.#tenantsDueAt) {
      this.#tenantsDueAt = now + TENANTS_EVERY_MS;
      this.#findTenants().catch(this.#fail);
    }
    if (now >= this.#restDueAt) {
      this.#restDueAt = now + REST_LOOK_MS;
      this.#lookAtRest().catch(this.#fail);
    }
    let next = Math.min(this.#nodesDueAt, this.#tenantsDueAt, this.#restDueAt);
    for (const [tenant, dueAt] of this.#dueAt) {
      if (dueAt <= now) void this.#sweep(tenant);
      else next = Math.min(next, dueAt);
    }
    this.#arm(next);
  }

  /** Sets the loop's timer to an instant, unless it goes off before. */
  #arm(at: number): void {
    if (this.#stopped || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    const now = performance.now();
    this.#timerAt = Math.max(at, now + MIN_WAIT_MS);
    this.#timer = setTimeout(() => this.#tick(), this.#timerAt - now);
  }

  async #findTenants(): Promise<void> {
    for (const tenant of await this.#store.tenants()) if (!this.#dueAt.has(tenant)) this.kick(tenant);
  }

  /** Wakes the tenants in which something was recorded. */
  async #lookAtRest(): Promise<void> {
    if (this.#isLookingAtRest) return;
    this.#isLookingAtRest = true;
    try {
      const tenants = [...this.#resting.keys()];
      for (let from = 0; from < tenants.length && !this.#stopped; from += REST_LOOK_BATCH) {
        const batch = tenants.slice(from, from + REST_LOOK_BATCH);
        const heads = await Promise.all(batch.map((tenant) => this.#store.position(tenant)));
        batch.forEach((tenant, i) => this.#compare(tenant, heads[i] as Head));
      }
    } finally {
      this.#isLookingAtRest = false;
    }
  }

  #compare(tenant: string, { epoch, rev }: Head): void {
    const known = this.#resting.get(tenant);
    if (!known) return;
    if (known.epoch !== epoch || known.rev !== rev) this.kick(tenant);
    else this.#swept(tenant, known);
  }

  async #sweep(tenant: string): Promise<void> {
    // A newer version has changed what stands there: this one's scripts have no business with it.
    if (this.#nodes.tooOld !== undefined) return;
    const isKicked = this.#dueAt.get(tenant) === KICKED;
    // Not due again while it is being swept; a kick meanwhile stands.
    this.#dueAt.set(tenant, Number.POSITIVE_INFINITY);
    this.#resting.delete(tenant);
    let waitMs = MAX_WAIT_MS;
    try {
      const found = isKicked ? undefined : await this.#look('sweep_due', tenant);
      waitMs = found?.more === false ? found.waitMs : await this.#sweepAll(tenant);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#behind.delete(tenant);
    }
    if (this.#dueAt.get(tenant) !== Number.POSITIVE_INFINITY) return;
    const dueAt = performance.now() + (waitMs === REST_MS ? (waitMs * (1 + Math.random())) / 2 : waitMs);
    this.#dueAt.set(tenant, dueAt);
    this.#arm(dueAt);
  }

  /** Does all that is due; answers how long nobody has to look again. */
  async #sweepAll(tenant: string): Promise<number> {
    for (let round = 0; round < MAX_ROUNDS && !this.#stopped; round += 1) {
      // Once there is more to do, Redis need not wait for this node in between.
      const looks = Array.from({ length: this.isBehind(tenant) ? LOOKS_AT_ONCE : 1 }, () =>
        this.#look('sweep', tenant),
      );
      const answer = (await Promise.all(looks)).at(-1) as SweepAnswer;
      if (!answer.more) {
        if (answer.resting) this.#rest(tenant, answer);
        return answer.waitMs;
      }
      this.#behind.add(tenant);
    }
    return 0;
  }

  async #look(script: 'sweep' | 'sweep_due', tenant: string): Promise<SweepAnswer> {
    const heard = this.#bus.position(tenant);
    const position = [heard.epoch, heard.rev, heard.at];
    const args = script === 'sweep' ? [this.#nodes.aliveJson(), ...position] : position;
    const answer = await this.#store.run<SweepAnswer>(script, tenant, args);
    this.#clock.observe(answer.now);
    this.#store.fences.note(tenant, Number(answer.fence));
    this.#bus.compared(tenant, heard);
    this.#bus.observe(tenant, answer.epoch, answer.rev);
    this.#swept(tenant, answer);
    return answer;
  }

  #rest(tenant: string, { epoch, rev }: Head): void {
    // A kick while it was being swept tells of something newer than the answer.
    if (this.#dueAt.get(tenant) === Number.POSITIVE_INFINITY) this.#resting.set(tenant, { epoch, rev });
  }
}
