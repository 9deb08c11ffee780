import { stopSharedEngine } from './redis.js';

/** Mocha's root hooks: files run in several processes, each with an embedded engine of its own while it needs one. */
export const mochaHooks = { afterAll: stopSharedEngine };
