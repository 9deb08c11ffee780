import { DEFAULT_POLICY } from '@lastcall/shared';
import { Api } from '../lib/api.js';
import { assignCores } from '../lib/cores.js';
import { until } from '../lib/pool.js';
import { startRedis } from '../lib/redis-server.js';
import { figure, withSpread } from '../lib/report.js';
import { spreadOf } from '../lib/stats.js';
import type { Cell, Context, Suite } from '../lib/suite.js';
import { SECRET, tokenFor } from '../lib/tokens.js';
import { startWorker } from '../lib/worker.js';
import type { Returners } from '../loads/returners.js';
import type { BrokerServer } from '../servers/broker.js';

const TENANT = 'storm';
/** What a broker lets in unless it is told otherwise, and what is promised of it meanwhile. */
const ADMISSION = { LASTCALL_RESUMES_PER_SECOND: '500' };
const PROMISE_MS = 250;
/** After the last of them is back their heartbeats go on for a while. */
const AFTER_MS = 5_000;

interface Figures {
  readonly [name: string]: number;
}

/** The people of a broker that dies come back to another one. */
async function playRound(context: Context, clients: number): Promise<Figures> {
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const options = { nodeFlags: context.serverFlags };
  const [doomed, survivor] = [
    startWorker<BrokerServer>('servers/broker.js', { ...options, core: cores.load }),
    startWorker<BrokerServer>('servers/broker.js', { ...options, core: cores.server }),
  ];
  const crowd = startWorker<Returners>('loads/returners.js', { core: cores.load });
  try {
    const start = { redisUrl: redis.url, secret: SECRET, env: ADMISSION };
    const { port } = await doomed.call('start', start);
    const { port: other } = await survivor.call('start', start);
    await crowd.call('connect', { port, other, tenant: TENANT, clients });
    const usedBefore = await survivor.call('usage');
    await survivor.call('loopDelays');
    await doomed.call('die').catch(() => undefined);
    await until('all to be back', async () => (await crowd.call('returned')).back === clients, 120_000);
    const usedAfter = await survivor.call('usage');
    await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
    const delays = await survivor.call('loopDelays');
    const { anew, refusals, outage } = await crowd.call('returned');
    const api = new Api(other, await tokenFor(TENANT, 'root', ['admin']));
    const ended = await api.call<{ items: unknown[] }>(
      'GET',
      `/v1/tenants/${TENANT}/audit?type=session.ended`,
    );
    api.close();
    const cpuMs = (usedAfter.cpuUs - usedBefore.cpuUs) / 1_000;
    return {
      resumed: clients - anew,
      ended: ended.items.length,
      refusals,
      outageP50: outage.p50,
      outageP99: outage.p99,
      outageMax: outage.max,
      loopP99: delays.p99,
      loopMax: delays.max,
      busy: (cpuMs / (usedAfter.atMs - usedBefore.atMs)) * 100,
      cpuPerResume: cpuMs / clients,
    };
  } finally {
    await Promise.all([crowd.stop(), survivor.stop(), doomed.stop()]);
    await redis.stop();
  }
}

const COLUMNS: readonly (readonly [heading: string, value: string])[] = [
  ['resumed', 'resumed'],
  ['sessions that ended', 'ended'],
  ['turned away meanwhile', 'refusals'],
  ['away, p50 ms', 'outageP50'],
  ['away, p99 ms', 'outageP99'],
  ['away, longest ms', 'outageMax'],
  ['event loop delay of the survivor, p99 ms', 'loopP99'],
  ['its longest ms', 'loopMax'],
  ['its processor, %', 'busy'],
  ['its processor per resumption, ms', 'cpuPerResume'],
];

/** @throws Error that says which promise was not kept */
function check(clients: number, { resumed, ended, loopP99, outageMax }: Figures): void {
  const broken = [
    ...(resumed === clients ? [] : [`${clients - (resumed ?? 0)} sessions were not resumed`]),
    ...(ended === 0 ? [] : [`${ended} sessions ended`]),
    ...((outageMax ?? 0) < DEFAULT_POLICY.leaseMs ? [] : ['somebody was away for longer than the lease']),
    ...((loopP99 ?? 0) < PROMISE_MS ? [] : [`the event loop was ${figure(loopP99 ?? 0)} ms late`]),
  ];
  if (broken.length > 0) throw new Error(`the storm: ${broken.join('; ')}`);
}

export const storm: Suite = {
  name: 'storm',
  about: 'a broker dies, and all its clients come back to another one',
  async run(context) {
    const clients = Number(process.env['SESSIONS'] ?? (context.form.name === 'quick' ? 500 : 5_000));
    const cells: Cell[] = [];
    for (let round = 0; round < context.form.rounds; round += 1) {
      const values = await playRound(context, clients);
      context.progress(
        `  round ${round + 1}: ${COLUMNS.map(([heading, name]) => `${heading} ${figure(values[name] ?? Number.NaN)}`).join(', ')}`,
      );
      check(clients, values);
      cells.push({ variant: 'storm', size: clients, round, values });
    }
    const of = (name: string): string =>
      withSpread(spreadOf(cells.map(({ values }) => values[name] ?? Number.NaN)));
    return {
      cells,
      tables: [
        {
          title: `${figure(clients)} clients of a broker that was killed, at ${ADMISSION.LASTCALL_RESUMES_PER_SECOND} resumptions a second`,
          columns: ['', ...COLUMNS.map(([heading]) => heading)],
          rows: [['all at once', ...COLUMNS.map(([, name]) => of(name))]],
        },
      ],
    };
  },
};
