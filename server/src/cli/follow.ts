import { setTimeout as pause } from 'node:timers/promises';
import { LastcallError, type Order } from '@lastcall/shared';
import type { Api } from './api.js';
import { CommandError, EXIT } from './command.js';
import { UnreachableError } from './http.js';
import { createProgress } from './progress.js';
import type { Terminal } from './terminal.js';

const POLL_MS = 400;
/** Beyond the order's own deadlines: time for the broker to check everything, and to come back after a restart. */
const SLACK_MS = 60_000;

/** Somebody pressed ^C, or the process was told to end. */
export class InterruptedError extends CommandError {
  constructor(order: Order) {
    super(
      `Interrupted. The order goes on; follow it by: lastcall verify ${order.id} --wait`,
      EXIT.interrupted,
    );
  }
}

/** Aborts when the person or the system wants the command to end. */
function interruptOf({ signals }: Terminal): { readonly signal: AbortSignal; readonly stop: () => void } {
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
async function look(
  api: Api,
  id: string,
  signal: AbortSignal,
  failed: (error: Error) => void,
): Promise<Order | undefined> {
  try {
    return await api.order(id, signal);
  } catch (error) {
    const passing = error instanceof UnreachableError || (error instanceof LastcallError && error.retryable);
    if (!passing) throw error;
    failed(error);
    return undefined;
  }
}

const isOver = ({ state }: Order): boolean => state === 'done' || state === 'cancelled';

/**
 * Waits until every receipt of an order is decided, and shows how far it is. Gives up, with the order as it was last
 * seen, a minute after the last instant at which the order can still have work to do.
 *
 * @param leftMs milliseconds until its deadline
 * @throws {InterruptedError} on SIGINT and SIGTERM
 */
export async function follow(terminal: Terminal, api: Api, order: Order, leftMs: number): Promise<Order> {
  const startedAt = performance.now();
  const left = (): number => leftMs - (performance.now() - startedAt);
  const progress = createProgress(terminal);
  const { signal, stop } = interruptOf(terminal);
  const holdMs = order.holdMs ?? 0;
  let latest = order;
  let told = false;
  const failed = ({ message }: Error): void => {
    if (!told) progress.note(`${message} Trying again; the order goes on.`);
    told = true;
  };
  try {
    while (!isOver(latest) && left() + holdMs + SLACK_MS > 0) {
      progress.show(latest, left());
      await pause(POLL_MS, undefined, { signal });
      latest = (await look(api, order.id, signal, failed)) ?? latest;
    }
    progress.show(latest, left());
    return latest;
  } catch (error) {
    if (signal.aborted) throw new InterruptedError(order);
    throw error;
  } finally {
    stop();
    progress.stop();
  }
}
