import { createBroker, loadConfig } from 'lastcall';

/** A broker alone in its process: says where it is, and ends when it is told to. */

const broker = await createBroker({ config: loadConfig({ env: process.env }) });
const { url } = await broker.listen();

/** Whoever started it is gone. */
const leave = (): never => process.exit(1);

async function end(): Promise<void> {
  process.off('disconnect', leave);
  await broker.close();
  // What did not close in time must not keep a broker that was told to end: as `lastcall serve` does it.
  process.exit(0);
}

process.once('disconnect', leave);
process.once('SIGTERM', () => void end());
process.send?.({ url });
