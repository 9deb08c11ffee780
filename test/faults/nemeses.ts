import { LINK_NEMESES } from './nemeses-links.js';
import { PROCESS_NEMESES } from './nemeses-processes.js';
import { STORE_NEMESES } from './nemeses-store.js';
import type { Nemesis } from './stage.js';

/** All of them, in the order of their numbers. */
export const NEMESES: readonly Nemesis[] = [...PROCESS_NEMESES, ...STORE_NEMESES, ...LINK_NEMESES].toSorted(
  (one, other) => Number(one.id.slice(1)) - Number(other.id.slice(1)),
);
