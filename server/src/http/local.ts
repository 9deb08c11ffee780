import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../schema/settings.js';

/** Headers by which a proxy tells that it stands between. */
const FORWARDING = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

function hostnameOf(host: string | undefined): string {
  const address = `http://${host ?? ''}`;
  return host !== undefined && URL.canParse(address) ? new URL(address).hostname : '';
}

/**
 * Whether a request comes from this machine itself. The name it was sent to counts too: a web page elsewhere can have
 * its own name lead to this machine. With proxies in front (`trustProxy`) nothing does: what they pass on comes from
 * this machine, too.
 */
export function isLocal(req: IncomingMessage, trustProxy: number): boolean {
  if (trustProxy > 0 || FORWARDING.some((name) => req.headers[name] !== undefined)) return false;
  const peer = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return isLoopback(peer) && isLoopback(hostnameOf(req.headers.host));
}

/** Whether a request comes from no page, or from a page of the server it goes to. */
export function isSameOrigin(req: IncomingMessage): boolean {
  const { origin, host = '' } = req.headers;
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, host: from } = new URL(origin);
  const here = `${protocol}//${host}`;
  return URL.canParse(here) && new URL(here).host === from;
}
