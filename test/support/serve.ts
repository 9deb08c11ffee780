import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './wait.js';

const COMMAND = fileURLToPath(new URL('../../../server/bin/lastcall.js', import.meta.url));
const START_LIMIT_MS = 15_000;

/** `lastcall serve` in a process of its own, as somebody who tries it out starts it. */
export class Serve {
  readonly child: ChildProcess;
  readonly #folder: string;
  #out = '';
  #err = '';

  private constructor(args: readonly string[], env: Readonly<Record<string, string>>, openFiles?: number) {
    this.#folder = mkdtempSync(join(tmpdir(), 'lastcall-serve-'));
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LASTCALL_'));
    const command = [process.execPath, COMMAND, 'serve', ...args];
    const [program = '', ...rest] =
      openFiles === undefined
        ? command
        : ['sh', '-c', `ulimit -n ${openFiles} && exec "$@"`, 'sh', ...command];
    this.child = spawn(program, rest, {
      cwd: this.#folder,
      env: { ...Object.fromEntries(own), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.#out += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#err += chunk.toString();
    });
    const leave = (): void => void this.child.kill('SIGKILL');
    process.once('exit', leave);
    this.child.once('exit', () => process.off('exit', leave));
  }

  /** Starts it and waits until it listens; `openFiles` limits what it may open. */
  static async start(
    args: readonly string[] = ['--port', '0'],
    env: Readonly<Record<string, string>> = {},
    openFiles?: number,
  ): Promise<Serve> {
    const serve = new Serve(args, env, openFiles);
    const listening = () => serve.#out.includes('logoff') || serve.over;
    await waitUntil(listening, 'lastcall serve', START_LIMIT_MS);
    if (serve.over) throw new Error(`lastcall serve ended:\n${serve.#err}`);
    return serve;
  }

  /** Starts it and waits until it has ended by itself. */
  static async fail(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
    const serve = new Serve(args, env);
    await waitUntil(() => serve.over, 'the end of lastcall serve', START_LIMIT_MS);
    await serve.stop();
    return { code: serve.child.exitCode, out: serve.#out, err: serve.#err };
  }

  get out(): string {
    return this.#out;
  }

  /** All that it has said. */
  get log(): string {
    return this.#out + this.#err;
  }

  get over(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get url(): string {
    return /http:\/\/[^\s/]+/.exec(this.#out)?.[0] ?? '';
  }

  /** The administrator's token it has printed. */
  get token(): string {
    return /LASTCALL_TOKEN=(\S+)/.exec(this.#out)?.[1] ?? '';
  }

  /** Tells it to end, and answers its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.over) {
      const ended = once(this.child, 'exit');
      this.child.kill(signal);
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
    return this.child.exitCode;
  }
}
