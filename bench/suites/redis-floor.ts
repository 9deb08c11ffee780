import { Comparison } from '../lib/compare.js';
import { compareDirectly } from '../lib/direct.js';
import { figure, withSpread } from '../lib/report.js';
import type { Cell, Suite, Table } from '../lib/suite.js';

const KINDS = [
  { name: 'ping', what: '`PING`' },
  { name: 'set', what: '`SET key 1 PX ttl`' },
] as const;

export const redisFloor: Suite = {
  name: 'redis-floor',
  about: 'one round trip to Redis from Node, below which nothing that is written there can be',
  async run(context) {
    const sizes = [1, 16];
    const cells: Cell[] = [];
    for (const clients of sizes) cells.push(...(await compareDirectly(context, clients, KINDS)));
    const rows = sizes.flatMap((clients) => {
      const compared = new Comparison(cells, clients, 'ping');
      return KINDS.map(({ name, what }) => [
        `${what}, ${clients === 1 ? 'one after the other' : `${clients} at once`}`,
        withSpread(compared.of(name, 'perSecond')),
        withSpread(compared.of(name, 'p50')),
        withSpread(compared.of(name, 'p99')),
        figure(compared.of(name, 'cpuUs').median),
        figure(compared.of(name, 'redisUs').median),
      ]);
    });
    const table: Table = {
      title: 'One command over one connection',
      columns: ['', 'per second', 'p50 ms', 'p99 ms', 'client CPU µs', 'Redis CPU µs'],
      rows,
    };
    return { cells, tables: [table] };
  },
};
