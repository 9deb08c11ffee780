import { expect } from 'chai';
import {
  importCircles,
  OWNERS,
  plainWrites,
  platformIn,
  tooLong,
  wrongDependencies,
  wrongLayers,
  wrongOwners,
} from './support/architecture.js';
import { importsOf, readJson, type Source, sourcesIn } from './support/sources.js';

const PRODUCT = ['shared/src', 'client-sdk/src', 'server/src', 'demo/src', 'console/src'];
const product = [...sourcesIn(PRODUCT, '.ts'), ...sourcesIn(['console/src'], '.tsx')];

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}
interface Compiler {
  readonly compilerOptions: object;
}

const manifestOf = (folder: string) => readJson(`${folder}/package.json`) as Manifest;

const file = (path: string, ...lines: string[]): Source => ({ path, text: `${lines.join('\n')}\n` });
const typesOnly = (line: string) => importsOf(file('a/b.ts', line))[0]?.typesOnly;

describe('[A9] imports as the checks read them', () => {
  it('finds every kind of import, and none in a comment', () => {
    const source = file(
      'server/src/gateway/x.ts',
      "import 'node:fs';",
      "import express from 'express';",
      "import {\n  type Core,\n  core,\n} from '../core.js';",
      "export type { Page } from '@lastcall/shared';",
      "const late = await import('./late.js');",
      " * import { createClient } from '@lastcall/client';",
      "const text = 'import';",
    );
    expect(importsOf(source).map(({ to }) => to)).to.deep.equal([
      'node:fs',
      'express',
      'server/src/core.ts',
      'shared/src/index.ts',
      'server/src/gateway/late.ts',
    ]);
  });

  it('tells an import of types from one of values', () => {
    expect(typesOnly("import type { Express } from 'express';")).to.equal(true);
    expect(typesOnly("import { type Express, type Router } from 'express';")).to.equal(true);
    expect(typesOnly("import { type Express, json } from 'express';")).to.equal(false);
    expect(typesOnly("import express, { type Express } from 'express';")).to.equal(false);
    expect(typesOnly("import 'express';")).to.equal(false);
  });
});

describe('[A9] layers', () => {
  it('import downward only', () => {
    expect(wrongLayers(product)).to.deep.equal([]);
  });

  const violations: readonly [what: string, path: string, line: string][] = [
    ['the contract imports anything', 'shared/src/order.ts', "import { randomUUID } from 'node:crypto';"],
    [
      'a schema knows a layer above it',
      'server/src/schema/order.ts',
      "import { VERSION } from '../version.js';",
    ],
    ['a noun sees a socket', 'server/src/orders.ts', "import { Deliver } from './gateway/deliver.js';"],
    ['a noun sees a request', 'server/src/orders.ts', "import type { Server } from 'node:http';"],
    [
      'a noun opens a connection',
      'server/src/orders.ts',
      "import { connectRedis } from './redis/driver.js';",
    ],
    ['an edge sees Redis', 'server/src/gateway/client.ts', "import type { Store } from '../redis/store.js';"],
    ['an edge builds keys', 'server/src/http/routes.ts', "import { revKey } from '../redis/keys.js';"],
    [
      'the command line sees Redis',
      'server/src/cli/main.ts',
      "import { openStore } from '../redis/open.js';",
    ],
    ['one edge uses another', 'server/src/http/app.ts', "import { guarded } from '../gateway/guard.js';"],
    ['the SDK sees the broker', 'client-sdk/src/client.ts', "import { VERSION } from 'lastcall';"],
    ['the SDK needs Node', 'client-sdk/src/ids.ts', "import { randomUUID } from 'node:crypto';"],
    ['a file has no layer', 'server/src/extras/x.ts', 'export {};'],
  ];
  for (const [what, path, line] of violations) {
    it(`notice when ${what}`, () => {
      expect(wrongLayers([file(path, line)])).to.have.lengthOf(1);
    });
  }

  it('let core name the types of a driver it is given', () => {
    const line = "import type { RedisDriver } from './redis/driver.js';";
    expect(wrongLayers([file('server/src/core.ts', line)])).to.deep.equal([]);
  });
});

describe('[A9] circles of imports', () => {
  it('are none, types included', () => {
    expect(importCircles([...product, ...sourcesIn(['test', 'bench'], '.ts')])).to.deep.equal([]);
  });

  it('are found, also through types and over several files', () => {
    const circle = [
      file('server/src/a.ts', "import { b } from './b.js';"),
      file('server/src/b.ts', "import type { C } from './c.js';"),
      file('server/src/c.ts', "export { a } from './a.js';"),
    ];
    expect(importCircles(circle)).to.deep.equal([
      'server/src/a.ts → server/src/b.ts → server/src/c.ts → server/src/a.ts',
    ]);
    expect(importCircles(circle.slice(0, 2))).to.deep.equal([]);
  });
});

describe('[A9] packages', () => {
  it('are imported by their owners alone', () => {
    expect(wrongOwners(product)).to.deep.equal([]);
  });

  it('have no second owner and no stranger beside them', () => {
    const wrong = [
      file('server/src/sessions.ts', "import { Redis } from 'ioredis';"),
      file('server/src/http/app.ts', "import { Server } from 'socket.io';"),
      file('server/src/broker.ts', "import { Server } from 'socket.io';"),
      file('server/src/orders.ts', "import { z } from 'zod';"),
      file('server/src/log.ts', "import chalk from 'chalk';"),
    ];
    expect(wrongOwners(wrong)).to.have.lengthOf(wrong.length);
    expect(
      wrongOwners([file('server/src/broker.ts', "import type { Server } from 'socket.io';")]),
    ).to.deep.equal([]);
  });

  for (const folder of ['shared', 'client-sdk', 'server', 'demo', 'console']) {
    it(`of ${folder} are all declared there, and all used`, () => {
      const { dependencies, peerDependencies } = manifestOf(folder);
      expect(wrongDependencies(folder, { ...dependencies, ...peerDependencies }, product)).to.deep.equal([]);
    });
  }

  it('are noticed when undeclared or unused', () => {
    const sources = [
      file('server/src/log.ts', "import { pino } from 'pino';", "import type { A } from '@lastcall/shared';"),
    ];
    expect(
      wrongDependencies('server', { yaml: '^2.0.0', '@lastcall/shared': '0.1.0' }, sources),
    ).to.deep.equal(['server uses pino undeclared', 'server does not use yaml']);
  });

  it('in the table of owners are all in use', () => {
    const used = new Set(product.flatMap(importsOf).map(({ to }) => to));
    expect(Object.keys(OWNERS).filter((name) => !used.has(name))).to.deep.equal([]);
  });
});

describe('[A9] the contract', () => {
  const base = readJson('tsconfig.base.json') as Compiler;

  it('knows neither Node nor browsers and depends on nothing', () => {
    const own = readJson('shared/tsconfig.json') as Compiler;
    expect(platformIn(manifestOf('shared'), base, own)).to.deep.equal([]);
  });

  it('is found out when it does', () => {
    const own = { compilerOptions: { lib: ['es2023', 'dom'], types: ['node'] } };
    expect(platformIn({ dependencies: {} }, base, own)).to.have.lengthOf(3);
    expect(platformIn({}, { compilerOptions: {} }, { compilerOptions: {} })).to.have.lengthOf(1);
  });
});

describe('[A9] files', () => {
  it('stay under 300 lines', () => {
    const others = [...sourcesIn(['test', 'bench'], '.ts'), ...sourcesIn(['server/lua'], '.lua')];
    expect(tooLong([...product, ...others])).to.deep.equal([]);
  });

  it('are noticed at 301', () => {
    expect(tooLong([{ path: 'a.ts', text: 'x\n'.repeat(300) }])).to.deep.equal([]);
    expect(tooLong([{ path: 'a.ts', text: 'x\n'.repeat(301) }])).to.deep.equal(['a.ts has 301 lines']);
  });
});

describe('[A9] shared state', () => {
  it('is written by scripts; besides, tenants are noted and repeated requests are known', () => {
    expect(plainWrites(product)).to.have.members([
      'server/src/redis/store.ts: sadd',
      'server/src/redis/store.ts: set',
      'server/src/redis/store.ts: set',
      'server/src/redis/store.ts: del',
    ]);
  });

  it('is noticed when it is written by anything else', () => {
    const source = file('server/src/redis/bus.ts', 'await this.#driver.commands.hset(key, field, value);');
    expect(plainWrites([source])).to.deep.equal(['server/src/redis/bus.ts: hset']);
  });
});
