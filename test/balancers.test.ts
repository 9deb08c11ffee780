import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order, Session } from '@lastcall/shared';
import { expect } from 'chai';
import { examineThrough } from 'lastcall/internal/cli/through.js';
import { inBatches, Pair, type Working } from './support/brokers.js';
import { ApiClient, send } from './support/http.js';
import { freePort } from './support/redis.js';
import { ROOT, read } from './support/sources.js';
import { needsProgram, Program } from './support/tools.js';
import { waitUntil } from './support/wait.js';

const PEOPLE = 8;
const PATIENCE_MS = 20_000;

type Front = (port: number, nodes: readonly [number, number], folder: string) => Promise<Program>;

const nginx: Front = (port, [a, b], folder) => {
  const config = read('deploy/nginx.conf')
    .replace('broker-a:4600', `127.0.0.1:${a}`)
    .replace('broker-b:4600', `127.0.0.1:${b}`)
    .replace('listen 8080;', `listen 127.0.0.1:${port};`);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, config.replace('http {', `http {\n${paths.join('\n')}`));
  const globals = `daemon off; pid ${folder}/nginx.pid;`;
  return Program.start('nginx', ['-p', folder, '-e', 'stderr', '-c', file, '-g', globals], { port });
};

const haproxy: Front = (port, [a, b]) =>
  Program.start('haproxy', ['-db', '-f', `${ROOT}deploy/haproxy.cfg`], {
    port,
    env: {
      LASTCALL_FRONT: `127.0.0.1:${port}`,
      LASTCALL_NODE_A: `127.0.0.1:${a}`,
      LASTCALL_NODE_B: `127.0.0.1:${b}`,
    },
  });

/** What administrators do, and see, by way of the balancer alone. */
class Desk {
  readonly #api: ApiClient;
  readonly #tenant: string;

  constructor(api: ApiClient, tenant: string) {
    this.#api = api;
    this.#tenant = tenant;
  }

  async sessions(): Promise<readonly Session[]> {
    const params = { tenant: this.#tenant };
    return (await this.#api.does<{ items: Session[] }>('sessions.list', { params })).items;
  }

  async order(action: 'warn' | 'logoff', graceMs: number): Promise<Order> {
    const body = {
      action,
      target: { all: true },
      message: 'Closing time.',
      reason: 'admin',
      graceMs,
      holdMs: 0,
    };
    return await this.#api.does<Order>('orders.create', { params: { tenant: this.#tenant }, body });
  }

  async isDone({ id }: Order): Promise<boolean> {
    const params = { tenant: this.#tenant, id };
    return (await this.#api.does<Order>('orders.get', { params })).state === 'done';
  }
}

const isOnline = ({ client }: Working): boolean => client.getSnapshot().status === 'online';

/** List, warn, log off, verify; and one of the two brokers leaves in between. */
async function fourSteps(pair: Pair): Promise<void> {
  const { here, there, tenant } = pair;
  const desk = new Desk(new ApiClient(pair.url, await pair.token('root', ['admin'])), tenant);
  const people = await inBatches(
    Array.from({ length: PEOPLE }, (_, i) => `user-${i}`),
    (sub) => pair.work(sub),
  );

  // 1. Who is there? Some on each broker, by the addresses the balancer tells.
  const sessions = await desk.sessions();
  expect(sessions.map(({ user }) => user.id)).to.have.length(PEOPLE);
  expect(new Set(sessions.map(({ node }) => node)).size, 'nodes').to.equal(2);
  expect(new Set(sessions.map(({ address }) => address))).to.deep.equal(new Set(['127.0.0.1']));

  // A broker goes: its clients are on the other one, with their locks.
  await here.end();
  await waitUntil(
    async () => {
      const nodes = new Set((await desk.sessions()).map(({ node }) => node));
      return nodes.size === 1 && people.every(isOnline);
    },
    'everybody to be on the broker that is left',
    PATIENCE_MS,
  );
  for (const { client, handle, sessionId } of people) {
    expect(client.getSnapshot().session?.id).to.equal(sessionId);
    await waitUntil(() => handle.state === 'held', 'the lock to be held');
  }
  await here.start();

  // 2. Ask them.
  const warning = await desk.order('warn', 60_000);
  for (const { client } of people) {
    const isWarned = () => client.getSnapshot().warnings.some(({ orderId }) => orderId === warning.id);
    await waitUntil(isWarned, 'the warning');
  }

  // 3. Log them off.
  const logoff = await desk.order('logoff', 500);
  for (const { client } of people) {
    await waitUntil(() => client.getSnapshot().status === 'ended', 'the end', PATIENCE_MS);
    expect(client.getSnapshot().ended).to.include({ orderId: logoff.id, message: 'Closing time.' });
  }

  // 4. Prove it.
  await waitUntil(() => desk.isDone(logoff), 'the order to be done', PATIENCE_MS);
  const receipts = await pair.receipts(there, logoff.id);
  expect(receipts).to.have.length(PEOPLE);
  expect(receipts.filter(({ verified }) => !verified)).to.deep.equal([]);
  expect(await desk.sessions()).to.deep.equal([]);
}

describe('two brokers behind a balancer, WebSocket only, nothing sticky', function () {
  this.timeout(60_000);

  for (const [name, front] of Object.entries({ nginx, haproxy })) {
    describe(`the configuration of ${name}`, () => {
      let pair: Pair;

      before(async function () {
        needsProgram(this, name, `the four steps through ${name}`);
        const folder = mkdtempSync(join(tmpdir(), `lastcall-${name}-`));
        const port = await freePort();
        pair = await Pair.start({ env: { TRUST_PROXY: '1' } }, `http://127.0.0.1:${port}`);
        const program = await front(port, [pair.here.port, pair.there.port], folder);
        pair.cleanups.add(async () => {
          await program.stop();
          rmSync(folder, { recursive: true, force: true });
        });
      });
      after(() => pair?.cleanups.run());

      it('[N9] [N4] [O5] [O9] the four steps work, and a broker may leave meanwhile', () => fourSteps(pair));

      it('[C6] [N9] the doctor finds nothing on the way through it', async () => {
        const found = await examineThrough(pair.url);
        expect(found.map(({ level, name: what }) => `${level} ${what}`)).to.deep.equal([
          'ok public',
          'ok upgrade',
          'ok quiet',
        ]);
      });

      it('[N9] [A6] tells the world how it is, and no figures', async () => {
        expect((await send(`${pair.url}/readyz`)).status).to.equal(200);
        expect((await send(`${pair.url}/metrics`)).status).to.equal(403);
      });
    });
  }
});
