import type { LockEntry, Order, Session } from '@lastcall/shared';
import type { Core } from 'lastcall/internal/core.js';
import type { TestAdmin } from '../support/admin.js';
import { AUDIT_KEY } from '../support/archive.js';
import { type TestBroker, TestClient } from '../support/broker.js';
import { SECRET } from '../support/config.js';
import { checkHistoryAtRest, historyOf, ordersOf } from '../support/history.js';
import { type Observer, observer } from '../support/redis.js';
import { waitUntil } from '../support/wait.js';
import type { Administrator } from './administrator.js';
import { isAwaited } from './checks-orders.js';
import { disagreements } from './checks-sessions.js';
import type { Guard, Hands, Neighbours, People } from './crowd.js';
import type { Agreement, Comeback, Evidence } from './evidence.js';
import { openDescriptors } from './limits.js';
import { heldName } from './messages.js';
import type { Nemesis } from './stage.js';
import type { World } from './world.js';

/** A run as it stands when all is quiet. */
export interface Scene {
  readonly world: World;
  readonly seed: number;
  readonly tenant: string;
  readonly nemeses: readonly Nemesis[];
  readonly people: readonly People[];
  readonly hands: Hands;
  readonly administrator: Administrator;
  readonly neighbours: Neighbours;
  readonly guard: Guard;
  /** People by hand whose tokens and keys are known, and administrators' pages. */
  readonly marked: readonly TestClient[];
  readonly tokens: readonly string[];
  readonly revived: readonly string[];
  readonly pages: readonly TestAdmin[];
  readonly breakdowns: readonly string[];
  readonly lateMs: number;
  readonly leaseMs: number;
  /** Descriptors of each broker before anybody came. */
  readonly before: readonly number[];
}

const PAGE = 1_000;
const ORDERS_LIMIT_MS = 15_000;
/** As long as the SDK waits at most before it tries again, and two beats. */
const AGREE_LIMIT_MS = 17_000;
const ARCHIVE_LIMIT_MS = 10_000;
const KEYS_LIMIT_MS = 12_000;
const FAREWELL_LIMIT_MS = 180_000;
/** Keys that are there only as long as somebody is. */
const FLEETING = /:(?:lease|held|waits|done|doned|lock|marks|waiters|under|takeover|idling):/;

/** Whether something comes true in time; if not, what is there is looked at all the same. */
async function comesTrue(condition: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  return await waitUntil(condition, 'what should come true', withinMs).then(
    () => true,
    () => false,
  );
}

async function sessionsIn(core: Core, tenant: string): Promise<readonly Session[]> {
  const found: Session[] = [];
  let cursor: string | undefined;
  do {
    const page = await core.sessions.list(
      tenant,
      {},
      { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
    );
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
}

async function locksIn(core: Core, tenant: string): Promise<readonly LockEntry[]> {
  return (await core.locks.list(tenant, {}, { limit: PAGE })).items;
}

/** Everybody with the SDK, next to what the store says of them. */
async function agreementsOf(run: Scene, core: Core, redis: Observer): Promise<readonly Agreement[]> {
  const looks = (await Promise.all(run.people.map((people) => people.look()))).flatMap(
    (answer) => answer.looks,
  );
  const sessions = new Map((await sessionsIn(core, run.tenant)).map((session) => [session.id, session]));
  return await Promise.all(
    looks.map(async (look) => {
      const fences = await redis.hGetAll(`lc:{${run.tenant}}:held:${look.sessionId}`);
      const held = Object.entries(fences).map(([resource, fence]) => heldName(resource, Number(fence)));
      return { look, session: sessions.get(look.sessionId), held };
    }),
  );
}

/** People whose keys are known try to come back to what is over. */
async function comebacksOf(run: Scene, reader: TestBroker): Promise<readonly Comeback[]> {
  const live = new Set((await sessionsIn(reader.core, run.tenant)).map(({ id }) => id));
  const tried: Comeback[] = [];
  for (const [i, client] of run.marked.entries()) {
    if (!client.last('welcome') || live.has(client.sessionId)) continue;
    if (run.nemeses.some(({ loses }) => loses === 'all')) continue;
    const again = new TestClient(reader.url, { token: run.tokens[i] ?? '', resume: client.resume });
    await again.opened();
    tried.push({ sessionId: client.sessionId, code: again.error?.code });
    again.socket.disconnect();
  }
  return tried;
}

/** Somebody has found out what a session is called, but not its key. */
async function intrusionsInto(run: Scene, reader: TestBroker): Promise<readonly Comeback[]> {
  const live = new Set((await sessionsIn(reader.core, run.tenant)).map(({ id }) => id));
  const tried: Comeback[] = [];
  for (const [i, client] of run.marked.entries()) {
    if (!client.last('welcome') || !live.has(client.sessionId)) continue;
    const key = client.resume.key.split('').toReversed().join('');
    const resume = { sessionId: client.sessionId, key };
    const intruder = new TestClient(reader.url, { token: run.tokens[i] ?? '', resume });
    await intruder.opened();
    tried.push({ sessionId: client.sessionId, code: intruder.error?.code });
    intruder.socket.disconnect();
  }
  return tried;
}

async function signOut(client: TestClient): Promise<void> {
  if (client.socket.connected) await client.call('session:end', {}).catch(() => undefined);
}

/** Everybody goes; what is left of them then. */
async function farewell(run: Scene, redis: Observer): Promise<readonly string[]> {
  await Promise.all(run.people.map((people) => people.leave()));
  await Promise.all([
    ...run.hands.users.map((user) => user.leave()),
    ...run.marked.map((client) => signOut(client)),
  ]);
  const left = async (): Promise<readonly string[]> => {
    const names = await redis.keys(`lc:{${run.tenant}}:*`);
    return names.filter((name) => FLEETING.test(name));
  };
  // Who is gone without a word has a lease yet, and where the policy was lost that is the default one; without a lease
  // it stays for as long as gaps give it (S8), and what it holds with it.
  const leases = (await left()).filter((name) => name.includes(':lease:'));
  const runMs = await Promise.all(leases.map((name) => redis.pTTL(name)));
  const began = performance.now();
  const longest = Math.max(0, ...runMs);
  await comesTrue(async () => {
    const givenMs = Number((await redis.hGet(`lc:{${run.tenant}}:gap`, 'total')) ?? 0);
    const isLate = performance.now() - began > KEYS_LIMIT_MS + longest + givenMs;
    return isLate || (await left()).length === 0;
  }, FAREWELL_LIMIT_MS);
  return await left();
}

async function ordersWithReceipts(core: Core, tenant: string): Promise<Evidence['orders']> {
  const orders = await ordersOf(core, tenant);
  return await Promise.all(
    orders.map(async (order) => ({
      order,
      receipts: (await core.orders.receipts(tenant, order.id, { limit: PAGE })).items,
    })),
  );
}

async function nowOf(redis: Observer): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

async function historyFault(core: Core, tenant: string): Promise<string | undefined> {
  return await checkHistoryAtRest(core, tenant).then(
    () => undefined,
    (error: unknown) => String(error).split('\n')[0],
  );
}

/** Looks at everything, by a broker that nothing is wrong with. */
export async function gather(run: Scene): Promise<Evidence> {
  const { world } = run;
  const reader = await world.reader();
  const primary = world.sentinels ? (await world.sentinels.primary()).port : world.redis?.port;
  const redis = await observer(`redis://127.0.0.1:${primary}`);
  try {
    return await lookAt(run, reader, redis);
  } finally {
    redis.destroy();
    await reader.close();
  }
}

async function lookAt(run: Scene, reader: TestBroker, redis: Observer): Promise<Evidence> {
  const { world, tenant, neighbours, people } = run;
  const { core } = reader;
  const isFinal = async (): Promise<boolean> => {
    const facts = { nemeses: run.nemeses, storeNow: await nowOf(redis) };
    const isOver = (order: Order): boolean => order.state === 'done' || order.state === 'cancelled';
    return (await ordersOf(core, tenant)).every((order) => isOver(order) || isAwaited(facts, order));
  };
  await comesTrue(isFinal, ORDERS_LIMIT_MS);
  let agreements: readonly Agreement[] = [];
  await comesTrue(async () => {
    agreements = await agreementsOf(run, core, redis);
    return disagreements({ agreements }).length === 0;
  }, AGREE_LIMIT_MS);
  const looks = await Promise.all(people.map((one) => one.look()));
  const comebacks = await comebacksOf(run, reader);
  const handOps = [...run.hands.ops];
  // What is over in the trail is over for whoever looks later.
  const records = await historyOf(core, tenant);
  const locks = await locksIn(core, tenant);
  const sessions = await sessionsIn(core, tenant);
  const intrusions = await intrusionsInto(run, reader);
  const leftKeys = await farewell(run, redis);
  const isArchived = async (): Promise<boolean> => (await core.archive.verify(tenant)).ok;
  await comesTrue(isArchived, ARCHIVE_LIMIT_MS);
  const later = (await historyOf(core, tenant)).filter(({ type }) => type === 'session.ended');
  const known = JSON.stringify([
    records,
    run.marked.map(({ pushes }) => pushes),
    run.pages.map(({ pushes }) => pushes),
  ]);
  return {
    seed: run.seed,
    tenant,
    nemeses: run.nemeses,
    records,
    sessions,
    storeNow: await nowOf(redis),
    orders: await ordersWithReceipts(core, tenant),
    locks,
    historyFault: await historyFault(core, tenant),
    verdict: await core.archive.verify(tenant),
    ops: people.flatMap(({ ops }) => ops),
    handOps,
    opened: new Map(people.flatMap((one) => [...one.sessions])),
    left: new Set(people.flatMap((one) => [...one.left])),
    ended: people.flatMap((one) => one.ended),
    stopped: people.flatMap((one) => one.stopped),
    frozen: people.flatMap((one) => one.frozen),
    leaseMs: run.leaseMs,
    revived: [...run.revived],
    writes: run.guard.writes,
    given: run.administrator.given,
    attempts: run.administrator.attempts,
    agreements,
    comebacks,
    intrusions,
    endedSince: new Set(later.flatMap(({ sessionId }) => sessionId ?? [])),
    lateMs: Math.max(run.lateMs, ...looks.map(({ lateMs }) => lateMs)),
    breakdowns: run.breakdowns,
    descriptors: world.nodes.map(({ broker }, i) => ({
      before: run.before[i] ?? 0,
      after: broker.isRunning ? openDescriptors(broker.pid) : 0,
    })),
    leftKeys,
    foreign: [
      { what: 'what neighbours were told', text: neighbours.heard(), canary: tenant },
      {
        what: "the neighbours' trail",
        text: JSON.stringify(await historyOf(core, neighbours.tenant)),
        canary: tenant,
      },
      { what: 'what people were told, or their trail', text: known, canary: neighbours.tenant },
    ],
    secrets: [
      SECRET,
      AUDIT_KEY,
      ...run.tokens,
      ...run.marked.flatMap((client) => client.last('welcome')?.resumeKey ?? []),
    ],
    logs: world.logs(),
  };
}
