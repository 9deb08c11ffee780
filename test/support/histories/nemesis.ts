import { type AuditRecord, LastcallError, type PolicySettings } from '@lastcall/shared';
import { decodeRecord } from 'lastcall/internal/redis/store.js';
import type { TestBroker } from '../broker.js';
import type { Observer } from '../redis.js';

/** What the people of a run are exposed to: brief times, locks kept back, and now and then take-overs by force. */
export const SETTINGS = {
  beatMs: 1_000,
  leaseMs: 3_000,
  takeoverMs: 1_000,
  lockDelayMs: 500,
} as const satisfies Partial<PolicySettings>;

/** How long each of the two ways to take over is in force. */
const TURN_MS = 700;
const SETTLE_ATTEMPTS = 20;

// In one step, so that what was recorded until then is known and nothing is forgotten unseen.
const LOSE = `
local records = redis.call('XRANGE', KEYS[1], '-', '+')
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end
local texts = {}
for i, entry in ipairs(records) do texts[i] = entry[2][2] end
return texts`;

/** Empties what Redis has of a tenant (or of all); answers the records there were. */
export async function loseData(
  redis: Observer,
  tenant: string,
  which = `lc:{${tenant}}:*`,
): Promise<readonly AuditRecord[]> {
  const texts = await redis.eval(LOSE, { keys: [`lc:{${tenant}}:log`], arguments: [which] });
  return (texts as string[]).map((text) =>
    decodeRecord(JSON.parse(text) as Parameters<typeof decodeRecord>[0]),
  );
}

/** Sets the tenant's policy, whoever else sets it meanwhile. */
export async function settle(
  broker: TestBroker,
  tenant: string,
  more: Partial<PolicySettings> = {},
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await broker.policy(tenant, { ...SETTINGS, ...more });
      return;
    } catch (error) {
      const isMismatch = error instanceof LastcallError && error.code === 'version_mismatch';
      if (!isMismatch || attempt === SETTLE_ATTEMPTS) throw error;
    }
  }
}

/** Lets people take over by asking and by force in turn, until it is told to stop. */
export function changeTakeover(broker: TestBroker, tenant: string): { stop(): Promise<void> } {
  let isForce = false;
  let last: Promise<void> = Promise.resolve();
  const turn = setInterval(() => {
    isForce = !isForce;
    // What the store does not take now, it takes at the next turn.
    last = settle(broker, tenant, { lockTakeover: isForce ? 'admin' : 'ask' }).catch(() => undefined);
  }, TURN_MS).unref();
  return {
    async stop() {
      clearInterval(turn);
      await last;
    },
  };
}
