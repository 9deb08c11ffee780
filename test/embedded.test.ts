import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import {
  DataDirectoryInUse,
  type EmbeddedEngine,
  EmbeddedEngineError,
  type EmbeddedOptions,
  startEmbedded,
} from 'lastcall/internal/redis/embedded/index.js';
import { type Observer, observer, waitFor } from './support/redis.js';

const TEST_FOLDER = fileURLToPath(new URL('..', import.meta.url));

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

function lockOf(dataDir: string): string {
  return join(dataDir, 'engine.lock');
}

/** A lock file as another engine would have left it. */
function claim(dataDir: string, holder: object): void {
  const content = { token: 'other', host: hostname(), lockedAt: Date.now(), ...holder };
  writeFileSync(lockOf(dataDir), JSON.stringify(content));
}

describe('the embedded engine', () => {
  const cleanups: (() => Promise<void> | void)[] = [];

  function folder(): string {
    const dataDir = mkdtempSync(join(tmpdir(), 'lastcall-embedded-'));
    cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
    return dataDir;
  }

  async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedEngine> {
    const engine = await startEmbedded({ dataDir: options.dataDir ?? folder(), ...options });
    cleanups.push(() => engine.stop().catch(() => undefined));
    return engine;
  }

  async function look(engine: EmbeddedEngine): Promise<Observer> {
    const client = await observer(engine.url);
    cleanups.push(() => client.destroy());
    return client;
  }

  afterEach(async () => {
    while (cleanups.length > 0) await cleanups.pop()?.();
  });

  describe('as a server', () => {
    it('serves on loopback, to those who know its password only', async () => {
      const engine = await start();
      const client = await look(engine);
      expect(await client.ping()).to.equal('PONG');
      const stranger = await failure(observer(`redis://127.0.0.1:${engine.port}`));
      expect(stranger.message).to.match(/NOAUTH/);
      const guesser = await failure(observer(`redis://:wrong@127.0.0.1:${engine.port}`));
      expect(guesser.message).to.match(/WRONGPASS/);
    });

    it('answers at once while others are idle', async () => {
      const engine = await start();
      const client = await look(engine);
      await look(engine);
      const times: number[] = [];
      for (let i = 0; i < 100; i += 1) {
        const startedAt = performance.now();
        await client.set('key', String(i));
        times.push(performance.now() - startedAt);
      }
      times.sort((a, b) => a - b);
      expect(times[50]).to.be.below(20);
    });

    it('uses the numbers of closed connections again: it outlives any number of them', async () => {
      const engine = await start({ hangLimitMs: 1_000 });
      const client = await look(engine);
      for (let round = 0; round < 65; round += 1) {
        await Promise.all(Array.from({ length: 100 }, () => touch(engine.port)));
      }
      expect(await client.ping()).to.equal('PONG');
      await waitFor(() => engine.stats().descriptorsUsed > 0, 'a sign of life');
      expect(engine.stats().descriptorsUsed).to.be.below(400);
    });

    it('carries large values both ways', async () => {
      const client = await look(await start());
      const value = 'x'.repeat(7 << 20);
      await client.set('large', value);
      expect(await client.get('large')).to.equal(value);
    });

    it('refuses a value above its limit before it takes memory for it', async () => {
      const engine = await start();
      const socket = connect(engine.port, '127.0.0.1');
      cleanups.push(() => void socket.destroy());
      socket.write(`AUTH ${engine.password}\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$900000000\r\n`);
      let answer = '';
      socket.on('data', (bytes) => {
        answer += bytes.toString();
      });
      await waitFor(() => answer.includes('invalid bulk length'), 'the refusal');
    });

    it('cuts off a client that does not take its answers; others notice nothing', async () => {
      const engine = await start({ hangLimitMs: 1_000 });
      const client = await look(engine);
      await client.set('large', 'x'.repeat(1 << 20));
      const socket = connect(engine.port, '127.0.0.1');
      cleanups.push(() => void socket.destroy());
      socket.on('error', () => undefined);
      let closed = false;
      socket.on('close', () => {
        closed = true;
      });
      socket.write(`AUTH ${engine.password}\r\n${'GET large\r\n'.repeat(200)}`);
      socket.pause();
      const clients = async (): Promise<number> =>
        (await client.sendCommand<string>(['CLIENT', 'LIST'])).split('\n').length;
      await waitFor(async () => (await clients()) <= 2, 'the cut');
      expect(closed).to.equal(false);
      socket.resume();
      await waitFor(() => closed, 'the end of the connection');
      expect(engine.stats().memoryBytes).to.be.below(200 << 20);
    });

    it('is set up so that a full store refuses writes, and cannot be made to forget', async () => {
      const client = await look(await start());
      const settings = await client.configGet([
        'maxmemory-policy',
        'maxmemory',
        'proto-max-bulk-len',
        'maxclients',
      ]);
      expect(settings).to.deep.include({
        'maxmemory-policy': 'noeviction',
        maxmemory: String(1 << 30),
        'proto-max-bulk-len': String(8 << 20),
        maxclients: '5000',
      });
    });
  });

  describe('its data', () => {
    it('P5: comes back after a stop, with times to live and streams', async () => {
      const dataDir = folder();
      const first = await start({ dataDir });
      const before = await look(first);
      await before.set('plain', 'value');
      await before.set('mortal', 'value', { expiration: { type: 'PX', value: 600_000 } });
      await before.xAdd('log', '*', { a: '1' });
      before.destroy();
      await first.stop();
      expect(existsSync(join(dataDir, 'engine.lock'))).to.equal(false);

      const after = await look(await start({ dataDir }));
      expect(await after.get('plain')).to.equal('value');
      expect(await after.pTTL('mortal')).to.be.within(500_000, 600_000);
      expect(await after.xLen('log')).to.equal(1);
    });

    it('P5: nothing is acknowledged after the last save of a stop', async () => {
      const dataDir = folder();
      const engine = await start({ dataDir });
      const client = await look(engine);
      let acknowledged = 0;
      const writing = (async () => {
        for (;;) acknowledged = await client.incr('counter');
      })().catch(() => undefined);
      await waitFor(() => acknowledged > 100, 'some writes');
      await engine.stop();
      client.destroy();
      await writing;
      const after = await look(await start({ dataDir }));
      expect(Number(await after.get('counter'))).to.be.at.least(acknowledged);
    });

    it('P5: is saved on a timer, but only when something changed', async () => {
      const engine = await start({ saveEveryMs: 20, hangLimitMs: 200 });
      const client = await look(engine);
      const saves = async (): Promise<number> =>
        Number(/rdb_saves:(\d+)/.exec(await client.info('persistence'))?.[1]);
      await client.set('key', '1');
      await waitFor(async () => (await saves()) === 1, 'the save');
      await waitFor(() => engine.stats().savedAt > 0, 'the report of it');
      const asked = engine.stats();
      await waitFor(() => engine.stats() !== asked, 'another report');
      expect(await saves()).to.equal(1);
    });

    it('P5: is on the disk when save() answers; calls during a save share the next one', async () => {
      const dataDir = folder();
      const engine = await start({ dataDir, saveEveryMs: 60_000 });
      const client = await look(engine);
      const calls: Promise<void>[] = [];
      for (let i = 0; i < 10; i += 1) {
        await client.set('key', String(i));
        calls.push(engine.save());
      }
      await client.set('key', 'last');
      calls.push(engine.save());
      await Promise.all(calls);
      expect(readFileSync(join(dataDir, 'dump.rdb')).includes('last')).to.equal(true);

      const saves = Number(/rdb_saves:(\d+)/.exec(await client.info('persistence'))?.[1]);
      await client.set('key', 'again');
      await Promise.all(Array.from({ length: 20 }, () => engine.save()));
      expect(Number(/rdb_saves:(\d+)/.exec(await client.info('persistence'))?.[1])).to.equal(saves + 1);
    });

    it('P5: what save() acknowledged survives SIGKILL at any moment', async function () {
      this.timeout(30_000);
      const dataDir = folder();
      for (let round = 0; round < 3; round += 1) {
        const acknowledged = await killWhileSaving(dataDir, 5 + 9 * round);
        const client = await look(await start({ dataDir }));
        expect(Number(await client.get('counter'))).to.be.at.least(acknowledged);
        await cleanups.pop()?.();
        await cleanups.pop()?.();
      }
    });

    it('comes back when it is large: the process does not crash on it (nodejs/node#46777)', async () => {
      const dataDir = folder();
      const engine = await start({ dataDir });
      const client = await look(engine);
      const fill = 'for i = 1, 20000 do server.call("HSET", "h" .. i, "field", string.rep("x", 4000)) end';
      await client.eval(fill);
      client.destroy();
      await engine.stop();
      for (let boot = 0; boot < 2; boot += 1) {
        const child = spawn(process.execPath, ['--input-type=module', '-e', BOOT_CHILD, dataDir], {
          cwd: TEST_FOLDER,
        });
        expect(await once(child, 'exit')).to.deep.equal([0, null]);
      }
    });

    it('says so when it cannot be saved, and saves again when it can', async () => {
      const errors: string[] = [];
      const dataDir = folder();
      const logger = {
        info: () => undefined,
        warn: () => undefined,
        error: (line: string) => void errors.push(line),
      };
      const engine = await start({ dataDir, saveEveryMs: 30, hangLimitMs: 200, logger });
      const client = await look(engine);
      mkdirSync(join(dataDir, 'temp-42.rdb'));
      await client.set('key', 'value');
      const error = await failure(engine.save());
      expect(error).to.be.instanceOf(EmbeddedEngineError);
      expect(error.message)
        .to.include(dataDir)
        .and.match(/Is a directory.*Check free space and rights/);
      await waitFor(() => engine.stats().saveError !== undefined, 'the report');
      rmdirSync(join(dataDir, 'temp-42.rdb'));
      await waitFor(
        () => engine.stats().savedAt > 0 && engine.stats().saveError === undefined,
        'the next save',
      );
      expect(errors.length).to.be.at.most(1);
    });

    for (const [damage, harm] of Object.entries<(file: string) => void>({
      truncated: (file) => truncateSync(file, 40),
      empty: (file) => truncateSync(file, 0),
      'something else': (file) => writeFileSync(file, 'this was never a data file'),
    })) {
      it(`a data file that is ${damage} is named, with what to do, and is left as it is`, async () => {
        const dataDir = folder();
        const file = join(dataDir, 'dump.rdb');
        const engine = await start({ dataDir });
        await (await look(engine)).set('key', 'x'.repeat(100));
        await engine.stop();
        harm(file);
        const damaged = readFileSync(file);
        const error = await failure(startEmbedded({ dataDir }));
        expect(error).to.be.instanceOf(EmbeddedEngineError);
        expect(error.message).to.include(`cannot read its data file ${file}`).and.include(`mv ${file}`);
        expect(readFileSync(file).equals(damaged)).to.equal(true);
        rmSync(file);
        await start({ dataDir });
      });
    }
  });

  describe('its data directory', () => {
    it('is refused while another live process has it, with who and what to do', async () => {
      const dataDir = folder();
      claim(dataDir, { pid: process.ppid });
      const error = await failure(startEmbedded({ dataDir }));
      expect(error).to.be.instanceOf(DataDirectoryInUse);
      expect(error.message).to.include(`process ${process.ppid}`).and.include('LASTCALL_DATA_DIR');
      expect(JSON.parse(readFileSync(lockOf(dataDir), 'utf8'))).to.include({ token: 'other' });
    });

    it('is refused to a second engine of the same process, and free after the first stopped', async () => {
      const dataDir = folder();
      const engine = await start({ dataDir });
      expect(await failure(startEmbedded({ dataDir }))).to.be.instanceOf(DataDirectoryInUse);
      await engine.stop();
      await start({ dataDir });
    });

    it('is taken over from a dead process, from an earlier one with our number, and from before the last boot', async () => {
      const dataDir = folder();
      const dead = spawnSync(process.execPath, ['-e', '']).pid;
      for (const holder of [{ pid: dead }, { pid: process.pid }, { pid: process.ppid, lockedAt: 1 }]) {
        claim(dataDir, holder);
        const engine = await start({ dataDir });
        await engine.stop();
      }
    });

    it('is taken over from another machine only when that one has been silent', async () => {
      const dataDir = folder();
      claim(dataDir, { pid: 1, host: 'elsewhere' });
      expect(await failure(startEmbedded({ dataDir }))).to.be.instanceOf(DataDirectoryInUse);
      const minuteAgo = Date.now() / 1_000 - 60;
      utimesSync(lockOf(dataDir), minuteAgo, minuteAgo);
      await start({ dataDir });
    });

    it('that cannot be made is named', async () => {
      const file = join(folder(), 'file');
      writeFileSync(file, '');
      const error = await failure(startEmbedded({ dataDir: join(file, 'data') }));
      expect(error).to.be.instanceOf(EmbeddedEngineError);
      expect(error.message).to.include(join(file, 'data')).and.include('LASTCALL_DATA_DIR');
    });
  });

  describe('its death', () => {
    it('by a script that never ends is noticed and told', async () => {
      const engine = await start({ hangLimitMs: 300 });
      const client = await look(engine);
      const deaths: Error[] = [];
      engine.onDeath((error) => void deaths.push(error));
      client.sendCommand(['EVAL', 'while true do end', '0']).catch(() => undefined);
      await waitFor(() => deaths.length > 0, 'the death');
      expect(deaths[0]?.message).to.include('no sign of life').and.include('start the broker again');
      expect(await failure(engine.save())).to.equal(deaths[0]);
      await engine.stop();
      expect(deaths).to.have.length(1);
      await start({ dataDir: engine.dataDir });
    });

    it('by its own end is noticed and told, also to those who ask later', async () => {
      const engine = await start();
      const client = await look(engine);
      const told = new Promise<Error>((resolve) => void engine.onDeath(resolve));
      client.sendCommand(['SHUTDOWN', 'NOSAVE']).catch(() => undefined);
      const error = await told;
      expect(error.message).to.include('the server ended itself');
      expect(await new Promise<Error>((resolve) => void engine.onDeath(resolve))).to.equal(error);
    });

    it('is not reported for an engine that was stopped', async () => {
      const engine = await start();
      let died = false;
      engine.onDeath(() => {
        died = true;
      });
      await Promise.all([engine.stop(), engine.stop()]);
      expect(died).to.equal(false);
      expect((await failure(engine.save())).message).to.include('stopping');
    });
  });
});

/** Connects, asks once, leaves without a word. */
function touch(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', () => {
      socket.resetAndDestroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

const CHILD = `
import { startEmbedded } from 'lastcall/internal/redis/embedded/index.js';
import { createClient } from 'redis';
const engine = await startEmbedded({ dataDir: process.argv[1], saveEveryMs: 1 });
const client = await createClient({ url: engine.url }).connect();
for (;;) {
  const counter = await client.incr('counter');
  await client.hSet('h' + (counter % 1000), { padding: 'x'.repeat(5000) });
  await engine.save();
  console.log(counter);
}`;

const BOOT_CHILD = `
import { startEmbedded } from 'lastcall/internal/redis/embedded/index.js';
await (await startEmbedded({ dataDir: process.argv[1] })).stop();`;

/** Runs an engine in a process of its own, kills it after some saves. @returns the last counter it acknowledged */
async function killWhileSaving(dataDir: string, saves: number): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD, dataDir], { cwd: TEST_FOLDER });
  let complaints = '';
  child.stderr.on('data', (bytes: Buffer) => {
    complaints += bytes.toString();
  });
  const gone = once(child, 'close');
  let counter = 0;
  let seen = 0;
  for await (const line of createInterface(child.stdout)) {
    counter = Number(line);
    seen += 1;
    if (seen === saves) child.kill('SIGKILL');
  }
  await gone;
  expect(complaints, 'nothing is printed, no warning of Node either').to.equal('');
  expect(seen).to.be.at.least(saves);
  return counter;
}
