import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeMachine, processorWatch } from './lib/machine.js';
import { cleanUpAtExit } from './lib/processes.js';
import { redisVersion } from './lib/redis-server.js';
import { keep, reportText } from './lib/report.js';
import { type Context, FORMS, type Report, type Suite } from './lib/suite.js';
import { broadcast } from './suites/broadcast.js';
import { console as consoleSuite } from './suites/console.js';
import { growth } from './suites/growth.js';
import { heartbeat } from './suites/heartbeat.js';
import { idleTenants } from './suites/idle-tenants.js';
import { locks } from './suites/locks.js';
import { locksCrowd } from './suites/locks-crowd.js';
import { memory } from './suites/memory.js';
import { peers } from './suites/peers.js';
import { redisFloor } from './suites/redis-floor.js';
import { returning } from './suites/returning.js';
import { storm } from './suites/storm.js';
import { tenant } from './suites/tenant.js';

const SUITES: readonly Suite[] = [
  redisFloor,
  heartbeat,
  locks,
  locksCrowd,
  peers,
  memory,
  broadcast,
  tenant,
  idleTenants,
  growth,
  returning,
  storm,
  consoleSuite,
];

const USAGE = `npm run bench -- [suite …] [--quick | --full] [--server-flags=…]

${SUITES.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --quick        shows that everything works; its figures say nothing
  --full         five rounds instead of three, longer measurements
  --server-flags options of Node for the servers, such as --server-flags=--max-semi-space-size=32
  --show=FILE    measures nothing, and prints the tables of a run that was kept
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      'server-flags': { type: 'string', default: '' },
      show: { type: 'string' },
    },
  });
  const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
  if (values.help || unknown.length > 0 || (values.quick && values.full)) {
    console.error(unknown.length > 0 ? `There is no suite ${unknown.join(', ')}.\n\n${USAGE}` : USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  if (values.show !== undefined) {
    console.log(reportText(JSON.parse(readFileSync(values.show, 'utf8')) as Report));
    return;
  }
  if (redisVersion() === undefined) throw new Error('redis-server is needed: install it, then try again.');
  const chosen = positionals.length === 0 ? SUITES : SUITES.filter(({ name }) => positionals.includes(name));
  const report = await measure(chosen, {
    form: FORMS[values.full ? 'full' : values.quick ? 'quick' : 'short'],
    serverFlags: values['server-flags'].split(/\s+/).filter(Boolean),
    progress: (line) => console.error(line),
  });
  console.log(reportText(report));
  console.error(`kept as ${keep(report)}`);
}

async function measure(suites: readonly Suite[], context: Context): Promise<Report> {
  const startedAt = new Date();
  const machine = describeMachine();
  const watch = processorWatch();
  const results: Report['suites'][number][] = [];
  for (const suite of suites) {
    context.progress(`${suite.name}: ${suite.about}`);
    try {
      results.push({ name: suite.name, about: suite.about, ...(await suite.run(context)) });
    } catch (error) {
      // What was measured is kept; the command fails all the same.
      console.error(`${suite.name} failed:`, error);
      process.exitCode = 1;
    }
  }
  return {
    startedAt: startedAt.toISOString(),
    tookMs: Date.now() - startedAt.getTime(),
    form: context.form.name,
    serverFlags: context.serverFlags,
    machine,
    processors: watch(),
    suites: results,
  };
}

cleanUpAtExit();
try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
// What still runs after a failure is ended by the clean-up; nothing is to be waited for.
process.exit();
