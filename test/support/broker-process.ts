import type * as lastcall from 'lastcall';
import { runBroker } from './run-broker.js';
import { ROOT } from './sources.js';

// The files that `lastcall` runs.
await runBroker((await import(`${ROOT}server/dist/run/index.js`)) as typeof lastcall);
