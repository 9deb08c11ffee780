import { isIP } from 'node:net';
import { type ErrorCode, LastcallError } from '@lastcall/shared';
import type { Socket } from 'socket.io';
import type { Core } from '../core.js';
import type { Limits } from '../limits.js';
import { isFault, toWire } from './guard.js';

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Which pages may connect. Browsers send `Origin` with every WebSocket handshake and ignore CORS for it, so this list
 * is what keeps other sites out. Clients that are not browsers send none.
 */
export class OriginRule {
  readonly #allowed: ReadonlySet<string>;
  readonly #dev: boolean;

  constructor(config: { allowedOrigins: readonly string[]; dev: boolean }) {
    this.#allowed = new Set(config.allowedOrigins);
    this.#dev = config.dev;
  }

  allows(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || this.#allowed.has(origin)) return true;
    return this.#isOwnPage(origin, host);
  }

  /** @throws LastcallError `forbidden` */
  check(origin: string | undefined, host: string | undefined): void {
    if (this.allows(origin, host)) return;
    throw new LastcallError(
      'forbidden',
      'Pages of this origin may not connect. Add it to LASTCALL_ALLOWED_ORIGINS.',
      { terminal: true },
    );
  }

  /**
   * The pages the broker itself serves may connect; in development, which signs in anybody, on loopback only. A proxy
   * that ends TLS leaves the host's port out or puts it in, so both are compared as the page's scheme has them.
   */
  #isOwnPage(origin: string, host: string | undefined): boolean {
    if (host === undefined || !URL.canParse(origin)) return false;
    const url = new URL(origin);
    const here = `${url.protocol}//${host}`;
    if (url.origin !== origin || !URL.canParse(here) || new URL(here).host !== url.host) return false;
    return !this.#dev || LOOPBACK_HOSTS.has(url.hostname);
  }
}

interface Peer {
  readonly address: string;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

/** Where a client comes from: the peer, or what the nearest trusted proxies say. */
export function addressOf(handshake: Peer, trustProxy: number): string {
  if (trustProxy === 0) return handshake.address;
  const header = handshake.headers['x-forwarded-for'];
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .map((hop) => hop.trim());
  const claimed = hops.at(-trustProxy) ?? '';
  return isIP(claimed) === 0 ? handshake.address : claimed;
}

/** A refusal as Socket.IO sends it: `connect_error` with the contract's error in `data`. */
export function refuseHandshake(error: unknown, core: Core): Error {
  const wire = toWire(error);
  if (isFault(error)) core.log.error({ err: error }, 'a handshake failed');
  core.metrics.handshakeRefused(wire.code);
  return Object.assign(new Error(wire.message), { data: wire });
}

/** What counts against an address: guesses, not people whose sign-in ran out or who come back at a bad moment. */
const GUESSES: ReadonlySet<ErrorCode> = new Set(['unauthenticated', 'invalid']);

/** Runs a handshake within the limits of its address. */
export async function withinLimits<T>(limits: Limits, address: string, admit: () => Promise<T>): Promise<T> {
  try {
    return await admit();
  } catch (error) {
    if (error instanceof LastcallError && GUESSES.has(error.code)) await limits.handshakeFailed(address);
    throw error;
  }
}

/** A channel's sockets by their transport: one each. Of two at once Socket.IO would answer for the later one only. */
export class OnePerTransport {
  readonly #taken = new WeakSet<object>();

  /** Takes a transport until `free`. @throws LastcallError `conflict` when there is a handshake or a session on it */
  take({ conn }: Pick<Socket, 'conn'>): void {
    if (this.#taken.has(conn)) {
      throw new LastcallError('conflict', 'This connection is in use. Open another one for another session.');
    }
    this.#taken.add(conn);
  }

  free({ conn }: Pick<Socket, 'conn'>): void {
    this.#taken.delete(conn);
  }
}

/** Calls back once when a socket has left its channel, or its transport closed before it was let in. */
export function whenGone(socket: Pick<Socket, 'conn' | 'once'>, act: () => void): void {
  let isGone = false;
  const gone = (): void => {
    if (isGone) return;
    isGone = true;
    socket.conn.off('close', gone);
    act();
  };
  socket.conn.once('close', gone);
  socket.once('disconnect', gone);
  if (socket.conn.readyState !== 'open') gone();
}
