/** One Redis process. */
export interface StoreHost {
  readonly host: string;
  readonly port: number;
}

interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
}

/** Where Redis is, taken apart from its URL. */
export type StoreAddress = Credentials &
  (
    | { readonly kind: 'single'; readonly node: StoreHost; readonly db: number }
    | { readonly kind: 'cluster'; readonly nodes: readonly StoreHost[] }
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly StoreHost[];
        readonly name: string;
        readonly db: number;
      }
  );

/** A Redis URL that cannot be understood. The message names the part, and never contains the password. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
const HOSTS_LIMIT = 64;
const FORMS =
  'redis://host:port, rediss://host:port (TLS), redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name';

/**
 * Reads a Redis URL.
 * @throws {RedisUrlError}
 * @example
 * parseRedisUrl('redis+sentinel://:secret@10.0.0.1,10.0.0.2:26380/primary')
 */
export function parseRedisUrl(url: string): StoreAddress {
  const match = /^(?<scheme>rediss?)(?:\+(?<kind>cluster|sentinel))?:\/\/(?<rest>.*)$/.exec(url.trim());
  if (match?.groups === undefined) throw new RedisUrlError(`A Redis URL has one of these forms: ${FORMS}.`);
  const { scheme, kind, rest = '' } = match.groups;
  if (/[?#]/.test(rest.slice(rest.lastIndexOf('@') + 1))) {
    throw new RedisUrlError('A Redis URL takes no parameters after ? or #.');
  }
  const at = rest.lastIndexOf('@');
  const credentials = { ...readCredentials(rest.slice(0, Math.max(at, 0))), tls: scheme === 'rediss' };
  const [hosts = '', ...path] = rest.slice(at + 1).split('/');
  if (kind === 'cluster') return { kind, nodes: readClusterNodes(hosts, path), ...credentials };
  if (kind === 'sentinel') return { kind, ...readSentinels(hosts, path), ...credentials };
  return { kind: 'single', ...readSingle(hosts, path), ...credentials };
}

/** The address without its password, for logs and messages. */
export function describeAddress(address: StoreAddress): string {
  const scheme = address.tls ? 'rediss' : 'redis';
  if (address.kind === 'single') return `${scheme}://${formatHost(address.node)}`;
  const hosts = (address.kind === 'cluster' ? address.nodes : address.sentinels).map(formatHost).join(',');
  return `${scheme}+${address.kind}://${hosts}${address.kind === 'sentinel' ? `/${address.name}` : ''}`;
}

function readClusterNodes(hosts: string, path: readonly string[]): StoreHost[] {
  if (path.join('') === '') return readHosts(hosts, REDIS_PORT);
  throw new RedisUrlError('A redis+cluster URL has no path: a cluster has one database.');
}

function readSentinels(
  hosts: string,
  path: readonly string[],
): { sentinels: StoreHost[]; name: string; db: number } {
  const [name = '', db = '', ...more] = path;
  if (name === '' || more.length > 0) {
    throw new RedisUrlError(
      'A redis+sentinel URL ends in the name of the primary: redis+sentinel://h1,h2/name.',
    );
  }
  return { sentinels: readHosts(hosts, SENTINEL_PORT), name: decode(name), db: readDb(db) };
}

function readSingle(hosts: string, path: readonly string[]): { node: StoreHost; db: number } {
  const [node, ...others] = readHosts(hosts, REDIS_PORT);
  if (node === undefined || others.length > 0) {
    throw new RedisUrlError('Several hosts need redis+cluster:// or redis+sentinel://.');
  }
  return { node, db: readDb(path.join('/')) };
}

function readCredentials(text: string): { username?: string; password?: string } {
  if (text === '') return {};
  const colon = text.indexOf(':');
  const username = decode(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? '' : decode(text.slice(colon + 1));
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function readHosts(text: string, defaultPort: number): StoreHost[] {
  const parts = text.split(',');
  if (parts.length > HOSTS_LIMIT) throw new RedisUrlError(`A Redis URL names at most ${HOSTS_LIMIT} hosts.`);
  return parts.map((part, index) => {
    const match = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<name>[^[\]:\s]+))(?::(?<port>\d{1,5}))?$/.exec(part);
    const host = match?.groups?.['ipv6'] ?? match?.groups?.['name'];
    const port = Number(match?.groups?.['port'] ?? defaultPort);
    if (host === undefined || port < 1 || port > 65_535) {
      // Not quoted: it may be a misplaced password.
      throw new RedisUrlError(`Host ${index + 1} of the Redis URL is not a host or host:port.`);
    }
    return { host, port };
  });
}

function readDb(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,4}$/.test(text))
    throw new RedisUrlError(`"${text}" in the Redis URL is not the number of a database.`);
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError('A % in the Redis URL must begin an escape: write % itself as %25.');
  }
}

function formatHost({ host, port }: StoreHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
