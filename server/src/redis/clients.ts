import { Cluster, type Command, Redis } from 'ioredis';
import { Pulse } from './pulse.js';
import { asStoreError, isLate, StoreUnavailableError } from './unavailable.js';
import type { StoreAddress } from './url.js';

const CONNECT_LIMIT_MS = 5_000;
/** Time a closing connection has to end politely. */
const DISCONNECT_LIMIT_MS = 500;
/** Silence that ends a connection while an answer is awaited, as a multiple of the limit of one command. */
const SILENCE_FACTOR = 1.5;
const RETRY_FIRST_MS = 50;
const RETRY_LIMIT_MS = 1_000;
const RETRY_JITTER = 0.2;
/** Commands of one client without an answer at the same time; more than this would fill the memory. */
const WAITING_LIMIT = 20_000;

export interface Clients {
  /** Commands: each is answered or fails within the limit. */
  readonly commands: Redis | Cluster;
  /** Messages: a connection of its own, except on a cluster, whose client keeps one per shard. */
  readonly subscriber: Redis | Cluster;
  /** How fast each connection is answered. */
  readonly pulses: readonly Pulse[];
}

/**
 * Makes the connections, which then look after themselves.
 *
 * What keeps a command from running twice or for ever: no queue while there is no connection, no sending again
 * (`maxRetriesPerRequest: 0` empties the list of unanswered commands whenever a connection ends;
 * `autoResendUnfulfilledCommands: false` alone would leave them pending for ever), and a limit for each answer.
 *
 * What keeps everybody from waiting for a Redis that does not answer: a connection on which one answer is late is cut.
 * Then commands fail at once until a new connection has been answered, within the same limit, that Redis is ready.
 */
export function makeClients(address: StoreAddress, commandLimitMs: number): Clients {
  const base = baseOptions(address, commandLimitMs);
  const limited = { ...base, commandTimeout: commandLimitMs };
  if (address.kind === 'cluster') {
    const cluster = new Cluster([...address.nodes], {
      enableOfflineQueue: false,
      shardedSubscribers: true,
      clusterRetryStrategy: retryDelayMs,
      // A command whose connection was lost may have run: it is not sent again.
      retryDelayOnFailover: 0,
      redisOptions: limited,
    });
    cluster.on('+node', forgiveAsking);
    return { commands: cluster, subscriber: cluster, pulses: [watch(cluster)] };
  }
  const single = {
    ...target(address, commandLimitMs),
    retryStrategy: retryDelayMs,
    enableOfflineQueue: false,
  };
  const commands = new Redis({ ...limited, ...single, connectionName: 'lastcall' });
  const subscriber = new Redis({ ...base, ...single, connectionName: 'lastcall-bus' });
  return { commands, subscriber, pulses: [watch(commands), watch(subscriber)] };
}

/**
 * The client asks a primary that a slot is moving to without awaiting the answer, which is lost with the connection when
 * that primary has no slot yet; the command that follows fails then, too, and is told.
 */
function forgiveAsking(node: Redis): void {
  const asking: () => Promise<'OK'> = node.asking.bind(node);
  node.asking = () => {
    const answer = asking();
    answer.catch(() => undefined);
    return answer;
  };
}

/** Types are left to inference: the client's own do not fit each other under exact optional properties. */
function baseOptions(address: StoreAddress, commandLimitMs: number) {
  const { username, password, tls } = address;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectTimeout: CONNECT_LIMIT_MS,
    disconnectTimeout: DISCONNECT_LIMIT_MS,
    socketTimeout: commandLimitMs * SILENCE_FACTOR,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // Done by the subscriber itself: the client forgets a subscription that was under way when a connection ended.
    autoResubscribe: false,
    maxLoadingRetryTime: RETRY_LIMIT_MS,
    // A primary that became a replica: look for the new one; the command is not sent again.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  };
}

function target(address: Exclude<StoreAddress, { kind: 'cluster' }>, commandLimitMs: number) {
  if (address.kind === 'single') return { ...address.node, db: address.db };
  return {
    sentinels: [...address.sentinels],
    name: address.name,
    db: address.db,
    enableTLSForSentinelMode: address.tls,
    // A primary that hangs keeps its connections: the sentinels' word ends them.
    failoverDetector: true,
    sentinelCommandTimeout: commandLimitMs,
    sentinelRetryStrategy: retryDelayMs,
    sentinelReconnectStrategy: retryDelayMs,
  };
}

function retryDelayMs(attempt: number): number {
  const delayMs = Math.min(RETRY_FIRST_MS * 2 ** Math.min(attempt - 1, 10), RETRY_LIMIT_MS);
  return delayMs * (1 + Math.random() * RETRY_JITTER);
}

/** Every command of this client fails with the one error for a Redis out of reach, and soon. */
function watch(client: Redis | Cluster): Pulse {
  const pulse = new Pulse();
  const send = client.sendCommand.bind(client) as (command: Command, ...rest: unknown[]) => unknown;
  client.sendCommand = (command: Command, ...rest: unknown[]) => {
    const { resolve, reject } = command;
    if (pulse.waiting >= WAITING_LIMIT) {
      reject.call(command, new StoreUnavailableError('too much waits for it', { mayHaveRun: false }));
      return command.promise;
    }
    const over = pulse.begin();
    // Those of a cluster are for its own client to end: other shards may answer.
    const stream = client instanceof Cluster ? undefined : client.stream;
    let isAnswered = false;
    command.resolve = (value) => {
      isAnswered = true;
      over();
      resolve.call(command, value);
    };
    command.reject = (error) => {
      over();
      reject.call(command, asStoreError(error));
      if (!isLate(error)) return;
      // After what has arrived is read: perhaps it is this process that was late.
      setImmediate(() => {
        if (!isAnswered) stream?.destroy(new Error('an answer did not come in time'));
      });
    };
    return send(command, ...rest);
  };
  return pulse;
}
