import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Engine } from './engine.js';
import { EngineLog } from './engine-log.js';
import type { EngineStart, EngineStats, FromEngine, ToEngine } from './messages.js';
import { Saver } from './saver.js';

/** The engine's thread: nothing but the engine runs here, so that a hang of it hangs nobody else. */
async function run(port: MessagePort, start: EngineStart): Promise<void> {
  const tell = (message: FromEngine): void => port.postMessage(message);
  const log = new EngineLog(start.dataDir);
  const logStart = log.size();
  const hadData = existsSync(join(start.dataDir, 'dump.rdb'));
  const engine = new Engine({ ...start, logFd: log.fd }, (cause) => {
    tell({ kind: 'dead', reason: reasonOf(cause) });
    process.exit(1);
  });
  const saver = new Saver(engine, start.saveEveryMs, {
    beforeSave: () => {
      log.trim();
      tell({ kind: 'saving' });
    },
    explain: () => log.saveFailure(),
    onTimerSave: (error) => tell({ kind: 'timer-save', ...(error === undefined ? {} : { error }) }),
  });

  try {
    tell({ kind: 'ready', port: await engine.start() });
  } catch (cause) {
    const loadFailure = hadData ? log.loadFailure(logStart) : undefined;
    tell({ kind: 'refused', reason: loadFailure ?? reasonOf(cause), dataFile: loadFailure !== undefined });
    process.exit(1);
  }
  saver.start();
  port.on('message', (message: ToEngine) => void answer(message, engine, saver, tell));
}

/** An exit of the server arrives as a bare symbol. */
function reasonOf(cause: unknown): string {
  if (typeof cause === 'symbol') return 'the server ended itself';
  return cause instanceof Error ? cause.message : String(cause);
}

function statsOf(engine: Engine, saver: Saver): EngineStats {
  const stats = { ...engine.stats(), savedAt: saver.savedAt, saveMs: saver.saveMs };
  return saver.error === undefined ? stats : { ...stats, saveError: saver.error };
}

async function answer(
  message: ToEngine,
  engine: Engine,
  saver: Saver,
  tell: (message: FromEngine) => void,
): Promise<void> {
  switch (message.kind) {
    case 'ask':
      tell({ kind: 'alive', stats: statsOf(engine, saver) });
      return;
    case 'save': {
      const error = await saver.save();
      tell({ kind: 'saved', id: message.id, ...(error === undefined ? {} : { error }) });
      return;
    }
    case 'stop': {
      saver.stop();
      // Nothing may be acknowledged after the last save.
      engine.hangUp();
      const error = await saver.save();
      engine.close();
      tell({ kind: 'stopped', ...(error === undefined ? {} : { error }) });
      process.exit(0);
    }
  }
}

if (parentPort !== null) await run(parentPort, workerData as EngineStart);
