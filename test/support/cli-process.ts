import { type ChildProcess, spawn } from 'node:child_process';
import { ROOT } from './sources.js';

const LASTCALL = `${ROOT}server/bin/lastcall.js`;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command in a process of its own, as somebody at a terminal would type it. */
export class CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  #out = '';
  #err = '';

  constructor(broker: { readonly url: string }, token: string, args: readonly string[]) {
    const env = { PATH: process.env['PATH'], LASTCALL_URL: broker.url, LASTCALL_TOKEN: token };
    const child = spawn(process.execPath, [LASTCALL, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout.on('data', (bytes: Buffer) => {
      this.#out += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      this.#err += bytes.toString();
    });
    const leave = (): void => void child.kill('SIGKILL');
    process.once('exit', leave);
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        process.off('exit', leave);
        resolve({ code, stdout: this.#out, stderr: this.#err });
      });
    });
  }

  get err(): string {
    return this.#err;
  }
}

/** Runs a command to its end. */
export function lastcall(broker: { readonly url: string }, token: string, ...args: string[]): Promise<Ran> {
  return new CliProcess(broker, token, args).ended;
}
