import { randomUUID } from 'node:crypto';
import { ERRORS, LastcallError, type WireError } from '@lastcall/shared';
import type { Problem } from '../schema/error.js';

/** The broker did not answer, or what answered is not a broker; the message says what to check. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** A query of a list. */
export type Query = Readonly<Record<string, string | number | undefined>>;

export interface ApiRequest {
  /** The path as Express writes it: `:tenant`, `:id`. */
  readonly route: { readonly method: string; readonly path: string };
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the answer may take, in milliseconds; what the client was made with unless given. */
  readonly timeoutMs?: number;
  /** Gives up waiting for the answer. */
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 10_000;
/** A long answer of which nothing comes for so long has broken off, in milliseconds. */
const SILENCE_MS = 60_000;

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name could not be looked up',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'there was no answer in time',
  EHOSTUNREACH: 'the host cannot be reached',
  UND_ERR_SOCKET: 'the connection was cut',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there, so write http://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS there, so write http://',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
};

/** Failures after which nothing was sent, so that it makes no sense to try again at once. */
const HOPELESS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND']);

/** Why a request failed, for a person. */
export function reasonOf(error: unknown): { readonly code: string; readonly reason: string } {
  const { cause, message, name } = error as Error & { readonly cause?: NodeJS.ErrnoException };
  const code = name === 'TimeoutError' ? 'ETIMEDOUT' : (cause?.code ?? '');
  return { code, reason: REASONS[code] ?? cause?.message ?? message };
}

/** What addresses leave out, or take for a step up: another call would be meant. */
const NO_NAMES: ReadonlySet<string> = new Set(['', '.', '..']);

/** The address of a route with what stands for its names. @throws {LastcallError} `invalid` */
function addressOf(url: string, { route, params = {}, query = {} }: ApiRequest): URL {
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) => {
    const value = params[name] ?? '';
    if (NO_NAMES.has(value))
      throw new LastcallError('invalid', `"${value}" cannot be the ${name} of anything.`);
    return encodeURIComponent(value);
  });
  const address = new URL(url.replace(/\/+$/, '') + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) address.searchParams.set(name, String(value));
  }
  return address;
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null || !('code' in value) || !('detail' in value)) return false;
  return typeof value.detail === 'string' && Object.hasOwn(ERRORS, String(value.code));
}

/** The error a problem document tells of; its message names every issue. */
function errorOf({
  code,
  detail,
  type: _type,
  title: _title,
  status: _status,
  ...extras
}: Problem): LastcallError {
  const issues = (extras.issues ?? []).map((issue) => `${issue.path} ${issue.message}`.trim());
  const unsaid = issues.filter((issue) => !detail.includes(issue));
  const message = unsaid.length === 0 ? detail : `${detail} (${unsaid.join('; ')})`;
  return LastcallError.fromWire({ code, message, ...extras } as WireError);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Carries requests to a broker and brings back its answers. */
export class Http {
  readonly #url: string;
  readonly #token: string;
  readonly #timeoutMs: number;

  constructor(options: { readonly url: string; readonly token: string; readonly timeoutMs?: number }) {
    this.#url = options.url;
    this.#token = options.token;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  /**
   * The broker's answer.
   * @throws {LastcallError} what the broker refuses
   * @throws {UnreachableError} when it cannot be asked
   */
  async send(request: ApiRequest): Promise<object> {
    const { route, signal, timeoutMs = this.#timeoutMs } = request;
    const init = this.#init(request);
    // What only reads, or carries an idempotency key, may arrive twice without harm.
    const attempts = route.method === 'get' || route.method === 'post' ? 2 : 1;
    const address = addressOf(this.#url, request);
    const { status, text } = await this.#attempt(address, init, attempts, timeoutMs, signal);
    return this.#answer(status, text);
  }

  /**
   * A long answer, piece by piece.
   * @throws {LastcallError} what the broker refuses
   * @throws {UnreachableError} when it cannot be asked, or the answer breaks off
   */
  async *stream(request: ApiRequest): AsyncGenerator<Uint8Array> {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), SILENCE_MS);
    let isBegun = false;
    try {
      const init = { ...this.#init(request), signal: silence.signal };
      const response = await fetch(addressOf(this.#url, request), init);
      if (response.status !== 200 || response.body === null)
        this.#answer(response.status, await response.text());
      isBegun = true;
      for await (const piece of response.body as AsyncIterable<Uint8Array>) {
        timer.refresh();
        yield piece;
      }
    } catch (error) {
      if (!(error instanceof TypeError || silence.signal.aborted)) throw error;
      throw isBegun
        ? new UnreachableError(
            'The answer broke off: what was written is not all. Try again; the log of the broker may say why.',
          )
        : this.#unreachable(reasonOf(error).reason);
    } finally {
      clearTimeout(timer);
    }
  }

  #init({ route, body, headers }: ApiRequest) {
    return {
      method: route.method.toUpperCase(),
      headers: {
        Accept: 'application/json',
        Authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(route.method === 'post' ? { 'Idempotency-Key': randomUUID() } : {}),
        ...headers,
      },
      // A redirection would carry the token elsewhere.
      redirect: 'manual' as const,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
  }

  #unreachable(reason: string): UnreachableError {
    return new UnreachableError(
      `The broker at ${this.#url} cannot be reached: ${reason}. Is it running (lastcall serve), and is the address right (LASTCALL_URL or --url)?`,
    );
  }

  async #attempt(
    address: URL,
    init: RequestInit,
    attempts: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const ends = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
    try {
      const response = await fetch(address, { ...init, signal: AbortSignal.any(ends) });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      signal?.throwIfAborted();
      const { code, reason } = reasonOf(error);
      if (attempts > 1 && !HOPELESS.has(code))
        return this.#attempt(address, init, attempts - 1, timeoutMs, signal);
      throw this.#unreachable(reason);
    }
  }

  #answer(status: number, text: string): object {
    const value = parse(text);
    if (isProblem(value)) throw errorOf(value);
    if (status >= 200 && status < 300 && typeof value === 'object' && value !== null) return value;
    throw new UnreachableError(
      `What answers at ${this.#url} is not a Lastcall broker (status ${status}). Is the address right (LASTCALL_URL or --url)?`,
    );
  }
}
