import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Answer,
  CLIENT_NAMESPACE,
  type ClientCall,
  type ClientCalls,
  DEFAULT_POLICY,
  type HandshakeAuth,
  type Identity,
  type PolicySettings,
  type ServerPush,
  type ServerPushes,
  type WireError,
} from '@lastcall/shared';
import { type Broker, createBroker, loadConfig } from 'lastcall';
import type { Server } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { SECRET } from './config.js';
import { testStore } from './redis.js';
import { waitUntil } from './wait.js';

/** A tenant nobody else has. */
export const freshTenant = (): string => `t-${randomBytes(6).toString('hex')}`;

export interface BrokerOptions {
  /** The store; by default the one under test (LASTCALL_REDIS_URL, or an embedded engine shared by the suite). */
  readonly redisUrl?: string;
  /** Further settings by their variables, without `LASTCALL_`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another application's Socket.IO server, on which it lives instead of one of its own. */
  readonly io?: Server;
}

/** A broker of the test's own in this process, on a free port. */
export class TestBroker {
  readonly broker: Broker;
  readonly url: string;
  readonly #clients: TestClient[] = [];
  readonly #folder: string;

  private constructor(broker: Broker, url: string, folder: string) {
    this.broker = broker;
    this.url = url;
    this.#folder = folder;
  }

  static async start(options: BrokerOptions = {}): Promise<TestBroker> {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-test-'));
    const redisUrl = options.redisUrl ?? (await testStore()).url;
    const settings = {
      REDIS_URL: redisUrl,
      DATA_DIR: folder,
      JWT_SECRET: SECRET,
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'silent',
      OPENS_PER_SECOND: '100000',
      RESUMES_PER_SECOND: '100000',
      FAILED_HANDSHAKES_PER_MINUTE: '100000',
      ...options.env,
    };
    const env = Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`LASTCALL_${name}`, value]),
    );
    const { io: server } = options;
    const broker = await createBroker({ config: loadConfig({ env }), ...(server ? { io: server } : {}) });
    const { url } = server ? { url: '' } : await broker.listen();
    return new TestBroker(broker, url, folder);
  }

  get core(): Broker['core'] {
    return this.broker.core;
  }

  /** Changes a tenant's settings; the others stay as they are by default. */
  async policy(tenant: string, settings: Partial<PolicySettings>): Promise<void> {
    const { version } = await this.core.policies.get(tenant);
    await this.core.policies.set(tenant, version, { ...DEFAULT_POLICY, ...settings }, { kind: 'system' });
  }

  token(
    tenant: string,
    sub: string,
    roles: readonly string[] = ['user'],
    expiresInMs = 3_600_000,
  ): Promise<string> {
    return this.broker.token({ sub, tenant, name: `${sub} by name`, roles, expiresInMs });
  }

  /** Connects a client without the SDK; it answers beats unless told otherwise, and acknowledges pushes. */
  async connect(tenant: string, sub: string, options: ConnectOptions = {}): Promise<TestClient> {
    const client = new TestClient(this.url, {
      token: options.token ?? (await this.token(tenant, sub, options.roles)),
      ...options.auth,
    });
    client.answersBeats = options.answersBeats ?? true;
    client.acknowledges = options.acknowledges ?? true;
    this.#clients.push(client);
    await client.opened();
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.socket.disconnect();
    await this.broker.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface ConnectOptions {
  readonly token?: string;
  readonly roles?: readonly string[];
  readonly auth?: Omit<Partial<HandshakeAuth>, 'token'>;
  readonly answersBeats?: boolean;
  /** Whether it acknowledges `warning` and `logoff`. */
  readonly acknowledges?: boolean;
}

type Push = { [E in ServerPush]: { event: E; payload: ServerPushes[E] } }[ServerPush];

/** The protocol by hand: what an independent client would see, nothing of the SDK in between. */
export class TestClient {
  readonly socket: Socket;
  readonly pushes: Push[] = [];
  answersBeats = true;
  acknowledges = true;
  /** What heartbeats say. */
  idleMs = 0;
  error: WireError | undefined;
  disconnected = false;

  constructor(url: string, auth: HandshakeAuth) {
    this.socket = io(`${url}${CLIENT_NAMESPACE}`, {
      auth,
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
    });
    this.socket.onAny((event: string, payload: unknown, acknowledge?: () => void) => {
      if (event === 'beat') {
        if (this.answersBeats) this.heartbeat().catch(() => undefined);
        return;
      }
      this.pushes.push({ event, payload } as unknown as Push);
      if (this.acknowledges) acknowledge?.();
    });
    this.socket.on('connect_error', (error: Error & { data?: WireError }) => {
      this.error = error.data ?? { code: 'unavailable', message: error.message };
    });
    this.socket.on('disconnect', () => {
      this.disconnected = true;
    });
  }

  /** Resolves when there is a welcome or a refusal. */
  async opened(): Promise<void> {
    await waitUntil(
      () => this.error !== undefined || this.last('welcome') !== undefined,
      'a welcome or a refusal',
    );
  }

  get welcome(): ServerPushes['welcome'] {
    const welcome = this.last('welcome');
    if (!welcome) throw new Error(`no welcome: ${JSON.stringify(this.error)}`);
    return welcome;
  }

  get sessionId(): string {
    return this.welcome.sessionId;
  }

  /** What a client gives to come back to its session. */
  get resume(): { sessionId: string; key: string } {
    return { sessionId: this.welcome.sessionId, key: this.welcome.resumeKey };
  }

  /** The latest push of a kind. */
  last<E extends ServerPush>(event: E): ServerPushes[E] | undefined {
    return this.all(event).at(-1);
  }

  all<E extends ServerPush>(event: E): ServerPushes[E][] {
    return this.pushes.filter((push) => push.event === event).map((push) => push.payload as ServerPushes[E]);
  }

  /** Waits for a push of a kind (that meets a condition). */
  async saw<E extends ServerPush>(
    event: E,
    wanted: (payload: ServerPushes[E]) => boolean = () => true,
    withinMs = 5_000,
  ): Promise<ServerPushes[E]> {
    await waitUntil(() => this.all(event).some(wanted), `the push ${event}`, withinMs);
    return this.all(event).find(wanted) as ServerPushes[E];
  }

  /** Sends a call; answers what came back, a refusal included. */
  async call<E extends ClientCall>(
    event: E,
    payload: ClientCalls[E]['payload'],
  ): Promise<Answer<ClientCalls[E]['answer']>> {
    return (await this.socket.timeout(5_000).emitWithAck(event, payload)) as Answer<ClientCalls[E]['answer']>;
  }

  /** Sends a call that has to be accepted. */
  async does<E extends ClientCall>(
    event: E,
    payload: ClientCalls[E]['payload'],
  ): Promise<ClientCalls[E]['answer']> {
    const answer = await this.call(event, payload);
    if (!answer.ok) throw new Error(`${event} was refused: ${JSON.stringify(answer.error)}`);
    return answer;
  }

  /** Sends a call that has to be refused. */
  async refused<E extends ClientCall>(event: E, payload: ClientCalls[E]['payload']): Promise<WireError> {
    const answer = await this.call(event, payload);
    if (answer.ok) throw new Error(`${event} was accepted: ${JSON.stringify(answer)}`);
    return answer.error;
  }

  heartbeat(more: { dirty?: boolean; view?: string } = {}): Promise<Answer<{ leaseMs: number }>> {
    return this.call('heartbeat', { idleMs: this.idleMs, ...more });
  }

  /** Asks for an exclusive lock. */
  acquire(resource: string, waitMs = 0, requestId: string = randomUUID()) {
    return this.call('lock:acquire', { resource, waitMs, requestId });
  }

  /** Drops the connection without a word, as a crash would look. */
  async drop(): Promise<void> {
    this.socket.io.engine.close();
    await waitUntil(() => this.disconnected, 'the disconnection');
  }
}

/** An administrator, as core methods take them. */
export function administrator(tenant: string, id = 'root'): Identity {
  return {
    tenant,
    user: { id, name: 'Root', roles: ['admin'] },
    issuedAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
  };
}
