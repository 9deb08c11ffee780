import { createClient, type LastcallClient, type LockHandle, type ResumeStorage } from '@lastcall/client';
import { LastcallError } from '@lastcall/shared';
import type { Op } from '../histories/format.js';
import { Recorder } from '../histories/recorder.js';
import type { Random } from '../random.js';
import { Host, type Scheduler } from './clock.js';
import type { GuardedRecords } from './guarded.js';
import type { Journal } from './history.js';

/** Few resources, some above others, so that people are in each other's way. */
const RESOURCES = ['a', 'a/1', 'a/2', 'b', 'b/1', 'c'];
const MAX_HELD = 2;
const MAX_REQUESTS = 3;
const LONGEST_WAIT_MS = 6_000;
const PAUSE_MS = [100, 1_500] as const;
const SLOWEST_WRITE_MS = 8_000;
/** So long a former page's attempts may take to be carried out. */
const STRAY_MS = 20_000;
/** Where the load balancer stands. */
export const BROKERS_URL = 'http://brokers';

/** Why a lock was lost, where the broker said so. */
const TOLD = new Set(['takeover', 'idle', 'admin']);

/** What is known of an operation when it begins. */
interface Known extends Pick<Op, 'op' | 'opId' | 'key' | 'session'> {
  readonly call: number;
}

const codeOf = (error: unknown): string => (error instanceof LastcallError ? error.code : String(error));

/** Somebody who works with an application on the SDK, on a machine of their own, and notes what they did and saw. */
export class Person {
  readonly host: Host;
  readonly recorder: Recorder;
  client: LastcallClient;
  /** What should not have happened to it. */
  readonly complaints: string[] = [];
  /** Whether it works: people stop when the world comes to rest. */
  isBusy = true;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #guarded: GuardedRecords;
  readonly #token: string;
  readonly #storage: ResumeStorage;
  readonly #handles = new Set<LockHandle>();
  #requests = 0;
  #ops = 0;
  /** When its page was loaded anew. */
  #loadedAt = -STRAY_MS;

  constructor(
    name: string,
    parts: {
      scheduler: Scheduler;
      random: Random;
      journal: Journal;
      guarded: GuardedRecords;
      token: string;
    },
  ) {
    this.host = new Host(name);
    this.recorder = new Recorder(name);
    this.#scheduler = parts.scheduler;
    this.#random = parts.random;
    this.#journal = parts.journal;
    this.#guarded = parts.guarded;
    this.#token = parts.token;
    const items = new Map<string, string>();
    this.#storage = {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    };
    this.client = this.#newClient();
  }

  /** Comes to work after a while, and works from then on. */
  begin(): void {
    this.#scheduler.after(this.#random.within(0, 1_500), () => this.#connect(), this.host);
    this.#pause();
  }

  get sessionId(): string {
    return this.client.getSnapshot().session?.id ?? '';
  }

  #pause(): void {
    this.#scheduler.after(
      this.#random.within(...PAUSE_MS),
      () => {
        this.#step();
        this.#pause();
      },
      this.host,
    );
  }

  #newClient(): LastcallClient {
    const client = createClient({
      url: BROKERS_URL,
      token: this.#token,
      storage: this.#storage,
      logger: { warn: (message, about) => this.#note('sdk warns', { message, about: String(about) }) },
    });
    client.onSave(
      () =>
        new Promise<void>((resolve, reject) => {
          const isSaved = this.#random.next() < 0.8;
          const finish = isSaved ? resolve : () => reject(new Error('it cannot be saved'));
          setTimeout(finish, this.#random.within(10, 2_500));
        }),
    );
    let status = '';
    client.subscribe(() => {
      const now = client.getSnapshot();
      if (now.status === status) return;
      status = now.status;
      if (now.error?.code === 'superseded' && status === 'closed') this.#complain();
      this.#note(status, { session: now.session?.id, error: now.error?.code, ended: now.ended?.reason });
    });
    return client;
  }

  /** Nobody else has its session; an attempt of the page before this one may. */
  #complain(): void {
    if (this.#scheduler.now < this.#loadedAt + STRAY_MS) return;
    this.complaints.push(`P6 ${this.host.name} was superseded, and by nobody`);
  }

  #note(what: string, about: unknown = {}): void {
    this.#journal.note(this.host.name, what, about);
  }

  #connect(): void {
    this.client.connect().catch((error: unknown) => this.#note('not connected', codeOf(error)));
  }

  #step(): void {
    const { status, error } = this.client.getSnapshot();
    if (status === 'ended' || status === 'closed') {
      // In the end who is logged off or kept out goes home: an order for all lasts while people come back under it.
      if (!this.isBusy && (status === 'ended' || error?.code === 'blocked')) return;
      // The page is loaded anew, with the ticket of the tab if there is one.
      this.#handles.clear();
      this.#loadedAt = this.#scheduler.now;
      this.client = this.#newClient();
      this.#connect();
      return;
    }
    this.#answerRequests();
    if (!this.isBusy) return;
    const chance = this.#random.next();
    const handle = this.#pickHandle();
    if (chance < 0.01) this.#end();
    else if (chance < 0.02) this.client.close();
    else if (chance < 0.1) this.client.setDirty(this.#random.next() < 0.5);
    else if (chance < 0.15) this.client.activity();
    else if (chance < 0.2) this.#extend();
    else if (handle && (chance < 0.5 || this.#handles.size >= MAX_HELD)) this.#release(handle);
    else if (handle && chance < 0.55) this.#check(handle);
    else if (handle?.mode === 'exclusive' && chance < 0.7) this.#write(handle);
    else if (handle?.mode === 'shared' && chance < 0.7) this.#upgrade(handle);
    else if (this.#requests < MAX_REQUESTS) this.#ask(chance > 0.92);
  }

  #pickHandle(): LockHandle | undefined {
    for (const handle of this.#handles) if (handle.state === 'lost') this.#handles.delete(handle);
    return this.#handles.size > 0 ? this.#random.pick([...this.#handles]) : undefined;
  }

  /** Somebody asks for a lock: it is handed over, kept, or the question is left alone. */
  #answerRequests(): void {
    for (const { requestId } of this.client.getSnapshot().requested) {
      const chance = this.#random.next();
      const answer = chance < 0.4 ? this.client.yield(requestId) : this.client.keep(requestId);
      answer.catch((error: unknown) => this.#note('no answer to a request', codeOf(error)));
      if (chance > 0.8) return;
    }
  }

  #known(op: Op['op'], key: string): Known {
    this.#ops += 1;
    const call = Number(process.hrtime.bigint());
    return { op, opId: `${this.host.name}-${this.#ops}`, key, session: this.sessionId, call };
  }

  #ask(takesOver: boolean): void {
    const resource = this.#random.pick(RESOURCES);
    const mode = this.#random.next() < 0.4 ? 'shared' : 'exclusive';
    const scope = this.#random.next() < 0.2 ? 'tree' : 'record';
    const waitMs = this.#random.next() < 0.6 ? this.#random.within(200, LONGEST_WAIT_MS) : 0;
    const known = this.#known(takesOver ? 'takeover' : 'acquire', resource);
    this.#requests += 1;
    const asked = takesOver
      ? this.client.takeover(resource)
      : this.client.lock(resource, { mode, scope, waitMs });
    asked
      .then(
        (handle) => this.#granted(known, handle),
        (error: unknown) => this.#refused(known, error),
      )
      .finally(() => {
        this.#requests -= 1;
      });
  }

  #granted(known: Known, handle: LockHandle): void {
    const { mode, scope, fence, resource } = handle;
    // The session may be another one than when it was asked for.
    const session = this.sessionId;
    this.recorder.note(
      { ...known, session },
      { type: 'ok', value: { state: 'granted', mode, scope }, fence },
    );
    this.#note('granted', { resource, mode, scope, fence });
    if (this.#handles.has(handle)) return;
    this.#handles.add(handle);
    handle.onChange(({ state, lost }) => {
      this.#note(state, { resource, fence: handle.fence, reason: lost?.reason });
      if (state !== 'lost' || !TOLD.has(lost?.reason ?? '')) return;
      this.recorder.note(
        { op: 'lost', opId: `${handle.fence}`, key: resource, session },
        { type: 'ok', value: {}, fence: handle.fence },
      );
    });
  }

  #refused(known: Known, error: unknown): void {
    this.#note('refused', { op: known.op, resource: known.key, code: codeOf(error) });
    const type = codeOf(error) === 'locked' ? 'fail' : 'info';
    this.recorder.note(known, { type, value: { code: codeOf(error) } });
  }

  #release(handle: LockHandle): void {
    this.#handles.delete(handle);
    this.#note('releases', { resource: handle.resource, fence: handle.fence });
    void handle.release();
  }

  #upgrade(handle: LockHandle): void {
    const known = this.#known('upgrade', handle.resource);
    handle.upgrade({ waitMs: this.#random.within(0, 2_000) }).then(
      () => this.#granted(known, handle),
      (error: unknown) => this.#refused(known, error),
    );
  }

  #check(handle: LockHandle): void {
    const { resource, fence } = handle;
    const known = { ...this.#known('check', resource), fence };
    this.client.check(resource, fence).then(
      ({ valid }) => this.recorder.note(known, { type: 'ok', value: { valid } }),
      (error: unknown) => this.#refused(known, error),
    );
  }

  /** Writes the record: on its way to the guard it takes its time, longer than a lease at times. */
  #write(handle: LockHandle): void {
    if (handle.state !== 'held') return;
    const { resource, fence } = handle;
    const { session } = this.client.getSnapshot();
    const record = `${session?.tenant} ${resource}`;
    const ms = this.#random.within(1, this.#random.next() < 0.8 ? 20 : SLOWEST_WRITE_MS);
    const write = (): void => this.#guarded.write(record, fence, session?.id ?? '');
    this.#scheduler.after(ms, write, this.#scheduler.nobody);
  }

  #extend(): void {
    const [warning] = this.client.getSnapshot().warnings;
    if (!warning) return;
    this.client.extend(warning.orderId, this.#random.within(100, 2_000)).then(
      (leftMs) => this.#note('has more time', { orderId: warning.orderId, leftMs }),
      (error: unknown) => this.#note('has no more time', codeOf(error)),
    );
  }

  #end(): void {
    this.#note('signs out', { session: this.sessionId });
    void this.client.end();
  }
}
