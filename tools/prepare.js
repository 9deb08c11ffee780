#!/usr/bin/env node
// After an install from a checkout: builds what `npm start` serves, so that the first start is as fast as any other.
// An install of packages alone (an image's first layer, production only) has nothing to build, and is left as it is.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const isCheckout = ['tsconfig.json', 'server/src', 'demo/src'].every((path) => existsSync(path));
if (isCheckout && existsSync('node_modules/typescript')) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build:serve'], { stdio: 'inherit', shell: true });
  process.exitCode = status ?? 1;
}
