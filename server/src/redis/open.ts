import type { Config } from '../config.js';
import type { Logger } from '../log.js';
import { checkFunctions, checkRedis, type Finding } from './checks.js';
import { connectRedis, type RedisDriver } from './driver.js';
import { type EmbeddedEngine, startEmbedded } from './embedded/index.js';

/** The store a broker works with: a Redis, or the engine inside this process. */
export interface OpenedStore {
  readonly driver: RedisDriver;
  readonly kind: 'embedded' | 'redis';
  /** Whether it is fit for the broker, now. */
  check(): Promise<readonly Finding[]>;
  /** Saves an engine that keeps its data in memory, or waits for replicas that may have to take over. */
  readonly persist?: () => Promise<void>;
  close(): Promise<void>;
}

const isFatal = ({ level }: Finding): boolean => level === 'error';

/** @throws Error with what to do, when the store cannot be reached or must not be used as it is set up */
export async function openStore(config: Config, log: Logger): Promise<OpenedStore> {
  const engine = config.redisUrl === undefined ? await startEngine(config, log) : undefined;
  try {
    const driver = await connectRedis(engine ?? { url: config.redisUrl ?? '' });
    const { minReplicas } = config;
    const look = () => checkRedis(driver, { minReplicas, ...(engine && { name: 'The embedded engine' }) });
    const findings = await look();
    for (const finding of findings) {
      if (finding.level === 'warn') log.warn(`${finding.message} ${finding.remedy ?? ''}`);
    }
    const fatal = findings.find(isFatal) ?? [await checkFunctions(driver)].find(isFatal);
    if (fatal) {
      await driver.close();
      throw new Error(`${fatal.message} ${fatal.remedy ?? ''}`.trim());
    }
    const persist = engine
      ? () => engine.save()
      : driver.kind === 'sentinel' && minReplicas > 0
        ? () => driver.replicated(minReplicas)
        : undefined;
    return {
      driver,
      kind: engine ? 'embedded' : 'redis',
      check: look,
      ...(persist ? { persist } : {}),
      async close() {
        await driver.close();
        await engine?.stop();
      },
    };
  } catch (error) {
    await engine?.stop();
    throw error;
  }
}

async function startEngine(config: Config, log: Logger): Promise<EmbeddedEngine> {
  const engine = await startEmbedded({ dataDir: config.dataDir, logger: log });
  engine.onDeath((error) => {
    // Without its store the broker can do nothing, and a restart loads what was saved.
    log.fatal({ err: error }, 'the embedded engine died');
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  });
  return engine;
}
