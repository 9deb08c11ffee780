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
  /** Refuses at once, before anything is done for it, what could not be admitted now. */
  expect(kind: Admission): void;
  /** A new session or one that comes back, on this node. */
  admit(kind: Admission): void;
}

export type Admission = 'open' | 'resume';

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

/** Longest time that somebody is told to stay away; a fraction of the default lease. */
const LONGEST_WAIT_MS = 15_000;
/** Under full strain so much of the pace is left. */
const LEAST_PACE = 0.2;
/** Parts of a wait by which it is shorter or longer than the place in the line says. */
const JITTER = 0.5;

/**
 * Lets in at most a second's worth at once and then a steady stream, slower under strain. Whoever is turned away is
 * given the next place in a line: a crowd that was told the same time would come back as the same crowd.
 */
class Gate {
  readonly #perSecond: number;
  readonly #strain: () => number;
  #free: number;
  #at = performance.now();
  /** When the last of those who were turned away is expected. */
  #lineEndsAt = 0;

  constructor(perSecond: number, strain: () => number) {
    this.#perSecond = perSecond;
    this.#strain = strain;
    this.#free = perSecond;
  }

  /** Takes a place, or only looks for one. @throws LastcallError `rate_limited` */
  pass(takes: boolean): void {
    const now = performance.now();
    const pace = (this.#perSecond / 1_000) * (1 - (1 - LEAST_PACE) * this.#strain());
    this.#free = Math.min(this.#perSecond, this.#free + (now - this.#at) * pace);
    this.#at = now;
    if (this.#free >= 1) {
      if (takes) this.#free -= 1;
      return;
    }
    this.#lineEndsAt = Math.min(Math.max(this.#lineEndsAt, now) + 1 / pace, now + LONGEST_WAIT_MS);
    const waitMs = (this.#lineEndsAt - now) * (1 + JITTER * (Math.random() - 0.5));
    throw new LastcallError('rate_limited', 'Many people sign in at the moment. Try again shortly.', {
      retryAfterMs: Math.max(1, Math.ceil(waitMs)),
    });
  }
}

/** The limits of one node; `strain` says from 0 to 1 how hard it is for it at the moment. */
export function createLimits(settings: LimitSettings, strain: () => number = () => 0): Limits {
  // One window as long as it takes to earn the burst: at most the burst at once, and the rate in the long run.
  const messages = new RateLimiterMemory({
    points: settings.messageBurst,
    duration: settings.messageBurst / settings.messagesPerSecond,
  });
  const gates = {
    open: new Gate(settings.opensPerSecond, strain),
    resume: new Gate(settings.resumesPerSecond, strain),
  };
  const failures = failureCounter(settings.failedHandshakesPerMinute);
  return {
    message: (socketId) => consume(messages, socketId, 'Too many messages. Slow down, then try again.'),
    async forget(socketId) {
      await messages.delete(socketId);
    },
    handshakeFailed: (address) => failures.add(addressKey(address)),
    expect: (kind) => gates[kind].pass(false),
    admit: (kind) => gates[kind].pass(true),
  };
}
