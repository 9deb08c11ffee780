import { setTimeout as delay } from 'node:timers/promises';
import { TestAdmin } from '../support/admin.js';
import { TestClient } from '../support/broker.js';
import type { Op } from '../support/histories/format.js';
import { nowNs } from '../support/histories/recorder.js';
import { MemoryTable } from '../support/histories/table.js';
import { User } from '../support/histories/user.js';
import { Child } from '../support/process.js';
import { Random } from '../support/random.js';
import { waitUntil } from '../support/wait.js';
import type {
  Ended,
  Frozen,
  Guarded,
  Look,
  PeopleCommand,
  PeopleReport,
  PeopleStart,
  Stopped,
} from './messages.js';
import type { World } from './world.js';

const LOOK_LIMIT_MS = 10_000;
const LEAVE_LIMIT_MS = 15_000;

/** People with the SDK in a process of their own, and what it reported. */
export class People {
  readonly ops: Op[] = [];
  readonly sessions = new Map<string, string>();
  readonly left = new Set<string>();
  readonly ended: Ended[] = [];
  readonly stopped: Stopped[] = [];
  readonly #child: Child;
  readonly #looks = new Map<number, { readonly looks: readonly Look[]; readonly lateMs: number }>();
  readonly #frozen: Omit<Frozen, 'sessionIds'>[] = [];
  #frozenAt = 0;
  #asked = 0;

  constructor(start: PeopleStart, guard: Guard) {
    const script = new URL('./people-process.js', import.meta.url).href;
    this.#child = new Child(script, JSON.stringify(start), {});
    this.#child.onReport((report) => this.#hear(report as PeopleReport, guard));
  }

  #hear(report: PeopleReport, guard: Guard): void {
    if (report.kind === 'write') guard.write(report);
    else if (report.kind === 'op') this.ops.push(report.op);
    else if (report.kind === 'session') this.sessions.set(report.sessionId, report.person);
    else if (report.kind === 'left') this.left.add(report.sessionId);
    else if (report.kind === 'ended') this.ended.push(report);
    else if (report.kind === 'stopped') this.stopped.push(report);
    else this.#looks.set(report.id, report);
  }

  pause(): void {
    this.#child.pause();
    this.#frozenAt = nowNs();
  }

  resume(): void {
    this.#frozen.push({ from: this.#frozenAt, to: nowNs() });
    this.#child.resume();
  }

  /** When they could do nothing. */
  get frozen(): readonly Frozen[] {
    const sessionIds = [...this.sessions.keys()];
    return this.#frozen.map((time) => ({ ...time, sessionIds }));
  }

  #tell(command: PeopleCommand): void {
    this.#child.tell(command);
  }

  rest(): void {
    this.#tell({ verb: 'rest' });
  }

  async look(): Promise<{ readonly looks: readonly Look[]; readonly lateMs: number }> {
    this.#asked += 1;
    const id = this.#asked;
    this.#tell({ verb: 'look', id });
    await waitUntil(() => this.#looks.has(id), 'people to say where they are', LOOK_LIMIT_MS);
    return this.#looks.get(id) ?? { looks: [], lateMs: 0 };
  }

  async leave(): Promise<void> {
    this.#tell({ verb: 'leave' });
    await waitUntil(() => !this.#child.isRunning, 'people to leave', LEAVE_LIMIT_MS);
  }

  async kill(): Promise<void> {
    await this.#child.signal('SIGKILL');
  }

  get isRunning(): boolean {
    return this.#child.isRunning;
  }

  get complaints(): string {
    return this.#child.complaints;
  }
}

/** Whoever keeps the application's resources: takes no write under a lower fence than it has seen. */
export class Guard {
  readonly writes: Guarded[] = [];
  readonly #highest = new Map<string, number>();

  write({ resource, sessionId, fence, at }: PeopleReport & { kind: 'write' }): void {
    const highest = this.#highest.get(resource) ?? 0;
    const isAccepted = fence >= highest;
    if (isAccepted) this.#highest.set(resource, fence);
    this.writes.push({ resource, sessionId, fence, at, isAccepted });
  }
}

/** Whoever is told of the end says to be there once more, before the answer. `took` hears of who was believed. */
export function insist(client: TestClient, took: (sessionId: string) => void): void {
  client.socket.prependAny((event: string, _payload: unknown, acknowledge?: () => void) => {
    if (event !== 'logoff') return;
    client.acknowledges = false;
    void client
      .call('heartbeat', { idleMs: 0 })
      .then((answer) => answer.ok && took(client.sessionId))
      .catch(() => undefined)
      .finally(() => acknowledge?.());
  });
}

const WAVE = 10;
const USER_STEPS = 5;
const USER_PAUSE_MS = 150;

/** Some who speak the protocol by hand, as the checkers of histories want it. */
export class Hands {
  readonly users: readonly User[];
  readonly failures: string[] = [];
  #isOver = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(users: readonly User[]) {
    this.users = users;
  }

  static async of(world: World, tenant: string, count: number, seed: number): Promise<Hands> {
    const users = [];
    const table = new MemoryTable();
    for (let i = 0; i < count; i += 1) {
      const name = `${tenant}-hand-${i}`;
      const token = await (world.nodes[0] as World['nodes'][number]).broker.token(tenant, name);
      users.push(new User({ name, url: world.url, token, tenant, table, random: new Random(seed + i) }));
    }
    return new Hands(users);
  }

  begin(): void {
    this.#work = Promise.all(this.users.map((user) => this.#repeat(user)));
  }

  async #repeat(user: User): Promise<void> {
    while (!this.#isOver) {
      await user.work(USER_STEPS).catch((error: unknown) => {
        this.failures.push(String(error));
        this.#isOver = true;
      });
      await delay(USER_PAUSE_MS);
    }
  }

  async rest(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  get ops(): readonly Op[] {
    return this.users.flatMap(({ recorder }) => recorder.ops);
  }
}

/** A tenant that has nothing to do with the others: a few clients, and an administrator who hears everything. */
export class Neighbours {
  readonly clients: TestClient[] = [];
  readonly admins: TestAdmin[] = [];
  readonly #world: World;
  readonly tenant: string;

  constructor(world: World, tenant: string) {
    this.#world = world;
    this.tenant = tenant;
  }

  /** Opens so many sessions, and an administrator's page. */
  async come(count = WAVE): Promise<void> {
    const [{ broker }] = this.#world.nodes as [World['nodes'][number]];
    for (let i = 0; i < count; i += 1) {
      const token = await broker.token(this.tenant, `${this.tenant}-neighbour-${i}`);
      this.clients.push(new TestClient(this.#world.url, { token }));
    }
    const token = await broker.token(this.tenant, `${this.tenant}-root`, ['admin']);
    this.admins.push(new TestAdmin(this.#world.url, { token }));
  }

  /** Everything they were ever told. */
  heard(): string {
    return JSON.stringify([...this.clients, ...this.admins].map(({ pushes }) => pushes));
  }

  go(): void {
    for (const { socket } of [...this.clients, ...this.admins]) socket.disconnect();
  }
}
