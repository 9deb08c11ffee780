import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A broker alone in its process that collects its garbage when it is told to, so that what it takes then is in use. */

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
process.on('SIGUSR2', () => collect());

await import('./broker-process.js');
