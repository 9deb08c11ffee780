import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
// It is a part of the server's package, which serves it.
const OUT = at('../server/dist/console/');
const LIBRARIES = [
  '@mantine/core/styles.css',
  '@mantine/notifications/styles.css',
  '@mantine/spotlight/styles.css',
  'uplot/dist/uPlot.min.css',
];

/** One style sheet: the libraries', then ours in the order of their names. */
async function styles() {
  const libraries = LIBRARIES.map((name) => fileURLToPath(import.meta.resolve(name)));
  const own = (await readdir(at('src/'), { recursive: true }))
    .filter((name) => name.endsWith('.css'))
    .toSorted()
    .map((name) => at(`src/${name}`));
  const sheets = [...libraries, ...own].map((path) => readFile(path, 'utf8'));
  return (await Promise.all(sheets)).join('\n');
}

await rm(OUT, { recursive: true, force: true });
await build({
  input: { console: at('src/main.tsx') },
  platform: 'browser',
  logLevel: 'warn',
  transform: { define: { 'process.env.NODE_ENV': '"production"' }, jsx: { runtime: 'automatic' } },
  // Mantine marks its modules for a framework that is not here.
  onLog(level, log, handle) {
    if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
  },
  output: { dir: OUT, format: 'esm', minify: true, entryFileNames: '[name].js', chunkFileNames: '[name].js' },
});
await writeFile(`${OUT}console.css`, await styles());
await cp(at('public/'), OUT, { recursive: true });
