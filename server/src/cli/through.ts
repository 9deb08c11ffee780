import { createHash, randomBytes } from 'node:crypto';
import { request as plainly } from 'node:http';
import { request as securely } from 'node:https';
import type { Socket } from 'node:net';
import { isLoopback } from '../schema/settings.js';
import { formatDuration } from './durations.js';
import { type Diagnosis, isBroker } from './examine.js';
import { readFrame } from './frames.js';
import { reasonOf } from './http.js';

// The way clients take to a broker, looked at from outside: an address, proxies, and what these do to WebSockets.

const ANSWER_LIMIT_MS = 5_000;
/** Somewhat longer brokers bear with a stranger who says nothing. */
const QUIET_MS = 4_500;
/** What may come in while nobody asked for anything. */
const MAX_BYTES = 65_536;
/** RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const UPGRADE_REMEDY =
  'Let the proxy pass the headers Upgrade and Connection over HTTP/1.1 (nginx: proxy_http_version 1.1); docs/operations.md has whole configurations.';
const QUIET_REMEDY =
  'Let the proxy leave quiet connections alone for at least 30 s (nginx: proxy_read_timeout 60s; HAProxy: timeout tunnel).';

async function examineAddress(url: URL): Promise<Diagnosis> {
  const name = 'public';
  try {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    const response = await fetch(addressOf(url, 'readyz'), { signal, redirect: 'manual' });
    if (!isBroker(await response.json().catch(() => undefined))) {
      const message = `What answers at ${url.origin} is not a Lastcall broker (status ${response.status}).`;
      return {
        name,
        level: 'error',
        message,
        remedy: 'Check LASTCALL_PUBLIC_URL or --through, and where the proxy leads to.',
      };
    }
  } catch (error) {
    const message = `${url.origin} cannot be reached: ${reasonOf(error).reason}.`;
    return {
      name,
      level: 'error',
      message,
      remedy: 'Check LASTCALL_PUBLIC_URL or --through, the name, the certificate and the proxy.',
    };
  }
  if (url.protocol === 'https:' || isLoopback(url.hostname))
    return { name, level: 'ok', message: `A broker answers at ${url.origin}.` };
  const message = `${url.origin} is without TLS: tokens can be read on the way.`;
  return { name, level: 'warn', message, remedy: 'Let the proxy serve https://, and use that address.' };
}

function addressOf({ origin, pathname }: URL, path: string): string {
  return `${origin}${pathname.replace(/\/*$/, '/')}${path}`;
}

interface Link {
  readonly socket: Socket;
  /** What came together with the answer. */
  readonly head: Buffer;
}

/** Opens a WebSocket, or says with which status that was answered. */
function open(url: URL): Promise<Link | number> {
  const key = randomBytes(16).toString('base64');
  const accepted = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': key,
    'Sec-WebSocket-Version': '13',
  };
  return new Promise((done, failed) => {
    const ask = url.protocol === 'https:' ? securely : plainly;
    const sent = ask(`${url.origin}/socket.io/?EIO=4&transport=websocket`, { headers, agent: false });
    sent.setTimeout(ANSWER_LIMIT_MS, () => sent.destroy(new Error('there was no answer in time')));
    sent.once('error', failed);
    sent.once('response', (response) => {
      response.destroy();
      done(response.statusCode ?? 0);
    });
    sent.once('upgrade', (response, socket, head) => {
      if (response.headers['sec-websocket-accept'] === accepted) done({ socket, head });
      else {
        socket.destroy();
        failed(new Error('the answer is not that of a WebSocket'));
      }
    });
    sent.end();
  });
}

/** The first text that comes in over a link; undefined when it ends before, or becomes too much. */
async function firstOf({ socket, head }: Link): Promise<string | undefined> {
  let bytes = head;
  const pieces = socket.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  for (let text = readFrame(bytes); ; text = readFrame(bytes)) {
    if (text !== undefined) return text;
    const piece = await pieces.next();
    if (piece.done === true || bytes.length > MAX_BYTES) return undefined;
    bytes = Buffer.concat([bytes, piece.value]);
  }
}

/** Resolves when nothing more will come, or after so long; says which of both. */
async function endedWithin({ socket }: Link, ms: number): Promise<boolean> {
  if (socket.destroyed || socket.readableEnded) return true;
  return await new Promise((done) => {
    const timer = setTimeout(() => done(false), ms);
    const end = (): void => {
      clearTimeout(timer);
      done(true);
    };
    socket.once('end', end).once('close', end).resume();
  });
}

/** Says nothing at all, and looks whether the connection is left alone for as long as a broker bears with that. */
async function examineQuiet(link: Link): Promise<Diagnosis> {
  const name = 'quiet';
  const { socket } = link;
  // Cut off with an error is cut off all the same.
  socket.on('error', () => undefined);
  const startedAt = performance.now();
  const given = setTimeout(() => socket.destroy(), ANSWER_LIMIT_MS);
  try {
    const opening = await firstOf(link).catch(() => undefined);
    clearTimeout(given);
    if (opening?.startsWith('0') !== true) {
      const message = 'Nothing of a broker came through the WebSocket.';
      return { name, level: 'error', message, remedy: UPGRADE_REMEDY };
    }
    const isCut = await endedWithin(link, QUIET_MS);
    const took = formatDuration(performance.now() - startedAt);
    if (!isCut) return { name, level: 'ok', message: `A quiet connection is left alone for ${took}.` };
    return {
      name,
      level: 'error',
      message: `A quiet connection was cut after ${took}.`,
      remedy: QUIET_REMEDY,
    };
  } finally {
    clearTimeout(given);
    socket.destroy();
  }
}

/** The way through the address that clients come by. Signs nobody in, and changes nothing. */
export async function examineThrough(through: string): Promise<Diagnosis[]> {
  const url = new URL(through);
  const address = await examineAddress(url);
  if (address.level === 'error') return [address];
  const name = 'upgrade';
  const refused = (why: string): Diagnosis[] => {
    const message = `${url.origin} does not pass WebSockets: ${why}.`;
    return [address, { name, level: 'error', message, remedy: UPGRADE_REMEDY }];
  };
  let link: Link | number;
  try {
    link = await open(url);
  } catch (error) {
    return refused((error as Error).message);
  }
  if (typeof link === 'number') return refused(`the upgrade was answered with ${link}`);
  const passed: Diagnosis = { name, level: 'ok', message: 'WebSockets pass.' };
  return [address, passed, await examineQuiet(link)];
}
