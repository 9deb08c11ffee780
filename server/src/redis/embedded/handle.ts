import type { Worker } from 'node:worker_threads';
import type { DataLock } from './data-lock.js';
import type { EngineStats, FromEngine, ToEngine } from './messages.js';
import { Watchdog } from './watchdog.js';

const HOST = '127.0.0.1';
/** The last save of a large data set on a slow disk ends within this. */
const STOP_LIMIT_MS = 120_000;

/** Where the engine's few messages go; a pino logger fits. */
export interface EngineLogger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** The embedded engine could not start, died, or could not save. The message says what to do. */
export class EmbeddedEngineError extends Error {
  override readonly name = 'EmbeddedEngineError';
}

type DeathListener = (error: EmbeddedEngineError) => void;

interface Parts {
  readonly worker: Worker;
  readonly lock: DataLock;
  readonly port: number;
  readonly password: string;
  readonly dataDir: string;
  readonly hangLimitMs: number;
  readonly logger: EngineLogger;
}

/** A Redis-compatible server in a thread of this process: on loopback, with its own password and data directory. */
export class EmbeddedEngine {
  readonly host = HOST;
  readonly port: number;
  readonly password: string;
  readonly dataDir: string;
  readonly #worker: Worker;
  readonly #lock: DataLock;
  readonly #logger: EngineLogger;
  readonly #watchdog: Watchdog;
  readonly #deathListeners = new Set<DeathListener>();
  readonly #exited: Promise<void>;
  #stats: EngineStats = { connections: 0, descriptorsUsed: 0, memoryBytes: 0, savedAt: 0, saveMs: 0 };
  #death: EmbeddedEngineError | undefined;
  #stopping: Promise<void> | undefined;
  #stopError: string | undefined;
  #saveId = 0;
  #finishSave: ((error?: EmbeddedEngineError) => void) | undefined;
  #runningSave: Promise<void> | undefined;
  #nextSave: Promise<void> | undefined;

  /** Made by `startEmbedded`. */
  constructor(parts: Parts) {
    this.port = parts.port;
    this.password = parts.password;
    this.dataDir = parts.dataDir;
    this.#worker = parts.worker;
    this.#lock = parts.lock;
    this.#logger = parts.logger;
    this.#watchdog = new Watchdog(parts.hangLimitMs, {
      ask: () => this.#tell({ kind: 'ask' }),
      onHang: () => {
        this.#die(`it gave no sign of life for ${parts.hangLimitMs} ms`);
        void this.#worker.terminate();
      },
    });
    this.#worker.on('message', (message: FromEngine) => this.#hear(message));
    this.#worker.on('error', (error: Error) => this.#die(error.message));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#leave(code);
        resolve();
      });
    });
  }

  /** Connection URL **with the password**: not for logs. */
  get url(): string {
    return `redis://:${this.password}@${this.host}:${this.port}`;
  }

  /** How the engine is doing, as of its last sign of life (about a second ago). */
  stats(): EngineStats {
    return this.#stats;
  }

  /**
   * Writes all that was acknowledged before this call to the disk. Calls during a save share the next one.
   * @throws {EmbeddedEngineError} when it could not be written
   */
  save(): Promise<void> {
    if (this.#runningSave === undefined) return this.#startSave();
    this.#nextSave ??= this.#runningSave
      .catch(() => undefined)
      .then(() => {
        this.#nextSave = undefined;
        return this.#startSave();
      });
    return this.#nextSave;
  }

  /**
   * Saves, lets go of all clients and of the data directory.
   * @throws {EmbeddedEngineError} when the last changes could not be saved; it has stopped all the same
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Calls back once if the engine ends without having been told to. @returns a function that takes it back */
  onDeath(listener: DeathListener): () => void {
    const death = this.#death;
    if (death !== undefined) queueMicrotask(() => listener(death));
    else this.#deathListeners.add(listener);
    return () => void this.#deathListeners.delete(listener);
  }

  async #stop(): Promise<void> {
    if (this.#death !== undefined) return this.#exited;
    // Saving takes its time; the limit below replaces the watchdog.
    this.#watchdog.stop();
    const timer = setTimeout(() => {
      this.#stopError = `it did not stop within ${STOP_LIMIT_MS} ms`;
      void this.#worker.terminate();
    }, STOP_LIMIT_MS);
    this.#tell({ kind: 'stop' });
    await this.#exited;
    clearTimeout(timer);
    if (this.#stopError !== undefined) throw unsaved(this.dataDir, this.#stopError);
  }

  #startSave(): Promise<void> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    if (this.#stopping !== undefined) {
      return Promise.reject(new EmbeddedEngineError('The embedded engine is stopping: it saves by itself.'));
    }
    this.#saveId += 1;
    this.#tell({ kind: 'save', id: this.#saveId });
    this.#runningSave = new Promise<void>((resolve, reject) => {
      this.#finishSave = (error) => {
        this.#finishSave = undefined;
        this.#runningSave = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    return this.#runningSave;
  }

  #tell(message: ToEngine): void {
    // A thread has no origin to name, as a window has.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    this.#worker.postMessage(message);
  }

  #hear(message: FromEngine): void {
    this.#watchdog.heard();
    switch (message.kind) {
      case 'alive':
        this.#stats = message.stats;
        this.#lock.touch();
        return;
      case 'saving':
        this.#watchdog.saving();
        return;
      case 'saved':
        this.#finishSave?.(message.error === undefined ? undefined : unsaved(this.dataDir, message.error));
        return;
      case 'timer-save':
        if (message.error === undefined) this.#logger.info('The embedded engine saves again.');
        else this.#logger.error(unsaved(this.dataDir, message.error).message);
        return;
      case 'stopped':
        this.#stopError = message.error;
        return;
      case 'dead':
        this.#die(message.reason);
        return;
      case 'ready':
      case 'refused':
    }
  }

  /** The thread has ended, wanted or not: nobody may wait for it any longer. */
  #leave(code: number): void {
    if (this.#stopping === undefined) this.#die(`its thread ended with code ${code}`);
    this.#watchdog.stop();
    this.#finishSave?.(new EmbeddedEngineError('The embedded engine stopped during the save.'));
    this.#lock.release();
  }

  #die(reason: string): void {
    if (this.#death !== undefined || this.#stopping !== undefined) return;
    this.#death = new EmbeddedEngineError(
      `The embedded engine died: ${reason}. What was saved is in ${this.dataDir}; start the broker again. ` +
        'Its log is engine.log there.',
    );
    this.#watchdog.stop();
    this.#logger.error(this.#death.message);
    this.#finishSave?.(this.#death);
    for (const listener of this.#deathListeners) listener(this.#death);
    this.#deathListeners.clear();
  }
}

function unsaved(dataDir: string, reason: string): EmbeddedEngineError {
  return new EmbeddedEngineError(
    `The embedded engine could not save its data to ${dataDir}: ${reason}. Check free space and rights of that folder ` +
      '(the reason is in engine.log there). What was saved before is intact.',
  );
}
