import type { MaintenanceState, OrderCounts, OrderState } from '@lastcall/shared';
import { SingleBar } from 'cli-progress';
import { formatDuration } from './durations.js';
import { type Colors, colorsOf, columnsOf, print, type Terminal } from './terminal.js';

const MAX_BAR = 30;
const MIN_BAR = 8;

/** An order, or a maintenance window with the counts of its order. */
export interface Shown {
  readonly state: OrderState | MaintenanceState;
  readonly counts: OrderCounts;
}

const OVER: ReadonlySet<Shown['state']> = new Set(['done', 'cancelled', 'closed']);

/** Shows how far an order is. */
export interface Progress {
  show(order: Shown, leftMs: number): void;
  /** Something that is worth a line of its own. */
  note(text: string): void;
  stop(): void;
}

/** Who is still there: `3 of 17 left, 2 saving`. */
export function leftOf({ targeted, ended, saving }: OrderCounts): string {
  const left = `${targeted - ended} of ${targeted} left`;
  return saving > 0 ? `${left}, ${saving} saving` : left;
}

/** How far an order is, in words. */
function wordsOf({ state, counts }: Shown, leftMs: number): string {
  const { verified, unverified } = counts;
  const parts = [leftOf(counts), `${verified} verified`];
  if (unverified > 0) parts.push(`${unverified} unverified`);
  if (!OVER.has(state)) {
    parts.push(leftMs > 0 ? `${formatDuration(Math.ceil(leftMs / 1_000) * 1_000)} to go` : 'checking');
  }
  return parts.join(' · ');
}

function barOf({ counts }: Shown, width: number, colors: Colors): string {
  const { targeted, ended, verified } = counts;
  const part = (sessions: number): number =>
    targeted === 0 ? width : Math.floor((sessions / targeted) * width);
  const done = part(verified);
  const gone = Math.max(0, part(ended) - done);
  return (
    colors.green('█'.repeat(done)) +
    colors.yellow('▓'.repeat(gone)) +
    colors.dim('░'.repeat(width - done - gone))
  );
}

function bar(terminal: Terminal): Progress {
  const { stderr } = terminal;
  const colors = colorsOf(terminal, stderr);
  let line = '';
  const single = new SingleBar({
    stream: stderr,
    format: () => line,
    hideCursor: true,
    clearOnComplete: true,
    forceRedraw: true,
  });
  let started = false;
  const stop = (): void => {
    if (started) single.stop();
    started = false;
  };
  return {
    show(order, leftMs) {
      const words = wordsOf(order, leftMs);
      const room = columnsOf(stderr) - words.length - 3;
      line = room < MIN_BAR ? words : `${barOf(order, Math.min(MAX_BAR, room), colors)}  ${words}`;
      if (!started) single.start(1, 0);
      started = true;
      single.update(0);
    },
    note(text) {
      stop();
      print(stderr, text);
    },
    stop,
  };
}

function lines({ stderr }: Terminal): Progress {
  let last = '';
  return {
    show(order, leftMs) {
      const { targeted, ended, verified, unverified, saving } = order.counts;
      const news = JSON.stringify([order.state, targeted, ended, verified, unverified, saving]);
      // Time passing alone is no news.
      if (news !== last) print(stderr, wordsOf(order, leftMs));
      last = news;
    },
    note(text) {
      print(stderr, text);
    },
    stop() {
      last = '';
    },
  };
}

/** A bar on a terminal; plain lines, one per change, anywhere else. */
export function createProgress(terminal: Terminal): Progress {
  return terminal.stderr.isTTY === true ? bar(terminal) : lines(terminal);
}
