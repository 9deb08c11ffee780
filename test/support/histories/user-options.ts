import type { Random } from '../random.js';
import type { Table } from './table.js';

/** Twenty resources, some above others. */
export const RESOURCES = [
  ...Array.from({ length: 4 }, (_, i) => `file-${i}`),
  ...Array.from({ length: 12 }, (_, i) => `file-${i % 4}/invoice-${i}`),
  ...Array.from({ length: 4 }, (_, i) => `file-${i}/invoice-${i}/line`),
];

/** Of so many people one is an administrator. */
export const ADMIN_EVERY = 8;

export interface UserOptions {
  readonly name: string;
  readonly url: string;
  readonly token: string;
  readonly random: Random;
  readonly table: Table;
  /** Administrators take over by force and break locks besides. */
  readonly isAdmin?: boolean;
  readonly tenant: string;
}
