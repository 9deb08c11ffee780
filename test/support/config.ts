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

/** Settings that nothing is wrong with. */
export function goodSettings(dataDir: string): Env {
  return {
    LASTCALL_DEV: '0',
    LASTCALL_HOST: '127.0.0.1',
    LASTCALL_PORT: '0',
    LASTCALL_JWT_SECRET: SECRET,
    LASTCALL_ALLOWED_ORIGINS: 'https://app.example.com',
    LASTCALL_DATA_DIR: dataDir,
  };
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
