import type { Engine } from './engine.js';

/** A save may hold the engine for at most this share of its time; large data is saved less often. */
const REST_PER_SAVE = 10;

export interface SaveHooks {
  beforeSave(): void;
  /** A save on the timer failed, or works again (`undefined`). Told once per change. */
  onTimerSave(error: string | undefined): void;
  /** The engine answers a failed save without a reason: its log has it. */
  explain(): string | undefined;
}

/**
 * Writes the engine's data to `dump.rdb`. The engine writes a temporary file, flushes it to the disk and renames it
 * over the old one, so that at any instant there is one whole file.
 */
export class Saver {
  readonly #engine: Engine;
  readonly #everyMs: number;
  readonly #hooks: SaveHooks;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  savedAt = 0;
  saveMs = 0;
  error: string | undefined;

  constructor(engine: Engine, everyMs: number, hooks: SaveHooks) {
    this.#engine = engine;
    this.#everyMs = everyMs;
    this.#hooks = hooks;
  }

  start(): void {
    if (this.#stopped) return;
    const delayMs = Math.max(this.#everyMs, this.saveMs * REST_PER_SAVE);
    this.#timer = setTimeout(() => void this.#tick(), delayMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /**
   * Writes what changed since the last save; does nothing when nothing did.
   * @returns why it failed, or `undefined`
   */
  async save(): Promise<string | undefined> {
    try {
      const persistence = await this.#engine.call('INFO', 'persistence');
      if (/^rdb_changes_since_last_save:0\r?$/m.test(persistence)) return undefined;
      this.#hooks.beforeSave();
      const startedAt = performance.now();
      await this.#engine.call('SAVE');
      this.saveMs = Math.round(performance.now() - startedAt);
      this.savedAt = Date.now();
      this.error = undefined;
    } catch (cause) {
      this.error = this.#hooks.explain() ?? (cause instanceof Error ? cause.message : String(cause));
    }
    return this.error;
  }

  async #tick(): Promise<void> {
    const before = this.error;
    const after = await this.save();
    if (before !== after) this.#hooks.onTimerSave(after);
    this.start();
  }
}
