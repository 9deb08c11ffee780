import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, createBroker, loadConfig } from 'lastcall';
import { heapBytes, usage, watchDelays, watchLoop } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** The broker, started as an application would start it, with its limits out of the way. */

let broker: Broker | undefined;
let folder = '';
const longestBlock = watchLoop();
const loopDelays = watchDelays();

const methods = {
  /** Without a Redis it runs on its own engine. `env` stands in for what is set here, such as its limits. */
  async start({
    redisUrl,
    secret,
    env = {},
  }: {
    redisUrl: string | undefined;
    secret: string;
    env?: Readonly<Record<string, string>>;
  }): Promise<{ port: number }> {
    folder = mkdtempSync(join(tmpdir(), 'lastcall-bench-'));
    const config = loadConfig({
      env: {
        NODE_ENV: 'production',
        ...(redisUrl === undefined ? {} : { LASTCALL_REDIS_URL: redisUrl }),
        LASTCALL_DATA_DIR: folder,
        LASTCALL_JWT_SECRET: secret,
        LASTCALL_HOST: '127.0.0.1',
        LASTCALL_PORT: '0',
        LASTCALL_LOG_LEVEL: 'warn',
        LASTCALL_HEARTBEAT_BURST: '1000000',
        LASTCALL_MESSAGES_PER_SECOND: '10000',
        LASTCALL_MESSAGE_BURST: '100000',
        LASTCALL_OPENS_PER_SECOND: '100000',
        LASTCALL_RESUMES_PER_SECOND: '100000',
        ...env,
      },
    });
    broker = await createBroker({ config });
    const { url } = await broker.listen();
    return { port: Number(new URL(url).port) };
  },
  usage,
  heapBytes,
  longestBlock,
  loopDelays,
  /** Ends as a crash would. */
  die: (): void => void process.kill(process.pid, 'SIGKILL'),
};

export type BrokerServer = typeof methods;
serve(methods, async () => {
  await broker?.close();
  rmSync(folder, { recursive: true, force: true });
});
