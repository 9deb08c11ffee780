import { LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import { listOf } from 'lastcall/internal/redis/store.js';
import { Bench, same } from './bench.js';
import type { Answer } from './clients.js';
import { type ModelSession, POLICY } from './facts.js';
import type { Hold, Link, Told, Want } from './held.js';
import { LockModel } from './lock-clients.js';
import { type AnyStep, type LockScript, type LockStep, type LockStepOf, RESOURCES } from './lock-steps.js';
import { leftOf, type Observation } from './observe.js';
import type { Trial, VirtualTime } from './runner.js';
import { at } from './said.js';
import { World } from './world.js';

type Verb = Parameters<Bench['store']['run']>[0];
type Args = readonly (string | number)[];
type Deeds = { readonly [D in LockStep['do']]: (step: LockStepOf<D>) => Promise<unknown> };

/** What asks for locks says over which socket. */
const ASKING: ReadonlySet<Verb> = new Set([
  'lock_acquire',
  'lock_acquire_many',
  'lock_upgrade',
  'lock_takeover',
]);

/** Holders and queues are compared too, and that fences only grow (P2). */
class LockBench extends Bench<LockModel> {
  #fence = 0;

  protected override get resources(): readonly string[] {
    return RESOURCES;
  }

  protected override compareMore(observed: Observation): void {
    for (const { type, fence } of observed.records) {
      if (type !== 'lock.granted') continue;
      expect(Number(fence), 'a fence').to.be.above(this.#fence).and.at.most(Number.MAX_SAFE_INTEGER);
      this.#fence = Number(fence);
    }
    for (const resource of RESOURCES) {
      const holders = Object.entries(observed.locks(resource)).map(
        ([id, text]) => `${this.nameOf(id)} ${text.split('|').slice(0, 5).join('|')}`,
      );
      const expected = this.model.holds.flatMap((hold) => (hold.resource === resource ? [textOf(hold)] : []));
      same(holders.toSorted(), expected.toSorted(), `holders of ${resource}`);
      const queue = observed.queue(resource).map((member) => {
        const [id, requestId] = member.split(':');
        return `${this.nameOf(id)} ${requestId}`;
      });
      const line = this.model.waits
        .filter((wait) => wait.resource === resource)
        .toSorted((one, other) => one.ticket - other.ticket);
      same(
        queue,
        line.map(({ session, requestId }) => `${session.name} ${requestId}`),
        `queue for ${resource}`,
      );
    }
  }
}

const textOf = ({ session, mode, scope, fence, grantedAt, requestIds }: Hold): string =>
  `${session.name} ${[mode, scope, fence, grantedAt, requestIds.join()].join('|')}`;

/** Locks of one tenant, and what happens to them and to who holds them. */
class LockWorld {
  readonly bench: LockBench;
  readonly #world: World;
  readonly #said: { session: ModelSession; verb: Verb; args: Args; predict: () => Answer }[] = [];
  #requests = 0;

  constructor(bench: LockBench) {
    this.bench = bench;
    this.#world = new World(bench);
  }

  async run(todo: readonly AnyStep[]): Promise<void> {
    await this.#world.begin();
    for (const one of todo) {
      const deed = (this.#deeds as Record<string, ((step: AnyStep) => Promise<unknown>) | undefined>)[one.do];
      if (deed) await deed(one);
      else await this.#world.do(one as Exclude<AnyStep, LockStep>);
    }
    await this.#world.finish();
    await this.#expectNothingLeft();
  }

  readonly #deeds: Deeds = {
    acquire: async ({ session, want, waitMs }) => {
      const asker = at(this.#world.present, session);
      const id = this.#newRequest();
      if (asker) {
        await this.#ask(asker, 'lock_acquire', [...argsOf(want), waitMs, id, ''], () =>
          this.#model.acquire(asker, want, id, waitMs),
        );
      }
    },
    acquireMany: async ({ session, wants }) => {
      const asker = at(this.#world.present, session);
      const different = wants.filter((one, i) => wants.findIndex((w) => w.resource === one.resource) === i);
      const id = this.#newRequest();
      if (asker) {
        await this.#ask(asker, 'lock_acquire_many', [id, ...different.flatMap(argsOf)], () =>
          this.#model.acquireMany(asker, different, id),
        );
      }
    },
    release: async ({ session, which, wrong }) => {
      const hold = this.#holdOf(session, which);
      if (!hold) return;
      const fence = wrong ? '1' : hold.fence;
      await this.#ask(hold.session, 'lock_release', [hold.resource, fence], () =>
        this.#model.release(hold.session, hold.resource, fence),
      );
    },
    cancel: async ({ session, which }) => {
      const asker = at(this.#world.present, session);
      if (!asker) return;
      const waits = this.#model.waits.filter((wait) => wait.session === asker).map((wait) => wait.requestId);
      const holds = this.#model.holds.filter((hold) => hold.session === asker);
      const id = at([...waits, ...waits, ...holds.flatMap((hold) => hold.requestIds.slice(-1)), 'r0'], which);
      if (id) {
        await this.#ask(asker, 'lock_cancel', [id], () => this.#model.cancelRequest(asker, id));
      }
    },
    upgrade: async ({ session, which, waitMs, wrong }) => {
      const hold = this.#holdOf(session, which, 'shared') ?? this.#holdOf(session, which);
      if (!hold) return;
      const [id, fence] = [this.#newRequest(), wrong ? '1' : hold.fence];
      await this.#ask(hold.session, 'lock_upgrade', [hold.resource, fence, waitMs, id], () =>
        this.#model.upgrade(hold.session, hold.resource, fence, id, waitMs),
      );
    },
    takeover: async ({ session, resource, force, mayForce }) => {
      const asker = at(this.#world.present, session);
      // When the last input of a holder went with its lease nobody can say whether it is idle.
      const isVague = this.#model.holds.some(
        (hold) =>
          hold.resource === resource && (hold.session.inputIsVague || !this.#model.leaseRuns(hold.session)),
      );
      if (!asker || isVague) return;
      const id = this.#newRequest();
      const how = { force, mayForce };
      const args = [resource, force ? '1' : '0', '', id, mayForce ? '1' : '0'];
      await this.#ask(asker, 'lock_takeover', args, () => this.#model.takeover(asker, resource, id, how));
    },
    answer: async ({ holder, which, says }) => {
      const takeover = at(this.#model.takeovers, which);
      const who = at([...(takeover?.asked.keys() ?? []), ...this.#world.present.slice(0, 1)], holder);
      if (!takeover || !who) return;
      const { requestId } = takeover.wait;
      await this.#ask(who, 'lock_answer', [requestId, says], () => this.#model.answer(who, requestId, says));
    },
    /** An answer was lost: the same request comes once more (L5). */
    repeat: async ({ which, late }) => {
      const said = at(this.#said.slice(-12), which);
      if (!said || said.session.ended) return;
      const { session, verb, args, predict } = said;
      if (late && ASKING.has(verb)) await this.#sayLate(session, verb, args);
      else await this.#ask(session, verb, args, predict);
    },
    check: async ({ which, resource }) => {
      const hold = at(this.#model.holds, which);
      if (!hold) return;
      await this.#say('lock_check', [resource, hold.fence, ''], () =>
        this.#model.check(resource, hold.fence),
      );
    },
    break: async ({ resource }) => {
      await this.#say('lock_break', [resource, 'test', '{"kind":"admin"}'], () =>
        this.#model.break(resource),
      );
    },
  };

  get #model(): LockModel {
    return this.bench.model;
  }

  #newRequest(): string {
    this.#requests += 1;
    return `r${this.#requests}`;
  }

  #holdOf(session: number, which: number, mode?: Want['mode']): Hold | undefined {
    const present = this.#world.present;
    const own = this.#model.holds.filter(
      (hold) => present.includes(hold.session) && (mode === undefined || hold.mode === mode),
    );
    return at(own, session + which);
  }

  async #ask(session: ModelSession, verb: Verb, rest: Args, predict: () => Answer): Promise<void> {
    if (verb !== 'lock_cancel' && verb !== 'lock_answer') {
      this.#said.push({ session, verb, args: rest, predict });
    }
    const over = ASKING.has(verb) ? [session.attach] : [];
    await this.#say(verb, [session.id, ...rest, ...over], predict);
  }

  /** It was said over the socket before this one, by a node that stood still (S3). */
  async #sayLate(session: ModelSession, verb: Verb, rest: Args): Promise<void> {
    await this.#say(verb, [session.id, ...rest, session.attach - 1], () =>
      session.ended ? 'session_ended' : 'superseded',
    );
  }

  async #say(verb: Verb, args: Args, predict: () => Answer): Promise<void> {
    await this.bench.pass(0);
    let told: Answer = {};
    await this.bench.compare({
      run: async () => {
        told = await this.#answered(verb, args);
        this.#model.told = typeof told === 'object' && 'cycle' in told ? (told.cycle as Link[]) : undefined;
        return told;
      },
      predict: () => {
        const expected = predict();
        // Behind an older request alone: which of those it is told of, and so who stands in its way, is open.
        const isOpen =
          typeof expected === 'object' && 'blockers' in expected && expected.blockers === undefined;
        return isOpen && typeof told === 'object' && 'blockers' in told
          ? { ...expected, blockers: told.blockers }
          : expected;
      },
    });
  }

  /** What a verb answers, as far as it is the model's. */
  async #answered(verb: Verb, args: Args): Promise<Answer> {
    const answer = await this.bench.store.run<Told>(verb, this.bench.tenant, args).catch((error: unknown) => {
      if (error instanceof LastcallError) return { code: error.code, ...error.extras };
      throw error;
    });
    if (answer.code === 'locked') return { code: 'locked', blockers: this.#namesOf(answer) };
    if (answer.code === 'deadlock') {
      const link = ({ sessionId, resource }: { sessionId: string; resource: string }): Link => ({
        session: this.bench.nameOf(sessionId),
        resource,
      });
      return { code: 'deadlock', cycle: listOf(answer.cycle).map(link) };
    }
    if (answer.code !== undefined) return answer.code;
    if (answer.state === 'queued') {
      const { state, requestId, position } = answer;
      return { state, requestId, position, blockers: this.#namesOf(answer) };
    }
    if (answer.broken) return { broken: answer.broken.map(this.bench.nameOf).toSorted(), more: answer.more };
    if (answer.locks) return { locks: listOf(answer.locks) };
    if (verb === 'lock_check') return { valid: answer.valid };
    return answer;
  }

  /** Who stands in the way, where that is a lock and not the place in line of a request. */
  #namesOf({ blockers }: Told): readonly string[] {
    return listOf(blockers)
      .map(
        ({ sessionId, resource, mode, scope }) =>
          `${this.bench.nameOf(sessionId)} ${resource} ${mode} ${scope}`,
      )
      .toSorted();
  }

  /** When everybody is gone nothing is left of any lock: no mark, no place, no count. */
  async #expectNothingLeft(): Promise<void> {
    for (let looks = 0; looks < 4; looks += 1) await this.#world.do({ do: 'tick', ms: 1_000 });
    const { driver, tenant } = this.bench;
    const keys = (kinds: readonly string[], names: readonly string[]): string[] =>
      kinds.flatMap((kind) => names.map((name) => `${kind}:${name}`));
    const ofResources = keys(['lock', 'waiters', 'marks', 'under', 'takeover'], RESOURCES);
    const sids = this.#model.sessions.map(({ id }) => id);
    const ofSessions = keys(['held', 'waits', 'done', 'doned'], sids);
    const left = await leftOf(driver, tenant, ['locks', ...ofResources, ...ofSessions]);
    same(left, [], 'what is left of locks');
    await this.bench.compareAll();
  }
}

const argsOf = ({ resource, mode, scope }: Want): string[] => [resource, mode, scope];

/** Makes worlds of locks, each under a policy of its own. */
export function lockTrials(time: VirtualTime): (world: LockScript) => Trial {
  return ({ settings, todo }) => {
    const bench = new LockBench(time, new LockModel(settings), { ...POLICY, ...settings });
    return {
      run: async () => {
        await new LockWorld(bench).run(todo);
        time.driver.leave(bench.tenant);
      },
      get commands() {
        return bench.commands;
      },
    };
  };
}
