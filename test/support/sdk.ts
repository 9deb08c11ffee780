import { createClient, type LastcallClient, type LastcallOptions, type Logger } from '@lastcall/client';
import { FakeBroker } from './fake-broker.js';
import { FakeClock } from './fake-clock.js';

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

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.broker.stop();
  }
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
