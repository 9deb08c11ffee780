import { inspect, isDeepStrictEqual } from 'node:util';
import { LastcallError } from '@lastcall/shared';
import { AssertionError, expect } from 'chai';
import type { Store } from 'lastcall/internal/redis/store.js';
import { freshTenant } from '../broker.js';
import type { VirtualDriver } from '../virtual-time.js';
import type { Answer } from './clients.js';
import {
  type Brief,
  countsOf,
  factsOf,
  isAlive,
  type ModelOrder,
  type ModelSession,
  POLICY,
  SILENCE_MS,
  textOf,
} from './facts.js';
import { briefOf, type Observation, observationOf, type Wanted } from './observe.js';
import type { VirtualTime } from './runner.js';
import type { Model } from './sweeps.js';

const SHOW = { depth: 5, breakLength: 110, maxArrayLength: 20 };
const BEGIN_MS = 1_800_000_000_000;
/** Sweeps of one instant that may follow each other. */
const MOST_ROUNDS = 50;

/** A command: runs on the scripts, and what the model says of it after it saw what was recorded. */
export interface Command {
  readonly run: () => Promise<Answer>;
  readonly predict: (observed: readonly Brief[]) => Answer;
}

interface Node {
  readonly id: string;
  diedAt?: number;
}

/** The code of a refusal, or the answer. */
export async function answered<T extends object>(answer: Promise<T>): Promise<T | string> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof LastcallError) return error.code;
    throw error;
  }
}

/** A tenant with the model beside it: every command is done by both, and then they are compared. */
export class Bench<M extends Model = Model> {
  readonly tenant = freshTenant();
  readonly model: M;
  readonly store: Store;
  readonly driver: VirtualDriver;
  commands = 0;
  nodes: Node[] = [{ id: 'n1' }, { id: 'n2' }];
  #us = BEGIN_MS * 1_000;
  #rev = 0;
  #ids = 0;
  readonly #names = new Map<unknown, string>();
  readonly #policy: object;
  readonly #settled = new Set<ModelSession | ModelOrder>();

  constructor({ driver, store }: VirtualTime, model: M, policy: object = POLICY) {
    this.driver = driver;
    this.model = model;
    this.#policy = policy;
    this.store = store;
    this.model.now = BEGIN_MS;
  }

  /** An id that is the same in each run of the same seed, by which counterexamples name what it is of. */
  newId(kind: string): { id: string; name: string } {
    this.#ids += 1;
    const name = `${kind}${this.#ids}`;
    const id = `00000000-0000-4000-8000-${String(this.#ids).padStart(12, '0')}`;
    this.#names.set(id, name);
    return { id, name };
  }

  readonly nameOf = (id: unknown): string => this.#names.get(id) ?? String(id);

  /** A node looks until there is nothing left to do. */
  async sweep(): Promise<object> {
    let rounds = 0;
    for (let more = true; more; rounds += 1) {
      if (rounds === MOST_ROUNDS) throw new Error('the sweep does not come to its end');
      ({ more } = await this.store.run<{ more: boolean }>('sweep', this.tenant, [this.live(), 0, 0, 0]));
    }
    return {};
  }

  /** The nodes that are not known to be dead yet. */
  live(): string {
    const gone = this.model.now - SILENCE_MS;
    const live = this.nodes.filter(({ diedAt = Number.POSITIVE_INFINITY }) => diedAt > gone);
    this.model.live = new Set(live.map(({ id }) => id));
    return JSON.stringify([...this.model.live]);
  }

  /** Moves the clock; at least a microsecond passes between two commands. */
  async pass(ms: number): Promise<void> {
    this.#us = ms === 0 ? this.#us + 1 : (Math.floor(this.#us / 1_000) + ms) * 1_000;
    this.model.now = Math.floor(this.#us / 1_000);
    await this.driver.moveTo(this.tenant, this.#us, ms > 0);
    this.live();
  }

  async begin(): Promise<void> {
    await this.pass(1);
    const args = [0, JSON.stringify(this.#policy), JSON.stringify({ kind: 'system' })];
    await this.store.run('policy_set', this.tenant, args);
    this.#rev = 1;
  }

  /** Lets both do it, and compares answer, records and state. */
  async compare(command: Command): Promise<Answer> {
    this.commands += 1;
    this.driver.watch(this.tenant, this.#wanted(false));
    const answer = await command.run();
    const observed = observationOf(this.driver.seen(this.tenant));
    const briefs = observed.records.map((record) => briefOf(record, this.nameOf));
    this.model.records.length = 0;
    this.model.observed = briefs;
    const expected = command.predict(briefs);
    same(inOrder(briefs), inOrder(this.model.records), 'records');
    same(this.#named(answer), this.#named(expected), 'answer');
    observed.records.forEach(({ rev, at }, i) => {
      same([rev, at], [this.#rev + 1 + i, this.model.now], 'number and instant of a record');
    });
    this.#rev += observed.records.length;
    this.#compareStates(observed, false);
    if (!observed.isBrief) this.compareMore(observed);
    return answer;
  }

  /** Compares everything there ever was. */
  async compareAll(): Promise<void> {
    this.#settled.clear();
    const observed = observationOf(await this.driver.look(this.tenant, this.#wanted(true)));
    this.#compareStates(observed, true);
    this.compareMore(observed);
  }

  /** Resources whose locks are looked at. */
  protected get resources(): readonly string[] {
    return [];
  }

  protected compareMore(_observed: Observation): void {}

  #wanted(everything: boolean): Wanted {
    const { sessions, orders } = this.model;
    const idsOf = (ones: readonly (ModelSession | ModelOrder)[]): string[] =>
      ones.filter((one) => !this.#settled.has(one)).map(({ id }) => id);
    return {
      rev: this.#rev,
      sessions: idsOf(sessions),
      orders: idsOf(orders),
      resources: this.resources,
      all: everything,
    };
  }

  #compareStates(observed: Observation, all: boolean): void {
    if (observed.isBrief) {
      for (const one of this.model.sessions) {
        if (!this.#settled.has(one)) this.#compareLease(one, observed.leaseInputAt(one.id));
      }
      return;
    }
    for (const session of this.model.sessions) {
      if (this.#settled.has(session)) continue;
      const stored = observed.session(session.id);
      // What began with this command was not looked at yet.
      if (stored['uid'] === undefined && !all) continue;
      same(this.#storedFacts(stored), factsOf(session), session.name);
      this.#compareLease(session, observed.leaseInputAt(session.id));
      if (session.verified && session.sockets.size === 0) this.#settled.add(session);
    }
    for (const order of this.model.orders) {
      if (this.#settled.has(order)) continue;
      const stored = observed.order(order.id);
      if (stored['id'] === undefined && !all) continue;
      this.#compareOrder(order, stored, observed.receipts(order.id));
      const isProved = [...order.receipts.values()].every(({ verified }) => verified === true);
      if (!isAlive(order) && isProved) this.#settled.add(order);
    }
  }

  #compareOrder(
    order: ModelOrder,
    stored: Readonly<Record<string, string>>,
    receipts: ReturnType<Observation['receipts']>,
  ): void {
    const counts = countsOf([...order.receipts.values()]);
    const names = Object.keys(counts);
    const { version, deadlineAt } = order;
    same(
      {
        state: stored['state'],
        version: Number(stored['version']),
        deadlineAt: Number(stored['deadlineAt']),
        ...Object.fromEntries(names.map((name) => [name, Number(stored[name])])),
      },
      { state: order.state, version, deadlineAt, ...counts },
      order.name,
    );
    same(receipts.size, order.receipts.size, `receipts of ${order.name}`);
    for (const [session, model] of order.receipts) {
      const receipt = receipts.get(session.id);
      same(receipt && pick(receipt), pick(model), `the receipt of ${session.name} under ${order.name}`);
    }
  }

  /** The lease is there while it runs; its last input is what was said (S10). */
  #compareLease(session: ModelSession, inputAt: number | undefined): void {
    same(inputAt !== undefined, this.model.leaseRuns(session), `whether ${session.name} has a lease`);
    if (inputAt === undefined) return;
    if (session.inputIsVague) {
      if (this.model.now === session.leaseEndsAt) return;
      expect(inputAt, `the last input of ${session.name}`).to.be.at.most(session.inputAt);
      session.inputAt = inputAt;
      session.inputIsVague = false;
    }
    same(inputAt, session.inputAt, `the last input of ${session.name}`);
  }

  #storedFacts(stored: Readonly<Record<string, string>>): object {
    const sockets = Object.entries(stored).flatMap(([field, value]) =>
      field.startsWith('at:') ? [`${field.slice(3)} ${value.split('|')[0]}`] : [],
    );
    const common = { state: stored['state'], attach: Number(stored['attach']), sockets: sockets.toSorted() };
    if (stored['state'] !== 'ended') {
      const order = stored['deadlineOrder'] ?? '';
      return { ...common, order: this.nameOf(order), deadlineAt: Number(stored['deadlineAt']) };
    }
    return {
      ...common,
      endedAt: Number(stored['endedAt']),
      reason: stored['reason'],
      order: this.nameOf(stored['orderId']),
      verified: stored['verified'] === undefined ? 'open' : stored['verified'] === '1',
    };
  }

  /** An answer in which ids are names; which field comes first in it is nobody's affair. */
  #named(answer: Answer): unknown {
    const text = JSON.stringify(answer, (key, value: unknown) =>
      key === 'orderId' ? this.nameOf(value) : value,
    );
    return JSON.parse(text) as unknown;
  }
}

const pick = ({
  state,
  deliveredAt,
  seenAt,
  savedAt,
  endedAt,
  outcome,
  verified,
}: {
  readonly state: string;
  readonly deliveredAt?: number;
  readonly seenAt?: number;
  readonly savedAt?: number;
  readonly endedAt?: number;
  readonly outcome?: string;
  readonly verified?: boolean;
}): object => ({ state, deliveredAt, seenAt, savedAt, endedAt, outcome, verified });

/** Records as texts. In which order locks pass on within one script is nobody's affair. */
function inOrder(records: readonly Brief[]): string[] {
  const texts = records.map(textOf);
  return records.some(({ type }) => type.startsWith('lock.')) ? texts.toSorted() : texts;
}

/** Equal; looked at the quick way, since it is done millions of times, and told as usual where it is not. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new AssertionError(
    `${what}: ${inspect(actual, SHOW)}, but the model says ${inspect(expected, SHOW)}`,
  );
}
