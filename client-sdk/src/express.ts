import { LastcallError, PROBLEM_TYPE, problemOf, RESOURCE_PATTERN, type UserRef } from '@lastcall/shared';
import { Guard, notHeld } from './guard.js';
import { FENCE_HEADER, RESOURCE_HEADER, SESSION_HEADER } from './headers.js';
import { consoleLogger, type Logger } from './logger.js';

export { FENCE_HEADER, RESOURCE_HEADER, SESSION_HEADER } from './headers.js';

/** How long the broker has to answer. */
const TIMEOUT_MS = 1_000;

/** As much of a request as guards look at; Express' own has it. */
export interface GuardedRequest {
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

/** As much of a response as guards use; Express' own has it. */
export interface GuardedResponse {
  readonly locals: { [name: string]: unknown };
  status(code: number): unknown;
  set(headers: Record<string, string>): unknown;
  end(body: string): unknown;
}

/** Middleware of Express 5. */
export type Middleware<R extends GuardedRequest> = (
  request: R,
  response: GuardedResponse,
  next: (error?: unknown) => void,
) => Promise<void>;

export interface GuardOptions<R extends GuardedRequest> {
  /** The broker: `http://127.0.0.1:4600`, with its path where it is mounted in an application. */
  readonly url: string;
  readonly tenant: string | ((request: R) => string);
  /** A token with the role `service`, or what gets one for a tenant. */
  readonly token: string | ((tenant: string) => string | Promise<string>);
  /**
   * Who your own sign-in says it is: the `sub` of the person's tokens. Ids of sessions are no secrets, so a session of
   * somebody else is refused.
   */
  readonly user: (request: R) => string | undefined;
  /** How long the broker has to answer before the request is refused, in milliseconds. Default: 1 000. */
  readonly timeoutMs?: number;
  /** For how long an answer is relied on without asking again, in milliseconds. Default: 0, not at all. */
  readonly cacheMs?: number;
  /** Where it says that the broker refused this back end, or did not answer. */
  readonly logger?: Logger;
}

export interface LockGuardOptions<R extends GuardedRequest> extends GuardOptions<R> {
  /** Which resource this request writes. It follows from the address, never from what the client says it holds. */
  readonly resource: (request: R) => string;
}

/** Under what a request is made, once a guard has let it pass. */
export interface Guarded {
  /** Present after `requireSession` and `requireLock`. */
  readonly sessionId?: string;
  /** Present after `requireSession` and `requireLock`. */
  readonly user?: UserRef;
  /** Present after `requireLock`. */
  readonly resource?: string;
  /** Present after `requireLock` and `requireFence`: refuse what is lower than the row's, and write it with the row. */
  readonly fence?: number;
}

/** What the guards before this handler found. */
export function lastcallOf({ locals }: Pick<GuardedResponse, 'locals'>): Guarded {
  return locals['lastcall'] ?? {};
}

/** Lets only requests pass that are made under a live session of the person who is signed in. */
export function requireSession<R extends GuardedRequest>(options: GuardOptions<R>): Middleware<R> {
  const guard = guardOf(options);
  return guarding(async (request) => await sessionOf(guard, options, request));
}

/**
 * Lets only requests pass whose session is live, is the signed-in person's, and holds the resource alone with the
 * fence; a shared lock is one for reading.
 * @example
 * app.put('/invoices/:id', requireLock({ ...broker, resource: (req) => `invoices/${req.params.id}` }), save);
 */
export function requireLock<R extends GuardedRequest>(options: LockGuardOptions<R>): Middleware<R> {
  const guard = guardOf(options);
  needs(options, 'resource', 'a function that says which resource a request writes', isFunction);
  return guarding(async (request) => {
    const resource = options.resource(request);
    if (!RESOURCE_PATTERN.test(resource)) throw wrong(RESOURCE_HEADER, `"${resource}" is not a resource`);
    const said = headerOf(request, RESOURCE_HEADER);
    // A tree lock above covers it.
    if (said !== undefined && said !== resource && !resource.startsWith(`${said}/`)) {
      throw new LastcallError('conflict', `The lock is on ${said}, the write on ${resource}.`);
    }
    const fence = fenceOf(request);
    const sessionId = sessionIdOf(request);
    const [session] = await Promise.all([
      sessionOf(guard, options, request),
      guard.lock(tenantOf(options, request), sessionId, resource, fence),
    ]);
    return { ...session, resource, fence };
  });
}

/**
 * Lets only requests pass that say a fence; the broker is not asked. Enough where every write is compared with the
 * fence in its row, and where clients are trusted to say their own.
 */
export function requireFence<R extends GuardedRequest>(): Middleware<R> {
  return guarding((request) => Promise.resolve({ fence: fenceOf(request) }));
}

/** Answers 409 `not_held`: what a write is refused with that found a higher fence in its row, or no row. */
export function refuseStale(response: GuardedResponse): void {
  refuse(response, notHeld());
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isGiven = (value: unknown): boolean => (typeof value === 'string' && value !== '') || isFunction(value);
const isAddress = (value: unknown): boolean =>
  typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

/** @throws TypeError when the application starts, not at each request: a guard without this lets nobody pass */
function needs(options: unknown, name: string, what: string, isRight: (value: unknown) => boolean): void {
  const value = (options as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (!isRight(value)) throw new TypeError(`A guard needs "${name}": ${what}.`);
}

function guardOf<R extends GuardedRequest>(options: GuardOptions<R>): Guard {
  needs(options, 'url', 'the address of the broker, like http://127.0.0.1:4600', isAddress);
  needs(options, 'tenant', 'its name, or a function that says it', isGiven);
  needs(options, 'token', 'a token with the role "service", or a function that gets one', isGiven);
  needs(options, 'user', 'a function that says who is signed in', isFunction);
  const { url, token, timeoutMs = TIMEOUT_MS, cacheMs = 0, logger = consoleLogger } = options;
  return new Guard({ url, token, timeoutMs, cacheMs, logger });
}

function guarding<R extends GuardedRequest>(check: (request: R) => Promise<Guarded>): Middleware<R> {
  return async (request, response, next) => {
    try {
      const found = await check(request);
      response.locals['lastcall'] = { ...lastcallOf(response), ...found };
    } catch (error) {
      if (!(error instanceof LastcallError)) next(error);
      else refuse(response, error);
      return;
    }
    next();
  };
}

async function sessionOf<R extends GuardedRequest>(
  guard: Guard,
  options: GuardOptions<R>,
  request: R,
): Promise<{ readonly sessionId: string; readonly user: UserRef }> {
  const sessionId = sessionIdOf(request);
  const user = await guard.session(tenantOf(options, request), sessionId);
  if (user.id !== options.user(request)) {
    throw new LastcallError('forbidden', 'This session is somebody else’s.');
  }
  return { sessionId, user };
}

function tenantOf<R extends GuardedRequest>({ tenant }: GuardOptions<R>, request: R): string {
  return typeof tenant === 'string' ? tenant : tenant(request);
}

/** A header that is there once; Node joins repeated ones with commas, which no value here has. */
function headerOf({ headers }: GuardedRequest, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(',') : value;
}

function sessionIdOf(request: GuardedRequest): string {
  const sessionId = headerOf(request, SESSION_HEADER);
  if (sessionId === undefined) throw wrong(SESSION_HEADER, 'say the session’s id');
  return sessionId;
}

/** @throws LastcallError `locked` when it says none, `invalid` when that is not one */
function fenceOf(request: GuardedRequest): number {
  const text = headerOf(request, FENCE_HEADER);
  if (text === undefined) {
    throw new LastcallError('locked', `This is written under a lock only. Lock it, and say ${FENCE_HEADER}.`);
  }
  const fence = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(fence)) throw wrong(FENCE_HEADER, 'say the lock’s fence in digits');
  return fence;
}

function wrong(path: string, message: string): LastcallError {
  return new LastcallError('invalid', `Something is wrong with ${path}: ${message}.`, {
    issues: [{ path, message }],
  });
}

function refuse(response: GuardedResponse, error: LastcallError): void {
  const { retryAfterMs } = error.extras;
  response.status(error.status);
  response.set({
    'Cache-Control': 'no-store',
    'Content-Type': PROBLEM_TYPE,
    ...(retryAfterMs !== undefined && {
      'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))),
    }),
  });
  response.end(JSON.stringify(problemOf(error)));
}
