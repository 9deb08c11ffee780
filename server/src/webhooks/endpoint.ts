import type { WebhookEvent } from './events.js';
import { headersOf } from './signature.js';

/** How long one request may take, its answer included, in milliseconds. */
export const REQUEST_LIMIT_MS = 10_000;
/** How much of an answer is read, so that its connection can be used again; nobody looks at it. */
const ANSWER_LIMIT_BYTES = 65_536;

/** What became of one attempt. `stopped`: it was given up here, which says nothing of the endpoint. */
export type Outcome =
  | { readonly kind: 'delivered' | 'gone' | 'stopped' }
  | { readonly kind: 'failed'; readonly why: string; readonly retryAfterMs?: number };

export interface EndpointOptions {
  readonly url: string;
  readonly keys: readonly Buffer[];
  readonly agent: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** How long one request may take, its answer included, in milliseconds. */
  readonly limitMs?: number;
}

async function drain(response: Response): Promise<void> {
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return;
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    // Leaving the loop cancels what is left.
    if (bytes > ANSWER_LIMIT_BYTES) return;
  }
}

/** `Retry-After` in milliseconds, as seconds or as a date; anything else is none. */
function retryAfterOf(response: Response, now: number): number | undefined {
  const text = response.headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return ms > 0 ? ms : undefined;
}

function reasonOf(error: unknown, limitMs: number): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return `no answer within ${limitMs} ms`;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return code === '' ? 'no connection' : `no connection (${code})`;
}

/** The application's back end that is told. Connections are kept and used again. */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #stop = new AbortController();

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  /** Gives up what is under way, and whatever is sent later. */
  stop(): void {
    this.#stop.abort();
  }

  /** Sends one message once. Never rejects. */
  async send({ id, body }: WebhookEvent): Promise<Outcome> {
    const { url, keys, agent, now, limitMs = REQUEST_LIMIT_MS } = this.#options;
    const stop = this.#stop.signal;
    if (stop.aborted) return { kind: 'stopped' };
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': agent,
          ...headersOf({ id, timestamp: Math.floor(now() / 1_000), body }, keys),
        },
        body,
        // What is signed for one address is sent to no other.
        redirect: 'manual',
        signal: AbortSignal.any([stop, AbortSignal.timeout(limitMs)]),
      });
      // The status alone decides; a body that breaks off takes nothing back.
      await drain(response).catch(() => undefined);
      if (response.ok) return { kind: 'delivered' };
      if (response.status === 410) return { kind: 'gone' };
      const retryAfterMs = retryAfterOf(response, now());
      const why = `answered ${response.status}`;
      return { kind: 'failed', why, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    } catch (error) {
      return stop.aborted ? { kind: 'stopped' } : { kind: 'failed', why: reasonOf(error, limitMs) };
    }
  }
}
