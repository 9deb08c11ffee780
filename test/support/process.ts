import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mintToken } from 'lastcall';
import type { ClientCommand, ClientReport, ClientStart, ClientView } from './client-process.js';
import { SECRET } from './config.js';
import { freePort } from './redis.js';
import { waitUntil } from './wait.js';

const START_LIMIT_MS = 30_000;
const START_ATTEMPTS = 5;

/** A process of the test's own, which can be frozen and killed. */
export class Child {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #complaints = '';

  constructor(script: string, argument: string, env: Readonly<Record<string, string>>, log?: string) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const file = log === undefined ? undefined : openSync(log, 'a');
    const silent = '--disable-warning=ExperimentalWarning';
    this.#child = fork(path, [argument], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      execArgv: [silent],
      stdio: ['ignore', file ?? 'ignore', 'pipe', 'ipc'],
    });
    const leave = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', leave);
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => {
        process.off('exit', leave);
        if (file !== undefined) closeSync(file);
        resolve();
      });
    });
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#complaints = (this.#complaints + bytes.toString()).slice(-4_000);
    });
  }

  /** What it wrote where errors go. */
  get complaints(): string {
    return this.#complaints;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  onReport(listener: (report: unknown) => void): void {
    this.#child.on('message', listener);
  }

  tell(command: object): void {
    this.#child.send(command);
  }

  async signal(name: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.isRunning) this.#child.kill(name);
    await this.#exited;
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }
}

export interface BrokerProcessOptions {
  /** Without it the broker has an embedded engine. */
  readonly redisUrl?: string;
  /** Further settings by their variables, without `LASTCALL_`. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it runs, as a `file:` URL; this version's broker unless given. */
  readonly script?: string;
  /** A file that what it writes is added to. */
  readonly log?: string;
}

/** A broker in a process of its own, always at the same address. */
export class BrokerProcess {
  readonly url: string;
  readonly dataDir: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #script: string;
  readonly #log: string | undefined;
  #child: Child | undefined;

  private constructor(port: number, options: BrokerProcessOptions) {
    this.url = `http://127.0.0.1:${port}`;
    this.dataDir = mkdtempSync(join(tmpdir(), 'lastcall-process-'));
    this.#script = options.script ?? './broker-process.js';
    this.#log = options.log;
    const settings = {
      ...(options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl }),
      DATA_DIR: this.dataDir,
      JWT_SECRET: SECRET,
      PORT: String(port),
      HOST: '127.0.0.1',
      LOG_LEVEL: 'fatal',
      DEV: '0',
      OPENS_PER_SECOND: '100000',
      RESUMES_PER_SECOND: '100000',
      FAILED_HANDSHAKES_PER_MINUTE: '100000',
      ...options.env,
    };
    this.#env = Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`LASTCALL_${name}`, value]),
    );
  }

  static async start(options: BrokerProcessOptions = {}): Promise<BrokerProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const broker = new BrokerProcess(await freePort(), options);
      try {
        await broker.start();
        return broker;
      } catch (error) {
        // A port that was free may be somebody else's by now.
        if (attempt === START_ATTEMPTS || !String(error).includes('EADDRINUSE')) throw error;
        await broker.remove();
      }
    }
  }

  /** Starts it again, after it ended one way or another. */
  async start(): Promise<void> {
    const child = new Child(this.#script, '', this.#env, this.#log);
    this.#child = child;
    let isReady = false;
    child.onReport(() => {
      isReady = true;
    });
    await waitUntil(() => isReady || !child.isRunning, 'the broker process', START_LIMIT_MS).catch(
      async (error: unknown) => {
        await this.kill();
        throw error;
      },
    );
    if (!isReady) throw new Error(`the broker process did not start: ${child.complaints}`);
  }

  token(tenant: string, sub: string, roles: readonly string[] = ['user']): Promise<string> {
    return mintToken(SECRET, { sub, tenant, name: `${sub} by name`, roles });
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Of the process that runs now. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child?.isRunning ?? false;
  }

  /** What it wrote where errors go. */
  get complaints(): string {
    return this.#child?.complaints ?? '';
  }

  /** As a crash, or `kill -9`, ends it. */
  async kill(): Promise<void> {
    await this.#child?.signal('SIGKILL');
  }

  /** As an operator ends it. @throws Error when it did not end well */
  async end(): Promise<void> {
    await this.#child?.signal('SIGTERM');
    if (this.#child?.exitCode !== 0)
      throw new Error(`the broker process ended badly: ${this.#child?.complaints}`);
  }

  pause(): void {
    this.#child?.pause();
  }

  resume(): void {
    this.#child?.resume();
  }

  /** Kills it and removes its data. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** An application with the SDK in a process of its own. */
export class ClientProcess {
  readonly #child: Child;
  readonly #answers = new Map<number, (report: ClientReport & { kind: 'answer' }) => void>();
  #asked = 0;
  /** What its snapshot last said. */
  view: ClientView = { status: 'idle', state: 'disconnected', locks: [], warnings: [], waiting: [] };

  private constructor(start: ClientStart) {
    this.#child = new Child('./client-process.js', JSON.stringify(start), {});
    this.#child.onReport((message) => {
      const report = message as ClientReport;
      if (report.kind === 'view') this.view = report.view;
      else this.#answers.get(report.id)?.(report);
    });
  }

  /** Starts it and waits until it is online. */
  static async start(start: ClientStart): Promise<ClientProcess> {
    const client = new ClientProcess(start);
    await waitUntil(() => client.view.status === 'online', 'the client process', START_LIMIT_MS);
    return client;
  }

  get sessionId(): string {
    return this.view.sessionId ?? '';
  }

  /** Has it do something with its client. @throws Error with what it was refused with */
  async does(command: ClientCommand): Promise<unknown> {
    this.#asked += 1;
    const id = this.#asked;
    const answered = new Promise<ClientReport & { kind: 'answer' }>((resolve) =>
      this.#answers.set(id, resolve),
    );
    this.#child.tell({ id, ...command });
    const { error, result } = await answered;
    this.#answers.delete(id);
    if (error !== undefined) throw new Error(error);
    return result;
  }

  pause(): void {
    this.#child.pause();
  }

  resume(): void {
    this.#child.resume();
  }

  async kill(): Promise<void> {
    await this.#child.signal('SIGKILL');
  }
}
