import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { waitUntil } from './wait.js';

/** Debian keeps servers where ordinary accounts do not look. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;

/** For a `before` hook: without the program its tests are left out, saying so in one line; with `CI=true` they fail. */
export function needsProgram(context: Mocha.Context, program: string, leftOut: string): void {
  if (spawnSync(program, ['-v'], { env: { PATH } }).status === 0) return;
  const line = `${program} is not installed: left out: ${leftOut}`;
  if (process.env['CI'] === 'true') throw new Error(line);
  process.stderr.write(`  ${line}\n`);
  context.skip();
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** A server of another make, in a process of its own. */
export class Program {
  readonly #child: ChildProcess;
  #complaints = '';

  private constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(command, args, { env: { PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#complaints = (this.#complaints + bytes.toString()).slice(-4_000);
      });
    }
    const leave = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', leave);
    this.#child.once('exit', () => process.off('exit', leave));
  }

  /** Starts it and waits until it listens. */
  static async start(
    command: string,
    args: readonly string[],
    options: { readonly port: number; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Program> {
    const program = new Program(command, args, options.env ?? {});
    await waitUntil(async () => program.#isOver || (await answers(options.port)), command, 10_000);
    if (program.#isOver) throw new Error(`${command} did not start:\n${program.#complaints}`);
    return program;
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async stop(): Promise<void> {
    if (this.#isOver) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await gone;
  }
}
