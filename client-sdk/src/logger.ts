/** Where the SDK tells developers what it noticed. */
export interface Logger {
  /** Something in the host application or on the wire went wrong and was survived. */
  warn(message: string, detail?: unknown): void;
  /** What happens, step by step. */
  debug?(message: string, detail?: unknown): void;
}

export const consoleLogger: Logger = {
  warn: (message, detail) => {
    globalThis.console.warn(`lastcall: ${message}`, detail ?? '');
  },
};

/** Calls the host application; whatever it throws is logged and goes no further. */
export function guarded(logger: Logger, what: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    logger.warn(`${what} threw`, error);
  }
}
