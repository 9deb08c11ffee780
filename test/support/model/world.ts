import { answered, type Bench, type Command } from './bench.js';
import type { Answer } from './clients.js';
import { isAlive, type ModelOrder, type ModelSession } from './facts.js';
import {
  actor,
  at,
  FIRST_SOCKET,
  hashOf,
  newOrder,
  newSession,
  pairOf,
  requestOf,
  type Seat,
  verdictOf,
  welcomed,
} from './said.js';
import type { Step, StepOf } from './steps.js';

const FAR_MS = 30 * 86_400_000;
/** Whatever is open is over within this many looks of a second each. */
const MOST_LOOKS = 200;

type Deeds = { readonly [D in Step['do']]: (step: StepOf<D>) => Promise<unknown> };

/** Sessions and orders of one tenant, and what happens to them. */
export class World {
  readonly bench: Bench;
  readonly #seats: Seat[] = [];
  readonly #openings = new Map<ModelSession, (string | number)[]>();
  readonly #creations = new Map<ModelOrder, string[]>();

  constructor(bench: Bench) {
    this.bench = bench;
  }

  /** Does the steps, then lets every time be over. */
  async run(todo: readonly Step[]): Promise<void> {
    await this.begin();
    for (const one of todo) await this.do(one);
    await this.finish();
  }

  async begin(): Promise<void> {
    await this.bench.begin();
    for (const user of ['ada', 'grace', 'root'] as const) {
      await this.#deeds.open({ do: 'open', user, app: 'web', node: this.#seats.length, fresh: true });
    }
  }

  async do(step: Step): Promise<void> {
    await (this.#deeds[step.do] as (step: Step) => Promise<unknown>)(step);
  }

  /** Lets every time be over. */
  async finish(): Promise<void> {
    for (let looks = 0; this.#isOpen(); looks += 1) {
      if (looks === MOST_LOOKS) throw new Error('what was begun does not come to its end');
      await this.#tick(1_000);
    }
    await this.bench.compareAll();
  }

  readonly #deeds: Deeds = {
    open: ({ user, app, node, fresh }) => this.#open(user, app, node, fresh),
    beat: ({ seat, idleMs, stale }) =>
      this.#with(seat, (found) => this.#beat(found, stale ? found.attach - 1 : found.attach, idleMs)),
    beats: async ({ idleMs }) => {
      for (const seat of this.#newest()) await this.#beat(seat, seat.attach, idleMs);
    },
    activity: async ({ seat }) => {
      const found = at(this.#newest(), seat);
      if (!found) return;
      const { session, attach } = found;
      const args = [session.id, attach, '{"idleMs":0}'];
      await this.#say('session_state', args, () => this.#model.activity(session));
    },
    tick: ({ ms }) => this.#tick(ms),
    silence: async ({ ms }) => {
      await this.bench.pass(ms);
      await this.#tick(0);
    },
    drop: ({ seat }) => this.#with(seat, (found) => this.#drop(found)),
    resume: async ({ session, node, wrong, fresh }) => {
      const away = this.#model.living.filter((one) => !this.#linked().some((seat) => seat.session === one));
      const over = this.#model.sessions.filter(({ ended }) => ended);
      const found = at([...away, ...over.slice(-2)], session);
      if (found) await this.#resume(found, node, !wrong, fresh);
    },
    tab: ({ seat, node }) => this.#with(seat, (found) => this.#resume(found.session, node, true, true)),
    abandon: ({ seat }) =>
      this.#with(seat, async (found) => {
        found.linked = false;
        const { session, attach } = found;
        const args = [session.id, `${session.name}.${attach}`, this.bench.live()];
        await this.#say('session_abandon', args, () => this.#model.abandon(session, attach));
      }),
    signOut: ({ seat }) =>
      this.#with(seat, async ({ session }) => {
        const args = [session.id, 'user', '{"kind":"user"}', '', this.bench.live()];
        await this.#say('session_end', args, () => this.#model.signOut(session));
      }),
    report: async ({ session, socket, answered: hasAnswered }) => {
      const found = at(
        this.#seats.filter((seat) => seat.session.ended && seat.session.sockets.has(seat.attach)),
        session + socket,
      );
      if (found) await this.#report(found, hasAnswered);
    },
    restart: async ({ node }) => {
      const found = at(
        this.bench.nodes.filter(({ diedAt }) => diedAt === undefined),
        node,
      );
      if (!found) return;
      found.diedAt = this.#model.now;
      this.bench.nodes.push({ id: `n${this.bench.nodes.length + 1}` });
      for (const seat of this.#seats) if (seat.node === found.id) seat.linked = false;
    },
    flush: () => this.bench.driver.commands.script('FLUSH'),
    again: ({ what, which }) => this.#again(what, which),
    order: (wanted) => this.#order(wanted),
    ack: async ({ session, order, state }) => {
      const pair = pairOf(this.#model.orders, session, order);
      if (!pair) return;
      const args = [pair.session.id, pair.order.id, state, '', this.bench.live()];
      await this.#say('order_ack', args, () => this.#model.ack(pair.session, pair.order, state));
    },
    delivered: async ({ order }) => {
      const found = at(this.#model.orders.slice(-3), order);
      if (!found) return;
      const to = [...found.receipts.keys()].filter((_, i) => (i + order) % 3 > 0);
      await this.#say('order_delivered', [found.id, ...to.map(({ id }) => id)], () =>
        this.#model.delivered(found, to),
      );
    },
    extend: async ({ session, order, ms }) => {
      const pair = pairOf(this.#model.orders, session, order);
      if (!pair) return;
      await this.#say('order_extend', [pair.session.id, pair.order.id, ms], () =>
        this.#model.extend(pair.session, pair.order, ms),
      );
    },
    cancel: async ({ order, admin }) => {
      const found = at(this.#model.orders.slice(-3), order);
      if (found) await this.#say('order_cancel', [found.id, actor(admin)], () => this.#model.cancel(found));
    },
  };

  get #model() {
    return this.bench.model;
  }

  /** Sessions whose client is connected by their newest socket. */
  get present(): ModelSession[] {
    return this.#newest().map(({ session }) => session);
  }

  #newest(): Seat[] {
    return this.#linked().filter(({ session, attach }) => session.attach === attach);
  }

  async #with(seat: number, does: (found: Seat) => Promise<void>): Promise<void> {
    const found = at(this.#linked(), seat);
    if (found) await does(found);
  }

  readonly #linked = (): Seat[] => this.#seats.filter(({ linked }) => linked);

  #isOpen(): boolean {
    const { sessions, orders } = this.#model;
    return sessions.some(({ ended, verified }) => !ended || verified === undefined) || orders.some(isAlive);
  }

  /** Some time passes, and a verb is run whose answer is compared as it is. */
  async #say(
    verb: Parameters<Bench['store']['run']>[0],
    args: readonly (string | number)[],
    predict: Command['predict'],
    read: (answer: object) => object = (answer) => answer,
  ): Promise<Answer> {
    await this.bench.pass(0);
    const { store, tenant } = this.bench;
    const run = async (): Promise<Answer> => {
      const answer = await answered(store.run(verb, tenant, args));
      return typeof answer === 'string' ? answer : read(answer);
    };
    return await this.bench.compare({ run, predict });
  }

  /** A second broker looks at the same instant: it finds nothing left to do. */
  async #tick(ms: number): Promise<void> {
    await this.bench.pass(ms);
    await this.bench.compare({
      run: () => this.bench.sweep(),
      predict: (observed) => {
        this.#model.sweep(observed);
        return {};
      },
    });
    for (const seat of this.#seats) if (seat.session.ended && seat.session.verified) seat.linked = false;
  }

  async #open(user: string, app: string, place: number, fresh: boolean): Promise<void> {
    const { id, name } = this.bench.newId('s');
    await this.bench.pass(0);
    const node = this.#node(place);
    const { now } = this.#model;
    const issuedAt = fresh ? now : now - 60_000;
    const session = newSession({ name, id, user, app, now });
    const who = { uid: user, name: user, roles: session.roles, app: { name: app }, address: '192.0.2.1' };
    const proof = [id, node, hashOf(id), now + FAR_MS, issuedAt, JSON.stringify(who)];
    const args = [...proof, FIRST_SOCKET, `${name}.${FIRST_SOCKET}`];
    const answer = await this.#say(
      'session_open',
      args,
      () => this.#model.open(session, node, issuedAt),
      welcomed,
    );
    if (typeof answer === 'string') return;
    this.#openings.set(session, args);
    this.#seats.push({ session, attach: FIRST_SOCKET, node, linked: true });
  }

  async #resume(session: ModelSession, place: number, key: boolean, fresh: boolean): Promise<void> {
    const node = this.#node(place);
    const { now } = this.#model;
    const attach = Math.max(session.attach + 1, now);
    const issuedAt = fresh ? now : now - 60_000;
    const proof = [session.id, node, key ? hashOf(session.id) : hashOf('?'), now + FAR_MS];
    const person = [session.user, '192.0.2.1', session.user, JSON.stringify(session.roles)];
    const args = [...proof, ...person, `${session.name}.${attach}`, issuedAt];
    const predict = (): Answer => this.#model.resume(session, node, { key, issuedAt });
    const answer = await this.#say('session_resume', args, predict, welcomed);
    if (typeof answer !== 'string') this.#seats.push({ session, attach, node, linked: true });
  }

  #node(place: number): string {
    const alive = this.bench.nodes.filter(({ diedAt }) => diedAt === undefined);
    return (at(alive, place) as { id: string }).id;
  }

  async #beat({ session, node }: Seat, attach: number, idleMs: number): Promise<void> {
    await this.bench.pass(0);
    const { store, tenant } = this.bench;
    const run = async (): Promise<Answer> => {
      const [, , , place, why] = await store.beat(tenant, [node, `${session.id} ${attach} ${idleMs}\n`]);
      if (place === undefined) return {};
      if (why !== 0) return 'superseded';
      const args = [session.id, node, attach, idleMs, '', '', ''];
      return verdictOf(await store.run('session_revive', tenant, args));
    };
    await this.bench.compare({ run, predict: () => this.#model.beat(session, attach, idleMs) });
  }

  async #drop(seat: Seat): Promise<void> {
    seat.linked = false;
    const { session, attach } = seat;
    const answer = await this.#say('session_state', [session.id, attach, '{"detached":true}'], () =>
      this.#model.detach(session, attach),
    );
    if (answer === 'session_ended') await this.#report(seat, false);
  }

  async #report(seat: Seat, hasAnswered: boolean): Promise<void> {
    seat.linked = false;
    const { session, attach } = seat;
    await this.#say('session_report', [this.bench.live(), session.id, attach, hasAnswered ? '1' : '0'], () =>
      this.#model.report(session, attach, hasAnswered),
    );
  }

  async #again(what: 'open' | 'order' | 'step', which: number): Promise<void> {
    if (what === 'open') {
      const found = at([...this.#openings], which);
      if (!found) return;
      const [session, args] = found;
      await this.#say('session_open', args, () => this.#model.openAgain(session, FIRST_SOCKET), welcomed);
      return;
    }
    const found = at([...this.#creations], which);
    if (!found) return;
    const [order, args] = found;
    if (what === 'order') await this.#say('order_create', args, () => 'conflict');
    else await this.#say('order_step', [order.id], () => ({ more: false }));
  }

  async #order(wanted: StepOf<'order'>): Promise<void> {
    const { id, name } = this.bench.newId('o');
    await this.bench.pass(0);
    const sessions = [wanted.one, wanted.other].flatMap((place) => at(this.#model.living, place)?.id ?? []);
    const request = requestOf(wanted, sessions);
    const order = newOrder({ id, name, request, issuer: wanted.admin, now: this.#model.now });
    const args = [id, JSON.stringify(request), actor(wanted.admin), wanted.admin];
    await this.#say('order_create', args, (observed) => {
      const targeted = observed.find(({ about = '' }) => about.startsWith('targeted '));
      return this.#model.create(order, new Set(targeted?.about?.slice('targeted '.length).split(',')));
    });
    this.#creations.set(order, args);
  }
}
