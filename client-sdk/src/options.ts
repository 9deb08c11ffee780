import { type App, type Device, LastcallError } from '@lastcall/shared';
import { type Clock, systemClock } from './clock.js';
import { randomId } from './ids.js';
import type { Transport } from './link.js';
import { consoleLogger, type Logger } from './logger.js';
import { type PageLocks, pageLocks } from './page-locks.js';
import type { InputTarget, PresenceTargets } from './presence.js';
import { defaultStorage, type ResumeStorage } from './storage.js';
import type { TabChannel } from './tabs.js';
import type { TokenSource } from './token.js';

/** What the SDK takes from the platform; for tests and unusual hosts. */
export interface Environment extends PresenceTargets {
  readonly clock: Clock;
  /** From 0 to 1, for waits that must not be the same in all clients. */
  readonly random: () => number;
  readonly randomId: () => string;
  /** What other pages of this origin can see: Web Locks. */
  readonly locks?: PageLocks | undefined;
  /** Through which other pages of this origin are told what the person does. */
  readonly channel?: ((name: string) => TabChannel) | undefined;
}

export interface LastcallOptions {
  /** The broker: `https://broker.example`. */
  readonly url: string;
  readonly token: TokenSource;
  readonly app?: App;
  readonly device?: Device;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Keeps what resumes the session. Default: `sessionStorage` in browsers, memory elsewhere. */
  readonly storage?: ResumeStorage;
  /** Default: `['websocket']`, which needs no sticky sessions. */
  readonly transports?: readonly Transport[];
  /** Where Socket.IO is mounted. Default: `/socket.io`. */
  readonly path?: string;
  readonly logger?: Logger;
  /** How long a command waits for its answer, in milliseconds. Default: 5 000. */
  readonly callTimeoutMs?: number;
  /** After how long `connect()` rejects although attempts go on, in milliseconds. Default: 30 000. */
  readonly connectTimeoutMs?: number;
  /** How long before a logoff unsaved work is saved by itself, in milliseconds. Default: 10 000. */
  readonly saveLeadMs?: number;
  readonly environment?: Partial<Environment>;
}

export interface Settings
  extends Required<Omit<LastcallOptions, 'app' | 'device' | 'attributes' | 'environment'>> {
  readonly about: Pick<LastcallOptions, 'app' | 'device' | 'attributes'>;
  readonly environment: Environment;
}

/** What is written wrongly is for who wrote it, at once; later it would look like a broker out of reach. */
function checkOptions(options: unknown): void {
  const { url, token } = (options ?? {}) as { readonly url?: unknown; readonly token?: unknown };
  if (typeof url !== 'string' || url === '')
    throw new LastcallError('invalid', 'createClient() needs "url", the address of the broker.');
  if (typeof token !== 'string' && typeof token !== 'function')
    throw new LastcallError('invalid', 'createClient() needs "token", a JWT or a function that gets one.');
}

/**
 * The options with everything that was left out.
 * @throws LastcallError `invalid` when there is no address, or no token
 */
export function settingsOf(options: LastcallOptions): Settings {
  checkOptions(options);
  const { app, device, attributes } = options;
  const { document, window } = globalThis as { document?: InputTarget; window?: InputTarget };
  return {
    url: options.url,
    token: options.token,
    about: { ...(app && { app }), ...(device && { device }), ...(attributes && { attributes }) },
    storage: options.storage ?? defaultStorage(),
    transports: options.transports ?? ['websocket'],
    path: options.path ?? '/socket.io',
    logger: options.logger ?? consoleLogger,
    callTimeoutMs: options.callTimeoutMs ?? 5_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 30_000,
    saveLeadMs: options.saveLeadMs ?? 10_000,
    environment: {
      clock: systemClock(),
      random: Math.random,
      randomId,
      page: document,
      device: window,
      ...(document && { locks: pageLocks(), channel: tabChannel() }),
      ...options.environment,
    },
  };
}

/** A process of Node has channels too, but its clients are not the tabs of one person. */
function tabChannel(): Environment['channel'] {
  const { BroadcastChannel: Channel } = globalThis as {
    readonly BroadcastChannel?: new (name: string) => TabChannel;
  };
  return Channel && ((name) => new Channel(name));
}
