import { createServer, type Server } from 'node:http';
import { type Broker, createBroker, loadConfig } from 'lastcall';
import type { Config } from 'lastcall/internal/config.js';
import { createLogger, type Logger } from 'lastcall/internal/log.js';
import { SECRET } from '../config.js';
import { Host, type Scheduler } from './clock.js';
import type { Network } from './network.js';
import { VirtualSocket } from './socket.js';
import { STORE_PORT } from './store.js';

/** A broker that could not start is started again by whoever looks after it. */
const RESTART_MS = 1_000;

/** What a broker logged as an error: something of its own that failed. */
export interface Fault {
  readonly broker: string;
  readonly atMs: number;
  readonly line: string;
}

/** A broker as a machine of the world: the whole of it, as `lastcall serve` starts it, on virtual sockets. */
export class BrokerHost {
  readonly host: Host;
  readonly faults: Fault[] = [];
  /** Answers requests; undefined while it starts or is dead. */
  broker: Broker | undefined;
  isUp = false;
  readonly #scheduler: Scheduler;
  readonly #network: Network;
  readonly #folder: string;

  constructor(name: string, parts: { scheduler: Scheduler; network: Network; folder: string }) {
    this.host = new Host(name);
    this.#scheduler = parts.scheduler;
    this.#network = parts.network;
    this.#folder = parts.folder;
  }

  start(): void {
    this.isUp = true;
    this.#scheduler.after(0, () => void this.#begin(), this.host);
  }

  /** Kills the process, or takes its power away. */
  kill(isSilent: boolean): void {
    this.isUp = false;
    this.broker = undefined;
    this.#network.kill(this.host, isSilent);
    this.#scheduler.kill(this.host);
  }

  async #begin(): Promise<void> {
    const { life } = this.host;
    const httpServer = createServer();
    try {
      const broker = await createBroker({ config: this.#config(), httpServer, logger: this.#logger() });
      // Whoever was killed meanwhile serves nobody.
      if (life === this.host.life) this.#serve(broker, httpServer);
    } catch {
      if (life === this.host.life) this.#scheduler.after(RESTART_MS, () => void this.#begin(), this.host);
    }
  }

  #serve(broker: Broker, httpServer: Server): void {
    // The archive waits for the disk, which is not simulated.
    broker.core.archive.look = () => undefined;
    this.broker = broker;
    this.#network.listen(this.host, (wire) => {
      const socket = new VirtualSocket(this.host, wire.from.name);
      socket.begin(wire);
      httpServer.emit('connection', socket);
      return socket;
    });
  }

  #config(): Config {
    const settings = {
      REDIS_URL: `redis://store:${STORE_PORT}`,
      JWT_SECRET: SECRET,
      DATA_DIR: this.#folder,
      LOG_LEVEL: 'error',
      MESSAGES_PER_SECOND: '10000',
      MESSAGE_BURST: '10000',
    };
    return loadConfig({
      env: Object.fromEntries(Object.entries(settings).map(([name, value]) => [`LASTCALL_${name}`, value])),
    });
  }

  #logger(): Logger {
    const write = (line: string): void => {
      this.faults.push({ broker: this.host.name, atMs: this.#scheduler.now, line: line.trim() });
    };
    return createLogger({ logLevel: 'error', production: true, destination: { write } });
  }
}
