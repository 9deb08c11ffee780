import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { freshTenant, TestBroker } from './support/broker.js';
import { verdictsOf } from './support/histories/check.js';
import { type Op, writeHistory } from './support/histories/format.js';
import { LeaseNotes } from './support/histories/leases.js';
import { changeTakeover, loseData, SETTINGS, settle } from './support/histories/nemesis.js';
import { historyOfRun, versions } from './support/histories/recorder.js';
import { MemoryTable, serveTable, type Table } from './support/histories/table.js';
import type { UsersStart } from './support/histories/users-process.js';
import { historyOf } from './support/history.js';
import { BrokerProcess } from './support/process.js';
import { Random } from './support/random.js';
import { needsRedisServer, type Observer, observer, type RedisServer, startRedis } from './support/redis.js';
import { ROOT } from './support/sources.js';
import { waitUntil } from './support/wait.js';

const OPERATIONS = 20_000;
const GROUPS = [17, 17, 16];
/** More than are needed: who is killed leaves some undone, and coming back is a step, too. */
const STEPS = 500;
/** Until the settings are there again after the loss, a session has a lease of the default length. */
const LAST_LOCK_MS = 90_000;
const FOLDER = `${ROOT}.histories`;
const ENV = { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '10000' };

/** One process of people, whose operations are in its file. */
class Group {
  readonly file: string;
  readonly #child: ChildProcess;
  readonly ended: Promise<void>;

  constructor(start: Omit<UsersStart, 'file'>, table: Table) {
    this.file = `${FOLDER}/${start.tenant}-${start.names[0]}.part`;
    const script = fileURLToPath(new URL('./support/histories/users-process.js', import.meta.url));
    this.#child = fork(script, [JSON.stringify({ ...start, file: this.file })], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    serveTable(this.#child, table);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('exit', (code, signal) => {
        if (code === 0 || signal === 'SIGKILL') resolve();
        else reject(new Error(`people of ${this.file} ended with ${code ?? signal}`));
      });
    });
  }

  get ops(): readonly Op[] {
    if (!existsSync(this.file)) return [];
    // Whoever is killed may leave half a line.
    const lines = readFileSync(this.file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Op);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** The longer form, by `npm run test:locks`; its history is kept, for `npm run check:history`. */
describe('[P2] [P5] locks by their history, with kills', function () {
  this.timeout(600_000);
  const { seed } = new Random();
  const tenant = freshTenant();
  const groups: Group[] = [];
  let server: RedisServer;
  let reader: TestBroker;
  let redis: Observer;
  let notes: LeaseNotes;
  let brokers: BrokerProcess[] = [];

  before(async function () {
    needsRedisServer(this, 'locks by their history');
    mkdirSync(FOLDER, { recursive: true });
    server = await startRedis();
    const options = { redisUrl: server.url, env: ENV };
    brokers = await Promise.all([BrokerProcess.start(options), BrokerProcess.start(options)]);
    reader = await TestBroker.start({ redisUrl: server.url });
    redis = await observer(server.url);
    notes = await LeaseNotes.begin(await observer(server.url), tenant);
    await settle(reader, tenant);
  });
  after(async () => {
    for (const group of groups) {
      group.kill();
      rmSync(group.file, { force: true });
    }
    await Promise.all(brokers.map((broker) => broker.remove()));
    redis?.destroy();
    notes?.close();
    await reader?.close();
    await server?.stop();
  });

  const table = new MemoryTable();
  const done = (): number => groups.reduce((sum, group) => sum + group.ops.length, 0);

  function begin(name: string, size: number): Group {
    const names = Array.from({ length: size }, (_, i) => `${name}-${i}`);
    const urls = brokers.map(({ url }) => url);
    const start = { urls, tenant, names, seed: seed + groups.length * 1_000, steps: STEPS };
    const group = new Group(start, table);
    group.ended.catch(() => undefined);
    groups.push(group);
    return group;
  }

  it(`${OPERATIONS} operations of 50 people on 20 resources (SEED=${seed})`, async () => {
    const takeovers = changeTakeover(reader, tenant);
    const [victim] = GROUPS.map((size, i) => begin(`group-${i}`, size));
    const past = (part: number): Promise<void> =>
      waitUntil(() => done() >= OPERATIONS * part, 'the work', 240_000);
    await past(0.2);
    victim?.kill();
    begin('successors', GROUPS[0] ?? 0);
    for (const [i, part] of [0.4, 0.6].entries()) {
      await past(part);
      await brokers[i]?.kill();
      await brokers[i]?.start();
    }
    await past(0.8);
    const lost = await loseData(redis, tenant, '*');
    await settle(reader, tenant);
    await Promise.all(groups.map(({ ended }) => ended));
    await takeovers.stop();
    const left = async () => (await reader.core.locks.list(tenant, {}, { limit: 100 })).items;
    const isOver = await waitUntil(
      async () => (await left()).length === 0,
      'all locks to be free',
      LAST_LOCK_MS,
    ).then(
      () => true,
      () => false,
    );
    const ops = groups.flatMap((group) => group.ops);
    const records = [...lost, ...(await historyOf(reader.core, tenant))];
    const header = { seed, settings: SETTINGS, versions: versions(true) };
    const history = historyOfRun(header, ops, records, await notes.end(records));
    const path = `${FOLDER}/locks-${seed}.jsonl`;
    writeHistory(path, history);
    const count = (type: string): number => records.filter((record) => record.type === type).length;
    process.stdout.write(
      `      ${ops.length} operations, ${records.length} records, ${count('lock.granted')} grants, ` +
        `${count('lock.taken_over')} taken over, ${count('lock.broken')} broken, ${count('session.ended')} sessions, ` +
        `${ops.filter(({ type }) => type === 'info').length} without an answer; kept in .histories/locks-${seed}.jsonl\n`,
    );
    if (!isOver) expect(await left(), 'what nobody gives back').to.deep.equal([]);
    expect(ops.length).to.be.at.least(OPERATIONS);
    for (const { checker, violations } of verdictsOf(history)) expect(violations, checker).to.deep.equal([]);
  });
});
