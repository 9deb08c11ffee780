import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bridge, type Feed } from 'lastcall/internal/redis/embedded/bridge.js';
import { encodeCommand } from 'lastcall/internal/redis/embedded/resp.js';
import { type EngineExports, loadEngine } from 'lastcall/internal/redis/embedded/wasm.js';
import { Host, type Scheduler } from './clock.js';
import type { Network, Wire } from './network.js';
import { type Reply, ReplyParser } from './reply.js';
import type { End } from './socket.js';

export const STORE_PORT = 6379;
/** Passes of the engine's loop until it has nothing left to do. */
const MOST_PASSES = 10_000;

/** The embedded engine itself, in this thread and in virtual time: a command is done within the event that brings it. */
export class Engine {
  readonly #bridge = new Bridge(() => undefined);
  readonly #folder = mkdtempSync(join(tmpdir(), 'lastcall-simulator-'));
  #exports: EngineExports | undefined;
  #replies: Reply[] = [];
  #line: Feed | undefined;

  /** One engine serves all worlds of a process; each begins with an empty one. */
  static async start(): Promise<Engine> {
    const engine = new Engine();
    const log = openSync(join(engine.#folder, 'engine.log'), 'a');
    const exports = await loadEngine(engine.#bridge.imports(), engine.#folder, log);
    engine.#bridge.useMemory(exports.memory);
    exports.rk_boot(STORE_PORT);
    engine.#exports = exports;
    const parser = new ReplyParser();
    engine.#line = engine.attach({
      bytes: (chunk) => engine.#replies.push(...parser.push(chunk)),
      reset: () => undefined,
    });
    engine.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    return engine;
  }

  close(): void {
    this.#bridge.closeAll();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A line to the engine. What it says comes while the engine is stepped. */
  attach(line: { bytes(chunk: Buffer): void; reset(): void }): Feed {
    return this.#bridge.attach({
      send: (bytes) => {
        line.bytes(bytes);
        return true;
      },
      congested: () => false,
      pause: () => undefined,
      resume: () => undefined,
      close: () => line.reset(),
    });
  }

  step(): void {
    let passes = 0;
    while (this.#exports?.rk_step() !== 0) {
      passes += 1;
      if (passes > MOST_PASSES) throw new Error('the engine does not come to rest');
    }
    // Replies are written at the start of the pass after the one that made them.
    this.#exports.rk_step();
  }

  /** Runs a command now. @throws Error what the engine refuses it with */
  call(...words: string[]): Reply {
    this.#replies = [];
    this.#line?.bytes(encodeCommand(words));
    this.step();
    const [reply] = this.#replies;
    if (reply instanceof Error) throw reply;
    if (reply === undefined) throw new Error(`the engine did not answer ${words[0]}`);
    return reply;
  }
}

/** The engine as a machine of the world, which listens, stops, and comes back with what it had, with less, or with nothing. */
export class StoreHost {
  readonly host = new Host('store');
  readonly engine: Engine;
  readonly #scheduler: Scheduler;
  readonly #network: Network;
  readonly #feeds = new Set<Feed>();
  isUp = false;

  constructor(engine: Engine, scheduler: Scheduler, network: Network) {
    this.engine = engine;
    this.#scheduler = scheduler;
    this.#network = network;
  }

  /** Listens with whatever data there is. */
  start(): void {
    this.isUp = true;
    this.#network.listen(this.host, (wire) => this.#accept(wire));
  }

  /** Ends as a process does: its connections break, and it forgets all scripts. */
  stop(): void {
    this.isUp = false;
    this.#network.kill(this.host, false);
    this.#scheduler.kill(this.host);
    for (const feed of this.#feeds) feed.end();
    this.#feeds.clear();
    this.engine.step();
    this.engine.call('FUNCTION', 'FLUSH');
  }

  /** Remembers everything as it is, for `fallBack`. */
  save(): void {
    this.engine.call('SELECT', '1');
    this.engine.call('FLUSHDB');
    this.#copyAll('0', '1');
  }

  /** Loses whatever came after `save`. */
  fallBack(): void {
    this.engine.call('SELECT', '0');
    this.engine.call('FLUSHDB');
    this.#copyAll('1', '0');
  }

  wipe(): void {
    this.engine.call('FLUSHALL');
  }

  #copyAll(from: string, to: string): void {
    this.engine.call('SELECT', from);
    for (const key of (this.engine.call('KEYS', '*') as string[]).toSorted()) {
      this.engine.call('COPY', key, key, 'DB', to);
    }
    this.engine.call('SELECT', '0');
  }

  #accept(wire: Wire): End {
    const end: End = {
      host: this.host,
      bytes: (chunk) => {
        feed.bytes(chunk);
        this.engine.step();
      },
      ended: () => leave(),
      reset: () => leave(),
    };
    const leave = (): void => {
      this.#feeds.delete(feed);
      feed.end();
      this.engine.step();
    };
    const feed = this.engine.attach({
      bytes: (chunk) => wire.send(end, { kind: 'bytes', chunk }),
      reset: () => wire.send(end, { kind: 'reset' }),
    });
    this.#feeds.add(feed);
    return end;
  }
}
