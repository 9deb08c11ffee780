import { spawnSync } from 'node:child_process';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  DataDirectoryInUse,
  EmbeddedEngineError,
  startEmbedded,
} from 'lastcall/internal/redis/embedded/index.js';
import { disposeEngines, failure, folder, look, onCleanup, start } from './support/embedded.js';
import { observer, waitFor } from './support/redis.js';

function lockOf(dataDir: string): string {
  return join(dataDir, 'engine.lock');
}

/** A lock file as another engine would have left it. */
function claim(dataDir: string, holder: object): void {
  const content = { token: 'other', host: hostname(), lockedAt: Date.now(), ...holder };
  writeFileSync(lockOf(dataDir), JSON.stringify(content));
}

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

describe('the embedded engine', () => {
  afterEach(disposeEngines);

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

    it('[A10] uses the numbers of closed connections again: it outlives any number of them', async () => {
      const engine = await start({ hangLimitMs: 1_000 });
      const client = await look(engine);
      for (let round = 0; round < 10; round += 1) {
        await Promise.all(Array.from({ length: 100 }, () => touch(engine.port)));
      }
      expect(await client.ping()).to.equal('PONG');
      await waitFor(() => engine.stats().descriptorsUsed > 0, 'a sign of life');
      expect(engine.stats().descriptorsUsed).to.be.below(200);
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
      onCleanup(() => void socket.destroy());
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
      onCleanup(() => void socket.destroy());
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

  describe('its data directory', () => {
    it('[A10] is refused while another live process has it, with who and what to do', async () => {
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
