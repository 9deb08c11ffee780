#!/usr/bin/env node
// Makes the CommonJS side of a package, in dist/cjs, from what the compiler made: its entries, with what they share in
// common files, so that a class is the same one whichever entry it comes from, and the types beside them.
// Run in the package's folder: `node ../tools/cjs.js`.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { rolldown } from 'rolldown';

const OUT = 'dist/cjs';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(manifest.exports).flatMap(({ require: entry }) =>
  entry ? [entry.default] : [],
);

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((entry) => [basename(entry, '.js'), `dist/${basename(entry)}`])),
  external: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
  // `'use client'` stands in an entry, where it is kept.
  checks: { moduleLevelDirective: false },
  platform: 'neutral',
});
await bundle.write({ dir: OUT, format: 'cjs', exports: 'named', chunkFileNames: '[name].shared.js' });
for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.d.ts'),
)) {
  const types = readFileSync(`dist/${name}`, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
  mkdirSync(dirname(`${OUT}/${name}`), { recursive: true });
  writeFileSync(`${OUT}/${name}`, types);
}
writeFileSync(`${OUT}/package.json`, '{ "type": "commonjs" }\n');
