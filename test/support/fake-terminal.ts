import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Terminal } from 'lastcall/internal/cli/terminal.js';

export interface FakeTerminal extends Terminal {
  readonly stdin: PassThrough & { isTTY?: boolean };
  /** What was written so far. */
  out(): string;
  err(): string;
}

function capture(columns: number | undefined): { stream: PassThrough; text: () => string } {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  if (columns !== undefined) Object.assign(stream, { isTTY: true, columns });
  return { stream, text: () => text };
}

/** A terminal of `columns` columns; without them, pipes. */
export function fakeTerminal(env: Readonly<Record<string, string>> = {}, columns?: number): FakeTerminal {
  const stdout = capture(columns);
  const stderr = capture(columns);
  const stdin = new PassThrough();
  if (columns !== undefined) Object.assign(stdin, { isTTY: true, setRawMode: () => stdin });
  return {
    env,
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    signals: new EventEmitter(),
    out: stdout.text,
    err: stderr.text,
  };
}
