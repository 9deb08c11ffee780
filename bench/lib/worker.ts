import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinned } from './cores.js';
import { start, stop } from './processes.js';

/** What a worker process can be asked to do: functions of at most one argument that can be sent. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}
type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

const CALL_LIMIT_MS = 120_000;

/** In a worker process: does what the parent asks for, until the parent is gone. */
export function serve(methods: Methods, close: () => Promise<void> = () => Promise.resolve()): void {
  const answer = async ({ id, name, argument }: Request): Promise<void> => {
    const method = methods[name] as ((argument: unknown) => unknown) | undefined;
    try {
      if (!method) throw new Error(`there is no ${name}`);
      process.send?.({ id, value: await method(argument) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  process.on('message', (request) => void answer(request as Request));
  // A graceful end, so that a profiler can write what it saw.
  process.once('disconnect', () => void close().finally(() => process.exit(0)));
}

type Argument<M> = M extends (argument: infer A) => unknown ? A : never;
type Answer<M> = M extends (argument: never) => infer R ? Awaited<R> : never;

/** A worker process as the program sees it. */
export interface Worker<T extends Methods> {
  /** @throws Error with what the worker threw, or when it is gone */
  call<K extends keyof T & string>(
    name: K,
    ...argument: Parameters<T[K]> extends [] ? [] : [Argument<T[K]>]
  ): Promise<Answer<T[K]>>;
  stop(): Promise<void>;
}

/** Starts a worker from a file of this folder's parent, such as `servers/bare.js`. */
export function startWorker<T extends Methods>(
  file: string,
  options: { core?: number | undefined; nodeFlags?: readonly string[] } = {},
): Worker<T> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const child = start(
    'worker',
    ...pinned(options.core, [process.execPath, ...(options.nodeFlags ?? []), path]),
  );
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  listen(child, file, waiting);
  let lastId = 0;
  const ask = (name: string, argument: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lastId += 1;
      const id = lastId;
      const timer = setTimeout(
        () => settle(() => reject(new Error(`${file}: ${name} took too long`))),
        CALL_LIMIT_MS,
      );
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        waiting.delete(id);
        how();
      };
      waiting.set(id, {
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      });
      child.send({ id, name, argument } satisfies Request, (error) => {
        if (error) waiting.get(id)?.reject(error);
      });
    });
  return {
    call: async (name, ...[argument]) => (await ask(name, argument)) as never,
    stop: () => stop(child, () => child.connected && child.disconnect()),
  };
}

function listen(
  child: ChildProcess,
  file: string,
  waiting: ReadonlyMap<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>,
): void {
  child.on('message', (message) => {
    const reply = message as Reply;
    const call = waiting.get(reply.id);
    if ('error' in reply) call?.reject(new Error(`${file}: ${reply.error}`));
    else call?.resolve(reply.value);
  });
  const fail = (reason: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ${reason}`));
  };
  child.once('exit', (code, signal) => fail(`ended (${signal ?? code})`));
  child.once('error', (error) => fail(`could not be started: ${error.message}`));
}
