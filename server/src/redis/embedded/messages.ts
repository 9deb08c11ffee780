/** What the engine's thread is started with. */
export interface EngineStart {
  readonly dataDir: string;
  readonly password: string;
  readonly saveEveryMs: number;
  readonly maxMemory: number;
}

/** How the engine is doing, as of its last sign of life. */
export interface EngineStats {
  readonly connections: number;
  /** Highest number of sockets open at once. */
  readonly descriptorsUsed: number;
  readonly memoryBytes: number;
  /** Epoch milliseconds of the last save, 0 before the first one. */
  readonly savedAt: number;
  /** How long the last save held the engine. */
  readonly saveMs: number;
  /** Why the last save failed; absent when it did not. */
  readonly saveError?: string;
}

export type ToEngine = { kind: 'ask' } | { kind: 'save'; id: number } | { kind: 'stop' };

export type FromEngine =
  | { kind: 'ready'; port: number }
  /** It could not start. */
  | { kind: 'refused'; reason: string; dataFile: boolean }
  | { kind: 'alive'; stats: EngineStats }
  /** A save begins: no other sign of life until it ends. */
  | { kind: 'saving' }
  | { kind: 'saved'; id: number; error?: string }
  /** A save on the timer failed, or works again (no reason). */
  | { kind: 'timer-save'; error?: string }
  | { kind: 'stopped'; error?: string }
  | { kind: 'dead'; reason: string };
