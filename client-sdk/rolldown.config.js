import { defineConfig } from 'rolldown';

/** The SDK with everything it needs, for pages without a bundler. */
const common = { input: 'dist/index.js', platform: 'browser' };

export default defineConfig([
  { ...common, output: { file: 'dist/lastcall.min.js', format: 'esm', minify: true, sourcemap: true } },
  {
    ...common,
    output: {
      file: 'dist/lastcall.global.js',
      format: 'iife',
      name: 'Lastcall',
      minify: true,
      sourcemap: true,
    },
  },
]);
