import type { Order, Receipt, Session } from '@lastcall/shared';
import { mintToken } from 'lastcall/internal/auth/index.js';
import { run } from 'lastcall/internal/cli/main.js';
import { SECRET } from './config.js';
import { type FakeApi, type Replies, type Seen, startFakeApi } from './fake-api.js';
import { type FakeTerminal, fakeTerminal } from './fake-terminal.js';

export const ORDER_ID = '01970000-0000-7000-8000-0000000000aa';
export const NOW = Date.now();

export function sessionId(n: number): string {
  return `01970000-0000-7000-8000-${String(n).padStart(12, '0')}`;
}

export function session(n: number, more: Partial<Session> = {}): Session {
  return {
    id: sessionId(n),
    state: 'active',
    user: { id: `user${n}`, name: `Person ${n}`, roles: ['user'] },
    app: { name: 'books', version: '1.2' },
    device: { label: 'Laptop' },
    address: '192.0.2.1',
    node: 'node-1',
    openedAt: NOW - 3_600_000,
    lastBeatAt: NOW - 5_000,
    lastInputAt: NOW - 65_000,
    dirty: n === 1,
    view: 'invoices/7',
    locks: n,
    ...more,
  };
}

export const COUNTS = {
  targeted: 2,
  delivered: 2,
  seen: 0,
  saving: 0,
  saved: 0,
  ended: 0,
  verified: 0,
  unverified: 0,
};

export function order(more: Partial<Order> = {}): Order {
  return {
    id: ORDER_ID,
    version: 1,
    state: 'pending',
    action: 'logoff',
    target: { all: true },
    message: 'Please save.',
    reason: 'admin',
    graceMs: 5_000,
    holdMs: 1_000,
    by: { kind: 'admin', id: 'root', name: 'Root' },
    createdAt: NOW,
    deadlineAt: NOW + 5_000,
    counts: COUNTS,
    ...more,
  };
}

export const OK = { ok: true };

export function receipt(n: number, more: Partial<Receipt> = {}): Receipt {
  return {
    sessionId: sessionId(n),
    user: { id: `user${n}`, name: `Person ${n}` },
    state: 'ended',
    outcome: 'clean',
    verified: true,
    checks: { registry: OK, sockets: OK, locks: OK, reentry: OK },
    ...more,
  };
}

export const DONE = order({ state: 'done', counts: { ...COUNTS, ended: 2, verified: 2 } });
export const FAILED = order({ state: 'done', counts: { ...COUNTS, ended: 2, verified: 1, unverified: 1 } });

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function outcomeOf(terminal: FakeTerminal, code: Promise<number>): Promise<Outcome> {
  return { code: await code, out: terminal.out(), err: terminal.err() };
}

/** Runs commands in this process, against an API that answers as told; one at a time. */
export class CliBench {
  #api: FakeApi | undefined;
  #token = '';

  /** Puts the bench up for the tests of a suite. */
  static use(): CliBench {
    const bench = new CliBench();
    before(async () => {
      bench.#token = await mintToken(SECRET, { sub: 'root', tenant: 'acme', roles: ['admin'] });
    });
    afterEach(() => bench.close());
    return bench;
  }

  get token(): string {
    return this.#token;
  }

  /** What the latest command asked for. */
  get seen(): readonly Seen[] {
    return this.#api?.seen ?? [];
  }

  /** The bodies it posted. */
  get posted(): readonly Readonly<Record<string, unknown>>[] {
    return this.seen
      .filter(({ method }) => method === 'POST')
      .map(({ body }) => body as Record<string, unknown>);
  }

  /** Starts a command: on a terminal of so many columns, or on pipes. */
  async start(args: readonly string[], replies: Replies, columns?: number, env: Record<string, string> = {}) {
    await this.close();
    this.#api = await startFakeApi(replies);
    const known = { LASTCALL_URL: this.#api.url, LASTCALL_TOKEN: this.#token };
    const terminal = fakeTerminal({ ...known, ...env }, columns);
    return { terminal, code: run(args, terminal) };
  }

  async run(
    args: readonly string[],
    replies: Replies,
    columns?: number,
    env?: Record<string, string>,
  ): Promise<Outcome> {
    const { terminal, code } = await this.start(args, replies, columns, env);
    return outcomeOf(terminal, code);
  }

  /** Runs a command that has nobody to talk to. */
  async offline(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    const terminal = fakeTerminal(env);
    return outcomeOf(terminal, run(args, terminal));
  }

  async close(): Promise<void> {
    await this.#api?.close();
    this.#api = undefined;
  }
}
