import { mkdirSync, writeFileSync } from 'node:fs';
import { DEFAULT_POLICY, type Policy, type PolicySettings } from '@lastcall/shared';
import { TestAdmin } from '../support/admin.js';
import { freshTenant, TestClient } from '../support/broker.js';
import { Cleanups } from '../support/faults.js';
import { ApiClient } from '../support/http.js';
import { Random } from '../support/random.js';
import { ROOT } from '../support/sources.js';
import { waitUntil } from '../support/wait.js';
import { Administrator } from './administrator.js';
import { Guard, Hands, insist, Neighbours, People } from './crowd.js';
import type { Evidence } from './evidence.js';
import { gather } from './gather.js';
import { INVARIANTS } from './invariants.js';
import { openDescriptors } from './limits.js';
import type { Nemesis, Stage } from './stage.js';
import type { World } from './world.js';

/** What people have to live with in a run; times as short as they may be. */
const POLICY: Partial<PolicySettings> = {
  beatMs: 1_000,
  idleAfterMs: 1_000,
  idleLogoffMs: 5_000,
  idleWarnMs: 2_000,
  holdMs: 1_000,
  flushMs: 500,
  takeoverMs: 1_000,
};
/** `KEEP=1`: also of a run in which nothing was wrong. */
const KEEPS = process.env['KEEP'] === '1';
const LEASE_MS = 5_000;
/** Brokers find the new primary one after the other: a lease is longer than that takes. */
const FAIL_OVER_LEASE_MS = 10_000;
/** A run is at most so many times as long as it was to be. */
const MOST_TIMES = 3;
const PROCESSES = 2;
const MARKED = 6;
const COME_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 50;

export interface Settings {
  readonly seed: number;
  /** How long harm is done, and how long all is quiet before anybody looks, in milliseconds. */
  readonly faultMs: number;
  readonly quietMs: number;
  /** How many people with the SDK, in two processes, and how many by hand. */
  readonly people: number;
  readonly hands: number;
  /** So many orders, and half as many called off, are given before harm ends. */
  readonly orders: number;
}

export interface Outcome {
  readonly seed: number;
  readonly nemeses: readonly string[];
  readonly sessions: number;
  readonly operations: number;
  readonly records: number;
  /** Each with the number of its invariant before it. */
  readonly violations: readonly string[];
}

/** What is known of a run in which something was wrong goes into a file. */
function keep({ seed, nemeses, violations }: Outcome, { secrets: _secrets, ...evidence }: Evidence): void {
  const folder = `${ROOT}.histories`;
  mkdirSync(folder, { recursive: true });
  const sets = {
    opened: [...evidence.opened],
    left: [...evidence.left],
    endedSince: [...evidence.endedSince],
  };
  const text = JSON.stringify({ violations, ...evidence, ...sets, foreign: [] });
  writeFileSync(`${folder}/faults-${nemeses.join('-')}-${seed}.jsonl`, text);
}

/** Everybody and everything of one run. */
export class Run {
  readonly world: World;
  readonly nemeses: readonly Nemesis[];
  readonly settings: Settings;
  readonly tenant = freshTenant();
  readonly random: Random;
  readonly guard = new Guard();
  readonly breakdowns: string[] = [];
  readonly neighbours: Neighbours;
  /** People by hand whose keys are known, and an administrator's page of their tenant. */
  readonly marked: TestClient[] = [];
  readonly tokens: string[] = [];
  /** Of those, sessions whose heartbeat was taken when they were over. */
  readonly revived: string[] = [];
  readonly before: readonly number[];
  people: readonly People[] = [];
  pages: readonly TestAdmin[] = [];
  hands!: Hands;
  administrator!: Administrator;
  lateMs = 0;
  readonly leaseMs: number;
  readonly #cleanups = new Cleanups();

  constructor(world: World, nemeses: readonly Nemesis[], settings: Settings) {
    this.world = world;
    this.nemeses = nemeses;
    this.settings = settings;
    this.random = new Random(settings.seed);
    this.leaseMs = world.topology === 'sentinel' ? FAIL_OVER_LEASE_MS : LEASE_MS;
    this.neighbours = new Neighbours(world, freshTenant());
    this.before = world.nodes.map(({ broker }) => openDescriptors(broker.pid));
  }

  get seed(): number {
    return this.settings.seed;
  }

  /** Carries one run out, from the first person to the last look. */
  static async of(world: World, nemeses: readonly Nemesis[], settings: Settings): Promise<Outcome> {
    const run = new Run(world, nemeses, settings);
    try {
      await run.#come();
      await run.#suffer();
      await run.#rest();
      const evidence = await gather(run);
      const outcome = run.#outcome(evidence);
      if (outcome.violations.length > 0 || KEEPS) keep(outcome, evidence);
      return outcome;
    } finally {
      world.heal();
      await run.#cleanups.run();
    }
  }

  async #come(): Promise<void> {
    const { world, tenant, settings, guard, random } = this;
    this.#watchTime();
    const [{ broker }] = world.nodes as [World['nodes'][number]];
    const token = await broker.token(tenant, `${tenant}-root`, ['admin']);
    const api = new ApiClient(broker.url, token);
    const { version } = await api.does<Policy>('policy.get', { params: { tenant } });
    const body = { ...DEFAULT_POLICY, ...POLICY, leaseMs: this.leaseMs };
    const changed = { headers: { 'If-Match': `"${version}"` }, body };
    await api.does<Policy>('policy.set', { params: { tenant }, ...changed });
    const share = Math.ceil(settings.people / PROCESSES);
    this.people = Array.from({ length: PROCESSES }, (_, i) => {
      const names = Array.from({ length: share }, (_unused, k) => `${tenant}-person-${i * share + k}`);
      return new People({ url: world.url, tenant, names, seed: random.within(1, 1e9) }, guard);
    });
    for (const people of this.people) this.#cleanups.add(() => people.kill());
    this.hands = await Hands.of(world, tenant, settings.hands, random.within(1, 1e9));
    for (let i = 0; i < MARKED; i += 1) {
      this.tokens.push(await broker.token(tenant, `${tenant}-marked-${i}`));
      const client = new TestClient(world.url, { token: this.tokens.at(-1) ?? '' });
      insist(client, (sessionId) => this.revived.push(sessionId));
      this.marked.push(client);
    }
    this.pages = [new TestAdmin(world.url, { token })];
    await this.neighbours.come();
    this.#cleanups.add(() => this.neighbours.go());
    this.#cleanups.add(() => [...this.marked, ...this.pages].forEach(({ socket }) => socket.disconnect()));
    this.tokens.push(token);
    const otherToken = await broker.token(tenant, `${tenant}-nobody`);
    const sessions = (): readonly string[] => this.#live();
    this.administrator = new Administrator({
      url: world.apiUrl,
      tenant,
      random,
      token,
      otherToken,
      sessions,
    });
    this.hands.begin();
    const here = (): number => this.people.reduce((sum, { sessions: known }) => sum + known.size, 0);
    await waitUntil(() => here() >= settings.people, 'everybody to come', COME_LIMIT_MS);
    this.administrator.begin();
  }

  /** Sessions that may be alive, as far as anybody told. */
  #live(): readonly string[] {
    const theirs = this.people.flatMap(({ sessions, ended, left }) => {
      const over = new Set(ended.map(({ sessionId }) => sessionId));
      return [...sessions.keys()].filter((id) => !over.has(id) && !left.has(id));
    });
    const marked = this.marked.flatMap((client) => client.last('welcome')?.sessionId ?? []);
    return [...theirs, ...marked];
  }

  /** Orders that somebody was told of, and of those called off. */
  get #happened(): number {
    const { given } = this.administrator;
    const called = given.filter(({ cancelled }) => cancelled === 'yes' || cancelled === 'no');
    return Math.min(given.length, 2 * called.length);
  }

  async #suffer(): Promise<void> {
    const { world, people, random, settings } = this;
    const from = performance.now();
    const goesOn = (): boolean => {
      const passedMs = performance.now() - from;
      if (passedMs < settings.faultMs) return true;
      // On a machine that is short of time it takes longer until enough has happened.
      return this.#happened < settings.orders && passedMs < settings.faultMs * MOST_TIMES;
    };
    const pass = async (ms: number): Promise<boolean> => {
      const at = performance.now() + ms;
      await waitUntil(() => performance.now() >= at || !goesOn(), 'the time to pass', ms + 5_000);
      return goesOn();
    };
    const stage: Stage = { world, people, random, pass };
    const strike = async (nemesis: Nemesis): Promise<void> => {
      try {
        await nemesis.strike(stage);
      } catch (error) {
        this.breakdowns.push(`${nemesis.id}: ${String(error)}`);
      }
    };
    await Promise.all([pass(settings.faultMs * MOST_TIMES), ...this.nemeses.map(strike)]);
    world.heal();
  }

  async #rest(): Promise<void> {
    for (const people of this.people) people.rest();
    await Promise.all([this.hands.rest(), this.administrator.rest()]);
    const from = performance.now();
    const { quietMs } = this.settings;
    await waitUntil(() => performance.now() - from >= quietMs, 'the quiet', quietMs + 5_000);
    for (const [i, { broker }] of this.world.nodes.entries()) {
      if (!broker.isRunning) this.breakdowns.push(`broker ${i} ended by itself: ${broker.complaints}`);
    }
    for (const { isRunning, complaints } of this.people) {
      if (!isRunning) this.breakdowns.push(`a process of people ended by itself: ${complaints}`);
    }
    this.breakdowns.push(...this.hands.failures);
  }

  /** How long this process, where all links are, could not do anything. */
  #watchTime(): void {
    let before = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      this.lateMs = Math.max(this.lateMs, now - before - LOOK_EVERY_MS);
      before = now;
    }, LOOK_EVERY_MS);
    this.#cleanups.add(() => clearInterval(timer));
  }

  #outcome(evidence: Evidence): Outcome {
    const violations = INVARIANTS.flatMap(({ id, check }) => check(evidence).map((line) => `${id}: ${line}`));
    return {
      seed: this.settings.seed,
      nemeses: this.nemeses.map(({ id }) => id),
      sessions: evidence.records.filter(({ type }) => type === 'session.opened').length,
      operations: evidence.ops.length + evidence.handOps.length + evidence.writes.length,
      records: evidence.records.length,
      violations,
    };
  }
}
