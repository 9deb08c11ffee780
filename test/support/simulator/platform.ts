import nodeCrypto from 'node:crypto';
import nodeFs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import nodeNet from 'node:net';
import nodeTimers from 'node:timers';
import nodeWasi from 'node:wasi';
import { Random } from '../random.js';
import { type Event, Scheduler } from './clock.js';

/**
 * Everything that the platform gives to a process and that differs from run to run – time, timers, chance, the network –
 * comes from the simulator from here on, for the whole process. The product is not changed for it: what runs is what is
 * published, and it cannot tell. Nothing of the product may be loaded before this was called.
 */
export function replacePlatform(): Platform {
  const platform = new Platform();
  platform.install();
  return platform;
}

/** Opens a connection of the machine whose event runs. */
export type Dial = (host: string, port: number) => nodeNet.Socket;
/** Changes a script of the product while it is read: mutants are made so. */
export type Rewrite = (text: string) => string;

const realImmediate = setImmediate;
const NS_PER_MS = 1e6;
/** Functions of WebCrypto that work in a thread. */
const SUBTLE = ['importKey', 'sign', 'verify', 'digest'] as const;
/** How resources of the process are called while the disk is asked for something. */
const ON_DISK = /^FS|FileHandle/;

/** A timer as Node's own are used. */
class Timer {
  readonly #scheduler: Scheduler;
  readonly #run: () => void;
  readonly #ms: number;
  readonly #repeats: boolean;
  #event: Event;

  constructor(scheduler: Scheduler, run: () => void, ms: number, repeats: boolean) {
    this.#scheduler = scheduler;
    this.#run = run;
    this.#ms = ms >= 1 ? Math.trunc(ms) : 1;
    this.#repeats = repeats;
    this.#event = this.#set();
  }

  close(): this {
    this.#event.isCancelled = true;
    return this;
  }

  refresh(): this {
    this.close();
    this.#event = this.#set();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  #set(): Event {
    return this.#scheduler.after(this.#ms, () => {
      if (this.#repeats) this.#event = this.#set();
      this.#run();
    });
  }
}

export class Platform {
  readonly scheduler: Scheduler;
  /** Chance as the product sees it; of its own, so that what a world does is not changed by what is drawn there. */
  chance = new Random(1);
  dial: Dial = () => {
    throw new Error('there is no network yet');
  };
  rewrite: Rewrite = (text) => text;
  #outside = 0;

  constructor() {
    this.scheduler = new Scheduler(
      () => new Promise((resolve) => void realImmediate(resolve)),
      () => this.#outside > 0 || process.getActiveResourcesInfo().some((name) => ON_DISK.test(name)),
    );
  }

  install(): void {
    this.#replaceTime();
    this.#replaceTimers();
    this.#replaceChance();
    this.#replaceNetwork();
    this.#replaceEngineClock();
    this.#watchThreads();
    const readFileSync = nodeFs.readFileSync as (...args: unknown[]) => unknown;
    Object.assign(nodeFs, {
      readFileSync: (path: unknown, ...rest: unknown[]) => {
        const content = readFileSync(path, ...rest);
        return typeof path === 'string' && path.endsWith('.lua') && typeof content === 'string'
          ? this.rewrite(content)
          : content;
      },
    });
    syncBuiltinESMExports();
  }

  #replaceTime(): void {
    const { scheduler } = this;
    const RealDate = Date;
    class VirtualDate extends RealDate {
      constructor(...args: [] | ConstructorParameters<typeof Date>) {
        if (args.length === 0) super(Math.floor(scheduler.epochMs));
        else super(...args);
      }

      static override now(): number {
        return Math.floor(scheduler.epochMs);
      }
    }
    Object.assign(globalThis, { Date: VirtualDate });
    Object.defineProperty(performance, 'now', { value: () => scheduler.now });
    Object.assign(process.hrtime, { bigint: () => BigInt(Math.round(scheduler.now * NS_PER_MS)) });
  }

  #replaceTimers(): void {
    const { scheduler } = this;
    type Run = (...args: unknown[]) => void;
    const clear = (timer: unknown): void => {
      if (timer instanceof Timer) timer.close();
    };
    const timers = {
      setTimeout: (run: Run, ms = 1, ...args: unknown[]) =>
        new Timer(scheduler, () => run(...args), ms, false),
      setInterval: (run: Run, ms = 1, ...args: unknown[]) =>
        new Timer(scheduler, () => run(...args), ms, true),
      setImmediate: (run: Run, ...args: unknown[]) => scheduler.after(0, () => run(...args)),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: (event: Event | undefined) => {
        if (event) event.isCancelled = true;
      },
    };
    Object.assign(globalThis, timers);
    Object.assign(nodeTimers, timers);
  }

  #replaceChance(): void {
    const fillWith = <T extends ArrayBufferView>(next: () => number, view: T): T => {
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      for (let i = 0; i < bytes.length; i += 1) bytes[i] = Math.floor(next() * 256);
      return view;
    };
    const fill = <T extends ArrayBufferView>(view: T): T => fillWith(() => this.chance.next(), view);
    // Keys and masks decide nothing, and are drawn ahead by whoever keeps a supply: worlds must not share that.
    const dust = new Random(2);
    const dusty = <T extends ArrayBufferView>(view: T): T => fillWith(() => dust.next(), view);
    const uuid = (): string => {
      const bytes = fill(new Uint8Array(16));
      bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
      const hex = Buffer.from(bytes).toString('hex');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
        '-',
      );
    };
    Object.assign(Math, { random: () => this.chance.next() });
    type Filled = (error: null, bytes: Buffer) => void;
    Object.assign(nodeCrypto, {
      randomBytes: (size: number, done?: Filled) => {
        const bytes = dusty(Buffer.alloc(size));
        done?.(null, bytes);
        return bytes;
      },
      randomFillSync: (buffer: Uint8Array, offset = 0, size = buffer.length - offset) => {
        dusty(buffer.subarray(offset, offset + size));
        return buffer;
      },
      randomUUID: uuid,
    });
    for (const [name, value] of Object.entries({ getRandomValues: fill, randomUUID: uuid })) {
      Object.defineProperty(globalThis.crypto, name, { value });
    }
  }

  #replaceNetwork(): void {
    const connect = (options: { host?: string; port?: number }): nodeNet.Socket =>
      this.dial(options.host ?? 'localhost', Number(options.port));
    Object.assign(nodeNet, { connect, createConnection: connect });
  }

  /** The embedded engine asks WASI for the time and for chance. */
  #replaceEngineClock(): void {
    const { scheduler } = this;
    const draw = new Random(1);
    class VirtualWasi extends nodeWasi.WASI {
      constructor(options: ConstructorParameters<typeof nodeWasi.WASI>[0]) {
        super(options);
        const memory = (): DataView => new DataView(this.#memory?.buffer ?? new ArrayBuffer(0));
        Object.assign(this.wasiImport, {
          clock_time_get: (_clock: number, _precision: bigint, at: number) => {
            // To the microsecond, as scripts read it.
            memory().setBigUint64(at, BigInt(Math.floor(scheduler.epochMs * 1_000)) * 1_000n, true);
            return 0;
          },
          random_get: (at: number, length: number) => {
            for (let i = 0; i < length; i += 1) memory().setUint8(at + i, Math.floor(draw.next() * 256));
            return 0;
          },
        });
      }

      #memory: { readonly buffer: ArrayBuffer } | undefined;

      override initialize(instance: object): void {
        this.#memory = (instance as { exports: { memory: { buffer: ArrayBuffer } } }).exports.memory;
        super.initialize(instance);
      }
    }
    Object.assign(nodeWasi, { WASI: VirtualWasi });
  }

  /** Virtual time stands still while a thread works for the event that runs. */
  #watchThreads(): void {
    const { subtle } = globalThis.crypto;
    for (const name of SUBTLE) {
      const work = (subtle[name] as (...args: unknown[]) => Promise<unknown>).bind(subtle);
      const value = async (...args: unknown[]): Promise<unknown> => {
        this.#outside += 1;
        try {
          return await work(...args);
        } finally {
          this.#outside -= 1;
        }
      };
      Object.defineProperty(subtle, name, { value });
    }
  }
}
