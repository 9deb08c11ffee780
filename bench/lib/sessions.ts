import { createHash, randomBytes } from 'node:crypto';
import type { Store } from 'lastcall/internal/redis/store.js';
import { v7 as uuid } from 'uuid';
