import type { Node, Page } from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { pageOf } from './page.js';
import { instant, tenant, whole } from './values.js';

export const nodeSchema = contract<Node>()(
  z.object({ id: z.string(), startedAt: instant, seenAt: instant, sessions: whole(0), version: z.string() }),
).meta({ id: 'Node' });

export const nodePageSchema = contract<Page<Node>>()(pageOf(nodeSchema));

/** Tenants are listed by name. */
export const tenantPageSchema = contract<Page<string>>()(pageOf(tenant));
