import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DEFAULT_POLICY, type Policy } from '@lastcall/shared';
import { expect } from 'chai';
import { mintToken } from 'lastcall';
import { freshTenant } from './support/broker.js';
import { command } from './support/command.js';
import { SECRET } from './support/config.js';
import { Cleanups } from './support/faults.js';
import { ApiClient } from './support/http.js';
import { BrokerProcess } from './support/process.js';
import { type Proxy, startProxy } from './support/proxy.js';
import { Random } from './support/random.js';
import { needsRedisServer, type RedisServer, startRedis } from './support/redis.js';
import type { SoakCommand, SoakReport, SoakStart } from './support/soak-process.js';
import { waitUntil } from './support/wait.js';

const MINUTES = Number(process.env['MINUTES'] ?? 60);
const SESSIONS = Number(process.env['SESSIONS'] ?? 2_000);
const MINUTE_MS = 60_000;
/** For what comes before and after; nobody's token runs out meanwhile. */
const SPARE_MINUTES = 20;
const FAULT_MS = 3_000;
/** Longer than tombstones, orders and receipts are kept. */
const LEFT_MS = 1.75 * MINUTE_MS;
/** Tombstones go soon, so that what stays is a leak. */
const SETTINGS = { beatMs: 5_000, leaseMs: 20_000, idleLogoffMs: 0, endedKeepMs: MINUTE_MS } as const;
/** For everybody to come, to go, and for what they leave to be forgotten. */
const SETTLE_MS = 5 * MINUTE_MS;
/** Memory is looked at so often, once a second and after a collection, and the least counts. */
const LOOKS = 10;
const TOLERANCE = 1.05;
const FAULTS = ['broker', 'redis', 'connections'] as const;
type Fault = (typeof FAULTS)[number];

interface Figures {
  readonly rssMb: number;
  readonly heapMb: number;
  readonly descriptors: number;
  readonly keys: number;
}

/** People in a process of their own. */
class Crowd {
  readonly #child: ChildProcess;
  last: SoakReport = { online: 0, locks: 0, anew: 0, refused: 0, over: false };

  constructor(start: SoakStart) {
    const script = fileURLToPath(new URL('./support/soak-process.js', import.meta.url));
    this.#child = fork(script, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (report) => {
      this.last = report as SoakReport;
    });
    // Too long for an argument.
    this.#child.send(start);
  }

  tell(what: SoakCommand): void {
    this.#child.send(what);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

interface Place {
  readonly redis: RedisServer;
  /** It suffers everything but its own death: its memory tells. */
  readonly survivor: BrokerProcess;
  readonly mortal: BrokerProcess;
  readonly front: Proxy;
  readonly crowd: Crowd;
  readonly tenant: string;
  readonly api: ApiClient;
}

/** The longer form alone, by `npm run test:soak`: MINUTES=, SESSIONS= and SEED= say otherwise. */
describe('[A23] an hour of work and faults', function () {
  this.timeout((MINUTES + SPARE_MINUTES) * MINUTE_MS);
  const random = new Random();
  const cleanups = new Cleanups();

  before(function () {
    needsRedisServer(this, 'an hour of work');
  });
  after(() => cleanups.run());

  it(`leaves nothing behind (${MINUTES} min, ${SESSIONS} sessions, SEED=${random.seed})`, async () => {
    const place = await settle(cleanups, random);
    await work(place);
    say('there', place.crowd.last);
    // A tenant keeps a key for each kind of thing that was ever there, and a process the code of what it ever did.
    for (const [index, fault] of FAULTS.entries())
      await playMinute(place, random, index - FAULTS.length + 1, fault);
    await signOut(place);
    const before = await figures(place);
    say('before', before);

    await work(place);
    for (let minute = 1; minute <= MINUTES; minute += 1) await playMinute(place, random, minute);
    const { last } = place.crowd;
    await signOut(place);
    const after = await figures(place);
    say('after', after);
    say('done', { ...last });

    expect(after.descriptors, 'descriptors').to.be.at.most(before.descriptors * TOLERANCE);
    expect(after.keys, 'keys').to.be.at.most(before.keys * TOLERANCE);
    expect(after.heapMb, 'MB of heap').to.be.at.most(before.heapMb * TOLERANCE);
    expect(after.rssMb, 'MB in memory').to.be.at.most(before.rssMb * TOLERANCE);
  });
});

function say(what: string, facts: object): void {
  process.stdout.write(`    ${what}: ${JSON.stringify(facts)}\n`);
}

async function pass(ms: number, what: string): Promise<void> {
  const until = performance.now() + ms;
  await waitUntil(() => performance.now() > until, what, ms + MINUTE_MS);
}

async function settle(cleanups: Cleanups, random: Random): Promise<Place> {
  const redis = await startRedis();
  cleanups.add(() => redis.stop());
  const start = { redisUrl: redis.url, env: { RESUMES_PER_SECOND: '500' } };
  const script = new URL('./support/soak-broker-process.js', import.meta.url).href;
  const [survivor, mortal] = await Promise.all([
    BrokerProcess.start({ ...start, script }),
    BrokerProcess.start(start),
  ]);
  cleanups.add(() => Promise.all([survivor.remove(), mortal.remove()]));
  let turn = 0;
  const front = await startProxy(() => {
    turn += 1;
    return turn % 2 === 0 ? survivor.port : mortal.port;
  });
  cleanups.add(() => front.stop());
  const tenant = freshTenant();
  const names = Array.from({ length: SESSIONS }, (_, i) => `person-${i}`);
  const expiresInMs = (MINUTES + SPARE_MINUTES) * MINUTE_MS;
  const tokenOf = (name: string, roles: readonly string[]): Promise<string> =>
    mintToken(SECRET, { sub: name, tenant, name, roles, expiresInMs });
  const tokens = await Promise.all(names.map((name) => tokenOf(name, ['user'])));
  const crowd = new Crowd({ url: `http://127.0.0.1:${front.port}`, tokens, seed: random.seed });
  cleanups.add(() => crowd.stop());
  const api = new ApiClient(survivor.url, await tokenOf('root', ['admin']));
  const params = { tenant };
  const { version } = await api.does<Policy>('policy.get', { params });
  const headers = { 'If-Match': `"${version}"` };
  await api.does('policy.set', { params, headers, body: { ...DEFAULT_POLICY, ...SETTINGS } });
  return { redis, survivor, mortal, front, crowd, tenant, api };
}

async function work({ crowd }: Place): Promise<void> {
  crowd.tell('work');
  await waitUntil(() => crowd.last.online >= SESSIONS * 0.95, 'everybody to be there', SETTLE_MS);
}

/** Everybody signs out, and what they leave is forgotten. */
async function signOut({ crowd, api, tenant }: Place): Promise<void> {
  crowd.tell('end');
  await waitUntil(() => crowd.last.over, 'everybody to sign out', SETTLE_MS);
  const isEmpty = async () => {
    const { items } = await api.does<{ items: unknown[] }>('sessions.list', { params: { tenant } });
    return items.length === 0;
  };
  await waitUntil(isEmpty, 'nobody to be there', SETTLE_MS);
  await pass(LEFT_MS, 'tombstones and orders to be forgotten');
}

/** One fault, some orders, and what there is besides. */
async function playMinute(
  place: Place,
  random: Random,
  minute: number,
  fault: Fault = random.pick(FAULTS),
): Promise<void> {
  const { redis, mortal, front, crowd } = place;
  const startedAt = performance.now();
  if (fault === 'broker') await mortal.kill();
  else if (fault === 'redis') redis.pause();
  else front.refuse(true);
  await pass(FAULT_MS, 'the fault');
  if (fault === 'broker') await mortal.start();
  else if (fault === 'redis') redis.resume();
  else front.refuse(false);
  await pass(MINUTE_MS / 3, 'recovery');
  const { online } = crowd.last;
  const orders = [await order(place, random, 'warn'), await order(place, random, 'logoff')];
  say(`minute ${minute}`, { fault, online, orders, ...(await figures(place, 1)) });
  await pass(MINUTE_MS - (performance.now() - startedAt), 'the minute');
  await waitUntil(() => crowd.last.online >= SESSIONS * 0.9, 'everybody to be back', SETTLE_MS);
}

/** Gives an order; answers its status. A machine that does much else may be late: then it is the next minute's turn. */
async function order({ api, tenant }: Place, random: Random, action: 'warn' | 'logoff'): Promise<number> {
  const users = Array.from({ length: 20 }, () => `person-${random.within(0, SESSIONS - 1)}`);
  const body = {
    action,
    target: { users },
    message: 'Save.',
    reason: 'admin',
    graceMs: 2_000,
    holdMs: 2_000,
  };
  const { status } = await api.call('orders.create', { params: { tenant }, body });
  expect(status).to.be.oneOf([201, 503]);
  return status;
}

/** What the broker that lives takes, and what stands in Redis. */
async function figures({ survivor, redis }: Place, looks = LOOKS): Promise<Figures> {
  const metrics = { rss: Number.POSITIVE_INFINITY, heap: Number.POSITIVE_INFINITY, descriptors: 0 };
  for (let look = 0; look < looks; look += 1) {
    if (look > 0) {
      process.kill(survivor.pid, 'SIGUSR2');
      await pass(1_000, 'the next look');
    }
    const text = await (await fetch(`${survivor.url}/metrics`)).text();
    const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    metrics.rss = Math.min(metrics.rss, value('process_resident_memory_bytes'));
    metrics.heap = Math.min(metrics.heap, value('nodejs_heap_size_used_bytes'));
    metrics.descriptors = value('process_open_fds');
  }
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  return {
    rssMb: megabytes(metrics.rss),
    heapMb: megabytes(metrics.heap),
    descriptors: metrics.descriptors,
    keys: Number(await command(redis.port, 'DBSIZE')),
  };
}
