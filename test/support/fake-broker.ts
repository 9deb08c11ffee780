import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CLIENT_NAMESPACE,
  type ClientCall,
  type ClientCalls,
  DEFAULT_POLICY,
  type HandshakeAuth,
  type Lock,
  type PublicPolicy,
  type ServerPush,
  type WarningPush,
  type Welcome,
  type WireError,
} from '@lastcall/shared';
import { Server, type Socket } from 'socket.io';

type Payload<E extends ClientCall> = ClientCalls[E]['payload'];
type Reply<E extends ClientCall> = ClientCalls[E]['answer'] | WireError | undefined;
/** What a command is answered with; `undefined` leaves it without an answer. */
type Answerer<E extends ClientCall> = (payload: Payload<E>) => Reply<E> | Promise<Reply<E>>;

/** A command as it came in. */
export interface Call {
  readonly event: ClientCall;
  readonly payload: object;
}

export const POLICY: PublicPolicy = { version: 1, ...DEFAULT_POLICY };

const ANSWERS: { readonly [E in ClientCall]: ClientCalls[E]['answer'] } = {
  heartbeat: { leaseMs: POLICY.leaseMs },
  activity: {},
  'order:ack': { deadlineMs: 5_000, holdMs: 30_000 },
  'order:extend': { deadlineMs: 60_000 },
  'session:end': {},
  'auth:refresh': { expiresInMs: 3_600_000 },
  'lock:acquire': { state: 'queued', requestId: '', position: 1, blockers: [] },
  'lock:acquireMany': { locks: [] },
  'lock:upgrade': { state: 'queued', requestId: '', position: 1, blockers: [] },
  'lock:release': { released: true },
  'lock:cancel': {},
  'lock:takeover': { state: 'asked', deadlineMs: 30_000 },
  'lock:answer': {},
  'lock:check': { valid: true },
  'lock:watch': { locks: [] },
  'lock:unwatch': {},
  'lock:query': { holders: [], waiters: [] },
};

/** Plays the broker's side of the client channel, as a test of the SDK tells it to. */
export class FakeBroker {
  readonly url: string;
  readonly calls: Call[] = [];
  readonly handshakes: HandshakeAuth[] = [];
  /** Changes the next welcomes. */
  welcome: Partial<Welcome> = {};
  /** Refuses the next handshakes as long as it answers an error. */
  refuse: (auth: HandshakeAuth) => WireError | undefined = () => undefined;
  /** Accepts connections and says nothing: a node that is stuck. */
  mute = false;
  readonly #io: Server;
  readonly #answerers = new Map<ClientCall, Answerer<ClientCall>>();
  #raw: readonly unknown[] | undefined;
  #opened = 0;
  #beats = 0;

  private constructor(http: HttpServer) {
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    this.#io = new Server(http, { transports: ['websocket'], serveClient: false });
    this.#clients.use((socket, next) => {
      const auth = socket.handshake.auth as HandshakeAuth;
      this.handshakes.push(auth);
      const error = this.refuse(auth);
      next(error && Object.assign(new Error(error.message), { data: error }));
    });
    this.#clients.on('connection', (socket) => {
      this.#serve(socket);
    });
  }

  static async start(): Promise<FakeBroker> {
    const http = createServer();
    await new Promise<void>((resolve) => {
      http.listen(0, '127.0.0.1', resolve);
    });
    return new FakeBroker(http);
  }

  /** Answers a command in another way from now on. */
  answer<E extends ClientCall>(event: E, answerer: Answerer<E>): void {
    this.#answerers.set(event, answerer as unknown as Answerer<ClientCall>);
  }

  /** Answers every command with this, of the contract or not, from now on. */
  answerRaw(...answer: unknown[]): void {
    this.#raw = answer;
  }

  /** The payloads of a command so far. */
  said<E extends ClientCall>(event: E): readonly Payload<E>[] {
    return this.calls.filter((call) => call.event === event).map((call) => call.payload as Payload<E>);
  }

  /** Sends something to every client. */
  push(event: ServerPush, payload: unknown): void {
    this.pushRaw(event, payload);
  }

  /** Sends something to the client that has been connected longest. */
  pushToFirst(event: ServerPush, payload: unknown): void {
    [...this.#clients.sockets.values()][0]?.emit(event, payload);
  }

  /** Sends whatever, of the contract or not. */
  pushRaw(event: string, ...payload: unknown[]): void {
    this.#clients.emit(event, ...payload);
  }

  /** Sends something and waits until every client has acknowledged it. */
  async pushAcknowledged(event: ServerPush, payload: unknown): Promise<void> {
    await this.#clients.timeout(4_000).emitWithAck(event, payload);
  }

  beat(): number {
    this.#beats += 1;
    this.push('beat', { n: this.#beats });
    return this.#beats;
  }

  get sockets(): number {
    return this.#clients.sockets.size;
  }

  /** Cuts every connection, as a broken network does. */
  cut(): void {
    for (const socket of this.#clients.sockets.values()) socket.conn.close();
  }

  async stop(): Promise<void> {
    await this.#io.close();
  }

  get #clients() {
    return this.#io.of(CLIENT_NAMESPACE);
  }

  #serve(socket: Socket): void {
    socket.onAny((event: ClientCall, payload: object, acknowledge?: (...answer: unknown[]) => void) => {
      this.calls.push({ event, payload });
      void this.#reply(event, payload, acknowledge);
    });
    if (!this.mute) socket.emit('welcome', this.welcomeFor((socket.handshake.auth as HandshakeAuth).resume));
  }

  async #reply(
    event: ClientCall,
    payload: object,
    acknowledge?: (...answer: unknown[]) => void,
  ): Promise<void> {
    if (this.#raw) {
      acknowledge?.(...this.#raw);
      return;
    }
    const answerer = this.#answerers.get(event);
    const answer = answerer ? await answerer(payload) : ANSWERS[event];
    if (answer === undefined) return;
    acknowledge?.('code' in answer ? { ok: false, error: answer } : { ok: true, ...answer });
  }

  /** What it welcomes a session with, a new one or one that comes back. */
  welcomeFor(resume: HandshakeAuth['resume']): Welcome {
    if (!resume) this.#opened += 1;
    return {
      sessionId: resume?.sessionId ?? `session-${this.#opened}`,
      resumeKey: resume?.key ?? `key-${this.#opened}`,
      resumed: resume !== undefined,
      tenant: 'acme',
      user: { id: 'ann', name: 'Ann', roles: ['user'] },
      leaseMs: POLICY.leaseMs,
      beatMs: POLICY.beatMs,
      policy: POLICY,
      orders: [],
      locks: [],
      waiting: [],
      ...this.welcome,
    };
  }
}

export function lockOn(resource: string, fence: number): Lock {
  return { resource, mode: 'exclusive', scope: 'record', fence, grantedAt: 1 };
}

export function logoffWarning(changes: Partial<WarningPush> = {}): WarningPush {
  return {
    orderId: 'order-1',
    version: 1,
    action: 'logoff',
    reason: 'admin',
    message: 'Please save your work.',
    by: { kind: 'admin', id: 'root', name: 'Root' },
    deadlineMs: 60_000,
    extendable: true,
    holdable: true,
    ...changes,
  };
}

export function wireError(code: WireError['code'], extras: Partial<WireError> = {}): WireError {
  return { code, message: `Refused: ${code}.`, ...extras };
}

const LOOK_EVERY_MS = 2;

/** Waits until something is the case; says which condition never was. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 4_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${String(condition)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}
