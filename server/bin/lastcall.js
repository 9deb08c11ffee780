#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/run/main.js', import.meta.url);
if (existsSync(main)) {
  await (await import(main)).main(process.argv);
} else {
  // A fresh clone has the command, but not yet what it runs.
  process.stderr.write(
    'lastcall: it is not built yet; run "npm run build" in the repository (npm start does so by itself)\n',
  );
  process.exitCode = 1;
}
