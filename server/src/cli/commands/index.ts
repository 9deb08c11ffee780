import type { Command } from '../command.js';
import { audit } from './audit.js';
import { block, blocks, unblock } from './blocks.js';
import { cancel } from './cancel.js';
import { completionOf } from './completion.js';
import { doctor } from './doctor.js';
import { locks, unlock } from './locks.js';
import { maintenance } from './maintenance.js';
import { orders } from './order-list.js';
import { logoff, warn } from './orders.js';
import { policy } from './policy.js';
import { review } from './review.js';
import { serve } from './serve.js';
import { sessions } from './sessions.js';
import { show } from './show.js';
import { token } from './token.js';
import { verify } from './verify.js';

/** All commands, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  serve,
  token,
  doctor,
  completionOf(() => COMMANDS),
  sessions,
  show,
  orders,
  locks,
  blocks,
  ...audit,
  review,
  warn,
  logoff,
  cancel,
  verify,
  block,
  unblock,
  unlock,
  ...maintenance,
  ...policy,
];
