import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

export interface Size {
  /** Bytes of the whole, minified and compressed. */
  readonly gzBytes: number;
  /** What each file has of that, by its length before it was minified; the largest first. */
  readonly modules: readonly (readonly [name: string, gzBytes: number])[];
}

/** What an entry of the SDK adds to a page that has Socket.IO's client already. */
export async function sdkSize(entry: string): Promise<Size> {
  const bundle = await rolldown({
    input: new URL(`../../../client-sdk/dist/${entry}.js`, import.meta.url).pathname,
    external: ['socket.io-client', 'react'],
    checks: { moduleLevelDirective: false },
    platform: 'browser',
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  const [{ code, modules }] = output;
  await bundle.close();
  const gzBytes = gzipSync(code, { level: 9 }).length;
  const lengths = Object.entries(modules).map(
    ([path, { renderedLength }]) => [basename(path, '.js'), renderedLength] as const,
  );
  const total = lengths.reduce((sum, [, length]) => sum + length, 0);
  return {
    gzBytes,
    modules: lengths
      .map(([name, length]) => [name, Math.round((gzBytes * length) / total)] as const)
      .toSorted((a, b) => b[1] - a[1]),
  };
}

/** The same as lines to read. */
export function sizeTable({ gzBytes, modules }: Size): string {
  return modules
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${String(bytes).padStart(6)}  ${name}`)
    .concat(`${String(gzBytes).padStart(6)}  in all`)
    .join('\n');
}
