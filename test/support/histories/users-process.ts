import { appendFileSync } from 'node:fs';
import { mintToken } from 'lastcall';
import { SECRET } from '../config.js';
import { Random } from '../random.js';
import { RemoteTable } from './table.js';
import { User } from './user.js';
import { ADMIN_EVERY } from './user-options.js';

/** Some of the people of a run, in a process that can be killed: what they did goes into a file as it comes. */

export interface UsersStart {
  /** Brokers; each person begins at one of them. */
  readonly urls: readonly string[];
  readonly tenant: string;
  readonly names: readonly string[];
  readonly seed: number;
  readonly steps: number;
  readonly file: string;
}

const FLUSH_MS = 100;

async function run({ urls, tenant, names, seed, steps, file }: UsersStart): Promise<void> {
  const table = new RemoteTable();
  const users = await Promise.all(
    names.map(async (name, i) => {
      const isAdmin = i % ADMIN_EVERY === 0;
      const token = await mintToken(SECRET, { sub: name, tenant, name, roles: [isAdmin ? 'admin' : 'user'] });
      const url = urls[i % urls.length] ?? '';
      return new User({ name, url, token, tenant, table, isAdmin, random: new Random(seed + i) });
    }),
  );
  const flush = (): void => {
    const ops = users.flatMap(({ recorder }) => recorder.ops.splice(0));
    if (ops.length > 0) appendFileSync(file, `${ops.map((op) => JSON.stringify(op)).join('\n')}\n`);
  };
  const flushing = setInterval(flush, FLUSH_MS);
  await Promise.all(users.map((user) => user.work(steps)));
  await Promise.all(users.map((user) => user.leave()));
  clearInterval(flushing);
  flush();
}

process.once('disconnect', () => process.exit(1));
await run(JSON.parse(process.argv[2] ?? '{}') as UsersStart);
process.exit(0);
