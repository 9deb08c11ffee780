import { LastcallError } from '@lastcall/shared';
import type { Handlers } from './call.js';
import { given, toWirePage } from './page.js';

export const LOCK_HANDLERS: Handlers<'locks.list' | 'locks.break' | 'locks.check'> = {
  async 'locks.list'({ core, params, query: { limit, cursor, ...filter } }) {
    const page = await core.locks.list(params.tenant, given(filter), given({ limit, cursor }));
    return { status: 200, body: toWirePage(page) };
  },

  async 'locks.break'({ core, actor, params, body, once }) {
    return await once(async () => {
      try {
        const holders = await core.locks.break(params.tenant, body.resource, body.reason, actor);
        return { status: 200, body: { broken: holders.length > 0 } };
      } catch (error) {
        // That nobody holds it is what was wanted.
        if (!(error instanceof LastcallError && error.code === 'not_found')) throw error;
        return { status: 200, body: { broken: false } };
      }
    });
  },

  // Never answered from an Idempotency-Key: what was valid once may not be now.
  async 'locks.check'({ core, params, body }) {
    const { valid, lock } = await core.locks.check(params.tenant, body.resource, body.fence, body.sessionId);
    return { status: 200, body: valid && lock ? { valid, mode: lock.mode } : { valid } };
  },
};
