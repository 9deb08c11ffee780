import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EmbeddedEngine,
  type EmbeddedOptions,
  startEmbedded,
} from 'lastcall/internal/redis/embedded/index.js';
import { type Observer, observer } from './redis.js';

const cleanups: (() => unknown)[] = [];

/** For `afterEach`: engines, their clients and folders, the latest first. */
export async function disposeEngines(): Promise<void> {
  while (cleanups.length > 0) await cleanups.pop()?.();
}

export function folder(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'lastcall-embedded-'));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

export async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedEngine> {
  const engine = await startEmbedded({ dataDir: options.dataDir ?? folder(), ...options });
  cleanups.push(() => engine.stop().catch(() => undefined));
  return engine;
}

export async function look(engine: EmbeddedEngine): Promise<Observer> {
  const client = await observer(engine.url);
  cleanups.push(() => client.destroy());
  return client;
}

export function onCleanup(action: () => unknown): void {
  cleanups.push(action);
}

/** The error of something that must fail. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}
