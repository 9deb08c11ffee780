import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Order, OrderRequest } from '@lastcall/shared';
import { ROUTES, type RouteId } from 'lastcall/internal/schema/index.js';
import { pathOf } from '../support/http.js';
import type { Random } from '../support/random.js';

const ASK_MS = 2_000;
const AGAIN_MS = 100;
/** So often the same request is sent again until there is an answer. */
const ATTEMPTS = 60;
/** As many of them work at the same time. */
const AT_ONCE = 3;
const GRACES_MS = [0, 300, 1_000, 2_500];

/** An order as its giver knows it: what was asked under one Idempotency-Key, and what was answered each time. */
export interface Given {
  readonly key: string;
  /** In its message, and in no other's. */
  readonly tag: string;
  readonly request: OrderRequest;
  readonly answers: { readonly status: number; readonly id?: string }[];
  cancelled?: 'yes' | 'no' | 'unknown';
}

/** What somebody tried who may not, and what was said. */
export interface Attempt {
  readonly tag: string;
  readonly status: number;
}

export interface AdministratorOptions {
  readonly url: string;
  readonly tenant: string;
  readonly random: Random;
  readonly token: string;
  /** Of somebody who is no administrator. */
  readonly otherToken: string;
  readonly sessions: () => readonly string[];
}

interface Answered {
  readonly status: number;
  readonly body: unknown;
}

/** Gives orders, calls some of them off, breaks locks, whatever goes wrong meanwhile. */
export class Administrator {
  readonly given: Given[] = [];
  readonly attempts: Attempt[] = [];
  readonly #options: AdministratorOptions;
  #isOver = false;
  #work: Promise<unknown> = Promise.resolve();
  readonly #cancelling: Promise<void>[] = [];

  constructor(options: AdministratorOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#work = Promise.all(Array.from({ length: AT_ONCE }, () => this.#repeat()));
  }

  async rest(): Promise<void> {
    this.#isOver = true;
    await this.#work;
    await Promise.all(this.#cancelling);
  }

  async #repeat(): Promise<void> {
    const { random } = this.#options;
    while (!this.#isOver) {
      const kind = random.next();
      if (kind < 0.6) await this.#order();
      else if (kind < 0.7) await this.#break();
      else if (kind < 0.8) await this.#attempt();
      await delay(random.within(50, 250));
    }
  }

  async #order(): Promise<void> {
    const { random, sessions } = this.#options;
    const live = sessions();
    if (live.length === 0) return;
    const tag = `order-${randomUUID()}`;
    const graceMs = random.pick(GRACES_MS);
    const request: OrderRequest = {
      action: random.next() < 0.75 ? 'logoff' : 'warn',
      target: { sessions: Array.from({ length: random.within(1, 3) }, () => random.pick(live)) },
      message: `Please save. ${tag}`,
      reason: 'admin',
      graceMs,
      holdMs: random.pick([0, 1_000]),
    };
    const given: Given = { key: randomUUID(), tag, request, answers: [] };
    this.given.push(given);
    const id = await this.#insist(given);
    if (id !== undefined && random.next() < 0.5) {
      // Some at the last moment, and some when it is too late.
      const inMs = random.next() < 0.6 ? graceMs + random.within(-60, 400) : random.within(0, graceMs);
      this.#cancelling.push(this.#cancel(given, id, Math.max(0, inMs)));
    }
  }

  /** Until there is an answer; now and then once more after that, which must say the same. */
  async #insist(given: Given): Promise<string | undefined> {
    const { random, tenant } = this.#options;
    let id: string | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const headers = { 'Idempotency-Key': given.key };
      const answered = await this.#ask('orders.create', { tenant }, given.request, headers);
      if (answered) {
        const { status, body } = answered;
        const isGiven = status === 201;
        given.answers.push({ status, ...(isGiven ? { id: (body as Order).id } : {}) });
        if (isGiven) id = (body as Order).id;
        if (status < 500 && (id === undefined || random.next() < 0.7)) return id;
      }
      await delay(AGAIN_MS);
    }
    return id;
  }

  async #cancel(given: Given, id: string, inMs: number): Promise<void> {
    const { tenant } = this.#options;
    await delay(inMs);
    let isAsked = false;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const answered = await this.#ask('orders.cancel', { tenant, id });
      if (answered && answered.status < 300) given.cancelled = 'yes';
      // After a request without an answer a refusal does not tell which of them was first.
      else if (answered?.status === 409 && !isAsked) given.cancelled = 'no';
      else if (answered && answered.status < 500) given.cancelled = 'unknown';
      if (given.cancelled) return;
      isAsked = true;
      await delay(AGAIN_MS);
    }
    given.cancelled = 'unknown';
  }

  async #break(): Promise<void> {
    const { random, tenant } = this.#options;
    const resource = `invoices/${random.within(0, 29)}`;
    await this.#ask('locks.break', { tenant }, { resource, reason: 'It is needed.' });
  }

  /** Somebody who is no administrator gives an order for everybody. */
  async #attempt(): Promise<void> {
    const { tenant, otherToken } = this.#options;
    const tag = `attempt-${randomUUID()}`;
    const body = { action: 'logoff', target: { all: true }, message: tag, reason: 'admin', graceMs: 0 };
    const answered = await this.#ask('orders.create', { tenant }, body, {}, otherToken);
    if (answered) this.attempts.push({ tag, status: answered.status });
  }

  /** Nothing without an answer. */
  async #ask(
    id: RouteId,
    params: Readonly<Record<string, string>>,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
    token = this.#options.token,
  ): Promise<Answered | undefined> {
    try {
      const response = await fetch(`${this.#options.url}${pathOf(id, params)}`, {
        method: ROUTES[id].method.toUpperCase(),
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
        signal: AbortSignal.timeout(ASK_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    } catch {
      return undefined;
    }
  }
}
