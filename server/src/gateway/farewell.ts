import { LastcallError } from '@lastcall/shared';
import type { Connection } from './connection.js';

/** Turns of the beat loop in a second. */
const TURNS_PER_SECOND = 10;
/** Who comes to a node that leaves is sent on for about this long: until a load balancer has noticed. */
const COME_BACK_MS = 1_000;

/** What a node that stops answers to whoever wants in: a time that differs from client to client. */
export function leaving(): LastcallError {
  const retryAfterMs = Math.ceil(COME_BACK_MS * (1 + Math.random()));
  return new LastcallError('unavailable', 'This broker is about to stop. Come back in a moment.', {
    retryAfterMs,
  });
}

/**
 * Parts with a client that is to come back. The connection is closed rather than the channel: any client of Socket.IO
 * then comes back by itself, where a channel that the server closes stays closed.
 */
export function partFrom(socket: { readonly conn: { close(): unknown }; disconnect(): unknown }): void {
  socket.conn.close();
  // Not heard by the client any more; here the socket is gone at once, whatever still waits to be sent.
  socket.disconnect();
}

/** Sends clients to other nodes as fast as one of those takes them in, within a limit. */
export class Farewell {
  #waiting: Connection[] = [];
  #perTurn = 0;
  #turns = 0;
  #done: () => void = () => undefined;

  /** Resolves when all are gone, or the limit is over. */
  async begin(
    connections: Iterable<Connection>,
    pace: { perSecond: number; limitMs: number },
  ): Promise<void> {
    this.#waiting = [...connections];
    const turns = Math.floor((pace.limitMs / 1_000) * TURNS_PER_SECOND);
    this.#turns = turns;
    this.#perTurn = Math.ceil(Math.max(pace.perSecond / TURNS_PER_SECOND, this.#waiting.length / turns));
    const over = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.turn();
    await over;
  }

  /** Called at each turn of the beat loop. */
  turn(): void {
    const now = this.#waiting.splice(0, this.#perTurn);
    this.#turns -= 1;
    for (const connection of now) {
      if (connection.closed) continue;
      // Answers that are under way get out first, and so do last handlers at a logoff, while there is time.
      const isBusy = connection.underWay.size > 0 || connection.attachment.ended;
      if (isBusy && this.#turns > 0) this.#waiting.push(connection);
      else partFrom(connection.socket);
    }
    if (this.#waiting.length === 0 || this.#turns <= 0) this.#done();
  }
}
