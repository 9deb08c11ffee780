import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DataLock } from './data-lock.js';
import { EmbeddedEngine, EmbeddedEngineError, type EngineLogger } from './handle.js';
import type { EngineStart, FromEngine } from './messages.js';

export { DataDirectoryInUse } from './data-lock.js';
export { type EmbeddedEngine, EmbeddedEngineError, type EngineLogger } from './handle.js';
export type { EngineStats } from './messages.js';

const SAVE_EVERY_MS = 2_000;
const HANG_LIMIT_MS = 10_000;
/** Loading ends within this, or not at all. */
const BOOT_LIMIT_MS = 120_000;
/** Bytes of data; a quarter of what the engine can address, so that it refuses writes long before it dies of them. */
const MAX_MEMORY = 1 << 30;
const PASSWORD_BYTES = 32;

const SILENT: EngineLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface EmbeddedOptions {
  /** Folder for the data; made when it is missing. One live engine at a time uses it. */
  readonly dataDir: string;
  /** Milliseconds between saves, when something changed (2 000). Large data is saved less often. */
  readonly saveEveryMs?: number;
  /** Milliseconds without a sign of life after which the engine is ended (10 000). */
  readonly hangLimitMs?: number;
  readonly logger?: EngineLogger;
}

/**
 * Starts a Redis-compatible server inside this process, on a free port of loopback, with the data of its last run.
 * The caller stops it, and decides what to do if it dies (`onDeath`).
 * @throws {DataDirectoryInUse} when another live process has the data directory
 * @throws {EmbeddedEngineError} when the directory cannot be written or its data cannot be read
 * @example
 * const engine = await startEmbedded({ dataDir: '.lastcall' });
 * const store = await connectRedis({ url: engine.url });
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedEngine> {
  const dataDir = resolve(options.dataDir);
  makeFolder(dataDir);
  const lock = new DataLock(dataDir);
  const start: EngineStart = {
    dataDir,
    password: randomBytes(PASSWORD_BYTES).toString('base64url'),
    saveEveryMs: options.saveEveryMs ?? SAVE_EVERY_MS,
    maxMemory: MAX_MEMORY,
  };
  try {
    // The thread runs the engine alone; Node's notice that WASI is experimental is for us, not for its users.
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: start,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: {},
    });
    const port = await whenReady(worker, dataDir);
    return new EmbeddedEngine({
      worker,
      lock,
      port,
      password: start.password,
      dataDir,
      hangLimitMs: options.hangLimitMs ?? HANG_LIMIT_MS,
      logger: options.logger ?? SILENT,
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

function makeFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.W_OK);
  } catch (cause) {
    throw new EmbeddedEngineError(
      `The data directory ${dataDir} cannot be written (${String(cause)}). Change its rights, or set LASTCALL_DATA_DIR.`,
      { cause },
    );
  }
}

/** @returns the port; ends the thread if it cannot start. */
function whenReady(worker: Worker, dataDir: string): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const settle = (action: () => void): void => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      action();
    };
    const refuse = (reason: string, dataFile = false): void =>
      settle(() => {
        void worker.terminate();
        reject(new EmbeddedEngineError(startFailure(dataDir, reason, dataFile)));
      });
    const onMessage = (message: FromEngine): void => {
      if (message.kind === 'ready') settle(() => resolvePort(message.port));
      if (message.kind === 'refused') refuse(message.reason, message.dataFile);
      if (message.kind === 'dead') refuse(message.reason);
    };
    const onError = (error: Error): void => refuse(error.message);
    const onExit = (code: number): void => refuse(`its thread ended with code ${code}`);
    const timer = setTimeout(() => refuse(`it was not ready within ${BOOT_LIMIT_MS} ms`), BOOT_LIMIT_MS);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

function startFailure(dataDir: string, reason: string, dataFile: boolean): string {
  if (!dataFile)
    return `The embedded engine could not start: ${reason}. Its log is ${join(dataDir, 'engine.log')}.`;
  const file = join(dataDir, 'dump.rdb');
  return (
    `The embedded engine cannot read its data file ${file}: ${reason} ` +
    `Restore the file from a backup, or move it away to start with no sessions, orders and records: mv ${file} ${file}.broken`
  );
}
