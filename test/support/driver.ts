import { expect } from 'chai';
import type { Finding, FindingName } from 'lastcall/internal/redis/checks.js';
import {
  type ConnectOptions,
  connectRedis,
  type RedisDriver,
  type StoreUnavailableError,
} from 'lastcall/internal/redis/driver.js';

export const INCREMENT = `#!lua name=test_increment
redis.register_function('test_increment', function(keys) return redis.call('INCR', keys[1]) end)`;
export const PUBLISH = `#!lua name=test_publish
redis.register_function({ function_name = 'test_publish', flags = { 'allow-oom' }, callback = function(keys, argv)
  redis.call('INCR', keys[1])
  return redis.call('SPUBLISH', keys[1], argv[1])
end })`;

const cleanups: (() => unknown)[] = [];

export async function connected(
  url: string,
  options: Omit<ConnectOptions, 'url'> = {},
): Promise<RedisDriver> {
  const driver = await connectRedis({ url, ...options });
  cleanups.push(() => driver.close());
  return driver;
}

/** How a command failed, and after how long. */
export async function failure(
  run: () => Promise<unknown>,
): Promise<{ error: StoreUnavailableError; afterMs: number }> {
  const startedAt = performance.now();
  try {
    await run();
  } catch (error) {
    return { error: error as StoreUnavailableError, afterMs: performance.now() - startedAt };
  }
  throw new Error('it did not fail');
}

export function messagesOf(driver: RedisDriver): string[] {
  const messages: string[] = [];
  driver.onMessage((channel, message) => void messages.push(`${channel} ${message}`));
  return messages;
}

export function levelOf(findings: readonly Finding[], name: FindingName): string | undefined {
  return findings.find((finding) => finding.name === name)?.level;
}

export function onCleanup(action: () => unknown): void {
  cleanups.push(action);
}

/** Closes what a test opened after each, and fails the suite if a rejection was heard by nobody. */
export function useDriverHooks(): void {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);

  before(() => void process.on('unhandledRejection', note));
  after(() => {
    process.off('unhandledRejection', note);
    expect(unhandled, 'I15: nothing fails unheard').to.deep.equal([]);
  });
  afterEach(async () => {
    while (cleanups.length > 0) await cleanups.pop()?.();
  });
}
