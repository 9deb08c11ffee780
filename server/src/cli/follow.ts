import { setTimeout as pause } from 'node:timers/promises';
import { LastcallError, type Maintenance, type Order, type OrderCounts } from '@lastcall/shared';
import type { Api } from './api.js';
import { CommandError, EXIT } from './command.js';
import { UnreachableError } from './http.js';
import { createProgress, type Shown } from './progress.js';
import type { Terminal } from './terminal.js';

const POLL_MS = 400;
/** Beyond the order's own deadlines: time for the broker to check everything, and to come back after a restart. */
const SLACK_MS = 60_000;

/** Somebody pressed ^C, or the process was told to end. */
export class InterruptedError extends CommandError {
  /** `what` goes on, and how it is followed. */
  constructor(what: string) {
    super(`Interrupted. ${what}`, EXIT.interrupted);
  }
}

/** Aborts when the person or the system wants the command to end. */
export function interruptOf({ signals }: Terminal): {
  readonly signal: AbortSignal;
  readonly stop: () => void;
} {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  signals.once('SIGINT', abort);
  signals.once('SIGTERM', abort);
  return {
    signal: controller.signal,
    stop() {
      signals.off('SIGINT', abort);
      signals.off('SIGTERM', abort);
    },
  };
}

/** A broker that is away for a moment is asked again; what it refuses is final. */
export async function look<T>(
  read: () => Promise<T>,
  failed: (error: Error) => void,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const passing = error instanceof UnreachableError || (error instanceof LastcallError && error.retryable);
    if (!passing) throw error;
    failed(error);
    return undefined;
  }
}

/** What is followed to its end. */
interface Course<T> {
  readonly first: T;
  readonly read: (signal: AbortSignal) => Promise<T>;
  readonly isOver: (latest: T) => boolean;
  readonly shown: (latest: T) => Shown;
  /** Milliseconds until its deadline, and what it can take beyond. */
  readonly leftMs: number;
  readonly holdMs: number;
  /** What an interrupt leaves behind. */
  readonly goesOn: string;
}

/**
 * Waits for an end and shows how far it is. Gives up, with what was last seen, a minute after the last instant at which
 * there can still be work to do.
 */
async function watch<T>(terminal: Terminal, course: Course<T>): Promise<T> {
  const startedAt = performance.now();
  const left = (): number => course.leftMs - (performance.now() - startedAt);
  const progress = createProgress(terminal);
  const { signal, stop } = interruptOf(terminal);
  let latest = course.first;
  let told = false;
  const failed = ({ message }: Error): void => {
    if (!told) progress.note(`${message} Trying again; the order goes on.`);
    told = true;
  };
  try {
    while (!course.isOver(latest) && left() + course.holdMs + SLACK_MS > 0) {
      progress.show(course.shown(latest), left());
      await pause(POLL_MS, undefined, { signal });
      const seen = await look(() => course.read(signal), failed);
      if (seen !== undefined) latest = seen;
    }
    progress.show(course.shown(latest), left());
    return latest;
  } catch (error) {
    if (signal.aborted) throw new InterruptedError(course.goesOn);
    throw error;
  } finally {
    stop();
    progress.stop();
  }
}

/**
 * Waits until every receipt of an order is decided, and shows how far it is.
 *
 * @param leftMs milliseconds until its deadline
 * @throws {InterruptedError} on SIGINT and SIGTERM
 */
export async function follow(terminal: Terminal, api: Api, order: Order, leftMs: number): Promise<Order> {
  return await watch(terminal, {
    first: order,
    read: (signal) => api.order(order.id, signal),
    isOver: ({ state }) => state === 'done' || state === 'cancelled',
    shown: (latest) => latest,
    leftMs,
    holdMs: order.holdMs ?? 0,
    goesOn: `The order goes on; follow it by: lastcall verify ${order.id} --wait`,
  });
}

const NOBODY: OrderCounts = {
  targeted: 0,
  delivered: 0,
  seen: 0,
  saving: 0,
  saved: 0,
  ended: 0,
  verified: 0,
  unverified: 0,
};

/**
 * Waits until everybody is out, and shows who is not. Answers the window as it is then, or as it was last seen if it was
 * lifted meanwhile; a rehearsal is lifted by itself.
 *
 * @param leftMs milliseconds until its start
 * @throws {InterruptedError} on SIGINT and SIGTERM
 */
export async function followWindow(
  terminal: Terminal,
  api: Api,
  window: Maintenance,
  leftMs: number,
): Promise<{ readonly window: Maintenance; readonly isLifted: boolean }> {
  let last = window;
  const read = async (signal: AbortSignal): Promise<Maintenance | null> => {
    const found = await api.maintenance(signal);
    // Another one: this one was lifted.
    if (found?.id !== window.id) return null;
    last = found;
    return found;
  };
  const latest = await watch<Maintenance | null>(terminal, {
    first: window,
    read,
    isOver: (seen) => seen === null || seen.state === 'closed',
    shown: () => ({ state: last.state, counts: last.counts ?? NOBODY }),
    leftMs,
    holdMs: window.holdMs,
    goesOn: 'The maintenance window stays; look at it by: lastcall maintenance',
  });
  return { window: last, isLifted: latest === null };
}
