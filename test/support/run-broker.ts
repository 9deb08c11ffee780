import type * as lastcall from 'lastcall';

/** A broker alone in its process: says where it is, and ends when it is told to. */
export async function runBroker({
  createBroker,
  loadConfig,
}: Pick<typeof lastcall, 'createBroker' | 'loadConfig'>): Promise<void> {
  const broker = await createBroker({ config: loadConfig({ env: process.env }) });
  const { url } = await broker.listen();
  /** Whoever started it is gone. */
  const leave = (): never => process.exit(1);
  process.once('disconnect', leave);
  process.once('SIGTERM', () => {
    process.off('disconnect', leave);
    // What did not close in time must not keep a broker that was told to end: as `lastcall serve` does it.
    void broker.close().finally(() => process.exit(0));
  });
  process.send?.({ url });
}
