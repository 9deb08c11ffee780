import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigError, loadConfig } from 'lastcall/internal/config.js';

export const SECRET = 'a shared secret of more than 32 bytes';

export type Env = Record<string, string>;

/** The one line a configuration is refused with. */
export function refusal(env: Env, more: { file?: string; flags?: object } = {}): string {
  try {
    loadConfig({ env, ...more });
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    const { message } = error as ConfigError;
    expect(message).not.to.include('\n');
    return message;
  }
  throw new Error('It was not refused.');
}

/** Writes files into a directory that lasts as long as the suite, and answers their paths. */
export function useFiles() {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'lastcall-config-'));
  });
  after(() => rmSync(directory, { recursive: true }));
  const path = (name: string) => join(directory, name);
  const write = (name: string, content: string): string => {
    writeFileSync(path(name), content);
    return path(name);
  };
  return Object.assign(write, { path });
}
