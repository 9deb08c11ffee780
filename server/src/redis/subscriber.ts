import { Cluster, type Redis } from 'ioredis';
import { isUnavailable } from './unavailable.js';

/** After a refusal (rights, for example) the subscriptions are tried again this often. */
const RETRY_MS = 1_000;

type MessageListener = (channel: string, message: string) => void;

/**
 * Sharded channels (`SSUBSCRIBE`), which a cluster carries within one shard and a single Redis treats as ordinary
 * ones. After a reconnection it subscribes to everything again before it calls itself ready.
 */
export class Subscriber {
  readonly #client: Redis | Cluster;
  readonly #onChange: (refusal?: string) => void;
  readonly #channels = new Set<string>();
  readonly #listeners = new Set<MessageListener>();
  #ready = false;
  #connection = 0;
  #retry: NodeJS.Timeout | undefined;

  /** `onChange` is told of readiness, and of a refusal; an end of the connection the driver sees itself. */
  constructor(client: Redis | Cluster, onChange: (refusal?: string) => void) {
    this.#client = client;
    this.#onChange = onChange;
    client.on('smessage', (channel: string, message: string) => {
      for (const listener of this.#listeners) listener(channel, message);
    });
    client.on('ready', () => {
      this.#connection += 1;
      void this.#restore(this.#connection);
    });
    client.on('close', () => this.#lose());
  }

  get ready(): boolean {
    return this.#ready;
  }

  /**
   * Begins to hear a channel, and goes on after reconnections until `unsubscribe`.
   * @throws {StoreUnavailableError} when Redis is out of reach; the channel is not kept then
   */
  async subscribe(channel: string): Promise<void> {
    const isNew = !this.#channels.has(channel);
    this.#channels.add(channel);
    try {
      await this.#client.ssubscribe(channel);
    } catch (error) {
      if (isNew) this.#channels.delete(channel);
      throw error;
    }
  }

  /** Stops hearing a channel; an unreachable Redis has forgotten it already. */
  async unsubscribe(channel: string): Promise<void> {
    if (!this.#channels.delete(channel)) return;
    try {
      await this.#client.sunsubscribe(channel);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  onMessage(listener: MessageListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Makes a dead connection show itself: silence after this ends it. */
  probe(): void {
    // A cluster's client looks after its own connections.
    if (this.#ready && !(this.#client instanceof Cluster)) this.#client.ping().catch(() => undefined);
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#listeners.clear();
    this.#channels.clear();
  }

  /** One command per channel: on a cluster they may belong to different slots. */
  async #restore(connection: number): Promise<void> {
    try {
      // A cluster's client subscribes again by itself, shard by shard.
      if (!(this.#client instanceof Cluster)) {
        await Promise.all([...this.#channels].map((channel) => this.#client.ssubscribe(channel)));
      }
      if (connection !== this.#connection) return;
      this.#ready = true;
      this.#onChange();
    } catch (error) {
      if (connection !== this.#connection || isUnavailable(error)) return;
      this.#lose(`a subscription was refused: ${String(error)}`);
      const next = this.#connection;
      this.#retry = setTimeout(() => void this.#restore(next), RETRY_MS).unref();
    }
  }

  #lose(refusal?: string): void {
    // Whatever is still under way belongs to the connection that ended.
    this.#connection += 1;
    clearTimeout(this.#retry);
    this.#ready = false;
    if (refusal !== undefined) this.#onChange(refusal);
  }
}
