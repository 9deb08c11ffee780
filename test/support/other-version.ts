import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './sources.js';

/** A change of one file: what stands there, and what is to stand there instead. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A copy of the broker as it was built, changed as another version might be. */
export interface OtherVersion {
  /** What a broker process of it runs. */
  readonly script: string;
  remove(): void;
}

/** Builds it in a folder of its own, with the packages of this one. */
export function otherVersion(edits: readonly Edit[]): OtherVersion {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-version-'));
  const packages = join(folder, 'node_modules');
  mkdirSync(packages);
  for (const name of readdirSync(`${ROOT}node_modules`)) {
    if (name !== 'lastcall') symlinkSync(`${ROOT}node_modules/${name}`, join(packages, name));
  }
  const server = join(packages, 'lastcall');
  mkdirSync(server);
  for (const name of ['package.json', 'dist', 'lua']) {
    cpSync(`${ROOT}server/${name}`, join(server, name), { recursive: true });
  }
  for (const { file, from, to } of edits) {
    const path = join(server, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} any more`);
    writeFileSync(path, text.replace(from, to));
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const script = join(folder, 'broker-process.js');
  const { href } = new URL('./run-broker.js', import.meta.url);
  writeFileSync(
    script,
    `import * as lastcall from 'lastcall';\nimport { runBroker } from '${href}';\nawait runBroker(lastcall);\n`,
  );
  return {
    script: pathToFileURL(script).href,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
