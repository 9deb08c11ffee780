import {
  createClient,
  type LastcallClient,
  type LastcallOptions,
  type LockHandle,
  type Logger,
} from '@lastcall/client';
import type { WarningPush } from '@lastcall/shared';
import { FakeBroker, lockOn, logoffWarning, until } from './fake-broker.js';
import { FakeClock } from './fake-clock.js';

/** What the locks of these tests are on. */
export const RESOURCE = 'invoices/7';

/** What an SDK test works with: a fake broker, a clock that stands still, and clients that are closed at the end. */
export class SdkBench {
  readonly broker: FakeBroker;
  readonly clock = new FakeClock();
  readonly warnings: string[] = [];
  readonly #clients: LastcallClient[] = [];

  private constructor(broker: FakeBroker) {
    this.broker = broker;
  }

  static async start(): Promise<SdkBench> {
    return new SdkBench(await FakeBroker.start());
  }

  get logger(): Logger {
    return {
      warn: (message) => {
        this.warnings.push(message);
      },
    };
  }

  /** A client on the standing clock, whose waits with jitter are as long as they can be. */
  client(options: Partial<LastcallOptions> = {}): LastcallClient {
    const client = createClient({
      url: this.broker.url,
      token: 'token',
      logger: this.logger,
      ...options,
      environment: { clock: this.clock, random: () => 1, ...options.environment },
    });
    this.#clients.push(client);
    return client;
  }

  /** A client that is online. */
  async connected(options: Partial<LastcallOptions> = {}): Promise<LastcallClient> {
    const client = this.client(options);
    await client.connect();
    return client;
  }

  /** Grants every lock that is asked for from now on. */
  grants(fence = 7): void {
    this.broker.answer('lock:acquire', ({ resource }) => ({
      state: 'granted',
      lock: lockOn(resource, fence),
    }));
  }

  /** A lock that the client holds. */
  held(client: LastcallClient, fence = 7): Promise<LockHandle> {
    this.grants(fence);
    return client.lock(RESOURCE);
  }

  /** The request ids of all questions for locks so far. */
  asked(): readonly string[] {
    return this.broker.said('lock:acquire').map(({ requestId }) => requestId);
  }

  /** Cuts the connection and waits until there is another one. */
  async reconnected(client: LastcallClient): Promise<void> {
    this.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    this.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
  }

  /** Warns the client of a logoff. */
  async warned(client: LastcallClient, changes: Partial<WarningPush> = {}): Promise<void> {
    const { version } = logoffWarning(changes);
    await this.broker.pushAcknowledged('warning', logoffWarning(changes));
    await until(() => client.getSnapshot().warnings.some((warning) => warning.version === version));
  }

  /** What was said of orders so far. */
  acks(): readonly string[] {
    return this.broker.said('order:ack').map(({ state }) => state);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.broker.stop();
  }
}

/** Waits until the client stands in a queue; gives the request's id. */
export async function queued(client: LastcallClient): Promise<string> {
  await until(() => client.getSnapshot().waiting.length === 1);
  return client.getSnapshot().waiting[0]?.requestId ?? '';
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It was expected to be rejected');
}

/** Lets promises that are already decided be heard. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** A promise that the test resolves. */
export class Gate<T> {
  readonly opened: Promise<T>;
  #resolve: ((value: T) => void) | undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  open(value: T): void {
    this.#resolve?.(value);
  }
}

/** Lets the clock go on in steps until a promise is rejected; gives the reason. */
export async function rejectionInTime(
  clock: FakeClock,
  promise: Promise<unknown>,
  stepMs: number,
  steps = 40,
): Promise<unknown> {
  const outcome: { reason?: unknown } = {};
  promise.catch((reason: unknown) => {
    outcome.reason = reason;
  });
  for (let step = 0; step < steps && outcome.reason === undefined; step += 1) {
    clock.advance(stepMs);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  return outcome.reason;
}
