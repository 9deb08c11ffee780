import { createServer, type Server } from 'node:net';
import { Bridge } from './bridge.js';
import { EngineRefusal, encodeCommand, type Reply, ReplyReader } from './resp.js';
import { type EngineExports, loadEngine } from './wasm.js';

/** Passes of the engine's loop per turn of ours; what is left over waits for the next turn. */
const PASSES_PER_TURN = 32;
/** How often the engine looks at its timers (expiry, blocked clients) when nothing arrives. */
const TIMER_MS = 50;
/** Connections the engine serves; the few above it are kept for the worker's own calls. */
const ENGINE_CLIENTS = 5_000;
const TCP_CLIENTS = ENGINE_CLIENTS - 10;
const LOOPBACK = '127.0.0.1';

const MEGABYTE = 1 << 20;

export interface EngineOptions {
  readonly dataDir: string;
  readonly logFd: number;
  readonly password: string;
  /** Bytes of data after which writes are refused. */
  readonly maxMemory: number;
}

/** Limits a client cannot exceed, so that no single one takes the whole process down. */
function settings(options: EngineOptions): string[] {
  const values: Record<string, string | number> = {
    requirepass: options.password,
    maxmemory: options.maxMemory,
    'maxmemory-policy': 'noeviction',
    maxclients: ENGINE_CLIENTS,
    'proto-max-bulk-len': 8 * MEGABYTE,
    'client-query-buffer-limit': 16 * MEGABYTE,
    'client-output-buffer-limit': `normal ${64 * MEGABYTE} ${32 * MEGABYTE} 30 pubsub ${32 * MEGABYTE} ${8 * MEGABYTE} 60`,
    // Otherwise each save would write two lines.
    loglevel: 'warning',
  };
  return Object.entries(values).flatMap(([name, value]) => [name, String(value)]);
}

/** The server inside the worker: its event loop driven by ours, and a private line to it that needs no TCP. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #onDeath: (cause: unknown) => void;
  readonly #bridge = new Bridge(() => this.#wake());
  readonly #server: Server;
  #exports: EngineExports | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turnPlanned = false;
  #open = false;

  constructor(options: EngineOptions, onDeath: (cause: unknown) => void) {
    this.#options = options;
    this.#onDeath = onDeath;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      // Nobody gets in before the password is set.
      if (this.#open) this.#bridge.connect(socket);
      else socket.destroy();
    });
    this.#server.maxConnections = TCP_CLIENTS;
  }

  /**
   * Takes a free port, then loads the data and starts to serve.
   * @returns the port
   */
  async start(): Promise<number> {
    const port = await this.#listen();
    const { dataDir, logFd } = this.#options;
    const engine = await loadEngine(this.#bridge.imports(), dataDir, logFd);
    this.#bridge.useMemory(engine.memory);
    engine.rk_boot(port);
    this.#exports = engine;
    this.#timer = setInterval(() => this.#turn(), TIMER_MS);
    await this.#exchange([['CONFIG', 'SET', ...settings(this.#options)]]);
    this.#open = true;
    return port;
  }

  /**
   * Runs one command on the private line.
   * @throws {EngineRefusal} when the engine answers with an error
   */
  async call(...command: string[]): Promise<string> {
    const replies = await this.#exchange([['AUTH', this.#options.password], command]);
    return replies.at(-1) ?? '';
  }

  stats(): { connections: number; descriptorsUsed: number; memoryBytes: number } {
    return {
      connections: this.#bridge.connections,
      descriptorsUsed: this.#bridge.descriptorsUsed,
      memoryBytes: this.#exports?.memory.buffer.byteLength ?? 0,
    };
  }

  /** Runs nothing more for clients; `call` still works. */
  hangUp(): void {
    this.#open = false;
    this.#server.close();
    this.#bridge.hangUp();
  }

  /** Ends the engine as it is. Nothing is saved here. */
  close(): void {
    this.#open = false;
    clearInterval(this.#timer);
    this.#server.close();
    this.#bridge.closeAll();
    this.#exports = undefined;
  }

  #listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, LOOPBACK, () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('The embedded engine got no port.'));
      });
    });
  }

  #wake(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    setImmediate(() => {
      this.#turnPlanned = false;
      this.#turn();
    });
  }

  #turn(): void {
    const engine = this.#exports;
    if (engine === undefined) return;
    try {
      let passes = 0;
      while (passes < PASSES_PER_TURN && engine.rk_step() !== 0) passes += 1;
      // Replies are written at the start of the pass after the one that made them.
      engine.rk_step();
      if (passes === PASSES_PER_TURN) this.#wake();
    } catch (cause) {
      this.close();
      this.#onDeath(cause);
    }
  }

  /** Sends commands on a line of their own and collects one reply for each. */
  #exchange(commands: readonly string[][]): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const reader = new ReplyReader();
      const replies: Reply[] = [];
      const collect = (bytes: Buffer): void => {
        reader.push(bytes);
        for (let reply = reader.next(); reply !== undefined; reply = reader.next()) replies.push(reply);
        if (replies.length < commands.length) return;
        feed.end();
        const refusal = replies.find((reply) => reply instanceof EngineRefusal);
        if (refusal === undefined) resolve(replies.map(String));
        else reject(refusal);
      };
      const feed = this.#bridge.attach({
        send: (bytes) => {
          // Called from inside the engine: an exception must not unwind through it.
          try {
            collect(bytes);
          } catch (cause) {
            reject(cause instanceof Error ? cause : new Error(String(cause)));
          }
          return true;
        },
        congested: () => false,
        pause: () => undefined,
        resume: () => undefined,
        close: () => reject(new Error('The embedded engine closed its own line.')),
      });
      for (const command of commands) feed.bytes(encodeCommand(command));
    });
  }
}
