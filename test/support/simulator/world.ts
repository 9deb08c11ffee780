import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditRecord, DEFAULT_POLICY, type PolicySettings } from '@lastcall/shared';
import { mintToken } from 'lastcall/internal/auth/index.js';
import type { Core } from 'lastcall/internal/core.js';
import { SECRET } from '../config.js';
import { Random } from '../random.js';
import { Admin } from './admin.js';
import { BrokerHost } from './broker-host.js';
import type { Scheduler } from './clock.js';
import { FAULT_KINDS, type FaultKind, Faults, LOSSES, STORE_KINDS } from './faults.js';
import { GuardedRecords } from './guarded.js';
import { Journal, Observer } from './history.js';
import { Network } from './network.js';
import { Person } from './person.js';
import type { Platform } from './platform.js';
import { checkAtRest } from './rest.js';
import { type Engine, StoreHost } from './store.js';
import type { WorldView } from './view.js';
import { Watcher } from './watcher.js';

const BROKERS = 3;
const TENANTS = ['t-one', 't-two'];
const PERSONS = 4;
const BOOT_MS = 10_000;
const STEP_MS = 250;

export interface WorldOptions {
  readonly seed: number;
  readonly platform: Platform;
  readonly engine: Engine;
  /** Virtual time in which things go wrong, and after it, in which all has to come to rest. */
  readonly chaosMs: number;
  readonly restMs: number;
}

export interface Outcome {
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  readonly violations: string[];
  readonly journal: string;
  readonly figures: {
    readonly events: number;
    readonly records: number;
    readonly ops: number;
    readonly faults: number;
  };
}

/** What may go wrong in a world: a few kinds together find more than all kinds at once. */
function kindsOf(random: Random): readonly FaultKind[] {
  const chance = random.next();
  if (chance < 0.05) return [];
  if (chance < 0.2) return STORE_KINDS;
  const loses = random.next() < 0.25;
  const share = 0.2 + random.next() * 0.5;
  return FAULT_KINDS.filter((kind) => random.next() < share && (loses || !LOSSES.has(kind)));
}

function policyOf(random: Random): PolicySettings {
  const beatMs = 1_000;
  return {
    ...DEFAULT_POLICY,
    beatMs,
    leaseMs: random.within(3, 6) * beatMs,
    takeoverMs: random.within(1_000, 2_500),
    flushMs: random.within(500, 2_000),
    lockDelayMs: 0,
    idleAfterMs: 5_000,
    idleLogoffMs: 0,
  };
}

/** A world from its seed: brokers, a store, people, administrators, what is between them, and what goes wrong. */
export class World implements WorldView {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly tenants = TENANTS;
  readonly kinds: readonly FaultKind[];
  readonly journal: Journal;
  readonly network: Network;
  readonly store: StoreHost;
  readonly brokers: readonly BrokerHost[];
  readonly persons: Person[] = [];
  readonly guarded = new GuardedRecords();
  readonly admins: readonly Admin[];
  readonly policy: PolicySettings;
  readonly observer: Observer;
  readonly watcher: Watcher;
  readonly faults: Faults;
  readonly #folder = mkdtempSync(join(tmpdir(), 'lastcall-world-'));

  private constructor({ seed, platform, engine }: WorldOptions) {
    const randomOf = (n: number): Random => new Random(seed * 1_000 + n);
    const { scheduler } = platform;
    const random = randomOf(0);
    this.seed = seed;
    this.scheduler = scheduler;
    scheduler.reset(seed);
    platform.chance = randomOf(1);
    this.kinds = kindsOf(random);
    this.policy = policyOf(random);
    this.journal = new Journal(() => scheduler.now);
    this.network = new Network(scheduler, randomOf(2));
    this.store = new StoreHost(engine, scheduler, this.network);
    this.brokers = Array.from(
      { length: BROKERS },
      (_, i) => new BrokerHost(`broker-${i + 1}`, { scheduler, network: this.network, folder: this.#folder }),
    );
    const pick = randomOf(3);
    // The load balancer sends each connection to any broker, dead ones included.
    this.network.resolve = (name) => (name === 'brokers' ? pick.pick(this.brokers).host.name : name);
    platform.dial = (host) => this.network.dial(host);
    this.admins = TENANTS.map(
      (tenant, i) =>
        new Admin(tenant, usersOf(tenant), {
          scheduler,
          journal: this.journal,
          brokers: this.brokers,
          random: randomOf(10 + i),
        }),
    );
    this.watcher = new Watcher(this);
    this.observer = new Observer(
      engine,
      TENANTS,
      { now: () => scheduler.epochMs, leaseMs: this.policy.leaseMs },
      (tenant, record) => this.#hear(tenant, record),
    );
    this.faults = new Faults(this, randomOf(4), this.kinds);
  }

  /** Lives through a world and tells what was wrong in it. */
  static async run(options: WorldOptions): Promise<Outcome> {
    options.engine.call('FLUSHALL');
    options.engine.call('FUNCTION', 'FLUSH');
    const world = new World(options);
    const broken: string[] = [];
    try {
      await world.#live(options);
      broken.push(...(await checkAtRest(world)));
    } catch (error) {
      broken.push(
        `the world broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
    const outcome = world.#judge(broken);
    world.#end();
    return outcome;
  }

  get hasLosses(): boolean {
    return [...this.faults.counts.keys()].some((kind) => LOSSES.has(kind));
  }

  async ask<T>(question: (core: Core) => Promise<T>, withinMs = BOOT_MS): Promise<T> {
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    const broker = this.brokers.find((one) => one.broker !== undefined && !one.host.isFrozen);
    if (!broker) throw new Error('no broker is there to be asked');
    const put = async (): Promise<void> => {
      if (!broker.broker) return;
      try {
        outcome = { value: await question(broker.broker.core) };
      } catch (error) {
        outcome = { error };
      }
    };
    this.scheduler.after(0, () => void put(), broker.host);
    await this.#until(() => outcome !== undefined, withinMs);
    if (!outcome) throw new Error(`${broker.host.name} does not answer`);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  async #live({ chaosMs, restMs }: WorldOptions): Promise<void> {
    this.store.start();
    for (const broker of this.brokers) broker.start();
    await this.#until(() => this.brokers.every(({ broker }) => broker !== undefined), BOOT_MS);
    for (const tenant of TENANTS) {
      await this.ask(({ policies }) => policies.set(tenant, 0, this.policy, { kind: 'system' }));
      await this.#people(tenant);
    }
    for (const person of this.persons) person.begin();
    for (const admin of this.admins) admin.begin();
    this.faults.begin();
    const until = this.scheduler.now + chaosMs;
    while (this.scheduler.now < until) {
      await this.scheduler.runUntil(Math.min(until, this.scheduler.now + STEP_MS));
      this.watcher.look();
    }
    for (const one of [...this.persons, ...this.admins]) one.isBusy = false;
    this.faults.heal();
    this.journal.note('world', 'heals');
    await this.scheduler.runUntil(this.scheduler.now + restMs);
  }

  async #people(tenant: string): Promise<void> {
    for (let i = 0; i < PERSONS; i += 1) {
      const sub = usersOf(tenant)[i % usersOf(tenant).length] ?? '';
      const claims = { sub, tenant, name: sub, roles: ['user'], expiresInMs: 3_600_000 };
      const token = await mintToken(SECRET, claims);
      const random = new Random(this.seed * 1_000 + 100 + this.persons.length);
      const name = `person-${this.persons.length + 1}`;
      this.persons.push(
        new Person(name, {
          scheduler: this.scheduler,
          journal: this.journal,
          guarded: this.guarded,
          random,
          token,
        }),
      );
    }
  }

  #judge(broken: readonly string[]): Outcome {
    this.watcher.look();
    const violations = [...this.watcher.violations, ...broken];
    const ops = this.persons.reduce((sum, { recorder }) => sum + recorder.ops.length, 0);
    const records = [...this.observer.records.values()].reduce((sum, list) => sum + list.length, 0);
    const faults = [...this.faults.counts.values()].reduce((sum, count) => sum + count, 0);
    const figures = { events: this.scheduler.events, records, ops, faults };
    for (const violation of violations) this.journal.note('world', 'violation', violation);
    return { seed: this.seed, kinds: this.kinds, violations, journal: this.journal.text, figures };
  }

  #hear(tenant: string, record: AuditRecord): void {
    this.journal.note(tenant, 'record', record);
    this.watcher.hear(tenant, record);
  }

  async #until(condition: () => boolean, withinMs: number): Promise<void> {
    const until = this.scheduler.now + withinMs;
    while (!condition() && this.scheduler.now < until) {
      await this.scheduler.runUntil(this.scheduler.now + 1);
    }
  }

  /** All machines are switched off; the engine is left to the next world. */
  #end(): void {
    this.observer.close();
    for (const { host } of [...this.brokers, ...this.persons]) {
      this.network.kill(host, true);
      this.scheduler.kill(host);
    }
    if (this.store.isUp) this.store.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Some people work in two windows. */
const usersOf = (tenant: string): readonly string[] =>
  ['ann', 'bob', 'eve'].map((name) => `${name}-${tenant}`);
