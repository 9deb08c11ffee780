import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { inTurns, type Values } from '../lib/compare.js';
import { firstRow, framesWhileScrolling, servePlainTable, startBrowser, typing } from '../lib/page-watch.js';
import { until } from '../lib/pool.js';
import { startRedis } from '../lib/redis-server.js';
import { figure, withSpread } from '../lib/report.js';
import { latencyOf, spreadOf } from '../lib/stats.js';
import type { Cell, Context, Suite } from '../lib/suite.js';
import { SECRET, tokenFor } from '../lib/tokens.js';
import { startWorker, type Worker } from '../lib/worker.js';
import type { Changes } from '../loads/changes.js';
import type { BrokerServer } from '../servers/broker.js';

const TENANT = 'bench';
const CHANGES_PER_SECOND = 1_000;
const TYPED = 'user-0123';
const MEASURE_MS = { quick: 1_000, short: 5_000, full: 10_000 } as const;
/** Until what only the opening costs is over. */
const SETTLE_MS = 2_000;

/** A way to show the sessions: what stands for a row, what scrolls, where one types. */
interface Variant {
  readonly name: string;
  readonly what: string;
  readonly row: string;
  readonly scroller: string;
  readonly input: string;
}

const VARIANTS: readonly Variant[] = [
  {
    name: 'console',
    what: "the console's sessions",
    row: '.lc-grid-body .lc-row',
    scroller: '.lc-grid',
    input: '.lc-toolbar-search input',
  },
  {
    name: 'plain',
    what: 'a plain table, every row an element',
    row: 'tbody tr',
    scroller: 'html',
    input: 'input',
  },
];

interface Scene {
  readonly browser: Browser;
  readonly server: Worker<BrokerServer>;
  readonly changes: Worker<Changes>;
  readonly ms: number;
  readonly sessions: number;
  /** Opens a page with these sessions, and signs in. */
  readonly open: (variant: Variant) => Promise<Page>;
}

/** Processor time of the broker per second, as a share of a core, while something goes on. */
async function busy(server: Worker<BrokerServer>, during: () => Promise<unknown>): Promise<number> {
  const before = await server.call('usage');
  await during();
  const after = await server.call('usage');
  return (after.cpuUs - before.cpuUs) / ((after.atMs - before.atMs) * 1_000);
}

const isComplete = (page: Page, { name, row }: Variant, sessions: number): Promise<boolean> =>
  page.evaluate(
    ({ rows, count, isGrid }) =>
      isGrid
        ? document.querySelector('[role=grid]')?.getAttribute('aria-rowcount') === String(count + 1)
        : document.querySelectorAll(rows).length === count,
    { rows: row, count: sessions, isGrid: name === 'console' },
  );

/** One opening of a page and what it does under changes; beside it the broker's load without and with it. */
async function measure(scene: Scene, variant: Variant): Promise<Values> {
  const { server, changes, ms, sessions } = scene;
  const restAlone = await busy(server, () => delay(ms));
  await changes.call('begin', { perSecond: CHANGES_PER_SECOND });
  await delay(SETTLE_MS);
  const changesAlone = await busy(server, () => delay(ms));
  await changes.call('end');
  const page = await scene.open(variant);
  try {
    const firstRowMs = await firstRow(page, variant.row);
    await until('every row', () => isComplete(page, variant, sessions));
    const allRowsMs = await page.evaluate(() => performance.now());
    await delay(SETTLE_MS);
    const rest = await busy(server, () => delay(ms));
    await changes.call('begin', { perSecond: CHANGES_PER_SECOND });
    await delay(SETTLE_MS);
    const underChanges = await busy(server, () => delay(ms));
    const frames = await framesWhileScrolling(page, variant.scroller, ms);
    const keys = latencyOf(await typing(page, variant.input, TYPED));
    const changesPerSecond = await changes.call('end');
    return {
      firstRowMs,
      allRowsMs,
      frames,
      keyP50Ms: keys.p50,
      keyMaxMs: keys.max,
      brokerAtRest: (rest - restAlone) * 100,
      brokerUnderChanges: (underChanges - changesAlone) * 100,
      brokerAlone: changesAlone * 100,
      changesPerSecond,
    };
  } finally {
    await page.context().close();
  }
}

async function withScene<T>(
  context: Context,
  sessions: number,
  run: (scene: Scene) => Promise<T>,
): Promise<T> {
  const redis = await startRedis(undefined);
  const plain = await servePlainTable();
  const server = startWorker<BrokerServer>('servers/broker.js', { nodeFlags: context.serverFlags });
  const changes = startWorker<Changes>('loads/changes.js');
  const browser = await startBrowser();
  try {
    const env = { LASTCALL_ALLOWED_ORIGINS: plain.url };
    const { port } = await server.call('start', { redisUrl: redis.url, secret: SECRET, env });
    await changes.call('open', { redisUrl: redis.url, tenant: TENANT, count: sessions });
    const url = `http://127.0.0.1:${port}`;
    const token = await tokenFor(TENANT, 'root', ['admin']);
    const open = async ({ name }: Variant): Promise<Page> => {
      const page = await (await browser.newContext({ viewport: { width: 1_280, height: 800 } })).newPage();
      if (name === 'plain') {
        await page.goto(
          `${plain.url}/#${encodeURIComponent(JSON.stringify({ url, token, tenant: TENANT }))}`,
        );
        return page;
      }
      // As after a reload: signed in, and nothing of the page in its memory.
      await page.addInitScript((kept) => sessionStorage.setItem('lastcall-console:token', kept), token);
      await page.goto(`${url}/console/`);
      return page;
    };
    return await run({ browser, server, changes, ms: MEASURE_MS[context.form.name], sessions, open });
  } finally {
    await browser.close();
    await Promise.all([server.stop(), changes.stop(), plain.stop()]);
    await redis.stop();
  }
}

function rowOf(cells: readonly Cell[], { name, what }: Variant): string[] {
  const of = (value: string): string =>
    withSpread(
      spreadOf(
        cells.filter(({ variant }) => variant === name).map(({ values }) => values[value] ?? Number.NaN),
      ),
    );
  const columns = ['firstRowMs', 'allRowsMs', 'frames', 'keyP50Ms', 'keyMaxMs', 'brokerAtRest'];
  return [what, ...[...columns, 'brokerUnderChanges', 'changesPerSecond'].map(of)];
}

export const console: Suite = {
  name: 'console',
  about: 'many sessions in the console while they change, beside a plain table',
  async run(context) {
    const sessions = context.form.name === 'quick' ? 1_000 : 20_000;
    const cells = await withScene(context, sessions, (scene) =>
      inTurns(context, sessions, VARIANTS, (variant) =>
        Promise.resolve({
          measure: () => measure(scene, variant),
          stop: () => Promise.resolve(),
        }),
      ),
    );
    const table = {
      title: `${figure(sessions)} sessions, of which ${figure(CHANGES_PER_SECOND)} change a second`,
      columns: [
        '',
        'first rows, ms',
        'all rows known, ms',
        'frames/s, scrolling',
        'key to picture p50, ms',
        'longest, ms',
        "broker's load of one page at rest, % of a core",
        'under changes, % of a core',
        'changes/s there were',
      ],
      rows: VARIANTS.map((variant) => rowOf(cells, variant)),
      notes: ['Browser, broker, Redis and load share the processors.'],
    };
    return { cells, tables: [table] };
  },
};
