import { isIPv4, isIPv6 } from 'node:net';
import { LastcallError } from '@lastcall/shared';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Config } from './config.js';

/** The settings that limits are made of. */
export type LimitSettings = Pick<
  Config,
  'messagesPerSecond' | 'messageBurst' | 'failedHandshakesPerMinute' | 'opensPerSecond' | 'resumesPerSecond'
>;

/** How much is too much. Every method throws `rate_limited` with `retryAfterMs` when it is. */
export interface Limits {
  /** One message of a socket, heartbeats apart. */
  message(socketId: string): Promise<void>;
  /** Forgets a socket that is gone. */
  forget(socketId: string): Promise<void>;
  /**
   * A handshake that failed. Beyond the limit its sender is told to wait instead of why it failed; whoever has a good
   * token comes in all the same, because offices and proxies share an address.
   */
  handshakeFailed(address: string): Promise<void>;
  /** A new session or one that comes back, on this node. */
  admit(kind: 'open' | 'resume'): Promise<void>;
}

/** Addresses remembered at most; beyond that all are forgotten, since so many at once are not one sender's. */
const MAX_ADDRESSES = 100_000;

function refuse(limit: RateLimiterRes, message: string): LastcallError {
  return new LastcallError('rate_limited', message, {
    retryAfterMs: Math.max(1, Math.ceil(limit.msBeforeNext)),
  });
}

async function consume(limiter: RateLimiterMemory, key: string, message: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    throw error instanceof RateLimiterRes ? refuse(error, message) : error;
  }
}

/** Whoever has one IPv6 address has its whole /64, so that counts as one. */
export function addressKey(address: string): string {
  const plain = address.replace(/%.*$/, '').toLowerCase();
  const mapped = plain.replace(/^::ffff:/, '');
  if (isIPv4(mapped)) return mapped;
  if (!isIPv6(plain)) return address.slice(0, 64);
  const [before = '', after] = plain.split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const gap =
    after === undefined ? [] : Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return [...head, ...gap, ...tail]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** Counts failures per address in windows of a minute, within bounded memory. */
function failureCounter(points: number) {
  const fresh = () => new RateLimiterMemory({ points, duration: 60 });
  let failures = fresh();
  let addresses = 0;
  return {
    async add(key: string): Promise<void> {
      const found = await failures.penalty(key);
      if (found.isFirstInDuration) addresses += 1;
      if (addresses > MAX_ADDRESSES) {
        failures = fresh();
        addresses = 0;
      }
      if (found.consumedPoints > points) {
        throw refuse(found, 'Too many sign-ins failed from this address. Wait a moment, then try again.');
      }
    },
  };
}

/** The limits of one node. */
export function createLimits(settings: LimitSettings): Limits {
  // One window as long as it takes to earn the burst: at most the burst at once, and the rate in the long run.
  const messages = new RateLimiterMemory({
    points: settings.messageBurst,
    duration: settings.messageBurst / settings.messagesPerSecond,
  });
  const admissions = {
    open: new RateLimiterMemory({ points: settings.opensPerSecond, duration: 1 }),
    resume: new RateLimiterMemory({ points: settings.resumesPerSecond, duration: 1 }),
  };
  const failures = failureCounter(settings.failedHandshakesPerMinute);
  return {
    message: (socketId) => consume(messages, socketId, 'Too many messages. Slow down, then try again.'),
    async forget(socketId) {
      await messages.delete(socketId);
    },
    handshakeFailed: (address) => failures.add(addressKey(address)),
    admit: (kind) => consume(admissions[kind], kind, 'Many people sign in at the moment. Try again shortly.'),
  };
}
