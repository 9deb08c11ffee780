import { existsSync, readFileSync } from 'node:fs';

// Seen from `dist`, and from the files in `dist/run` that all of it is bundled into.
const MANIFESTS = ['../package.json', '../../package.json'];
const url = MANIFESTS.map((path) => new URL(path, import.meta.url)).find((place) => existsSync(place));
const manifest = JSON.parse(readFileSync(url ?? '', 'utf8')) as { version: string };

/** The version of this package. */
export const VERSION = manifest.version;
