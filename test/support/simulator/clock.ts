/**
 * When the first world begins. Each seed has an hour of its own after it: ids that are made from the time must be the same
 * for the same seed, and those who make them know of no time that goes back.
 */
const BEGIN_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
/** Fences are microseconds and must stay exact. */
export const MOST_SEED = 999_999;

/** Virtual events after which a world is called endless, and turns of the real loop for work that is done outside. */
const MOST_EVENTS = 2_000_000;
const MOST_TURNS = 1_000_000;

/** A machine of the simulated world: what it set going dies with it, and waits while it is frozen. */
export class Host {
  readonly name: string;
  /** Rises with each death: what a former life set going is not done any more. */
  life = 0;
  isFrozen = false;
  readonly parked: Event[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

export interface Event {
  readonly at: number;
  readonly host: Host;
  readonly life: number;
  readonly run: () => void;
  isCancelled: boolean;
}

interface Entry {
  readonly event: Event;
  readonly order: number;
}

const isBefore = (one: Entry, other: Entry): boolean =>
  one.event.at < other.event.at || (one.event.at === other.event.at && one.order < other.order);

/** Events by their instants; those of one instant in the order in which they were set. */
class Heap {
  readonly #entries: Entry[] = [];
  #orders = 0;

  push(event: Event): void {
    this.#orders += 1;
    const entries = this.#entries;
    const entry = { event, order: this.#orders };
    let at = entries.length;
    for (let parent = (at - 1) >> 1; at > 0; at = parent, parent = (at - 1) >> 1) {
      const above = entries[parent] as Entry;
      if (!isBefore(entry, above)) break;
      entries[at] = above;
    }
    entries[at] = entry;
  }

  get first(): Event | undefined {
    return this.#entries[0]?.event;
  }

  pop(): Event | undefined {
    const entries = this.#entries;
    const first = entries[0]?.event;
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return first;
    let at = 0;
    for (let child = 1; child < entries.length; child = 2 * at + 1) {
      const right = entries[child + 1];
      if (right && isBefore(right, entries[child] as Entry)) child += 1;
      if (!isBefore(entries[child] as Entry, last)) break;
      entries[at] = entries[child] as Entry;
      at = child;
    }
    entries[at] = last;
    return first;
  }
}

/**
 * Virtual time, and everything that happens in it, one event after the other. An event runs to its end, with all promises
 * that it settles, before the next begins; so whatever is set meanwhile belongs to the machine whose event it is.
 */
export class Scheduler {
  /** Milliseconds since the world began. */
  now = 0;
  /** What has no machine: the observer, the faults. */
  readonly nobody = new Host('nobody');
  current = this.nobody;
  events = 0;
  #beginMs = BEGIN_MS;
  #heap = new Heap();
  readonly #turn: () => Promise<void>;
  readonly #isWorkingOutside: () => boolean;

  /** `turn`: one of the real event loop; `isWorkingOutside`: whether threads still work for the event that runs. */
  constructor(turn: () => Promise<void>, isWorkingOutside: () => boolean) {
    this.#turn = turn;
    this.#isWorkingOutside = isWorkingOutside;
  }

  /** Epoch milliseconds, with their fraction. */
  get epochMs(): number {
    return this.#beginMs + this.now;
  }

  /** Begins the world of a seed. Worlds of one process begin in the order of their seeds. */
  reset(seed: number): void {
    this.#beginMs = BEGIN_MS + seed * HOUR_MS;
    this.now = 0;
    this.events = 0;
    this.current = this.nobody;
    this.#heap = new Heap();
  }

  after(ms: number, run: () => void, host: Host = this.current): Event {
    const event = { at: this.now + Math.max(0, ms), host, life: host.life, run, isCancelled: false };
    this.#heap.push(event);
    return event;
  }

  freeze(host: Host): void {
    host.isFrozen = true;
  }

  /** What was to happen meanwhile happens now, in its order. */
  thaw(host: Host): void {
    host.isFrozen = false;
    for (const parked of host.parked.splice(0)) {
      if (!parked.isCancelled) this.#heap.push(Object.assign(parked, { at: this.now }));
    }
  }

  /** A machine dies: nothing of what it set going is done. */
  kill(host: Host): void {
    host.life += 1;
    host.isFrozen = false;
    host.parked.length = 0;
  }

  /** Lets time pass until an instant. */
  async runUntil(until: number): Promise<void> {
    for (let event = this.#heap.first; event && event.at <= until; event = this.#heap.first) {
      this.#heap.pop();
      if (event.isCancelled || event.life !== event.host.life) continue;
      if (event.host.isFrozen) {
        event.host.parked.push(event);
        continue;
      }
      this.now = event.at;
      await this.#run(event);
    }
    this.now = until;
  }

  async #run(event: Event): Promise<void> {
    this.events += 1;
    if (this.events > MOST_EVENTS) throw new Error('the world does not come to an end');
    this.current = event.host;
    event.run();
    await this.#turn();
    for (let turns = 0; this.#isWorkingOutside(); turns += 1) {
      if (turns > MOST_TURNS) throw new Error('work outside of virtual time does not come to an end');
      await this.#turn();
    }
    this.current = this.nobody;
  }
}
