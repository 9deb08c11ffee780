import { randomUUID } from 'node:crypto';
import { DEFAULT_POLICY } from '@lastcall/shared';
import { Redis } from 'ioredis';
import { COMPARE_AND_DELETE } from '../lib/naive-lock.js';
import { HEARTBEAT_ANSWER, listenForSockets } from '../lib/peer.js';
import { heapBytes, usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Socket.IO and ioredis as most applications use them: a key per session, a key per lock, one command for each. */

type Acknowledge = (answer: object) => void;

const methods = {
  async start({ redisUrl }: { redisUrl: string | undefined; secret: string }): Promise<{ port: number }> {
    if (redisUrl === undefined) throw new Error('it needs a Redis');
    const redis = new Redis(redisUrl);
    const release = String(await redis.script('LOAD', COMPARE_AND_DELETE));
    return listenForSockets((socket) => {
      const tokens = new Map<string, string>();
      socket.on('heartbeat', async (_payload: unknown, acknowledge: Acknowledge) => {
        await redis.set(`session:${socket.id}`, '1', 'PX', DEFAULT_POLICY.leaseMs);
        acknowledge(HEARTBEAT_ANSWER);
      });
      socket.on('lock:acquire', async ({ resource }: { resource: string }, acknowledge: Acknowledge) => {
        const token = randomUUID();
        const set = await redis.set(`lock:${resource}`, token, 'PX', DEFAULT_POLICY.leaseMs, 'NX');
        if (set) tokens.set(resource, token);
        acknowledge(set ? { ok: true, state: 'granted', lock: { resource, fence: 0 } } : { ok: false });
      });
      socket.on('lock:release', async ({ resource }: { resource: string }, acknowledge: Acknowledge) => {
        const deleted = await redis.evalsha(release, 1, `lock:${resource}`, tokens.get(resource) ?? '');
        tokens.delete(resource);
        acknowledge({ ok: true, released: deleted === 1 });
      });
    });
  },
  usage,
  heapBytes,
};

serve(methods);
