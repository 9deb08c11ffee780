import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from 'cors';
import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import type { Config } from '../config.js';
import type { Logger } from '../log.js';

const HSTS_SECONDS = 180 * 86_400;
const PREFLIGHT_SECONDS = 600;
/** Longest path in a log line, in characters. */
const MAX_LOGGED_PATH = 200;

function levelOf(_req: IncomingMessage, res: ServerResponse): 'debug' | 'info' | 'error' {
  if (res.statusCode >= 500) return 'error';
  return res.statusCode >= 400 ? 'info' : 'debug';
}

/** The path without its query: names and searches are nobody's business, and tokens end up there by mistake. */
function pathOf(req: IncomingMessage & { readonly originalUrl?: string }): string {
  const [path = ''] = (req.originalUrl ?? req.url ?? '').split('?');
  return path.slice(0, MAX_LOGGED_PATH);
}

function line(req: IncomingMessage & { readonly ip?: string }, res: ServerResponse, tookMs: number) {
  return { method: req.method, path: pathOf(req), status: res.statusCode, tookMs, address: req.ip };
}

/** A request passes its log more than once when what it asks for turns out to be elsewhere. */
const logged = new WeakSet<IncomingMessage>();

/** One line per request: method, path, status, time and address, nothing of headers or bodies. */
export function logRequests(logger: Logger): RequestHandler {
  const log = pinoHttp({
    logger,
    genReqId(_req, res) {
      const id = randomUUID();
      res.setHeader('X-Request-Id', id);
      return id;
    },
    wrapSerializers: false,
    serializers: { req: () => undefined, res: () => undefined },
    quietReqLogger: true,
    quietResLogger: true,
    customAttributeKeys: { reqId: 'requestId', responseTime: 'tookMs' },
    customLogLevel: levelOf,
    customSuccessObject: (req, res, value: { tookMs: number }) => line(req, res, value.tookMs),
    customErrorObject: (req, res, _error, value: { tookMs: number }) => ({
      ...line(req, res, value.tookMs),
      ...(res.err === undefined ? {} : { err: res.err }),
    }),
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request failed',
  });
  return (req, res, next) => {
    if (logged.has(req)) return next();
    logged.add(req);
    return log(req, res, next);
  };
}

function commonHeaders(config: Pick<Config, 'production'>) {
  return {
    strictTransportSecurity: config.production ? { maxAge: HSTS_SECONDS, includeSubDomains: false } : false,
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  } as const;
}

/** Headers of answers that are no pages: nothing of them may be run, shown or kept. */
export function protectData(config: Pick<Config, 'production' | 'allowedOrigins'>): RequestHandler {
  return helmet({
    ...commonHeaders(config),
    // Pages of the origins that are allowed may read what is answered; `cors` says which.
    crossOriginResourcePolicy: { policy: config.allowedOrigins.length > 0 ? 'cross-origin' : 'same-origin' },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
  });
}

/** WebSocket addresses of the server a page came from: not every browser counts them as `'self'`. */
function sockets(req: IncomingMessage): string {
  const host = req.headers.host ?? '';
  return /^[\w.-]{1,253}(?::\d{1,5})?$|^\[[\da-f:.]{2,45}\](?::\d{1,5})?$/i.test(host)
    ? `ws://${host} wss://${host}`
    : '';
}

/** The nonce that inline styles of this answer need. */
export function nonceOf(res: Response): string {
  return String(res.locals['nonce']);
}

/** What carries this answer's nonce, as a source of the content security policy. */
function nonceSource(_req: IncomingMessage, res: ServerResponse): string {
  return `'nonce-${nonceOf(res as Response)}'`;
}

const makeNonce: RequestHandler = (_req, res, next) => {
  res.locals['nonce'] = randomBytes(16).toString('base64');
  next();
};

/**
 * Headers of our own pages: scripts and styles from here only, and no frame around them.
 * @param framed may be shown in a frame of our own pages
 */
export function protectPages(config: Pick<Config, 'production'>, framed = false): RequestHandler[] {
  const headers = helmet({
    ...commonHeaders(config),
    ...(framed && { frameguard: { action: 'sameorigin' } as const }),
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        styleSrc: ["'self'", nonceSource],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'", sockets],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: [framed ? "'self'" : "'none'"],
      },
    },
  });
  return [makeNonce, headers];
}

/** Headers of the console: nothing but what carries the nonce of this answer is run or styles it, and no frame is around it. */
export function protectConsole(config: Pick<Config, 'production'>): RequestHandler[] {
  const headers = helmet({
    ...commonHeaders(config),
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: [nonceSource],
        styleSrc: [nonceSource],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'", sockets],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
  return [makeNonce, headers];
}

/** Headers of a page that is to be read and nothing else: a style of its own, and nothing is run, fetched or framed. */
export function protectReading(config: Pick<Config, 'production'>): RequestHandler[] {
  const headers = helmet({
    ...commonHeaders(config),
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [nonceSource],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
  return [makeNonce, headers];
}

/** Lets pages of the configured origins call, and nobody else's; answers preflight requests. */
export function allowOrigins({ allowedOrigins }: Pick<Config, 'allowedOrigins'>): RequestHandler {
  if (allowedOrigins.length === 0) return (_req, _res, next) => next();
  return cors({
    origin: [...allowedOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match'],
    exposedHeaders: ['ETag', 'Idempotent-Replayed', 'Location', 'Retry-After', 'X-Request-Id'],
    maxAge: PREFLIGHT_SECONDS,
  });
}
