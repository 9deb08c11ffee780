import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';

/** Records without a broker, by the script that brokers use. */
export class Recorder {
  readonly #store: Store;
  readonly close: () => Promise<void>;

  private constructor(store: Store, close: () => Promise<void>) {
    this.#store = store;
    this.close = close;
  }

  static async connect(url: string): Promise<Recorder> {
    const driver = await connectRedis({ url });
    return new Recorder(new Store(driver), () => driver.close());
  }

  /** Adds records to a tenant's stream. */
  async record(tenant: string, count: number, name = 'Root'): Promise<void> {
    await this.#store.addTenant(tenant);
    const by = JSON.stringify({ kind: 'admin', id: 'root', name });
    for (let i = 0; i < count; i += 1) await this.#store.run('audit_write', tenant, ['audit.read', by, '{}']);
  }

  /** How many records a tenant ever had. */
  async total(tenant: string): Promise<number> {
    return (await this.#store.position(tenant)).rev;
  }
}
