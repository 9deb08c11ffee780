import { defineConfig } from 'rolldown';

const common = { platform: 'browser' };
const output = { minify: true, sourcemap: true };

/** A script that is no module loads the same files of languages as the module. */
const languagesBeside = {
  name: 'languages-beside',
  resolveId(source) {
    const [, language] = /texts\/(\w\w)\.js$/.exec(source) ?? [];
    return language && { id: `./lastcall.${language}.min.js`, external: true };
  },
};

/** The SDK with everything it needs, and the elements, for pages without a bundler. */
export default defineConfig([
  {
    ...common,
    input: 'dist/script.js',
    output: { ...output, file: 'dist/lastcall.min.js', format: 'esm' },
  },
  {
    ...common,
    input: 'dist/script.js',
    output: { ...output, file: 'dist/lastcall.global.js', format: 'iife', name: 'Lastcall' },
  },
  {
    ...common,
    input: { banner: 'dist/banner.js' },
    output: {
      ...output,
      dir: 'dist',
      format: 'esm',
      entryFileNames: 'lastcall.[name].min.js',
      chunkFileNames: 'lastcall.[name].min.js',
    },
  },
  {
    ...common,
    input: 'dist/banner.js',
    plugins: [languagesBeside],
    output: {
      ...output,
      file: 'dist/lastcall.banner.global.js',
      format: 'iife',
      name: 'Lastcall',
      extend: true,
    },
  },
]);
