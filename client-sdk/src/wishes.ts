import type { AcquireAnswer, ClientCall, ClientCalls, TakeoverAnswer } from '@lastcall/shared';
import type { Connection } from './connection.js';
import type { Wish, WishAnswer } from './request.js';

type WishCall = Extract<ClientCall, 'lock:acquire' | 'lock:acquireMany' | 'lock:upgrade' | 'lock:takeover'>;

/** One answer for all the ways to ask. */
function wishAnswer(
  answer: AcquireAnswer | TakeoverAnswer | ClientCalls['lock:acquireMany']['answer'],
): WishAnswer {
  if ('locks' in answer) return { state: 'granted', locks: answer.locks };
  return answer.state === 'granted' ? { state: 'granted', locks: [answer.lock] } : answer;
}

/** A wish as it is said in this connection: the same each time but for the wait that is left. */
export function wishOf<E extends WishCall>(
  connection: Connection,
  event: E,
  request: ClientCalls[E]['payload'],
): Wish {
  const waits = event === 'lock:acquire' || event === 'lock:upgrade';
  const { waitMs = 0 }: { waitMs?: number } = 'waitMs' in request ? request : {};
  return {
    requestId: request.requestId,
    resources: 'resources' in request ? request.resources.map((one) => one.resource) : [request.resource],
    waitMs,
    ...(event === 'lock:takeover' && { takeover: true }),
    async send(leftMs, late) {
      const payload = waits ? { ...request, waitMs: leftMs } : request;
      const heard = (answer: ClientCalls[E]['answer']): void => {
        late(wishAnswer(answer));
      };
      return wishAnswer(await connection.call(event, payload, { late: heard }));
    },
  };
}
