import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Every process a benchmark started and that still runs: none outlives it. */
const running = new Set<ChildProcess>();

const STOP_LIMIT_MS = 5_000;

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Has every child process killed when this one ends, whatever ends it. Called once, by the program. */
export function cleanUpAtExit(): void {
  process.once('exit', killAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
}

/** Starts a process that ends with this one: a worker, which prints to standard error, or a silent server. */
export function start(kind: 'worker' | 'server', command: string, args: readonly string[]): ChildProcess {
  const stdio: StdioOptions = kind === 'worker' ? ['ignore', 2, 2, 'ipc'] : 'ignore';
  const child = spawn(command, args, { stdio });
  running.add(child);
  const forget = (): void => {
    running.delete(child);
  };
  child.once('exit', forget);
  child.once('error', forget);
  return child;
}

/** Asks a process to end, and kills it when it does not. */
export async function stop(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  ask();
  await gone;
  clearTimeout(timer);
}
