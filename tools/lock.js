#!/usr/bin/env node
// npm leaves binaries of other platforms out of the lock file when it could not look them up, and `npm ci` then refuses
// the lock file on every machine (npm/cli#4828 and its kin). This adds what is missing: name and version as the package
// that wants them says, platform as their names say. Run after each change of dependencies: `npm run lock`.
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../package-lock.json', import.meta.url);
const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = [
  'arm64',
  'arm',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

const wordsOf = (name) => name.split('/').at(-1).split(/[-.]/);

/** The lock entry of a binary that is not for this platform. */
function entryOf(name, version, wanter) {
  const words = wordsOf(name);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.includes('gnu')
      ? ['glibc']
      : [];
  if (os.length + cpu.length === 0) throw new Error(`${name} does not say which platform it is for`);
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(wanter.dev ? { dev: true } : {}),
    ...(libc.length > 0 ? { libc } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  };
}

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
let added = 0;
for (const [path, wanter] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(wanter.optionalDependencies ?? {})) {
    const known = [`node_modules/${name}`, `${path}/node_modules/${name}`].some(
      (place) => place in lock.packages,
    );
    if (known || !/^\d+\.\d+\.\d+$/.test(version)) continue;
    lock.packages[`node_modules/${name}`] = entryOf(name, version, wanter);
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
for (const entry of Object.values(lock.packages)) if (!entry.link) delete entry.resolved;
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`package-lock.json: ${added} binaries of other platforms added\n`);
