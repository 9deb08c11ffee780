import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { EmbeddedEngineError, startEmbedded } from 'lastcall/internal/redis/embedded/index.js';
import { disposeEngines, failure, folder, look, start } from './support/embedded.js';
import { waitFor } from './support/redis.js';

const TEST_FOLDER = fileURLToPath(new URL('..', import.meta.url));

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

describe('the data of the embedded engine', () => {
  afterEach(disposeEngines);

  it('[A10] [P5] comes back after a stop, with times to live and streams', async () => {
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

  it('[A10] [P5] nothing is acknowledged after the last save of a stop', async () => {
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

  it('[A10] [P5] is saved on a timer, but only when something changed', async () => {
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

  it('[A10] [P5] is on the disk when save() answers; calls during a save share the next one', async () => {
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

  it('[A10] [P5] what save() acknowledged survives SIGKILL at any moment', async function () {
    this.timeout(30_000);
    const dataDir = folder();
    for (let round = 0; round < 2; round += 1) {
      const acknowledged = await killWhileSaving(dataDir, 5 + 12 * round);
      const engine = await start({ dataDir });
      const client = await look(engine);
      expect(Number(await client.get('counter'))).to.be.at.least(acknowledged);
      await engine.stop();
    }
  });

  it('[A10] comes back when it is large: the process does not crash on it (nodejs/node#46777)', async () => {
    const dataDir = folder();
    const engine = await start({ dataDir });
    const client = await look(engine);
    const fill =
      'for i = 1, 1000 do server.call("HSET", "h" .. ARGV[1] .. i, "field", string.rep("x", 4000)) end';
    // In parts: a script that takes long is ended with the engine, and machines may be slow.
    for (let part = 0; part < 20; part += 1) await client.eval(fill, { arguments: [`${part}:`] });
    client.destroy();
    await engine.stop();
    const child = spawn(process.execPath, ['--input-type=module', '-e', BOOT_CHILD, dataDir], {
      cwd: TEST_FOLDER,
    });
    expect(await once(child, 'exit')).to.deep.equal([0, null]);
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
    it(`[A10] a data file that is ${damage} is named, with what to do, and is left as it is`, async () => {
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
