import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const folder = (name) => fileURLToPath(new URL(`${name}/`, import.meta.url));

// Scripts of earlier builds have other hashes; `.types` belongs to the compiler.
await rm(`${folder('dist')}assets`, { recursive: true, force: true });
await build({
  input: {
    demo: `${folder('src')}main.ts`,
    admin: `${folder('src')}admin/main.ts`,
    both: `${folder('src')}both.ts`,
  },
  platform: 'browser',
  logLevel: 'warn',
  output: {
    dir: `${folder('dist')}assets`,
    format: 'esm',
    minify: true,
    chunkFileNames: '[name].js',
    entryFileNames: '[name].js',
  },
});
await cp(folder('public'), folder('dist'), { recursive: true });
