import type { Random } from '../random.js';
import type { BrokerHost } from './broker-host.js';
import type { Host, Scheduler } from './clock.js';
import type { Journal } from './history.js';
import type { Network } from './network.js';
import type { Person } from './person.js';
import type { StoreHost } from './store.js';

export interface Machines {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly journal: Journal;
  readonly store: StoreHost;
  readonly brokers: readonly BrokerHost[];
  readonly persons: readonly Person[];
}

/** What can go wrong. */
export const FAULT_KINDS = [
  'cut client',
  'part client',
  'freeze client',
  'kill broker',
  'freeze broker',
  'part broker',
  'part store',
  'cut store',
  'lose request',
  'lose answer',
  'freeze store',
  'restart store',
  'flush scripts',
  'fall back',
  'wipe',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** After these the store has less than it acknowledged. */
export const LOSSES: ReadonlySet<FaultKind> = new Set(['fall back', 'wipe']);
/** These hit the store alone, and all brokers alike: nobody may be ended for them. */
export const STORE_KINDS: readonly FaultKind[] = ['freeze store', 'restart store', 'flush scripts'];

const PAUSE_MS = [300, 6_000] as const;
const SHORT_MS = [50, 1_500] as const;
const LONG_MS = [1_500, 9_000] as const;

/** Whom a fault hits, and for how long. */
interface Place {
  readonly broker: BrokerHost;
  readonly person: Person;
  readonly ms: number;
}

/** Lets things go wrong, as its seed says, and puts everything right at the end. */
export class Faults {
  /** How often each kind happened. */
  readonly counts = new Map<FaultKind, number>();
  readonly #machines: Machines;
  readonly #random: Random;
  readonly #kinds: readonly FaultKind[];
  #isOver = false;
  /** A row per kind; each answers whether it could happen now. */
  readonly #rows: Readonly<Record<FaultKind, (place: Place) => boolean>> = {
    'cut client': ({ person, broker }) => this.#cut(person.host, broker.host),
    'part client': ({ person, broker, ms }) => this.#part(person.host, broker.host, ms),
    'freeze client': ({ person, ms }) => this.#freeze(person.host, ms),
    'kill broker': ({ broker, ms }) => this.#kill(broker, ms),
    'freeze broker': ({ broker, ms }) => broker.isUp && this.#freeze(broker.host, ms),
    'part broker': ({ broker, ms }) => {
      for (const { host } of this.#machines.persons) this.#part(host, broker.host, ms);
      return true;
    },
    'part store': ({ broker, ms }) => this.#part(broker.host, this.#machines.store.host, ms),
    'cut store': ({ broker }) => this.#cut(broker.host, this.#machines.store.host),
    'lose request': ({ broker }) => this.#lose(broker, 'request'),
    'lose answer': ({ broker }) => this.#lose(broker, 'answer'),
    'freeze store': ({ ms }) => this.#machines.store.isUp && this.#freeze(this.#machines.store.host, ms),
    'restart store': ({ ms }) => this.#restartStore(ms, () => undefined),
    'flush scripts': () => {
      this.#machines.store.engine.call('FUNCTION', 'FLUSH');
      return true;
    },
    'fall back': ({ ms }) => this.#fallBack(ms),
    wipe: ({ ms }) => this.#restartStore(ms, () => this.#machines.store.wipe()),
  };

  constructor(machines: Machines, random: Random, kinds: readonly FaultKind[]) {
    this.#machines = machines;
    this.#random = random;
    this.#kinds = kinds;
  }

  begin(): void {
    if (this.#kinds.length > 0) this.#pause();
  }

  /** Everything works again from now on. */
  heal(): void {
    this.#isOver = true;
    const { scheduler, network, store, brokers, persons } = this.#machines;
    const hosts = [store.host, ...brokers.map(({ host }) => host), ...persons.map(({ host }) => host)];
    for (const host of hosts) {
      scheduler.thaw(host);
      for (const other of hosts) network.join(host, other);
    }
    if (!store.isUp) store.start();
    for (const broker of brokers) if (!broker.isUp) broker.start();
  }

  #pause(): void {
    const { scheduler } = this.#machines;
    scheduler.after(
      this.#random.within(...PAUSE_MS),
      () => {
        if (this.#isOver) return;
        this.#happen(this.#random.pick(this.#kinds));
        this.#pause();
      },
      scheduler.nobody,
    );
  }

  #happen(kind: FaultKind): void {
    const { brokers, persons } = this.#machines;
    const [broker, person] = [this.#random.pick(brokers), this.#random.pick(persons)];
    const [least, most] = this.#random.next() < 0.6 ? SHORT_MS : LONG_MS;
    const ms = this.#random.within(least, most);
    if (!this.#rows[kind]({ broker, person, ms })) return;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#machines.journal.note('fault', kind, { broker: broker.host.name, person: person.host.name, ms });
  }

  #later(ms: number, run: () => void): true {
    const { scheduler } = this.#machines;
    scheduler.after(
      ms,
      () => {
        if (!this.#isOver) run();
      },
      scheduler.nobody,
    );
    return true;
  }

  /** What comes after this moment is lost. */
  #fallBack(ms: number): boolean {
    const { store } = this.#machines;
    if (!store.isUp) return false;
    store.save();
    return this.#later(this.#random.within(0, 2_000), () => this.#restartStore(ms, () => store.fallBack()));
  }

  #lose(broker: BrokerHost, what: 'request' | 'answer'): boolean {
    const { network, store } = this.#machines;
    const wires = network.wiresBetween(broker.host, store.host);
    for (const wire of wires) wire.losesNext = what;
    return wires.length > 0;
  }

  #cut(one: Host, other: Host): boolean {
    const wires = this.#machines.network.wiresBetween(one, other);
    for (const wire of wires) wire.cut();
    return wires.length > 0;
  }

  #part(one: Host, other: Host, ms: number): boolean {
    const { network } = this.#machines;
    if (network.isApart(one, other)) return false;
    network.part(one, other);
    // Either the packets arrive late, or the connection is gone when the network is back.
    const isCut = this.#random.next() < 0.5;
    return this.#later(ms, () => {
      if (isCut) this.#cut(one, other);
      network.join(one, other);
    });
  }

  #freeze(host: Host, ms: number): boolean {
    if (host.isFrozen) return false;
    this.#machines.scheduler.freeze(host);
    return this.#later(ms, () => this.#machines.scheduler.thaw(host));
  }

  #kill(broker: BrokerHost, ms: number): boolean {
    if (!broker.isUp) return false;
    broker.kill(this.#random.next() < 0.3);
    return this.#later(ms, () => {
      if (!broker.isUp) broker.start();
    });
  }

  #restartStore(ms: number, meanwhile: () => void): boolean {
    const { store, scheduler } = this.#machines;
    if (!store.isUp) return false;
    scheduler.thaw(store.host);
    store.stop();
    meanwhile();
    return this.#later(ms, () => {
      if (!store.isUp) store.start();
    });
  }
}
